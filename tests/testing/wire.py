"""Requests and answers as they are on the wire, over bare sockets."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from kwatch.testing import FakeAPIServer

PODS = "/api/v1/pods"
WATCH = f"{PODS}?watch=1&resourceVersion=1"
STREAM = f"{PODS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
STREAM += "&allowWatchBookmarks=true"
HEAD_END = b"\r\n\r\n"
QUIET_SECONDS = 0.15


class Heard(NamedTuple):
    """All that came on a connection, and how it ended: "FIN", "RST", or "" if it did not."""

    data: bytes
    end: str

    @property
    def code(self) -> int:
        return int(self.data.split()[1])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.data.partition(HEAD_END)[0].decode().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def chunks(self) -> list[bytes]:
        """The chunks of the body; the last one is empty where the body is complete."""
        rest, chunks = self.data.partition(HEAD_END)[2], []
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            chunks.append(rest[: int(size, 16)])
            assert rest[int(size, 16) :].startswith(b"\r\n")
            rest = rest[int(size, 16) + 2 :]
        return chunks

    @property
    def body(self) -> bytes:
        chunked = "transfer-encoding" in self.headers
        return b"".join(self.chunks) if chunked else self.data.partition(HEAD_END)[2]

    @property
    def whole(self) -> bool:
        """Whether the body came to its end."""
        if "transfer-encoding" in self.headers:
            return self.chunks[-1:] == [b""]
        return len(self.body) == int(self.headers["content-length"])


class Line:
    """A bare connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.data = b""

    def ask(self, target: str, method: str = "GET") -> None:
        self.connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: fake\r\n\r\n".encode())

    def hear(self, quiet: float = QUIET_SECONDS) -> Heard:
        """All until the end, or until nothing comes for a while."""
        self.connection.settimeout(quiet)
        try:
            while more := self.connection.recv(65536):
                self.data += more
        except TimeoutError:
            return Heard(self.data, "")
        except ConnectionResetError:
            return Heard(self.data, "RST")
        return Heard(self.data, "FIN")

    def hear_until(self, mark: bytes) -> Heard:
        """All until something comes."""
        self.connection.settimeout(5)
        while mark not in self.data:
            more = self.connection.recv(65536)
            assert more, self.data
            self.data += more
        return Heard(self.data, "")


@contextmanager
def connected(server: FakeAPIServer) -> Iterator[Line]:
    with socket.create_connection((server.http.host, server.http.port), timeout=5) as connection:
        yield Line(connection)


@contextmanager
def asked(server: FakeAPIServer, target: str, method: str = "GET") -> Iterator[Line]:
    with connected(server) as line:
        line.ask(target, method)
        yield line


def heard(server: FakeAPIServer, target: str = WATCH, method: str = "GET") -> Heard:
    """All that comes of a request until it ends; a watch that does not is ended by the server."""
    ended = threading.Event()

    def end() -> None:
        while not ended.wait(0.02):
            server.close_watches()

    with asked(server, target, method) as line:
        thread = threading.Thread(target=end)
        thread.start()
        try:
            return line.hear(5)
        finally:
            ended.set()
            thread.join()


def events(body: bytes) -> list[tuple[str, str]]:
    """The type of each event, and the name of its object, or else its version or code."""
    found = []
    for text in body.splitlines():
        event = json.loads(text)
        obj = event["object"]
        name = obj["metadata"].get("name") or obj["metadata"].get("resourceVersion")
        found.append((event["type"], name or str(obj["code"])))
    return found


def added(*numbers: int) -> list[tuple[str, str]]:
    return [("ADDED", f"web-{number}") for number in numbers]


def refused(server: FakeAPIServer) -> bool:
    try:
        socket.create_connection((server.http.host, server.http.port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False
