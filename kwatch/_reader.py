"""`Reader`: a thread that reads a source."""

from collections.abc import Callable, Collection, Generator, Iterable
from contextvars import copy_context
from functools import partial
from threading import Thread, current_thread
from typing import Generic, TypeVar

T = TypeVar("T")


class _ReaderThread(Thread):
    """A thread that knows in which readers it was started: they wait for it."""

    def __init__(self, run: Callable[[], object]) -> None:
        super().__init__(target=run, name="kwatch-reader", daemon=True)
        self.outer = _readers_here()


def _readers_here() -> tuple[Thread, ...]:
    """Give the reader that runs this, and those that wait for that; none elsewhere."""
    thread = current_thread()
    return (thread, *thread.outer) if isinstance(thread, _ReaderThread) else ()


def is_within(readers: Collection[Thread]) -> bool:
    """Whether this runs in one of these threads, or in a reader that was started in one."""
    return not set(readers).isdisjoint(_readers_here())


class Reader(Generic[T]):
    """Reads a source in a thread of its own.

    Args:
        source: What to read, to its end; a generator is closed, also where ``put`` has raised.
        put: Takes each item.
        ended: Takes the exception that the source has raised, or None, once it is over.

    Attributes:
        thread: The thread, which runs already.
    """

    def __init__(
        self,
        source: Iterable[T],
        put: Callable[[T], object],
        ended: Callable[[BaseException | None], object],
    ) -> None:
        self._source = source
        self._put = put
        self._ended = ended
        run = copy_context().run  # what the source asks for is what its maker would get
        self.thread: Thread = _ReaderThread(partial(run, self._read))
        self.thread.start()

    def _read(self) -> None:
        error: BaseException | None = None
        try:
            try:
                for item in self._source:
                    self._put(item)
            finally:
                if isinstance(self._source, Generator):
                    self._source.close()
        except BaseException as raised:  # it is raised again, in the thread that handles the items
            error = raised
        try:
            self._ended(error)
        finally:
            error = None  # its traceback leads here: a cycle, that kept the source alive
