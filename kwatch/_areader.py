"""`Reader`: a task of asyncio or trio that reads a source; and how one is made."""

import asyncio
import contextvars
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Generic, TypeVar

import anyio

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
        ended: Callable[[Exception | None], object],
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
        error: Exception | None = None
        try:
            with self._scope:
                async with aclosing(self._source) as source:
                    async for item in source:
                        await self._put(item)
        except Exception as raised:  # it is raised again, in the task that handles the items
            error = raised
        except BaseException:
            error = RuntimeError(f"what reads {self._name!r} was cancelled")
            raise
        finally:
            self._end(error)

    def _end(self, error: Exception | None = None) -> None:
        if not self.done.is_set():
            self.done.set()
            self._ended(error)


def spawn(run: Callable[[], Coroutine[Any, Any, None]], ended: Callable[[], object]) -> object:
    """Run something in a task that is no child of the caller's.

    Args:
        run: What to run; it must not raise an exception but that of its cancellation.
        ended: Is called if it has ended before it could begin, and maybe else too.

    Returns:
        What keeps the task alive.
    """
    trio: Any = trio_here()
    if trio is not None:
        return trio.lowlevel.spawn_system_task(run, context=contextvars.copy_context())
    task = asyncio.get_running_loop().create_task(run())
    task.add_done_callback(lambda _: ended())
    return task


def trio_here() -> Any:
    """Give trio, if it runs the present task; it may be a guest of asyncio."""
    trio: Any = sys.modules.get("trio")
    return trio if trio is not None and trio.lowlevel.in_trio_task() else None
