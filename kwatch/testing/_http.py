"""The HTTP server: pytest-httpserver, made prompt on the wire and quick to stop."""

import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from pytest_httpserver import HTTPServer, HTTPServerError
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

GRACE_SECONDS = 0.4
"""What is being served when the server stops has this long to end, and as long after a hang-up."""


def hang_up(connection: socket.socket) -> None:
    """End a connection in the middle of whatever it carries, and wake who is blocked on it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def reset_on_close(connection: socket.socket) -> None:
    """Have a connection end with an RST when it is closed, and drop what is still to be sent."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def has_hung_up(connection: socket.socket) -> bool:
    """Whether the other side has closed the connection."""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            return bool(selector.select(0)) and not connection.recv(1, socket.MSG_PEEK)
    except (OSError, ValueError):
        return True


class Connections:
    """The open connections and the threads that serve them.

    Attributes:
        closing: Set once they are to end.
    """

    def __init__(self) -> None:
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()

    @contextmanager
    def serving(self, connection: socket.socket) -> Iterator[None]:
        """Count a connection as open, in the thread that serves it."""
        with self._lock:
            self._threads = {thread for thread in self._threads if thread.is_alive()}
            self._threads.add(threading.current_thread())
            self._open.add(connection)
            if self.closing.is_set():
                hang_up(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)

    def close(self) -> None:
        """Wait for what is being served; after the grace hang up."""
        with self._lock:
            self.closing.set()
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

    Its own ``expect_request`` and so on come first: that is how a test gives an answer of its own.

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
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._refused = threading.Event()
        self._refuse_until = 0.0

    def start(self) -> None:
        """Start to serve; after a stop on the same port again."""
        if self.is_running():
            raise HTTPServerError("the server is running already")
        self.connections = Connections()
        self._stopping.clear()
        self._refused.clear()
        self._refuse_until = 0.0
        super().start()

    def stop(self) -> None:
        """Listen no more, whether anybody is being refused or not."""
        self._stopping.set()
        super().stop()

    def refuse(self, seconds: float) -> None:
        """Stop to listen, so that nobody can connect; go on after so many seconds.

        What is open stays open. When this returns, the first client is being refused already.
        """
        with self._lock:
            self._refuse_until = max(self._refuse_until, time.monotonic() + seconds)
            refused = self._refused.is_set()
        if self.server is not None and not refused:
            self.server.shutdown()
            self._refused.wait(GRACE_SECONDS)

    def thread_target(self) -> None:
        """Serve until stopped, which is noticed within 20 ms."""
        server = self.server
        assert server is not None  # noqa: S101 - start() has set it; mypy cannot know
        server.RequestHandlerClass = partial(_Handler, self.connections)
        server.shutdown_request = server.close_request  # type: ignore[method-assign] # no FIN first
        while not self._stopping.is_set():
            server.serve_forever(poll_interval=0.02)
            if not self._stopping.is_set():
                self._pause(server)
        server.server_close()

    def _pause(self, server: BaseWSGIServer) -> None:
        """Keep the port, but do not listen, until nobody is to be refused any more."""
        server.socket = socket.socket(server.address_family, server.socket_type)
        server.server_bind()
        self._refused.set()
        while not self._stopping.wait(max(0.0, self._refuse_until - time.monotonic())):
            with self._lock:
                if time.monotonic() >= self._refuse_until:
                    self._refused.clear()
                    server.server_activate()
                    return

    def application(self, request: Request) -> Response:
        """Dispatch a request without the log of the original, which keeps every response."""
        request.get_data()
        self._record(request)
        return self.dispatch(request)

    def respond_nohandler(self, request: Request, extra_message: str = "") -> Response:  # noqa: ARG002
        """Answer what no handler expects as the API server."""
        return self._answer(request)
