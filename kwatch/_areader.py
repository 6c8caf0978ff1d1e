"""`Reader`: a task of asyncio or trio that reads a source."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Generic, TypeVar

import anyio

from kwatch._loop import ends_loop, is_cancellation, spawn

T = TypeVar("T")


class Reader(Generic[T]):
    """Reads a source in a task of its own.

    Args:
        name: What to call the source.
        source: What to read; is closed at the end.
        put: Takes each item.
        ended: Takes the exception that the source has raised, or None, once it is over; or that
            somebody else than ``stop`` has cancelled the task.

    Attributes:
        done: Is set when it has ended.
    """

    def __init__(
        self,
        name: object,
        source: AsyncGenerator[T, None],
        put: Callable[[T], Awaitable[object]],
        ended: Callable[[BaseException | None], object],
    ) -> None:
        self.done = anyio.Event()
        self._scope = anyio.CancelScope()
        self._name = name
        self._source = source
        self._put = put
        self._ended = ended
        self._task = spawn(self._run, self._end)

    def stop(self) -> None:
        """Have it end."""
        self._scope.cancel()

    async def _run(self) -> None:
        error: BaseException | None = None
        try:
            with self._scope:
                async with aclosing(self._source) as source:
                    async for item in source:
                        await self._put(item)
        except BaseException as raised:  # it is raised again, in the task that handles the items
            is_over = is_cancellation(raised) or ends_loop(raised)
            error = raised
            if is_over or isinstance(raised, anyio.get_cancelled_exc_class()):
                error = RuntimeError(f"what reads {self._name!r} was cancelled")
            if is_over:
                raise
        finally:
            self._end(error)

    def _end(self, error: BaseException | None = None) -> None:
        if not self.done.is_set():
            self.done.set()
            self._ended(error)
