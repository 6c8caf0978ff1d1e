"""No clients, but what each client on httpx does at least: the limits."""

from collections.abc import Iterator
from typing import Any

import httpx
import ijson
import orjson

from benchmarks.peers.kinds import Kind
from benchmarks.peers.peer import Take


class Bytes:
    """httpx alone: counts the lines in its bytes."""

    def __init__(self, url: str) -> None:
        limits = httpx.Limits(max_connections=None)
        self._client = httpx.Client(base_url=url, limits=limits, timeout=None)

    @staticmethod
    def version_of(obj: Any) -> str:
        """Give the resource version of an object."""
        return str(obj["metadata"]["resourceVersion"])

    def watch(self, kind: Kind, since: str | None, take: Take) -> None:
        """Hand over each object."""
        params = {"watch": "1"} | ({} if since is None else {"resourceVersion": since})
        with self._client.stream("GET", kind.path, params=params) as response:
            for obj in self.objects(response.iter_bytes()):
                if take(obj):
                    break

    def objects(self, chunks: Iterator[bytes]) -> Iterator[Any]:
        """Make something of the chunks."""
        for chunk in chunks:
            for _ in range(chunk.count(b"\n")):
                yield None


class Items(Bytes):
    """httpx and `ijson.items`, which pulls."""

    def objects(self, chunks: Iterator[bytes]) -> Iterator[Any]:
        """Decode each event."""
        for event in ijson.items(_File(chunks), "", multiple_values=True, use_float=True):
            yield event["object"]


class Lines(Bytes):
    """httpx, a split at each newline, and orjson."""

    def objects(self, chunks: Iterator[bytes]) -> Iterator[Any]:
        """Decode each event."""
        rest = b""
        for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield orjson.loads(line)["object"]


class _File:
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def read(self, size: int) -> bytes:
        return next(self._chunks, b"") if size else b""
