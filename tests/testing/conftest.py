"""What the tests of the fake API server share."""

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from tests.testing.asking import DEFAULT_WIDGETS, eventually, widget


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    eventually(lambda: set(threading.enumerate()) <= before)


@pytest.fixture
def client(server: FakeAPIServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=5) as client:
        yield client


@pytest.fixture
def made(client: httpx.Client) -> dict[str, Any]:
    """A widget that has come over HTTP."""
    body = widget("a", spec={"x": 1}, status={"dropped": True}, metadata={"labels": {"app": "web"}})
    created: dict[str, Any] = client.post(DEFAULT_WIDGETS, json=body).raise_for_status().json()
    return created
