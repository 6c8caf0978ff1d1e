"""A real server on a loopback socket, with TLS where it has a certificate, and a proxy too."""

import base64
import http.server
import json
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from http import HTTPStatus
from typing import Any

from tests.frames import Json, status
from tests.pki import Issued


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with what it was sent; ``/stream`` goes on until the server is told to stop."""

    protocol_version = "HTTP/1.1"
    timeout = 10
    disable_nagle_algorithm = True  # or the second write of an answer waits 40 ms
    server: "Server"

    def do_GET(self) -> None:
        code = HTTPStatus(self.server.answer(self.headers))
        if code != HTTPStatus.OK:
            self._send(code, status(code, code.phrase.replace(" ", ""), code.phrase))
        elif self.path == "/stream":
            self._stream()
        else:
            self._send(code, self._seen())

    def _seen(self) -> Json:
        certificate: Any = None
        if isinstance(self.connection, ssl.SSLSocket):
            certificate = self.connection.getpeercert()
        return {
            "path": self.path,
            "authorization": self.headers.get("Authorization"),
            "user_agent": self.headers["User-Agent"],
            "client": dict(name for [name] in certificate["subject"]) if certificate else None,
            "headers": self.headers.items(),
            "peer": self.client_address[1],
        }

    def _send(self, code: HTTPStatus, answer: Json) -> None:
        body = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"1\r\nx\r\n")
        self.server.stopping.wait(self.timeout)
        self.wfile.write(b"0\r\n\r\n")

    def do_CONNECT(self) -> None:
        """Be a proxy in whose network every name is 127.0.0.1."""
        self.server.tunnels.append(self.path)
        scheme, _, login = self.headers.get("Proxy-Authorization", "").partition(" ")
        if scheme == "Basic":
            self.server.logins.append(base64.b64decode(login).decode())
        port = int(self.path.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=self.timeout) as upstream:
            self.send_response(200)
            self.end_headers()
            tunnel(self.connection, upstream)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


def tunnel(one: socket.socket, other: socket.socket) -> None:
    """Carry what comes from either side to the other, until one of them ends."""
    peers = {one: other, other: one}
    with suppress(OSError):
        while readable := _readable(peers):
            for source in readable:
                if not (data := source.recv(65536)):
                    return
                peers[source].sendall(data)


def _readable(sockets: Iterable[socket.socket]) -> list[socket.socket]:
    """Those that something has come from; none if that takes too long."""
    decrypted: list[socket.socket] = [
        one for one in sockets if isinstance(one, ssl.SSLSocket) and one.pending()
    ]
    return decrypted or select.select(list(sockets), [], [], Handler.timeout)[0]


class Server(http.server.ThreadingHTTPServer):
    """What `serve` gives.

    Attributes:
        url: Where it is.
        answer: Gives the status that a GET is answered with, by the headers of the request; any
            but 200, which is the default, comes with a Kubernetes Status.
        connections: The addresses of the clients, one for each connection. Those of a TLS
            handshake that failed are not among them.
        open: The ports of the clients that have not hung up yet, as far as the server has seen.
        names: The server names of the TLS handshakes.
        tunnels: Where it was asked to connect to, as a proxy.
        logins: The ``name:password`` that it was shown as a proxy.
        stopping: What ends the streams when it is set.
    """

    daemon_threads = False
    request_queue_size = 256

    def __init__(
        self, identity: Issued | None, client_authority: Issued | None, host: str = "127.0.0.1"
    ) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, 0), Handler)
        self.stopping = threading.Event()
        self.answer: Callable[[Message], int] = lambda headers: 200
        self.connections: list[tuple[str, int]] = []
        self.open: set[int] = set()
        self.tunnels: list[str] = []
        self.logins: list[str] = []
        self.names: list[str | None] = []
        address = f"[{host}]" if ":" in host else host
        self.url = f"http{'s' if identity else ''}://{address}:{self.server_port}"
        if identity:
            self._secure(identity, client_authority)

    def _secure(self, identity: Issued, client_authority: Issued | None) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.path)
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        if client_authority:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_authority.path)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.connections.append(address[:2])
        self.open.add(address[1])
        return connection, address

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.open.discard(client_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what these tests are about."""


@contextmanager
def serve(
    identity: Issued | None = None,
    client_authority: Issued | None = None,
    host: str = "127.0.0.1",
) -> Iterator[Server]:
    """Have a server, until the context ends.

    Args:
        identity: Its certificate; None: it speaks plain HTTP.
        client_authority: Who has to have signed the certificates of clients; None: they need none.
        host: The loopback address.
    """
    with Server(identity, client_authority, host) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()
