"""A real SOCKS5 proxy on a loopback socket, in whose network every name is 127.0.0.1."""

import ipaddress
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.https import tunnel

NO_LOGIN, LOGIN, NO_METHOD = 0, 2, 0xFF
IPV4, NAME, IPV6 = 1, 3, 4


class Handler(socketserver.StreamRequestHandler):
    """Serves one connection, as RFC 1928 and RFC 1929 say."""

    timeout = 10
    server: "Socks"

    def handle(self) -> None:
        if not self._greet():
            return
        _version, _command, _reserved, kind = self.rfile.read(4)
        host = self._host(kind)
        port = int.from_bytes(self.rfile.read(2))
        self.server.tunnels.append(f"{host}:{port}")
        with socket.create_connection(("127.0.0.1", port), timeout=self.timeout) as upstream:
            self.wfile.write(bytes([5, 0, 0, IPV4, *bytes(6)]))
            tunnel(self.connection, upstream)

    def _greet(self) -> bool:
        _version, count = self.rfile.read(2)
        offered = self.rfile.read(count)
        method = LOGIN if self.server.login else NO_LOGIN
        if method not in offered:
            self.wfile.write(bytes([5, NO_METHOD]))
            return False
        self.wfile.write(bytes([5, method]))
        return method == NO_LOGIN or self._log_in()

    def _log_in(self) -> bool:
        self.rfile.read(1)
        name, password = self._text(), self._text()
        self.server.logins.append(f"{name}:{password}")
        accepted = self.server.logins[-1] == self.server.login
        self.wfile.write(bytes([1, 0 if accepted else 1]))
        return accepted

    def _host(self, kind: int) -> str:
        if kind == NAME:
            return self._text()
        return str(ipaddress.ip_address(self.rfile.read(4 if kind == IPV4 else 16)))

    def _text(self) -> str:
        return self.rfile.read(self.rfile.read(1)[0]).decode()


class Socks(socketserver.ThreadingTCPServer):
    """What `serve_socks` gives.

    Attributes:
        url: Where it is.
        login: The ``name:password`` that it asks for; ``""``: it asks for none.
        tunnels: Where it was asked to connect to.
        logins: What it was shown.
    """

    daemon_threads = False

    def __init__(self, login: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"socks5://127.0.0.1:{self.server_address[1]}"
        self.login = login
        self.tunnels: list[str] = []
        self.logins: list[str] = []


@contextmanager
def serve_socks(login: str = "") -> Iterator[Socks]:
    """Have a proxy, until the context ends."""
    with Socks(login) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
