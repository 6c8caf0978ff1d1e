"""Several async iterators as one, each read in a task of its own."""

from collections.abc import AsyncGenerator, Mapping
from typing import TypeVar

import anyio

from kwatch._areader import Reader

K = TypeVar("K")
T = TypeVar("T")


async def merged(
    sources: Mapping[K, AsyncGenerator[T, None]],
) -> AsyncGenerator[tuple[K, T], None]:
    """Read all sources at once, as `kwatch._merge.merged` does; they are closed on every way out.

    The tasks are no children of the caller's: a task group would be open between two items, and
    could not be closed by another task, or within another cancel scope, than it was opened in.
    """
    send, receive = anyio.create_memory_object_stream[tuple[K, T]](len(sources))
    readers: list[Reader[T]] = []
    failures: list[Exception] = []

    def stop() -> None:
        for reader in readers:
            reader.stop()

    def start(key: K, source: AsyncGenerator[T, None]) -> Reader[T]:
        end = send.clone()

        def ended(error: Exception | None) -> None:
            end.close()
            if error is not None:
                failures.append(error)
                stop()

        return Reader(key, source, lambda item: end.send((key, item)), ended)

    for key, source in sources.items():
        readers.append(start(key, source))
    send.close()
    try:
        async for result in receive:  # until each reader has closed its end
            yield result
        for failure in failures:
            raise failure
    finally:
        try:
            with anyio.CancelScope(shield=True):
                stop()
                for reader in readers:
                    await reader.done.wait()
        finally:
            receive.close()
