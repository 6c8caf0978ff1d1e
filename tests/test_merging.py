"""`merge` and `amerge`: several streams as one, over real HTTP, for both front ends."""

import gc
import json
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
from contextlib import aclosing, closing, contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any

import anyio
import httpx
import pytest

from kwatch import (
    Backoff,
    ExpiredError,
    Source,
    StopEvent,
    WatchStatus,
    amerge,
    awatch,
    merge,
    watch,
)
from kwatch._merge import merged
from kwatch.testing import FakeAPIServer

QUICK = Backoff(initial=0.02, maximum=0.02)
PROMPT_SECONDS = 1.0
PATIENCE_SECONDS = 10.0
FRONTS = ("merge", "amerge-asyncio", "amerge-trio")


def wait_until(condition: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.005)


@pytest.fixture
def server() -> Iterator[FakeAPIServer]:
    with FakeAPIServer() as server:
        yield server


@pytest.fixture
def no_thread_left() -> Iterator[None]:
    """Each reader has ended at the end of the test; those of servers and portals last longer."""
    yield
    wait_until(lambda: not [t for t in threading.enumerate() if t.name.startswith("kwatch-")])


class Streams:
    """Makes the streams of one front end, and reads what becomes of several."""

    def __init__(self, front: str, url: str) -> None:
        self.name, _, self._backend = front.partition("-")
        self._url = url

    def read(
        self, make: "Callable[[Callable[..., Any]], Iterable[Any]]", count: int | None = None
    ) -> list[Any]:
        """Merge what ``make`` makes, given what makes a watch; give so many items, or all."""
        if self.name == "merge":
            with (
                httpx.Client(base_url=self._url) as client,
                closing(merge(*make(lambda *a, **k: watch(client, *a, **k)))) as merged,
            ):
                return list(islice(merged, count))
        return anyio.run(self._aread, make, count, backend=self._backend)

    async def _aread(self, make: Any, count: int | None) -> list[Any]:
        found: list[Any] = []
        async with httpx.AsyncClient(base_url=self._url) as client:
            merged = amerge(*make(lambda *a, **k: awatch(client, *a, **k)))
            async with aclosing(merged):
                while count is None or len(found) < count:
                    try:
                        found.append(await anext(merged))
                    except StopAsyncIteration:
                        break
        return found

    def items(self, *items: Any, error: Exception | None = None) -> Any:
        """Make a stream of some items, and an error."""

        def give() -> Generator[Any, None, None]:
            yield from items
            if error is not None:
                raise error

        async def agive() -> AsyncGenerator[Any, None]:
            for item in give():
                yield item
                await anyio.lowlevel.checkpoint()

        return give() if self.name == "merge" else agive()


@pytest.fixture(params=FRONTS)
def streams(request: pytest.FixtureRequest, server: FakeAPIServer, no_thread_left: None) -> Streams:
    return Streams(request.param, server.url)


def told(found: list[Any]) -> list[tuple[Any, str, str]]:
    return [(name, str(kind), obj["metadata"]["name"]) for name, (kind, obj) in found]


# Sources that fail


def test_what_a_source_raises_comes_after_what_it_gave(streams: Streams) -> None:
    """It names the source, and ends the others, a watch that is blocked among them."""
    error = KeyError("x")
    found: list[Any] = []

    def make(watched: Callable[..., Any]) -> Iterable[Any]:
        return [
            Source("east", watched("Pod")),
            Source("west", streams.items(1, 2, 3, error=error), None),
        ]

    with pytest.raises(KeyError) as caught:
        found += streams.read(make)
    assert caught.value is error
    assert caught.value.__notes__ == ["raised by the source 'west'"]


def test_a_watch_that_fails(streams: Streams, server: FakeAPIServer) -> None:
    with pytest.raises(LookupError, match="podz") as caught:
        streams.read(lambda watched: [watched("Pod"), watched("podz")])
    assert caught.value.__notes__ == ["raised by the source '1'"]


def test_a_source_that_may_fail_is_left_out_and_reported(
    streams: Streams, server: FakeAPIServer
) -> None:
    """After what it gave; the others go on."""
    for name in "abc":
        server.create("Pod", name)
    log: list[Any] = []

    def make(watched: Callable[..., Any]) -> Iterable[Any]:
        items = streams.items(1, 2, error=KeyError("x"))
        return [
            watched("Pod", send_initial_events=True),
            Source("west", items, on_error=lambda *args: log.append(args)),
            Source("podz", watched("podz"), on_error=lambda *args: log.append(args)),
        ]

    found = streams.read(make, 5)
    assert [item for name, item in found if name == "west"] == [1, 2]
    assert len([name for name, _ in found if name == 0]) == 3
    wait = dict(log)
    assert set(wait) <= {"west", "podz"}


def test_when_each_is_left_out_it_ends(streams: Streams) -> None:
    failures: dict[str, Exception] = {}

    def make(_: Callable[..., Any]) -> Iterable[Any]:
        for name in "abc":
            items = streams.items(name, error=KeyError(name))
            yield Source(name, items, on_error=failures.__setitem__)

    assert sorted(streams.read(make)) == [("a", "a"), ("b", "b"), ("c", "c")]
    assert {name: error.args for name, error in failures.items()} == {n: (n,) for n in "abc"}


