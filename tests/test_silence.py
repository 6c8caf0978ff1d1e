"""Silence on real sockets: what is noticed, how soon, and what is no silence."""

import json
import time
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import anyio
import httpx
import pytest

from kwatch import Backoff, Event, StopEvent, WatchStatus, _liveness, _query, awatch, watch
from kwatch._awire import Wire as AsyncWire
from kwatch._http import Request
from kwatch._wire import Wire
from tests.frames import added, bookmark, initial_end, obj
from tests.test_fronts import HEAD, RawServer, beats, chunk, request_of, sends

PATH = "/api/v1/pods"
QUICK = Backoff(initial=0.01, maximum=0.01)
FRONTS = ("watch", "watch-stoppable", "awatch-asyncio", "awatch-trio")


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_liveness, "MIN_SILENCE_SECONDS", 0.15)
    monkeypatch.setattr(_query, "INITIAL_SECONDS", 0.15)


def take(front: str, url: str, count: int, hold: float = 0.0, **options: Any) -> list[Event]:
    """Take so many events, and hold the first one for a while."""
    options = {"resource_path": PATH, "backoff": QUICK, **options}
    if not options.get("send_initial_events"):
        options["resource_version"] = "5"
    events: list[Event] = []
    if front.startswith("watch"):
        if front == "watch-stoppable":
            options["stop_event"] = StopEvent()
        with httpx.Client(base_url=url) as client:
            stream: Iterator[Event] = watch(client, **options)
            for event in stream:
                events.append(event)
                if len(events) == count:
                    break
                time.sleep(hold)
            stream.close()  # type: ignore[attr-defined]
        return events

    async def main() -> None:
        with anyio.fail_after(10):
            async with (
                httpx.AsyncClient(base_url=url) as client,
                aclosing(awatch(client, **options)) as stream,
            ):
                async for event in stream:
                    events.append(event)
                    if len(events) == count:
                        return
                    await anyio.sleep(hold)

    anyio.run(main, backend=front.partition("-")[2])
    return events


def test_s51_s53_silence_after_bookmarks_reconnects_within_the_same_connection(front: str) -> None:
    """The peer has vanished without a word, as a half-open connection does."""
    status = WatchStatus()
    with RawServer(beats, sends(HEAD + chunk(added("10")))) as raw:
        began = time.monotonic()
        (event,) = take(front, raw.url, 1, status=status)
        assert time.monotonic() - began < 5
        assert raw.closed_by_client.acquire(timeout=5)
    assert event.resource_version == "10"
    assert status.connects == 2
    assert isinstance(status.last_error, httpx.ReadTimeout)


def test_s53_a_busy_connection_that_falls_silent_is_noticed_as_soon(front: str) -> None:
    """Its bookmarks are there as soon as somebody reads, since they follow close upon events."""

    def busy(sock: Any) -> None:
        request_of(sock)
        sock.sendall(HEAD)
        for number in range(6, 66, 2):
            time.sleep(0.005)
            sock.sendall(chunk(added(str(number))) + chunk(bookmark(str(number + 1))))

    status = WatchStatus()
    with RawServer(busy, sends(HEAD + chunk(added("100")))) as raw:
        began = time.monotonic()
        events = take(front, raw.url, 31, status=status)
        assert time.monotonic() - began < 5
        assert raw.closed_by_client.acquire(timeout=5)
    assert events[-1].resource_version == "100"
    assert status.connects == 2


def test_s53_without_a_bookmark_only_the_hard_bound_counts(front: str) -> None:
    def late(sock: Any) -> None:
        request_of(sock)
        sock.sendall(HEAD + chunk(added("6")))
        time.sleep(0.4)
        sock.sendall(chunk(added("7", "b")))

    status = WatchStatus()
    with RawServer(late) as raw:
        assert len(take(front, raw.url, 2, status=status)) == 2
    assert status.connects == 1


def test_s55_no_timer_runs_while_the_consumer_holds_an_event(front: str) -> None:
    def beats(sock: Any) -> None:
        request_of(sock)
        sock.sendall(HEAD)
        for number in range(6, 9):
            time.sleep(0.02)
            sock.sendall(chunk(bookmark(str(number))))
        sock.sendall(chunk(added("9")))
        sock.sendall(chunk(added("10", "b")))

    status = WatchStatus()
    with RawServer(beats) as raw:
        events = take(front, raw.url, 2, hold=0.5, status=status)
    assert [event.resource_version for event in events] == ["9", "10"]
    assert status.connects == 1


def test_s18_a_streaming_list_that_stalls_is_given_up_and_listed(front: str) -> None:
    body = {"metadata": {"resourceVersion": "9"}, "items": [obj("5"), obj("6", "b")]}
    stalls = sends(HEAD + chunk(added("5")))
    lists = sends(HEAD + chunk(json.dumps(body).encode()) + b"0\r\n\r\n")
    watches = sends(HEAD + chunk(added("10", "c")))
    status = WatchStatus()
    with RawServer(stalls, stalls, stalls, lists, watches) as raw:
        events = take(front, raw.url, 2, send_initial_events=True, status=status)
    assert [event.obj["metadata"]["name"] for event in events] == ["web", "b"]
    assert status.connects == 3


def test_a_connection_that_is_used_again_has_its_own_patience_back(front: str) -> None:
    """What one response allowed is not allowed to the next request on its connection."""

    def twice(sock: Any) -> None:
        request_of(sock)
        sock.sendall(HEAD + chunk(initial_end("9")) + chunk(b""))
        request_of(sock)
        sock.sendall(HEAD)
        time.sleep(0.4)
        sock.sendall(chunk(added("10")))

    status = WatchStatus()
    with RawServer(twice) as raw:
        (event,) = take(front, raw.url, 1, send_initial_events=True, status=status)
    assert event.resource_version == "10"
    assert status.connects == 2


def test_a_connection_that_another_watch_uses_already_is_left_to_it(front: str) -> None:
    """It goes back to the pool when the body ends, before the first one is done with it."""
    head = HEAD.replace(b"Transfer", b"Connection: keep-alive\r\nTransfer")

    def always(sock: Any) -> None:
        while True:
            request_of(sock)
            sock.sendall(head + chunk(b"{}") + b"0\r\n\r\n")

    first, second = Request("/a"), Request("/b")
    with RawServer(always) as raw:
        if front.startswith("watch"):
            with httpx.Client(base_url=raw.url) as client, Wire(client).open(first, lambda: 5) as a:
                assert b"".join(a[2]) == b"{}"
                with Wire(client).open(second, lambda: 5) as b:
                    assert b"".join(b[2]) == b"{}"
        else:
            anyio.run(_use_twice, raw.url, backend=front.partition("-")[2])
        assert raw.accepted.acquire(timeout=5)
        assert not raw.accepted.acquire(blocking=False), "two connections: nothing was used again"


async def _use_twice(url: str) -> None:
    async with (
        httpx.AsyncClient(base_url=url) as client,
        AsyncWire(client).open(Request("/a"), lambda: 5) as a,
    ):
        assert b"".join([chunk async for chunk in a[2]]) == b"{}"
        async with AsyncWire(client).open(Request("/b"), lambda: 5) as b:
            assert b"".join([chunk async for chunk in b[2]]) == b"{}"
