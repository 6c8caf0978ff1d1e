"""AsyncRotatingTransport: the twin of RotatingTransport, for an `httpx.AsyncClient`."""

import ssl
from collections.abc import AsyncIterator, Callable

import httpx

from kwatch._rotation import Line, Rotation


class AsyncRotatingTransport(httpx.AsyncBaseTransport):
    """Do as `kwatch._rotating.RotatingTransport` does, which has the arguments."""

    def __init__(
        self,
        make: Callable[[ssl.SSLContext], httpx.AsyncBaseTransport],
        ssl_context: Callable[[], ssl.SSLContext],
    ) -> None:
        self._rotation = Rotation(make, ssl_context)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request by the transport of this moment."""
        line = self._rotation.take()
        try:
            await self._close_spent()
            response = await line.transport.handle_async_request(request)
        except BaseException:
            self._rotation.give_back(line)
            await self._close_spent()
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101
        response.stream = _Stream(self, line, response.stream)
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        for transport in self._rotation.all():
            await transport.aclose()

    async def end(self, line: Line[httpx.AsyncBaseTransport]) -> None:
        """Note that a response is closed."""
        self._rotation.give_back(line)
        await self._close_spent()

    async def _close_spent(self) -> None:
        for transport in self._rotation.spent():
            await transport.aclose()


class _Stream(httpx.AsyncByteStream):
    """The body of a response, whose end is noted."""

    def __init__(
        self,
        transport: AsyncRotatingTransport,
        line: Line[httpx.AsyncBaseTransport],
        stream: httpx.AsyncByteStream,
    ) -> None:
        self._transport = transport
        self._line: Line[httpx.AsyncBaseTransport] | None = line
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    async def aclose(self) -> None:
        """Close it."""
        line, self._line = self._line, None  # it may be closed twice
        try:
            await self._stream.aclose()
        finally:
            if line is not None:
                await self._transport.end(line)
