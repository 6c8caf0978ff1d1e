"""Ways out of `merge` and `amerge`: at once, with nothing left behind, and nothing after it."""

import gc
import json
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from itertools import islice
from typing import Any

import anyio
import httpx
import pytest

from kwatch import (
    Source,
    StopEvent,
    WatchStatus,
    amerge,
    awatch,
    merge,
    watch,
)
from kwatch._merge import merged
from kwatch._reader import Reader
from kwatch.testing import FakeAPIServer
from tests.merging import (
    INITIAL,
    PATIENCE_SECONDS,
    PROMPT_SECONDS,
    told,
)
from tests.worlds import until

# Ways out


def test_watches_that_are_blocked_end_at_once(server: FakeAPIServer, no_thread_left: None) -> None:
    """Without a stop event; their connections are closed."""
    with httpx.Client(base_url=server.url) as client:
        statuses = [WatchStatus() for _ in range(4)]
        events = merge(*(watch(client, "Pod", status=status) for status in statuses))
        reader = threading.Thread(target=lambda: next(events))
        reader.start()
        until(lambda: all(status.connects for status in statuses))
        server.create("Pod", "web")
        reader.join(PATIENCE_SECONDS)
        before = time.monotonic()
        events.close()
        assert time.monotonic() - before < PROMPT_SECONDS
        assert [str(status.state) for status in statuses] == ["ended"] * 4


@pytest.mark.parametrize("namespaces", [None, ["default", "other"]])
def test_a_stop_event_ends_it(server: FakeAPIServer, no_thread_left: None, namespaces: Any) -> None:
    """As if it were exhausted, while each of its watches is blocked."""
    stop_event, status = StopEvent(), WatchStatus()
    with httpx.Client(base_url=server.url) as client:
        events = watch(client, "Pod", namespace=namespaces, status=status)
        silent = threading.Event()
        blocked = (silent.wait() for _ in range(1))
        found: list[Any] = []
        reader = threading.Thread(
            target=lambda: found.extend(merge(events, blocked, stop_event=stop_event))
        )
        reader.start()
        until(lambda: status.connects >= len(namespaces or "1"))
        before = time.monotonic()
        stop_event.set()
        reader.join(PATIENCE_SECONDS)
        assert time.monotonic() - before < PROMPT_SECONDS
        assert found == []
        silent.set()


def test_a_stop_event_that_is_set_already(server: FakeAPIServer, no_thread_left: None) -> None:
    stop_event = StopEvent()
    stop_event.set()
    with httpx.Client(base_url=server.url) as client:
        assert list(merge(watch(client, "Pod"), stop_event=stop_event)) == []


def test_a_watch_with_a_stop_event_of_its_own_leaves_the_others(
    server: FakeAPIServer, no_thread_left: None
) -> None:
    stop_event = StopEvent()
    stop_event.set()
    server.create("Pod", "web")
    with httpx.Client(base_url=server.url) as client:
        events = merge(watch(client, "Pod", stop_event=stop_event), watch(client, "Pod", **INITIAL))
        assert told(list(islice(events, 1))) == [(1, "created", "web")]
        events.close()


def test_what_nobody_can_end_is_left_to_its_thread(no_thread_left: None) -> None:
    """And is closed there, when it gives its next item."""
    go_on, closed = threading.Event(), threading.Event()

    def blocked() -> Iterator[int]:
        try:
            go_on.wait(PATIENCE_SECONDS)
            yield 1
        finally:
            closed.set()

    events = merge(blocked(), [7])
    assert next(events) == (1, 7)
    before = time.monotonic()
    events.close()
    assert time.monotonic() - before < PROMPT_SECONDS
    assert not closed.is_set()
    go_on.set()
    assert closed.wait(PATIENCE_SECONDS)


def test_nobody_closes_it(server: FakeAPIServer, no_thread_left: None) -> None:
    server.create("Pod", "web")
    with httpx.Client(base_url=server.url) as client:
        status = WatchStatus()
        events = merge(watch(client, "Pod", status=status, **INITIAL))
        next(events)
        del events
        gc.collect()
        until(lambda: status.state == "ended")


def test_what_was_never_begun_asks_nothing(server: FakeAPIServer) -> None:
    with httpx.Client(base_url=server.url) as client:
        merge(watch(client, "Pod")).close()
    assert not server.requests


def test_async_a_time_limit_closes_each_watch(server: FakeAPIServer) -> None:
    statuses = [WatchStatus() for _ in range(3)]

    async def body() -> None:
        async with httpx.AsyncClient(base_url=server.url) as client:
            events = amerge(*(awatch(client, "Pod", status=status) for status in statuses))
            with pytest.raises(TimeoutError), anyio.fail_after(0.5):
                await anext(events)
            assert [str(status.state) for status in statuses] == ["ended"] * 3

    for backend in ("asyncio", "trio"):
        anyio.run(body, backend=backend)
    assert all(status.connects for status in statuses)


@pytest.mark.parametrize("namespace", [None, ["default", "other"]])
def test_what_was_read_ahead_does_not_come_after_a_stop(
    server: FakeAPIServer, no_thread_left: None, namespace: Any
) -> None:
    """Of the merge, of one of its watches, and of a watch of several namespaces."""
    for number in range(30):
        server.create("Pod", f"p-{number}")
    options = {"namespace": namespace, **INITIAL}
    with httpx.Client(base_url=server.url) as client:
        for stops_all in (True, False):
            event = StopEvent()
            one = watch(client, "Pod", stop_event=None if stops_all else event, **options)
            events = merge(one, stop_event=event if stops_all else None)
            next(events)
            time.sleep(0.05)  # what could be read ahead is
            event.set()
            assert list(events) == []
        event = StopEvent()
        alone = watch(client, "Pod", stop_event=event, **options)
        next(alone)
        time.sleep(0.05)
        event.set()
        assert list(alone) == []


