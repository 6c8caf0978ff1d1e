"""A gate in front of an API server, whose tokens run out, and a plugin that gets them."""

import json
import socket
import sys
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import httpx

from kwatch import KubeConfig

from .live import Object

UNAUTHORIZED = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "Unauthorized",
    "reason": "Unauthorized",
    "code": 401,
}
EXEC_VERSION = "client.authentication.k8s.io/v1"
PROGRAM = '''\
"""Gives out a token and enters it in the ledger; fails while it is broken, or runs already."""

import json
import os
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

folder, ledger, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
try:
    os.close(os.open(folder / "running", os.O_CREAT | os.O_EXCL))
except FileExistsError:
    (folder / "overlap").touch()
    sys.exit("it runs already")
try:
    if (folder / "broken").exists():
        sys.exit("it is broken")
    issued, token = time.time(), uuid.uuid4().hex
    with ledger.open("a") as lines:
        lines.write(f"{token} {issued} {issued + seconds}\\n")
    end = datetime.fromtimestamp(issued + seconds, UTC).isoformat()
    time.sleep(0.02)  # during which no other one may run
    status = {"token": token, "expirationTimestamp": end}
    print(json.dumps({"apiVersion": "VERSION", "kind": "ExecCredential", "status": status}))
finally:
    (folder / "running").unlink()
'''.replace("VERSION", EXEC_VERSION)


class Token(NamedTuple):
    """An entry of the ledger; the times are Unix time in seconds."""

    text: str
    issued: float
    deadline: float


class Gate:
    """Stands for an API server that knows certain tokens, each until its deadline.

    What comes with one of them is forwarded to the server behind it, with credentials of its own;
    the answer is relayed as it comes. The tokens stand in the ledger, a file, where others may
    enter theirs too: a line has the token, and when it was issued and runs out.

    Args:
        config: Leads to the server behind it.
        ledger: The file.

    Attributes:
        url: Where it listens.
        codes: The status code of each answer.
    """

    def __init__(self, config: KubeConfig, ledger: Path) -> None:
        self.ledger = ledger
        self.ledger.touch()
        self.codes: list[int] = []
        self._client = config.client()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def accept(self, token: str, seconds: float) -> None:
        """Accept a token for so long from now; for 0 seconds: no more."""
        now = time.time()
        with self.ledger.open("a") as lines:
            lines.write(f"{token} {now} {now + seconds}\n")

    @property
    def tokens(self) -> list[Token]:
        """What the ledger holds."""
        lines = map(str.split, self.ledger.read_text().splitlines())
        return [Token(text, float(issued), float(deadline)) for text, issued, deadline in lines]

    def cut(self) -> None:
        """End all connections."""
        for sock in [*self._server.sockets]:
            with suppress(OSError):
                # not its own: that of `ssl` would take what comes still for plain text
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.shutdown()
        self.cut()
        self._server.server_close()
        self._thread.join()
        self._client.close()

    def knows(self, authorization: str) -> bool:
        """Tell whether this header holds a token that has not run out."""
        deadlines = {f"Bearer {token.text}": token.deadline for token in self.tokens}
        return time.time() < deadlines.get(authorization, 0.0)

    def forward(self, handler: "_Handler") -> None:
        """Ask the server behind it what a client asks for, and relay the answer."""
        headers = {name: handler.headers[name] for name in ("Accept", "Accept-Encoding")}
        with self._client.stream("GET", handler.path, headers=headers) as response:
            upstream = response.extensions["network_stream"].get_extra_info("socket")
            self._server.sockets.add(upstream)
            try:
                self.codes.append(response.status_code)
                handler.relay(response)
            finally:
                self._server.sockets.discard(upstream)


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing it waits for them

    def __init__(self, gate: Gate) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.gate = gate
        self.sockets: set[socket.socket] = set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.sockets.add(self.connection)

    def finish(self) -> None:
        self.server.sockets.discard(self.connection)
        super().finish()

    def handle(self) -> None:
        with suppress(OSError):  # the client has gone
            super().handle()

    def do_GET(self) -> None:
        gate = self.server.gate
        if not gate.knows(self.headers.get("Authorization", "")):
            self._refuse()
            return
        self.close_connection = True  # unless the answer comes to its end
        with suppress(httpx.TransportError):
            gate.forward(self)
            self.close_connection = False

    def _refuse(self) -> None:
        self.server.gate.codes.append(HTTPStatus.UNAUTHORIZED)
        body = json.dumps(UNAUTHORIZED).encode()
        self.send_response(HTTPStatus.UNAUTHORIZED)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def relay(self, response: httpx.Response) -> None:
        """Send an answer on, chunk by chunk."""
        self.send_response(response.status_code)
        for name in ("Content-Type", "Content-Encoding"):
            if name in response.headers:
                self.send_header(name, response.headers[name])
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in response.iter_raw():
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Print nothing."""


class Plugin:
    """A program that gives out tokens, each good for so many seconds, by way of a ledger."""

    def __init__(self, folder: Path, ledger: Path, seconds: float) -> None:
        self._folder = folder
        script = folder / "plugin.py"
        script.write_text(PROGRAM)
        self.user = runs(script, str(folder), str(ledger), str(seconds))

    def breaks(self) -> None:
        """Fail from now on."""
        (self._folder / "broken").touch()

    def mends(self) -> None:
        """Fail no longer."""
        (self._folder / "broken").unlink()

    @property
    def overlapped(self) -> bool:
        """Whether it was ever started while it ran."""
        return (self._folder / "overlap").exists()


def runs(script: Path, *args: str) -> Object:
    """Give the user of a kubeconfig whose credentials come from a Python program."""
    return {
        "exec": {
            "apiVersion": EXEC_VERSION,
            "command": sys.executable,
            "args": ["-I", "-S", str(script), *args],
            "interactiveMode": "Never",
        }
    }
