"""The server, in a process of its own: sends bytes that were built before, as fast as possible.

It serves one `World`. Each event is an HTTP chunk, as with a real API server.
"""

import json
import select
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.peers.kinds import FIRST_VERSION, KINDS, Kind

SLICE_BYTES = 1 << 20


def chunk(data: bytes) -> bytes:
    """Wrap some bytes as an HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Exchange(BaseHTTPRequestHandler):
    """One request, and its answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Server"

    def do_GET(self) -> None:
        """Have the world answer, or the discovery."""
        url = urlsplit(self.path)
        self.query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        kind = next((kind for kind in KINDS.values() if kind.path == url.path), None)
        world = self.server.world
        if kind is None:
            self.send_json(json.dumps(_discovery(url.path) or world.other(url.path)).encode())
        elif self.query.get("watch", "").lower() in ("1", "true"):
            world.watch(self, kind)
        else:
            world.list(self, kind)

    def send_json(self, *parts: bytes) -> None:
        """Answer with one document, in any number of parts."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(sum(map(len, parts))))
        self.end_headers()
        for part in parts:
            self.wfile.write(part)

    def begin_chunks(self) -> None:
        """Answer with chunks, for `send_chunks`."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send_chunks(self, data: bytes | bytearray) -> None:
        """Send chunks that were built before."""
        with memoryview(data) as view:
            for start in range(0, len(view), SLICE_BYTES):
                self.wfile.write(view[start : start + SLICE_BYTES])

    def end_chunks(self) -> None:
        """End the answer."""
        self.wfile.write(b"0\r\n\r\n")

    def wait_for_hangup(self, seconds: float | None = None) -> bool:
        """Wait until the client has gone, or for so many seconds; tell which."""
        return bool(select.select([self.connection], [], [], seconds)[0])

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class World:
    """What the server holds, and how it tells; made in the process of the server."""

    def list(self, exchange: Exchange, kind: Kind) -> None:
        """Answer a list: by default, nothing exists."""
        exchange.send_json(page(kind, FIRST_VERSION - 1, []))

    def watch(self, exchange: Exchange, kind: Kind) -> None:
        """Answer a watch."""
        raise NotImplementedError

    def other(self, path: str) -> Any:
        """Answer anything else, by what becomes JSON."""
        return {"kind": "Status", "path": path}


def page(kind: Kind, version: int, items: Iterable[bytes], token: str = "") -> bytes:
    """Make a page of a list."""
    metadata = {"resourceVersion": str(version)} | ({"continue": token} if token else {})
    head = {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata}
    return json.dumps(head)[:-1].encode() + b',"items":[' + b",".join(items) + b"]}"


@contextmanager
def serving(world: type[World], *args: Any) -> Iterator[str]:
    """Have a server of a world, made with those arguments; give its URL."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, world, args), daemon=True)
    process.start()
    theirs.close()  # or nobody would notice that the server could not be made
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1_000
    world: World

    def handle_error(self, *_: object) -> None:
        """A client that has seen enough hangs up."""


def _serve(pipe: Connection, make_world: type[World], args: tuple[Any, ...]) -> None:
    world = make_world(*args)
    with _Server(("127.0.0.1", 0), Exchange) as server:
        server.world = world
        server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SLICE_BYTES)
        pipe.send(f"http://127.0.0.1:{server.server_port}")
        server.serve_forever()


def _discovery(path: str) -> dict[str, Any] | None:
    """Tell what there is, in the form that was there before aggregated discovery."""
    path = path.rstrip("/")
    if path == "/version":
        return {"major": "1", "minor": "36", "gitVersion": "v1.36.0"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    groups = {kind.group: kind for kind in KINDS.values() if kind.group}
    if path == "/apis":
        return {"kind": "APIGroupList", "groups": [_group(kind) for kind in groups.values()]}
    if path.count("/") == 2 and path.rpartition("/")[2] in groups:
        return _group(groups[path.rpartition("/")[2]]) | {"kind": "APIGroup", "apiVersion": "v1"}
    resources = [_resource(kind) for kind in KINDS.values() if kind.root == path]
    group_version = path.removeprefix("/apis/").removeprefix("/api/")
    found = {"kind": "APIResourceList", "groupVersion": group_version, "resources": resources}
    return found if resources else None


def _group(kind: Kind) -> dict[str, Any]:
    version = {"groupVersion": kind.api_version, "version": kind.version}
    return {"name": kind.group, "versions": [version], "preferredVersion": version}


def _resource(kind: Kind) -> dict[str, Any]:
    return {
        "name": kind.plural,
        "singularName": kind.kind.lower(),
        "namespaced": True,
        "kind": kind.kind,
        "verbs": ["get", "list", "watch"],
    }