def test_what_reports_may_raise(streams: Streams) -> None:
    def refuse(name: str, error: Exception) -> None:
        raise LookupError(name) from error

    def make(_: Callable[..., Any]) -> Iterable[Any]:
        return [Source("a", streams.items(error=KeyError("x")), on_error=refuse)]

    with pytest.raises(LookupError, match="a"):
        streams.read(make)


def test_a_watch_of_several_namespaces_is_one_source(
    streams: Streams, server: FakeAPIServer
) -> None:
    server.create("Pod", "web")
    server.create("Namespace", "other")
    server.create("Pod", "db", namespace="other")
    found = streams.read(
        lambda watched: [
            Source("pods", watched("Pod", namespace=["default", "other"], **INITIAL)),
            Source("namespaces", watched("Namespace", name="other", **INITIAL)),
        ],
        3,
    )
    assert sorted(told(found)) == [
        ("namespaces", "created", "other"),
        ("pods", "created", "db"),
        ("pods", "created", "web"),
    ]


INITIAL: dict[str, Any] = {"send_initial_events": True, "backoff": QUICK}


# Ways out


def test_watches_that_are_blocked_end_at_once(server: FakeAPIServer, no_thread_left: None) -> None:
    """Without a stop event; their connections are closed."""
    with httpx.Client(base_url=server.url) as client:
        statuses = [WatchStatus() for _ in range(4)]
        events = merge(*(watch(client, "Pod", status=status) for status in statuses))
        reader = threading.Thread(target=lambda: next(events))
        reader.start()
        wait_until(lambda: all(status.connects for status in statuses))
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
        wait_until(lambda: status.connects >= len(namespaces or "1"))
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
        wait_until(lambda: status.state == "ended")


def test_what_was_never_begun_asks_nothing(server: FakeAPIServer) -> None:
    with httpx.Client(base_url=server.url) as client:
        merge(watch(client, "Pod")).close()
    assert not server.requests


# Cursors


@contextmanager
def merging(server: FakeAPIServer, *statuses: WatchStatus, **options: Any) -> Iterator[Any]:
    with httpx.Client(base_url=server.url) as client:
        events = (watch(client, "Pod", status=status, **options) for status in statuses)
        with closing(merge(*events)) as merged:
            yield merged


@pytest.mark.parametrize("namespace", [None, ["default", "other"]])
def test_the_cursor_is_that_of_what_was_yielded(server: FakeAPIServer, namespace: Any) -> None:
    """And not of what was read ahead: whoever is killed and goes on from there misses nothing."""
    begin = server.resource_version
    versions = [server.create("Pod", f"p-{i:02}")["metadata"]["resourceVersion"] for i in range(30)]
    statuses = WatchStatus(), WatchStatus()
    seen: list[list[str]] = [[], []]
    with merging(server, *statuses, resource_version=begin, namespace=namespace) as events:
        for name, event in islice(events, 25):
            seen[name].append(event.resource_version)
            time.sleep(0.01)  # what could be read ahead is
            for status, given in zip(statuses, seen, strict=True):
                part = status if namespace is None else status.namespaces["default"]
                assert part.resource_version == (given[-1] if given else begin)
                assert status.events == len(given)
    for status, given in zip(statuses, seen, strict=True):
        cursor = (
            status.resource_version
            if namespace is None
            else {n: p.resource_version for n, p in status.namespaces.items()}
        )
        with httpx.Client(base_url=server.url) as client:
            rest = watch(client, "Pod", resource_version=cursor, namespace=namespace)
            more = [e.resource_version for e in islice(rest, 30 - len(given))]
            rest.close()
        assert given + more == versions


def test_a_gap_is_raised_with_its_source(server: FakeAPIServer) -> None:
    server.create("Pod", "web")
    server.compact()
    with (
        merging(server, WatchStatus(), resource_version="1") as events,
        pytest.raises(ExpiredError) as caught,
    ):
        next(events)
    assert caught.value.__notes__ == ["raised by the source '0'"]


# What may be merged


def test_a_watch_that_was_begun_is_refused(server: FakeAPIServer) -> None:
    server.create("Pod", "web")
    with httpx.Client(base_url=server.url) as client:
        events = watch(client, "Pod", **INITIAL)
        next(events)
        with pytest.raises(ValueError, match="that nobody has read of as source '1'"):
            merge([], events)
        events.close()


def test_a_watch_is_read_by_the_merge_alone(server: FakeAPIServer, no_thread_left: None) -> None:
    server.create("Pod", "web")
    with httpx.Client(base_url=server.url) as client:
        events = watch(client, "Pod", **INITIAL)
        with closing(merge(events)) as merged:
            next(merged)
            assert list(events) == []


def test_wrapped_watches_are_streams_as_any_other(server: FakeAPIServer) -> None:
    for name in "abc":
        server.create("Pod", name)
    with httpx.Client(base_url=server.url) as client:
        found = list(merge(*(islice(watch(client, "Pod", **INITIAL), 3) for _ in range(2))))
    assert sorted(name for name, _ in found) == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("combine", [merge, amerge])
