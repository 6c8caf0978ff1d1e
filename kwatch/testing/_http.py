"""The HTTP server: pytest-httpserver, made prompt on the wire and quick to stop."""

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug.serving import WSGIRequestHandler
from werkzeug.wrappers import Request, Response

GRACE_SECONDS = 0.4
"""What is being served when the server stops has this long to end, and as long after a hang-up."""


def hang_up(connection: socket.socket) -> None:
    """End a connection in the middle of whatever it carries, and wake who is blocked on it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def has_hung_up(connection: socket.socket) -> bool:
    """Whether the other side has closed the connection."""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            return bool(selector.select(0)) and not connection.recv(1, socket.MSG_PEEK)
    except (OSError, ValueError):
        return True


class Connections:
    """The open connections and the threads that serve them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._closing = False

    @contextmanager
    def serving(self, connection: socket.socket) -> Iterator[None]:
        """Count a connection as open, in the thread that serves it."""
        with self._lock:
            self._threads = {thread for thread in self._threads if thread.is_alive()}
            self._threads.add(threading.current_thread())
            self._open.add(connection)
            if self._closing:
                hang_up(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)

    def close(self) -> None:
        """Wait for what is being served; after the grace hang up."""
        with self._lock:
            self._closing = True
            threads = self._threads.copy()
        _join(threads)
        with self._lock:
            for connection in self._open:
                hang_up(connection)
        _join(threads)


def _join(threads: Iterable[threading.Thread]) -> None:
    deadline = time.monotonic() + GRACE_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


class _Handler(WSGIRequestHandler):
    """Serves one connection; each chunk of a response goes out at once and in one piece."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # Werkzeug flushes after every chunk: one send each, not four
    disable_nagle_algorithm = True

    def __init__(self, connections: Connections, request: socket.socket, *rest: Any) -> None:
        with connections.serving(request):
            super().__init__(request, *rest)

    def finish(self) -> None:
        """Close the files; what cannot be sent any more is dropped."""
        try:
            super().finish()
        except OSError:
            self.rfile.close()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: a demonstration prints to the same terminal."""


class KubernetesHTTPServer(HTTPServer):
    """A pytest-httpserver that lets ``answer`` have every request nobody else expects.

    Its own ``expect_request`` and so on come first: that is how a test scripts a fault.

    Args:
        answer: Answers a request.
        record: Is told of every request.
    """

    def __init__(
        self, answer: Callable[[Request], Response], record: Callable[[Request], None]
    ) -> None:
        super().__init__(host="127.0.0.1", port=0, threaded=True)
        self.connections = Connections()
        self._answer = answer
        self._record = record

    def start(self) -> None:
        """Start to serve; after a stop on the same port again."""
        self.connections = Connections()
        super().start()

    def thread_target(self) -> None:
        """Serve until stopped, which is noticed within 20 ms."""
        assert self.server is not None  # noqa: S101 - start() has set it; mypy cannot know
        self.server.RequestHandlerClass = partial(_Handler, self.connections)
        self.server.serve_forever(poll_interval=0.02)

    def application(self, request: Request) -> Response:
        """Dispatch a request without the log of the original, which keeps every response."""
        request.get_data()
        self._record(request)
        return self.dispatch(request)

    def respond_nohandler(self, request: Request, extra_message: str = "") -> Response:  # noqa: ARG002
        """Answer what no handler expects as the API server."""
        return self._answer(request)
