"""`merged`: several iterators as one, in threads and in tasks of asyncio and trio."""

import asyncio
import contextlib
import gc
import threading
import time
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from contextvars import Context
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trio

from kwatch._amerge import merged as amerged
from kwatch._merge import ROOM, merged

PROMPT_SECONDS = 1.0
"""Generous for a busy machine: what it bounds takes some milliseconds."""


class Sources:
    """Makes sources, and knows what became of them."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.stops = 0
        self.given: dict[str, int] = {}
        self.closed: list[str] = []

    def stop(self) -> None:
        self.stops += 1
        self.stopped.set()

    @contextlib.contextmanager
    def noted(self, name: str) -> Iterator[None]:
        self.given[name] = 0
        try:
            yield
        finally:
            self.closed.append(name)

    # In threads

    def items(self, name: str, *items: int, error: BaseException | None = None) -> Iterator[int]:
        """Give some items, and end, or fail."""
        with self.noted(name):
            for item in items:
                self.given[name] += 1
                yield item
            if error is not None:
                raise error

    def endless(self, name: str) -> Iterator[int]:
        """Give items until it is stopped."""
        with self.noted(name):
            while not self.stopped.is_set():
                self.given[name] += 1
                yield self.given[name]

    def silent(self, name: str, *items: int) -> Iterator[int]:
        """Give some items, and then none until it is stopped."""
        yield from self.items(f"{name}-items", *items)
        with self.noted(name):
            self.stopped.wait(30)

    # In tasks

    async def aitems(
        self, name: str, *items: int, error: BaseException | None = None
    ) -> AsyncGenerator[int, None]:
        with self.noted(name):
            for item in items:
                self.given[name] += 1
                yield item
                await anyio.lowlevel.checkpoint()
            if error is not None:
                raise error

    async def aendless(self, name: str) -> AsyncGenerator[int, None]:
        with self.noted(name):
            while True:
                self.given[name] += 1
                yield self.given[name]

    async def asilent(self, name: str, *items: int) -> AsyncGenerator[int, None]:
        with self.noted(name):
            for item in items:
                yield item
            await anyio.sleep_forever()


@pytest.fixture
def sources() -> Iterator[Sources]:
    """Sources, of which no thread is left at the end of the test."""
    before = set(threading.enumerate())
    made = Sources()
    yield made
    assert set(threading.enumerate()) <= before


def close_promptly(results: Generator[Any, None, None]) -> None:
    before = time.monotonic()
    results.close()
    assert time.monotonic() - before < PROMPT_SECONDS


# Threads: sources that fail


@pytest.mark.parametrize("error", [KeyError("x"), OSError(), SystemExit(3), KeyboardInterrupt()])
def test_what_a_source_raises_comes_after_what_it_gave(
    sources: Sources, error: BaseException
) -> None:
    pairs = {"a": sources.endless("a"), "b": sources.items("b", 1, 2, 3, error=error)}
    found = []
    with pytest.raises(type(error)) as caught:  # noqa: PT012
        for key, item in merged(pairs, sources.stop):
            if key == "b":
                found.append(item)
    assert caught.value is error
    assert found == [1, 2, 3]
    assert sources.stops == 1
    assert sorted(sources.closed) == ["a", "b"]


def test_a_source_that_fails_at_once_ends_those_that_wait(sources: Sources) -> None:
    pairs = {"a": sources.silent("a"), "b": sources.items("b", error=KeyError())}
    with pytest.raises(KeyError):
        next(merged(pairs, sources.stop))
    assert sorted(sources.closed) == ["a", "a-items", "b"]


def test_when_all_fail_the_first_is_told(sources: Sources) -> None:
    pairs = {name: sources.items(name, error=KeyError(name)) for name in "abcdef"}
    with pytest.raises(KeyError) as caught:
        next(merged(pairs, sources.stop))
    assert caught.value.args[0] in "abcdef"
    assert sorted(sources.closed) == list("abcdef")


def test_an_iterable_that_cannot_be_iterated_is_an_error_as_well(sources: Sources) -> None:
    broken: Any = 5
    with pytest.raises(TypeError, match="not iterable"):
        list(merged({"a": sources.endless("a"), "b": broken}, sources.stop))
    assert sources.closed == ["a"]


def test_what_a_source_raises_when_it_is_stopped_is_nobody_s(sources: Sources) -> None:
    def fails_at_the_end() -> Iterator[int]:
        yield from sources.endless("a")
        raise KeyError

    results = merged({"a": fails_at_the_end()}, sources.stop)
    next(results)
    close_promptly(results)
    assert sources.closed == ["a"]


@pytest.mark.parametrize("is_nested", [False, True])
def test_a_reader_in_which_the_garbage_collector_closes_it(is_nested: bool) -> None:
    """As it may where somebody has left the iterator in a cycle of references."""
    left: list[Generator[tuple[str, int], None, None]] = []
    may_close, closed = threading.Event(), threading.Event()

    def source() -> Iterator[int]:
        yield 1
        may_close.wait(5)
        Context().run(left.pop().close)  # whatever context runs there
        closed.set()
        yield 2

    before = threading.active_count()

    def nested() -> Iterator[int]:  # as several namespaces of a watch that is in a merge
        with contextlib.closing(merged({"c": source()}, stop=lambda: None)) as inner:
            for _, item in inner:
                yield item

    first = nested() if is_nested else source()
    results = merged({"a": first, "b": iter([1, 2, 3])}, stop=lambda: None)
    next(results)
    left.append(results)
    del results
    may_close.set()
    assert closed.wait(5)
    deadline = time.monotonic() + 5
    while threading.active_count() > before:
        assert time.monotonic() < deadline, "a reader was left behind"
        time.sleep(0.01)


def test_a_system_that_has_no_more_threads(
    sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, count = threading.Thread.start, iter(range(9))

    def refuse(thread: threading.Thread) -> None:
        if next(count) == 1:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    before = set(threading.enumerate())
    try:
        with pytest.raises(RuntimeError, match="can't start"):
            next(merged({"a": sources.silent("a", 1), "b": sources.items("b")}, sources.stop))
        assert sources.stops == 1
    finally:
        sources.stopped.set()
        for thread in set(threading.enumerate()) - before:
            thread.join(5)


# Threads: ways out


def test_an_endless_source_that_is_closed_early(sources: Sources) -> None:
    results = merged({"a": sources.endless("a"), "b": sources.silent("b")}, sources.stop)
    assert next(results) == ("a", 1)
    close_promptly(results)
    assert sources.stops == 1
    assert sorted(sources.closed) == ["a", "b", "b-items"]
    assert list(results) == []


def test_sources_that_wait_for_room_are_closed_too(sources: Sources) -> None:
    results = merged({name: sources.endless(name) for name in "abcdefgh"}, sources.stop)
    next(results)
    until = time.monotonic() + 5
    while sum(sources.given.values()) < 1 + 8 * (ROOM + 1) and time.monotonic() < until:
        time.sleep(0.001)  # one was taken, some of each wait in the queue, and one for room
    close_promptly(results)
    assert sorted(sources.closed) == list("abcdefgh")


def test_the_consumer_fails(sources: Sources) -> None:
    results = merged({"a": sources.endless("a")}, sources.stop)
    next(results)
    with pytest.raises(KeyError):
        results.throw(KeyError())
    assert (sources.stops, sources.closed) == (1, ["a"])


def test_nobody_closes_it(sources: Sources) -> None:
    results = merged({"a": sources.endless("a")}, sources.stop)
    next(results)
    del results
    gc.collect()
    assert (sources.stops, sources.closed) == (1, ["a"])


def test_what_was_never_begun_has_no_thread(sources: Sources) -> None:
    results = merged({"a": sources.endless("a")}, sources.stop)
    assert threading.active_count() == len(threading.enumerate())
    results.close()
    assert sources.given == {}


def test_a_source_that_ends_leaves_the_others(sources: Sources) -> None:
    pairs = {"a": sources.items("a"), "b": sources.items("b", 1, 2), "c": sources.silent("c", 3)}
    results = merged(pairs, sources.stop)
    assert sorted(next(results) for _ in range(3)) == [("b", 1), ("b", 2), ("c", 3)]
    assert "c" not in sources.closed
    close_promptly(results)
    assert "c" in sources.closed


# Threads: what comes


def test_all_comes_and_each_in_its_order(sources: Sources) -> None:
    pairs = {name: sources.items(name, *range(500)) for name in "abc"}
    found: dict[str, list[int]] = {name: [] for name in "abc"}
    for key, item in merged(pairs, sources.stop):
        found[key].append(item)
    assert found == {name: list(range(500)) for name in "abc"}
    assert (sources.stops, sorted(sources.closed)) == (1, ["a", "b", "c"])


def test_no_sources_are_over_at_once(sources: Sources) -> None:
    nothing: dict[str, Iterator[int]] = {}
    assert list(merged(nothing, sources.stop)) == []


def test_a_slow_consumer_slows_the_sources_down(sources: Sources) -> None:
    """It has taken some; of each of two, some wait in the queue, and one is in hand."""
    results = merged({"a": sources.endless("a"), "b": sources.endless("b")}, sources.stop)
    ahead = 2 * (ROOM + 1)
    for taken in range(1, 6):
        next(results)
        until = time.monotonic() + 5
        while sum(sources.given.values()) < taken + ahead and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(0.01)  # what reads on would be far away by then
        assert sum(sources.given.values()) == taken + ahead
    results.close()


def test_a_fast_source_does_not_starve_another(sources: Sources) -> None:
    results = merged({"a": sources.endless("a"), "b": sources.items("b", *range(20))}, sources.stop)
    others = 0
    for number, (key, _) in enumerate(results):
        others += key == "b"
        if others == 20:
            break
        assert number < 20 * (ROOM + 2)
    results.close()


# Tasks. Each test has a body that runs on both backends, and must leave no task behind.


@pytest.fixture(params=["asyncio", "trio"])
def run(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Run a test's body; see that it takes no time, and leaves no task."""

    async def checked(body: Callable[[], Awaitable[None]]) -> None:
        before = tasks()
        with anyio.fail_after(10):
            await body()
        assert tasks() == before

    return lambda body: anyio.run(checked, body, backend=request.param)


