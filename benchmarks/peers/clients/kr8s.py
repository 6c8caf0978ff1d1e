"""kr8s, whose own code is asynchronous."""

import asyncio
from typing import Any

import kr8s
import kr8s.asyncio

from benchmarks.peers.kinds import Kind
from benchmarks.peers.peer import Take

MAX_CONNECTIONS = 100
"""So many an ``Api`` has at most, which nothing changes."""


class Async:
    """``watch`` of an ``Api``; what exists comes by the watch itself.

    For more watches than an ``Api`` has connections, there are several. Each has a default
    namespace of its own, which no watch uses: without, ``api`` would give the same one again.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._apis: list[kr8s.asyncio.Api] = []
        self._watches = 0
        self._making = asyncio.Lock()

    @staticmethod
    def version_of(obj: Any) -> str:
        """Give the resource version of an object."""
        return str(obj.raw["metadata"]["resourceVersion"])

    async def watch(self, kind: Kind, since: str | None, take: Take) -> None:
        """Hand over each object."""
        api = await self._api()
        name = f"{kind.plural}.{kind.group}" if kind.group else kind.plural
        async for _, obj in api.watch(name, namespace=kr8s.ALL, since=since):
            if take(obj):
                break

    async def _api(self) -> kr8s.asyncio.Api:
        number, self._watches = self._watches // MAX_CONNECTIONS, self._watches + 1
        async with self._making:
            if number == len(self._apis):
                name = f"default-{number}"
                self._apis.append(await kr8s.asyncio.api(url=self._url, namespace=name))
        return self._apis[number]
