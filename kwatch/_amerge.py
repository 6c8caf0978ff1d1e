"""Several async iterators as one, each read in a task of its own."""

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple, TypeVar

import anyio

K = TypeVar("K")
T = TypeVar("T")


class _End(NamedTuple):
    """A source is over: exhausted (None), or by an exception."""

    error: Exception | None


async def merged(
    sources: Mapping[K, AsyncGenerator[T, None]],
) -> AsyncGenerator[tuple[K, T], None]:
    """Read all sources at once, as `kwatch._merge.merged` does; they are closed on every way out.

    The tasks are no children of the caller's: a task group would be open between two items, and
    could not be closed by another task, or within another cancel scope, than it was opened in.
    """
    send, receive = anyio.create_memory_object_stream[tuple[K, T] | _End](len(sources))
    readers = [_Reader(_reading(send, key, source)) for key, source in sources.items()]
    try:
        running = len(readers)
        while running:
            result = await receive.receive()
            if isinstance(result, _End):
                running -= 1
                if result.error is not None:
                    raise result.error
            else:
                yield result
    finally:
        with anyio.CancelScope(shield=True):
            for reader in readers:
                reader.scope.cancel()
            for reader in readers:
                await reader.done.wait()
        send.close()
        receive.close()


def _reading(
    send: anyio.abc.ObjectSendStream[Any], key: object, source: AsyncGenerator[Any, None]
) -> Callable[[], Coroutine[Any, Any, None]]:
    async def read() -> None:
        error = None
        try:
            async with aclosing(source):
                async for item in source:
                    await send.send((key, item))
        except Exception as raised:  # it is raised again, in the task that waits
            error = raised
        await send.send(_End(error))

    return read


class _Reader:
    """A task of asyncio or trio, with a scope to cancel it by."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.scope = anyio.CancelScope()
        self.done = anyio.Event()
        self._work = work
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            import trio

            context = contextvars.copy_context()
            self._task: object = trio.lowlevel.spawn_system_task(self._run, context=context)
        else:
            task = self._task = loop.create_task(self._run())
            task.add_done_callback(lambda _: self.done.set())

    async def _run(self) -> None:
        try:
            with self.scope:
                await self._work()
        finally:
            self.done.set()
