"""`Reader`: a thread that reads a source."""

from collections.abc import Callable, Collection, Generator, Iterable
from contextvars import ContextVar, copy_context
from threading import Thread
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_within: Final[ContextVar[tuple[Thread, ...]]] = ContextVar("kwatch-reader", default=())
"""The reader that runs this, and those that run what has started that."""


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
        self.thread = Thread(target=run, args=(self._read,), name="kwatch-reader", daemon=True)
        self.thread.start()

    def _read(self) -> None:
        error: BaseException | None = None
        _within.set((*_within.get(), self.thread))
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


def is_within(readers: Collection[Thread]) -> bool:
    """Whether this runs in one of these threads, or in a reader that was started in one."""
    return not set(readers).isdisjoint(_within.get())
