"""How `awatch` reaches its client: `Wire`, the twin of that in ``_wire``."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import anyio
import httpx

from kwatch._client import timeout_of
from kwatch._http import Request

_UNWIND_SECONDS = 0.1  # HTTP/2 streams do not notice that they were closed


class Wire:
    """The client, as `stream` uses it.

    Args:
        client: What sends the requests.
        sleep: Waits so many seconds.
    """

    def __init__(
        self, client: httpx.AsyncClient, sleep: Callable[[float], Awaitable[object]] = anyio.sleep
    ) -> None:
        self._client = client
        self.sleep = sleep

    def stopped(self) -> bool:
        """No: cancelling the task needs no help."""
        return False

    @asynccontextmanager
    async def open(
        self, request: Request, patience: Callable[[], float] | None = None
    ) -> AsyncIterator[tuple[int, httpx.Headers, AsyncIterator[bytes]]]:
        """Send a request; give the code, headers and chunks of the answer; close it at the end."""
        async with self._client.stream(
            "GET",
            request.path,
            params=dict(request.params),
            headers=dict(request.headers),
            timeout=timeout_of(self._client, request),
        ) as response:
            chunks = response.aiter_bytes()
            try:
                with patient(response, patience):
                    yield response.status_code, response.headers, chunks
            finally:
                await _unwind(response, chunks)


@contextmanager
def patient(response: httpx.Response, patience: Callable[[], float] | None) -> Iterator[None]:
    """Let each read of a response take what time it may take by then."""
    source = response.extensions.get("network_stream")
    if patience is None or source is None or not response.http_version.startswith("HTTP/1"):
        yield
        return
    # not ``source.read``, which may still be another response's: the connection is used again as
    # soon as the body has ended
    read: Callable[..., Awaitable[bytes]] = type(source).read.__get__(source)

    async def read_patiently(max_bytes: int, **_: Any) -> bytes:
        return await read(max_bytes, timeout=patience())

    source.read = read_patiently
    try:
        yield
    finally:
        if vars(source).get("read") is read_patiently:
            del source.read


async def _unwind(response: httpx.Response, chunks: AsyncIterator[bytes]) -> None:
    """Close a response that may be half-read, and end the async generators that httpx nests in it.

    Left alone, each would be finalized by the event loop, at some time, with a ResourceWarning on
    trio. Once the response is closed, they run into that, and end.
    """
    with anyio.move_on_after(_UNWIND_SECONDS, shield=True):
        with suppress(httpx.RequestError, OSError):
            await response.aclose()
        with suppress(StopAsyncIteration, httpx.RequestError, httpx.StreamError, OSError):
            while True:
                await anext(chunks)
