"""Several async iterators as one, each read in a task of its own."""

import asyncio
import contextvars
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Generic, TypeVar

import anyio
from anyio.streams.memory import MemoryObjectSendStream

K = TypeVar("K")
T = TypeVar("T")


async def merged(
    sources: Mapping[K, AsyncGenerator[T, None]],
) -> AsyncGenerator[tuple[K, T], None]:
    """Read all sources at once, as `kwatch._merge.merged` does; they are closed on every way out.

    The tasks are no children of the caller's: a task group would be open between two items, and
    could not be closed by another task, or within another cancel scope, than it was opened in.
    """
    send, receive = anyio.create_memory_object_stream[tuple[K, T] | BaseException](len(sources))
    readers: list[_Reader[K, T]] = []

    def stop() -> None:
        for reader in readers:
            reader.scope.cancel()

    readers += [_Reader(key, source, send.clone(), stop) for key, source in sources.items()]
    send.close()
    try:
        async for result in receive:  # until each reader has closed its end
            if isinstance(result, BaseException):
                raise result
            yield result
        for reader in readers:
            if reader.failure is not None:
                raise reader.failure
    finally:
        try:
            with anyio.CancelScope(shield=True):
                stop()
                for reader in readers:
                    await reader.done.wait()
        finally:
            receive.close()


class _Reader(Generic[K, T]):
    """A task of asyncio or trio that reads a source.

    Args:
        key: The key of the source.
        source: What to read.
        send: Takes what comes; is closed.
        stop: Ends all tasks of the same stream.

    Attributes:
        scope: Ends this one.
        failure: That somebody else has ended it, if so.
        done: Is set when it has ended.
    """

    def __init__(
        self,
        key: K,
        source: AsyncGenerator[T, None],
        send: MemoryObjectSendStream[tuple[K, T] | BaseException],
        stop: Callable[[], None],
    ) -> None:
        self.scope = anyio.CancelScope()
        self.failure: Exception | None = None
        self.done = anyio.Event()
        self._key = key
        self._source = source
        self._send = send
        self._stop = stop
        self._task = self._start()

    def _start(self) -> object:
        trio: Any = sys.modules.get("trio")
        if trio is not None and trio.lowlevel.in_trio_task():  # which may be a guest of asyncio
            context = contextvars.copy_context()
            return trio.lowlevel.spawn_system_task(self._run, context=context)
        task = asyncio.get_running_loop().create_task(self._run())
        task.add_done_callback(lambda _: self._end())  # it may end before it begins
        return task

    async def _run(self) -> None:
        try:
            with self.scope:
                await self._read()
        except BaseException:
            self.failure = RuntimeError(f"what reads {self._key!r} was cancelled")
            self._stop()
            raise
        finally:
            self._end()

    async def _read(self) -> None:
        error: Exception
        try:
            async with aclosing(self._source) as source:
                async for item in source:
                    await self._send.send((self._key, item))
            return
        except Exception as raised:  # it is raised again, in the task that waits
            error = raised
        await self._send.send(error)

    def _end(self) -> None:
        self._send.close()
        self.done.set()
