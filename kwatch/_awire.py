"""How `awatch` reaches its client: `Wire`, the twin of that in ``_wire``."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import anyio
import httpx

from kwatch._chunks import Chunks
from kwatch._client import Read, options_of, patient
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
        options = options_of(self._client, request)
        async with self._client.stream("GET", request.path, **options) as response:
            chunks = response.aiter_bytes()
            try:
                with patient(response, patience, _reading):
                    yield response.status_code, response.headers, chunks
            finally:
                await _unwind(response, chunks)


def _reading(read: Read, patience: Callable[[], float], chunks: Chunks) -> Read:
    async def read_patiently(_max_bytes: int) -> bytes:
        return chunks.receive_data(await read(chunks.read_bytes, timeout=patience()))

    return read_patiently


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
