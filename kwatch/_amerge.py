"""Several async iterators as one, each read in a task of its own."""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping
from typing import NamedTuple, TypeVar

import anyio

from kwatch._areader import Reader

K = TypeVar("K")
T = TypeVar("T")


class _End(NamedTuple):
    """A source has raised an exception."""

    error: Exception


async def _never(_key: object, _error: Exception) -> bool:
    """Bear no failure."""
    return False


async def merged(
    sources: Mapping[K, AsyncIterable[T]],
    *,
    failed: Callable[[K, Exception], Awaitable[bool]] = _never,
) -> AsyncGenerator[tuple[K, T], None]:
    """Read all sources at once, as `kwatch._merge.merged` does; they are closed on every way out.

    The tasks are no children of the caller's: a task group would be open between two items, and
    could not be closed by another task, or within another cancel scope, than it was opened in.
    """
    send, receive = anyio.create_memory_object_stream[tuple[K, T | _End]](len(sources))
    readers: list[Reader[T | _End]] = []
    failures: list[BaseException] = []

    def stop() -> None:
        for reader in readers:
            reader.stop()

    def start(key: K, source: AsyncIterable[T]) -> Reader[T | _End]:
        end = send.clone()

        def ended(error: BaseException | None) -> None:
            end.close()
            if error is not None:
                failures.append(error)
                stop()

        return Reader(key, _guarded(source), lambda item: end.send((key, item)), ended)

    for key, source in sources.items():
        readers.append(start(key, source))
    send.close()
    try:
        async for key, item in receive:  # until each reader has closed its end
            if not isinstance(item, _End):
                yield key, item
            elif not await failed(key, item.error):
                raise item.error
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


async def _guarded(source: AsyncIterable[T]) -> AsyncGenerator[T | _End, None]:
    """Give what a source gives, and then what it raises; close it, if it is a generator."""
    error: Exception | None = None
    try:
        async for item in source:
            yield item
    except Exception as raised:
        error = raised
    finally:
        if isinstance(source, AsyncGenerator):
            try:
                await source.aclose()
            except Exception:
                if error is None:
                    raise
    if error is not None:
        yield _End(error)
