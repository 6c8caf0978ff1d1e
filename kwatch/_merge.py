"""Several iterators as one, each read in a thread of its own."""

from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from contextlib import ExitStack, suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Final, NamedTuple, TypeVar

from kwatch._reader import Reader, is_within
from kwatch._stop import StopEvent

K = TypeVar("K")
T = TypeVar("T")
Q = TypeVar("Q")

LOOK_SECONDS: Final = 1.0
"""How often a thread that waits looks whether a signal has come."""

ROOM: Final = 4
"""How many items of each source wait at most. With 1, a thread is woken for each, which takes
three times as long; with more, large objects fill the memory, and cursors lag behind."""


class _End(NamedTuple):
    """A source is over: exhausted (None), or by an exception."""

    error: BaseException | None


class _Over(BaseException):
    """Nobody wants another item: ends a reader."""


class Room:
    """How many items of a source may still be read ahead.

    A queue is what the garbage collector may touch in a thread that is touching it: it may close an
    iterator that somebody has left, anywhere.
    """

    def __init__(self) -> None:
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(ROOM):
            self.give()

    def take(self) -> None:
        """Wait until there is room for one more."""
        self._free.get()

    def give(self) -> None:
        """One was taken."""
        self._free.put(None)


def merged(
    sources: Mapping[K, Iterable[T]],
    stop: Callable[[], object],
    *,
    failed: Callable[[K, Exception], bool] = lambda _key, _error: False,
    unstoppable: Collection[K] = (),
    stop_event: StopEvent | None = None,
) -> Generator[tuple[K, T], None, None]:
    """Read all sources at once, and yield what each gives, as it comes, and each in its turn.

    Of each, no more is read ahead than `ROOM` items that wait, and one that waits for room, so that
    a slow consumer slows the sources down, and a fast source delays another one by so many items.

    Args:
        sources: What to read, each under a key of its own.
        stop: Makes the sources end, whatever they are doing; called on every way out.
        failed: Takes what a source raised, after all that it gave; tells whether the others go on.
        unstoppable: Those that ``stop`` cannot end: they are not waited for.
        stop_event: Ends it as if all were exhausted, whatever was read ahead. None: nothing does.

    Yields:
        The key of a source, and what that gave.

    Raises:
        Exception: What a source raised, once all that it gave before was yielded.

    >>> sorted(merged({"a": [1, 2], "b": [3]}, stop=lambda: None))
    [('a', 1), ('a', 2), ('b', 3)]
    """
    results: SimpleQueue[tuple[K, T | _End] | None] = SimpleQueue()
    rooms = {key: Room() for key in sources}
    is_over = Event()

    def put(key: K, item: T | _End) -> None:
        if not is_over.is_set():
            rooms[key].take()
        if is_over.is_set():
            raise _Over
        results.put((key, item))

    threads: dict[K, Thread] = {}
    with ExitStack() as stack:
        if stop_event is not None:
            if stop_event.is_set():
                return
            stack.enter_context(stop_event.calling(lambda: results.put(None)))
        try:
            for key, source in sources.items():
                threads[key] = _start(key, source, put)
            yield from _taken(results, rooms, failed, stop_event)
        finally:
            is_over.set()
            for room in rooms.values():
                room.give()
            stop()
            if not is_within(threads.values()):  # where the garbage collector closes it
                for key in threads.keys() - set(unstoppable):
                    threads[key].join()


def _start(key: K, source: Iterable[T], put: Callable[[K, T | _End], None]) -> Thread:
    """Read a source in a thread."""

    def ended(error: BaseException | None) -> None:
        with suppress(_Over):
            put(key, _End(error))

    return Reader(source, lambda item: put(key, item), ended).thread


def _taken(
    results: "SimpleQueue[tuple[K, T | _End] | None]",
    rooms: Mapping[K, Room],
    failed: Callable[[K, Exception], bool],
    stop_event: StopEvent | None,
) -> Generator[tuple[K, T], None, None]:
    """Take what the readers give, until each has ended."""
    running = len(rooms)
    while running:
        result = _next(results)
        if result is None or (stop_event is not None and stop_event.is_set()):
            return
        key, item = result
        rooms[key].give()
        if not isinstance(item, _End):
            yield key, item
            continue
        running -= 1
        error = item.error
        if error is not None and not (isinstance(error, Exception) and failed(key, error)):
            raise error


def _next(results: "SimpleQueue[Q]") -> Q:
    """Wait for a result; a signal that comes right before the wait is handled soon after."""
    while True:
        with suppress(Empty):
            return results.get(timeout=LOOK_SECONDS)