def test_a_merge_that_is_stopped_already_reads_nothing(server: FakeAPIServer) -> None:
    stop_event = StopEvent()
    stop_event.set()
    items = iter(range(9))
    with httpx.Client(base_url=server.url) as client:
        assert list(merge(items, watch(client, "Pod"), stop_event=stop_event)) == []
    assert next(items) == 0
    assert not server.requests


def test_async_a_source_that_fails_while_it_is_closed() -> None:
    async def fails_at_the_end() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            raise KeyError("x")

    async def body() -> None:
        async with aclosing(amerge(fails_at_the_end())) as events:
            assert await anext(events) == (0, 1)

    for backend in ("asyncio", "trio"):
        anyio.run(body, backend=backend)


def test_what_several_namespaces_gave_comes_before_what_one_raises(
    server: FakeAPIServer, no_thread_left: None
) -> None:
    """Also where the consumer takes it later, when all that reads has ended."""
    for name in "abcd":
        server.create("Pod", name, "one")

    def loads(line: bytes) -> Any:
        obj = json.loads(line)
        if obj["object"]["metadata"].get("name") == "d":
            raise KeyError("d")
        return obj

    status = WatchStatus()
    with httpx.Client(base_url=server.url) as client:
        options: dict[str, Any] = {"resource_version": "1", "status": status, "loads": loads}
        events = merge(watch(client, "Pod", namespace=["one", "two"], **options))
        found = [next(events)]
        until(lambda: "kwatch-reader" not in {thread.name for thread in threading.enumerate()})
        found += islice(events, 2)
        with pytest.raises(KeyError):
            next(events)
    assert told(found) == [(0, "created", name) for name in "abc"]
    last = found[-1][1].resource_version
    assert status.namespaces["one"].resource_version == last


def test_a_source_is_let_go_with_its_thread() -> None:
    """Without the garbage collector."""

    class Broken:
        def __iter__(self) -> Iterator[int]:
            raise KeyError("x")

    source = Broken()
    left = weakref.ref(source)
    gc.disable()
    try:
        thread = Reader(source, put=lambda _: None, ended=lambda _: None).thread
        thread.join(PATIENCE_SECONDS)
        del source
        assert left() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_async_a_source_that_is_read_elsewhere(backend: str) -> None:
    """Its failure is its own, and so is the one that nobody can close it."""
    failures: list[str] = []

    async def body() -> None:
        begun = anyio.Event()

        async def busy() -> AsyncGenerator[int, None]:
            begun.set()
            await anyio.sleep_forever()
            yield 1

        async def items() -> AsyncGenerator[int, None]:
            yield 7

        source = busy()

        async def read() -> None:
            await anext(source)

        async with anyio.create_task_group() as group:
            group.start_soon(read)
            await begun.wait()
            bad = Source("bad", source, on_error=lambda _, error: failures.append(str(error)))
            async with aclosing(amerge(bad, Source("good", items()))) as events:
                assert [item async for item in events] == [("good", 7)]
            group.cancel_scope.cancel()

    anyio.run(body, backend=backend)
    assert "already running" in failures[0]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_async_a_source_that_wants_the_program_to_end(backend: str) -> None:
    async def leaves() -> AsyncGenerator[int, None]:
        yield 1
        raise SystemExit(3)

    async def body() -> None:
        async with aclosing(amerge(leaves())) as events:
            async for _ in events:
                pass

    with pytest.raises(SystemExit) as caught:
        anyio.run(body, backend=backend)
    assert caught.value.code == 3


@pytest.mark.parametrize("namespaces", [None, ["default", "other"]])
def test_a_watch_that_begins_at_a_version_is_synced_once_it_is_open(
    server: FakeAPIServer, no_thread_left: None, namespaces: Any
) -> None:
    version, status, stop_event = server.resource_version, WatchStatus(), StopEvent()
    options = {"namespace": namespaces, "resource_version": version, "status": status}
    with httpx.Client(base_url=server.url) as client:
        events = merge(watch(client, "Pod", **options), stop_event=stop_event)
        reader = threading.Thread(target=lambda: list(events))
        reader.start()
        until(lambda: status.synced)
        assert status.resource_version == version
        stop_event.set()
        reader.join(PATIENCE_SECONDS)


def test_what_holds_a_stream_and_its_status_is_collected(server: FakeAPIServer) -> None:
    """No table keeps them alive."""

    class App:
        def __init__(self) -> None:
            self.client = httpx.Client(base_url=server.url)
            self.events = watch(self.client, "Pod", loads=self.loads, **INITIAL)

        def loads(self, line: bytes) -> Any:
            return json.loads(line)

    server.create("Pod", "web")
    for begins in (False, True):
        app = App()
        if begins:
            next(app.events)
        left = weakref.ref(app)
        del app
        gc.collect()
        assert left() is None


def test_an_interrupt_while_it_is_closed_leaves_no_thread(
    server: FakeAPIServer, no_thread_left: None
) -> None:
    """As by a second Ctrl-C."""

    def endless() -> Iterator[int]:
        while True:
            yield 0

    def interrupt() -> None:
        raise KeyboardInterrupt

    events = merged({"a": endless(), "b": endless()}, stop=interrupt)
    next(events)
    with pytest.raises(KeyboardInterrupt):
        events.close()
