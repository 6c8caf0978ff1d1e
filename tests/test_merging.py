"""`merge` and `amerge`: several streams as one, over real HTTP, for both front ends."""

import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import Any

import anyio
import httpx
import pytest

from kwatch import (
    ExpiredError,
    Source,
    WatchStatus,
    amerge,
    merge,
    watch,
)
from kwatch.testing import FakeAPIServer
from tests.merging import FRONTS, INITIAL, Streams, told
from tests.worlds import until


@pytest.fixture(params=FRONTS)
def streams(request: pytest.FixtureRequest, server: FakeAPIServer, no_thread_left: None) -> Streams:
    return Streams(request.param, server.url)


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
    until(lambda: not [t for t in threading.enumerate() if t.name == "kwatch-reader"])


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


def test_namespaces_may_come_of_an_iterator(server: FakeAPIServer) -> None:
    """They are read at the call, once."""
    server.create("Pod", "web")
    with httpx.Client(base_url=server.url) as client:
        namespaces = (name for name in ("default", "other"))
        with closing(merge(watch(client, "Pod", namespace=namespaces, **INITIAL))) as events:
            assert told([next(events)]) == [(0, "created", "web")]


def test_a_reader_has_the_context_of_its_maker() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="unset")
    variable.set("set")

    def stream() -> Iterator[str]:
        yield variable.get()

    assert list(merge(stream())) == [(0, "set")]
