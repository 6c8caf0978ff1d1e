"""Several iterators as one, each read in a thread of its own."""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread, current_thread
from typing import Final, NamedTuple, TypeVar

from kwatch._reader import Reader

K = TypeVar("K")
T = TypeVar("T")
Q = TypeVar("Q")

LOOK_SECONDS: Final = 1.0
"""How often a thread that waits looks whether the stream is over, or a signal has come."""


class _End(NamedTuple):
    """A source is over: exhausted (None), or by an exception."""

    error: BaseException | None


def merged(
    sources: Mapping[K, Iterable[T]], stop: Callable[[], object]
) -> Generator[tuple[K, T], None, None]:
    """Read all sources at once, and yield what each gives, as it comes.

    Of each, no more is read ahead than the items that wait in a queue that has room for one of
    each, so that a slow consumer slows the sources down.

    Args:
        sources: What to read, each under a key of its own.
        stop: Makes the sources end, whatever they are doing; called on every way out.

    Yields:
        The key of a source, and what that gave.

    Raises:
        Exception: What a source raised, once all that it gave before was yielded.

    >>> sorted(merged({"a": [1, 2], "b": [3]}, stop=lambda: None))
    [('a', 1), ('a', 2), ('b', 3)]
    """
    results: Queue[tuple[K, T] | _End] = Queue(maxsize=len(sources))
    is_over = Event()

    def put(result: tuple[K, T] | _End) -> None:
        is_put = False
        while not is_put and not is_over.is_set():
            with suppress(Full):
                results.put(result, timeout=LOOK_SECONDS)
                is_put = True

    def start(key: K, source: Iterable[T]) -> Thread:
        reader = Reader(source, lambda item: put((key, item)), lambda error: put(_End(error)))
        return reader.thread

    threads: list[Thread] = []
    try:
        for key, source in sources.items():
            threads.append(start(key, source))
        running = len(threads)
        while running:
            result = _next(results)
            if isinstance(result, _End):
                running -= 1
                if result.error is not None:
                    raise result.error
            else:
                yield result
    finally:
        is_over.set()
        stop()
        if current_thread() not in threads:  # in which the garbage collector may have closed this
            _join(threads, results)


def _next(results: "Queue[Q]") -> Q:
    """Wait for a result; a signal that comes right before the wait is handled soon after."""
    while True:
        with suppress(Empty):
            return results.get(timeout=LOOK_SECONDS)


def _join(threads: Iterable[Thread], results: "Queue[Q]") -> None:
    for thread in threads:
        while thread.is_alive():
            with suppress(Empty):
                results.get_nowait()  # it may wait for room
            thread.join(0.01)
