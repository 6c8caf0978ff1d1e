"""Tests of a watcher: of its logic alone, on a server, and when the network breaks."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from restarts import Restarts, first_restarted

from kwatch import Backoff, KubeConfig
from kwatch.testing import FakeAPIServer, faults

ALL: dict[str, Any] = {"send_initial_events": True, "backoff": Backoff(initial=0.01)}


def pod(name: str, *counts: int) -> dict[str, Any]:
    """A pod whose containers have been restarted so often."""
    statuses = [{"name": f"c-{at}", "restartCount": count} for at, count in enumerate(counts)]
    metadata = {"name": name, "namespace": "default"}
    return {"metadata": metadata, "status": {"containerStatuses": statuses}}


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until something is true, which takes a moment: a watcher runs in a thread."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.001)


def test_counts_the_restarts_of_all_containers() -> None:
    events = [("created", pod("web", 0, 0)), ("modified", pod("web", 1, 2))]
    assert Restarts().fold(events, {}) == {"default/web": 3}


def test_forgets_what_is_deleted() -> None:
    events = [("created", pod("web", 1)), ("created", pod("db", 2)), ("deleted", pod("web"))]
    assert Restarts().fold(events, {}) == {"default/db": 2}


def test_warns_once_at_the_third_restart(caplog: pytest.LogCaptureFixture) -> None:
    Restarts().fold([("modified", pod("web", count)) for count in range(6)], {})
    assert caplog.messages == ["default/web has been restarted 3 times"]


def test_follows_a_server(kwatch_server: FakeAPIServer, kwatch_client: httpx.Client) -> None:
    kwatch_server.create("Pod", pod("web", 0))
    with Restarts.start_link(kwatch_client, "Pod", **ALL) as handle:
        wait_until(lambda: handle.state == {"default/web": 0})
        kwatch_server.patch("Pod", pod("web", 3))
        wait_until(lambda: handle.state == {"default/web": 3})


def test_loses_nothing_when_the_connection_is_cut(
    kwatch_server: FakeAPIServer, kwatch_client: httpx.Client
) -> None:
    kwatch_server.script(faults.cut(after=500), faults.reset(after=900))
    with Restarts.start_link(kwatch_client, "Pod", **ALL) as handle:
        for count in range(20):
            kwatch_server.create("Pod", pod(f"web-{count}", count))
        wait_until(lambda: handle.state == {f"default/web-{n}": n for n in range(20)})
    assert not kwatch_server.unmet


@pytest.mark.anyio
async def test_waits_on_asyncio(kwatch_server: FakeAPIServer, kwatch_config: KubeConfig) -> None:
    kwatch_server.create("Pod", pod("calm", 0))
    kwatch_server.create("Pod", pod("web", 3))
    async with kwatch_config.async_client() as client:
        assert await first_restarted(client) == "default/web"
