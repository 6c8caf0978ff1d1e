"""RotatingTransport: how an `httpx.Client` uses a new certificate as soon as there is one."""

import ssl
from collections.abc import Callable, Iterator

import httpx

from kwatch._rotation import Line, Rotation


class RotatingTransport(httpx.BaseTransport):
    """Send each request by a connection that was made with the present certificate.

    Responses that come over a connection with an older one go on until they end.

    Args:
        make: Makes a transport whose connections use a context.
        ssl_context: Gives the context of this moment: another object once a certificate is new.
    """

    def __init__(
        self,
        make: Callable[[ssl.SSLContext], httpx.BaseTransport],
        ssl_context: Callable[[], ssl.SSLContext],
    ) -> None:
        self._rotation = Rotation(make, ssl_context)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request by the transport of this moment."""
        line = self._rotation.take()
        try:
            self._close_spent()
            response = line.transport.handle_request(request)
        except BaseException:
            self._rotation.give_back(line)
            self._close_spent()
            raise
        assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101
        response.stream = _Stream(self, line, response.stream)
        return response

    def close(self) -> None:
        """Close every connection."""
        for transport in self._rotation.all():
            transport.close()

    def end(self, line: Line[httpx.BaseTransport]) -> None:
        """Note that a response is closed."""
        self._rotation.give_back(line)
        self._close_spent()

    def _close_spent(self) -> None:
        for transport in self._rotation.spent():
            transport.close()


class _Stream(httpx.SyncByteStream):
    """The body of a response, whose end is noted."""

    def __init__(
        self,
        transport: RotatingTransport,
        line: Line[httpx.BaseTransport],
        stream: httpx.SyncByteStream,
    ) -> None:
        self._transport = transport
        self._line: Line[httpx.BaseTransport] | None = line
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        """Close it."""
        line, self._line = self._line, None  # it may be closed twice
        try:
            self._stream.close()
        finally:
            if line is not None:
                self._transport.end(line)
