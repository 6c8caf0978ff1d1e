"""The server, in a process of its own, and the events that it writes."""

import json
import logging
import multiprocessing
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import httpx
from werkzeug.wrappers import Request, Response

from kwatch.testing import FakeAPIServer
from kwatch.testing._http import has_hung_up

CHUNK = 65_536
"""About so many bytes are written at once."""

FIRST = 2
"""The resource version of the first event."""


def frame(number: int, size: int) -> bytes:
    """Make an event of so many bytes, or a few more."""
    metadata = {
        "name": f"pod-{number % 50}",
        "namespace": "default",
        "uid": f"{number % 50:032x}",
        "resourceVersion": str(FIRST + number),
    }
    env: list[dict[str, str]] = []
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    line = b""
    while len(line) < size:
        spec = {"number": number, "containers": [{"name": "main", "env": env}]}
        event = {"type": "MODIFIED", "object": obj | {"spec": spec}}
        line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
        env.append({"name": f"VARIABLE_{len(env)}", "value": f"{number * 31 + len(env):016x}"})
    return line


class Streams:
    """Answers ``/streams/SIZE-KEY`` with events of that size, as fast as they are read.

    After the last one, a stream stays open. ``/written/KEY`` tells how many events were written to
    those of that key.
    """

    def __init__(self, events: int, sizes: Iterable[int]) -> None:
        self._frames = {size: [frame(number, size) for number in range(events)] for size in sizes}
        self._written: Counter[str] = Counter()

    def answer(self, request: Request) -> Response:
        """Answer a request."""
        what = request.path.rpartition("/")[2]
        if "/written/" in request.path:
            return Response(str(self._written[what]))
        size, _, key = what.partition("-")
        begin = int(request.args["resourceVersion"]) + 1 - FIRST
        connection = request.environ["werkzeug.socket"]
        chunks = self._chunks(self._frames[int(size)][begin:], CHUNK // int(size), key, connection)
        return Response(chunks, content_type="application/json")

    def _chunks(
        self, frames: list[bytes], count: int, key: str, connection: Any
    ) -> Iterator[bytes]:
        yield b""  # the headers go out
        for first in range(0, len(frames), count):
            some = frames[first : first + count]
            yield b"".join(some)
            self._written[key] += len(some)
        while not has_hung_up(connection):
            time.sleep(0.05)


def serve(pipe: Connection, events: int, sizes: list[int]) -> None:
    """Be the server until told to end."""
    logging.getLogger("werkzeug").disabled = True
    streams = Streams(events, sizes)
    with FakeAPIServer() as server:
        path = re.compile("/(streams|written)/.*")
        server.http.expect_request(path).respond_with_handler(streams.answer)
        pipe.send(server.url)
        pipe.recv()


@contextmanager
def serving(events: int, sizes: list[int]) -> Iterator[str]:
    """Have a server; give its URL."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, events, sizes))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join()


@dataclass(frozen=True)
class Stream:
    """A stream of the server."""

    url: str
    events: int
    size: int
    key: str = "any"

    def options(self, after: int = 0) -> dict[str, Any]:
        """Give what to watch, from right after so many events."""
        path = f"/streams/{self.size}-{self.key}"
        return {"resource_path": path, "resource_version": str(FIRST + after - 1)}

    def written(self) -> int:
        """Ask how many events the server has written."""
        return int(httpx.get(f"{self.url}/written/{self.key}").text)
