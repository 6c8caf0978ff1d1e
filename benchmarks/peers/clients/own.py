"""kwatch."""

from collections.abc import Callable
from contextlib import aclosing, closing
from typing import Any

import httpx
import orjson

from benchmarks.peers.kinds import Kind
from benchmarks.peers.peer import Take
from kwatch import awatch, watch

LIMITS = httpx.Limits(max_connections=None)


class Sync:
    """``watch``, as one calls it with nothing but a kind."""

    loads: Callable[[bytes], Any] | None = None

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, limits=LIMITS)

    @staticmethod
    def version_of(obj: Any) -> str:
        """Give the resource version of an object."""
        return str(obj["metadata"]["resourceVersion"])

    def watch(self, kind: Kind, since: str | None, take: Take) -> None:
        """Hand over each object."""
        options = _options(kind, since) | {"loads": self.loads}
        with closing(watch(self._client, kind.kind, **options)) as events:
            for _, obj in events:
                if take(obj):
                    break


class SyncOrjson(Sync):
    """The same, with ``loads=orjson.loads``."""

    loads = staticmethod(orjson.loads)


class Async:
    """``awatch``, the same."""

    loads: Callable[[bytes], Any] | None = None
    version_of = staticmethod(Sync.version_of)

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, limits=LIMITS)

    async def watch(self, kind: Kind, since: str | None, take: Take) -> None:
        """Hand over each object."""
        options = _options(kind, since) | {"loads": self.loads}
        async with aclosing(awatch(self._client, kind.kind, **options)) as events:
            async for _, obj in events:
                if take(obj):
                    break


class AsyncOrjson(Async):
    """The same, with ``loads=orjson.loads``."""

    loads = staticmethod(orjson.loads)


def _options(kind: Kind, since: str | None) -> dict[str, Any]:
    return {"api_version": kind.api_version, "send_initial_events": since is None}