def tasks() -> int:
    """Count all tasks."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        count, found = 0, [trio.lowlevel.current_root_task()]
        while found:
            task = found.pop()
            assert task is not None
            count += 1
            found += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        return count


async def others_to_end() -> None:
    """Wait until no task of asyncio is left but this one."""
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)


Run = Callable[[Callable[[], Awaitable[None]]], None]


def test_async_what_a_source_raises_comes_after_what_it_gave(sources: Sources, run: Run) -> None:
    async def body() -> None:
        error = KeyError("x")
        pairs = {"a": sources.aendless("a"), "b": sources.aitems("b", 1, 2, 3, error=error)}
        found = []
        with pytest.raises(KeyError) as caught:  # noqa: PT012
            async for key, item in amerged(pairs):
                if key == "b":
                    found.append(item)
        assert caught.value is error
        assert found == [1, 2, 3]
        assert sorted(sources.closed) == ["a", "b"]

    run(body)


def test_async_when_all_fail_one_is_told(sources: Sources, run: Run) -> None:
    async def body() -> None:
        errors = {name: KeyError(name) for name in "abcdef"}
        pairs = {name: sources.aitems(name, error=error) for name, error in errors.items()}
        with pytest.raises(KeyError) as caught:
            await anext(amerged(pairs))
        assert caught.value in errors.values()

    run(body)


def test_async_an_endless_source_that_is_closed_early(sources: Sources, run: Run) -> None:
    async def body() -> None:
        results = amerged({"a": sources.aendless("a"), "b": sources.asilent("b")})
        assert await anext(results) == ("a", 1)
        before = time.monotonic()
        await results.aclose()
        assert time.monotonic() - before < PROMPT_SECONDS
        assert sorted(sources.closed) == ["a", "b"]
        assert [item async for item in results] == []

    run(body)


def test_async_the_consumer_fails(sources: Sources, run: Run) -> None:
    async def body() -> None:
        results = amerged({"a": sources.aendless("a")})
        await anext(results)
        with pytest.raises(KeyError):
            await results.athrow(KeyError())
        assert sources.closed == ["a"]

    run(body)


def test_async_what_was_never_begun_has_no_task(sources: Sources, run: Run) -> None:
    async def body() -> None:
        results = amerged({"a": sources.aendless("a")})
        before = tasks()
        await results.aclose()
        assert tasks() == before
        assert sources.given == {}

    run(body)


def test_async_a_source_that_ends_leaves_the_others(sources: Sources, run: Run) -> None:
    async def body() -> None:
        pairs = {
            "a": sources.aitems("a"),
            "b": sources.aitems("b", 1, 2),
            "c": sources.asilent("c", 3),
        }
        results = amerged(pairs)
        assert sorted([await anext(results) for _ in range(3)]) == [("b", 1), ("b", 2), ("c", 3)]
        assert "c" not in sources.closed
        await results.aclose()
        assert sorted(sources.closed) == ["a", "b", "c"]

    run(body)


def test_async_all_comes_and_each_in_its_order(sources: Sources, run: Run) -> None:
    async def body() -> None:
        found: dict[str, list[int]] = {name: [] for name in "abc"}
        pairs = {name: sources.aitems(name, *range(200)) for name in found}
        async for key, item in amerged(pairs):
            found[key].append(item)
        assert found == {name: list(range(200)) for name in "abc"}
        assert sorted(sources.closed) == ["a", "b", "c"]

    run(body)


def test_async_no_sources_are_over_at_once(run: Run) -> None:
    async def body() -> None:
        nothing: dict[str, AsyncGenerator[int, None]] = {}
        assert [item async for item in amerged(nothing)] == []

    run(body)


def test_async_a_slow_consumer_slows_the_sources_down(sources: Sources, run: Run) -> None:
    async def body() -> None:
        results = amerged({"a": sources.aendless("a"), "b": sources.aendless("b")})
        for taken in range(1, 6):
            await anext(results)
            for _ in range(100):
                await anyio.lowlevel.checkpoint()
            assert sum(sources.given.values()) == taken + 4
        await results.aclose()

    run(body)


def test_async_a_fast_source_does_not_starve_another(sources: Sources, run: Run) -> None:
    async def body() -> None:
        pairs = {"a": sources.aendless("a"), "b": sources.aitems("b", *range(20))}
        results, others, number = amerged(pairs), 0, 0
        async for key, _ in results:
            others += key == "b"
            number += 1
            if others == 20:
                break
            assert number < 200
        await results.aclose()

    run(body)


# Tasks: cancellation


def test_async_cancelled_while_it_waits(sources: Sources, run: Run) -> None:
    async def body() -> None:
        results = amerged({"a": sources.asilent("a", 1), "b": sources.asilent("b")})

        async def consume() -> None:
            async for _ in results:
                consumed.set()

        consumed = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(consume)
            await consumed.wait()
            for _ in range(5):
                await anyio.lowlevel.checkpoint()  # it waits for the next one
            assert sources.closed == []
            group.cancel_scope.cancel()
        assert sorted(sources.closed) == ["a", "b"]
        assert [item async for item in results] == []

    run(body)


def test_async_cancelled_while_it_holds_an_item(sources: Sources, run: Run) -> None:
    async def body() -> None:
        async def consume() -> None:
            async with contextlib.aclosing(amerged({"a": sources.aendless("a")})) as results:
                async for _ in results:
                    held.set()
                    await anyio.sleep_forever()

        held = anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(consume)
            await held.wait()
            group.cancel_scope.cancel()
        assert sources.closed == ["a"]

    run(body)


def test_async_cancelled_twice_while_its_sources_end() -> None:
    """As by a time limit within a server that stops: no shield holds against asyncio itself."""

    async def slow_end() -> AsyncGenerator[int, None]:
        try:
            yield 1
            await asyncio.sleep(30)
        finally:
            ending.set()
            with anyio.CancelScope(shield=True):
                await go_on.wait()
            ended.set()

    async def consume() -> None:
        async for _ in amerged({"slow": slow_end()}):
            begun.set()

    async def body() -> None:
        consumer = asyncio.create_task(consume())
        await begun.wait()
        consumer.cancel()
        await ending.wait()
        consumer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await consumer
        go_on.set()
        await others_to_end()

    begun, ending, go_on, ended = (asyncio.Event() for _ in range(4))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(body())
        gc.collect()
    assert ended.is_set()
    assert [str(warning.message) for warning in caught] == []


def test_async_closed_by_another_task(sources: Sources, run: Run) -> None:
    async def body() -> None:
        results = amerged({"a": sources.aendless("a"), "b": sources.asilent("b")})
        with anyio.CancelScope():
            await anext(results)
        async with anyio.create_task_group() as group:
            group.start_soon(results.aclose)
        assert sorted(sources.closed) == ["a", "b"]

    run(body)


def test_async_read_by_several_tasks_in_turn(sources: Sources, run: Run) -> None:
    async def body() -> None:
        results = amerged({"a": sources.aendless("a")})
        found = []

        async def take() -> None:
            found.append(await anext(results))

        for _ in range(3):
            async with anyio.create_task_group() as group:
                group.start_soon(take)
        assert found == [("a", 1), ("a", 2), ("a", 3)]
        await results.aclose()

    run(body)


def test_async_a_time_limit_around_one_item_is_none_for_the_next(
    sources: Sources, run: Run
) -> None:
    """The tasks that were begun within a scope are not bound by it."""

    async def body() -> None:
        results = amerged({"a": sources.aitems("a", 1, 2, 3)})
        with anyio.CancelScope() as scope:
            found = [await anext(results)]
            scope.cancel()
        for _ in range(2):
            with anyio.fail_after(5):
                found.append(await anext(results))
        assert found == [("a", 1), ("a", 2), ("a", 3)]
        await results.aclose()

    run(body)


def test_async_a_time_limit_that_is_over_closes_all(sources: Sources, run: Run) -> None:
    async def body() -> None:
        results = amerged({"a": sources.asilent("a"), "b": sources.asilent("b")})
        with pytest.raises(TimeoutError), anyio.fail_after(0.01):
            await anext(results)
        assert sorted(sources.closed) == ["a", "b"]
        with pytest.raises(StopAsyncIteration):
            await anext(results)

    run(body)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # trio's, and it is right
def test_async_a_program_that_ends_without_closing_it(sources: Sources, backend: str) -> None:
    async def body() -> None:
        await anext(results)

    results = amerged({"a": sources.aendless("a"), "b": sources.asilent("b")})
    before = time.monotonic()
    anyio.run(body, backend=backend)
    assert time.monotonic() - before < PROMPT_SECONDS
    assert sorted(sources.closed) == ["a", "b"]


def test_async_nobody_closes_it(sources: Sources) -> None:
    """The loop of asyncio does, as soon as there is no reference to it."""

    async def body() -> None:
        results = amerged({"a": sources.aendless("a")})
        await anext(results)
        del results
        gc.collect()
        await others_to_end()
        assert sources.closed == ["a"]

    asyncio.run(body())


def test_async_a_source_that_awaits_what_was_cancelled() -> None:
    """It is a failure, and no cancellation of whoever reads the merge: that would be silent."""

    async def source() -> AsyncGenerator[int, None]:
        yield 1
        task = asyncio.ensure_future(asyncio.sleep(60))
        task.cancel()
        await task

    async def body() -> None:
        results = amerged({"a": source()})
        await anext(results)
        with pytest.raises(RuntimeError, match="'a' was cancelled"):
            await anext(results)

    asyncio.run(body())


def test_async_a_reader_that_somebody_else_cancels(sources: Sources) -> None:
    async def body() -> None:
        results = amerged({"a": sources.asilent("a", 1)})
        await anext(results)
        (reader,) = asyncio.all_tasks() - {asyncio.current_task()}
        reader.cancel()
        with anyio.fail_after(5), pytest.raises(RuntimeError, match="'a' was cancelled"):
            await anext(results)

    asyncio.run(body())
