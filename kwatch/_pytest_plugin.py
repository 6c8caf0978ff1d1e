"""The pytest plugin: a fake API server, and the clients for it, as fixtures.

Every pytest run where kwatch is installed loads this, with the extra ``testing`` or without it;
so the server is imported by the fixture that starts it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kwatch import KubeConfig

if TYPE_CHECKING:
    from kwatch.testing import FakeAPIServer

EXTRA = ("pytest_httpserver", "werkzeug")
MISSING = "kwatch_server needs pytest-httpserver: pip install 'kwatch-stream[testing]'"


@pytest.fixture
def kwatch_server_options() -> dict[str, Any]:
    """The arguments of ``FakeAPIServer``, to be overridden in a conftest, a module or a class."""
    return {}


@pytest.fixture
def kwatch_server(kwatch_server_options: dict[str, Any]) -> "Iterator[FakeAPIServer]":
    """A fake API server (``kwatch.testing.FakeAPIServer``) of the test's own, started."""
    try:
        from kwatch.testing import FakeAPIServer
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        raise pytest.fail.Exception(MISSING, pytrace=False) from None
    with FakeAPIServer(**kwatch_server_options) as server:
        yield server


@pytest.fixture
def kwatch_kubeconfig(
    kwatch_server: "FakeAPIServer", tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The path of a kubeconfig that leads to ``kwatch_server``, for a program that reads one."""
    path = tmp_path_factory.mktemp("kwatch") / "kubeconfig"
    path.write_text(kwatch_server.kubeconfig())
    return path


@pytest.fixture
def kwatch_config(kwatch_kubeconfig: Path) -> KubeConfig:
    """A ``kwatch.KubeConfig`` that leads to ``kwatch_server``.

    An async test opens a client with it, in its own event loop:
    ``async with kwatch_config.async_client() as client``.
    """
    return KubeConfig.from_file(kwatch_kubeconfig)


@pytest.fixture
def kwatch_client(kwatch_config: KubeConfig) -> Iterator[httpx.Client]:
    """An ``httpx.Client`` for ``kwatch_server``, with its token if it asks for one."""
    with kwatch_config.client() as client:
        yield client