def test_two_sources_of_one_name(combine: Any) -> None:
    stream: Any = [] if combine is merge else astream()
    with pytest.raises(ValueError, match="a name of its own for each source, got 'a' twice"):
        combine(Source("a", stream), Source("a", stream))


async def astream() -> AsyncGenerator[int, None]:
    yield 1


def test_one_stream_twice() -> None:
    """A list may be read twice, and an iterator may not."""
    numbers, iterator = [1, 2], iter([1, 2])
    assert sorted(merge(numbers, numbers)) == [(0, 1), (0, 2), (1, 1), (1, 2)]
    with pytest.raises(ValueError, match="different streams, got that of source 1 twice"):
        merge(iterator, iterator)


@pytest.mark.parametrize(
    ("combine", "stream", "message"),
    [
        (merge, astream(), "Iterable as source '0', got async_generator: merge takes what watch"),
        (amerge, [], "AsyncIterable as source '0', got list: merge takes what watch gives"),
        (merge, 5, "expected Iterable as source '0', got int$"),
        (merge, Source(7, []), "the name of a source as a str, got 7"),  # type: ignore[arg-type]
        (merge, Source("a", [], 7), "on_error as a callable, got 7"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_stream(combine: Any, stream: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        combine(stream)
    with pytest.raises(TypeError, match="stop_event"):
        merge([], stop_event=threading.Event())  # type: ignore[arg-type]


def test_nothing_to_merge() -> None:
    assert list(merge()) == []


def test_a_bookmark_is_shown_where_it_was_asked_for(streams: Streams) -> None:
    found = streams.read(lambda watched: [watched("Pod", allow_bookmarks=True, **INITIAL)], 1)
    assert [str(event.event_type) for _, event in found] == ["bookmark"]


def test_two_servers(streams: Streams, server: FakeAPIServer) -> None:
    """Events of each are tagged by its name."""
    server.create("Pod", "web")
    found = streams.read(
        lambda watched: [
            Source("pods", watched("Pod", **INITIAL)),
            Source("all", watched("Pod", label_selector="app!=x", **INITIAL)),
        ],
        2,
    )
    assert sorted(told(found)) == [("all", "created", "web"), ("pods", "created", "web")]


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


def test_a_fast_source_does_not_hold_up_another() -> None:
    def endless() -> Iterator[int]:
        while True:
            yield 0

    events = merge(endless(), range(50), endless())
    others = 0
    for number, (name, _) in enumerate(events):
        others += name == 1
        if others == 50:
            break
        assert number < 50 * 20
    events.close()
    wait_until(lambda: not [t for t in threading.enumerate() if t.name == "kwatch-reader"])


# What was read ahead, and what is left behind


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


def test_a_watch_is_merged_once(server: FakeAPIServer) -> None:
    with httpx.Client(base_url=server.url) as client:
        events = watch(client, "Pod")
        merge(events)
        with pytest.raises(ValueError, match="a watch of its own as source '0', got one of anoth"):
            merge(events)


def test_a_watch_that_somebody_begins_after_it_was_handed_over(server: FakeAPIServer) -> None:
    server.create("Pod", "web")
    with httpx.Client(base_url=server.url) as client:
        events = watch(client, "Pod", **INITIAL)
        merged = merge(events)
        next(events)
        with pytest.raises(ValueError, match="that nobody has read of"):
            next(merged)
        events.close()


@pytest.mark.parametrize("combine", [merge, amerge])
def test_a_merge_of_merges_is_refused(combine: Any) -> None:
    """What it has read ahead would move the cursors of its watches."""
    inner = combine()
    with pytest.raises(ValueError, match="expected no merge as source '0': give all sources to"):
        combine(inner)


def test_async_an_on_error_that_is_a_coroutine_function() -> None:
    log: list[tuple[str, str]] = []

    async def note(name: str, error: Exception) -> None:
        await anyio.lowlevel.checkpoint()
        log.append((name, repr(error)))

    async def broken() -> AsyncGenerator[int, None]:
        yield 1
        raise KeyError("x")

    async def body() -> None:
        assert [item async for item in amerge(Source("a", broken(), note))] == [("a", 1)]

    for backend in ("asyncio", "trio"):
        anyio.run(body, backend=backend)
    assert log == [("a", "KeyError('x')")] * 2
    with pytest.raises(TypeError, match="on_error as a plain function, got <function"):
        merge(Source("a", [1], note))


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


def test_namespaces_may_come_of_an_iterator(server: FakeAPIServer) -> None:
    """They are read at the call, once."""
    server.create("Pod", "web")
    with httpx.Client(base_url=server.url) as client:
        namespaces = (name for name in ("default", "other"))
        with closing(merge(watch(client, "Pod", namespace=namespaces, **INITIAL))) as events:
            assert told([next(events)]) == [(0, "created", "web")]


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


def test_a_reader_has_the_context_of_its_maker() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="unset")
    variable.set("set")

    def stream() -> Iterator[str]:
        yield variable.get()

    assert list(merge(stream())) == [(0, "set")]
