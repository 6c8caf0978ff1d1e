"""The peers: each is one way to watch with one library, by that library's own documentation."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, TypeAlias, cast

from benchmarks.peers.kinds import Kind

Take: TypeAlias = Callable[[Any], bool]
"""Is handed each object, in the form that the library gives it; tells whether that is enough."""


class Watching(Protocol):
    """A client of one library, which any number of watches share."""

    def __init__(self, url: str) -> None:
        """Make the client; of an asynchronous one, in the loop."""

    def watch(self, kind: Kind, since: str | None, take: Take) -> Awaitable[None] | None:
        """Hand over each object, until that is enough; either blocks, or is a coroutine.

        Args:
            kind: What to watch, in all namespaces.
            since: The resource version of a list that the caller is taken to have made; None if
                what exists is to come first.
            take: What to hand each object to.
        """

    @staticmethod
    def version_of(obj: Any) -> str:
        """Give the resource version of what was handed over."""


@dataclass(frozen=True)
class Peer:
    """What to call it, where it is, and what it is made of.

    Attributes:
        name: What the tables call it.
        place: The module in ``clients``, and the class in it.
        distributions: What is to be installed for it, and has versions.
        is_limit: Whether it is no client, but the least that anybody does.
        is_async: Whether it runs in asyncio.
    """

    name: str
    place: str
    distributions: tuple[str, ...]
    is_limit: bool = False
    is_async: bool = False

    @property
    def is_own(self) -> bool:
        """Whether it is kwatch."""
        return self.place.startswith("own:")

    def load(self) -> type[Watching]:
        """Import it, and the library."""
        module, _, name = self.place.partition(":")
        found = getattr(import_module(f"benchmarks.peers.clients.{module}"), name)
        return cast(type[Watching], found)


_HTTPX = ("httpx", "httpcore", "h11")
PEERS = (
    Peer("httpx, bytes", "bare:Bytes", _HTTPX, is_limit=True),
    Peer("httpx + ijson.items", "bare:Items", (*_HTTPX, "ijson"), is_limit=True),
    Peer("httpx + split + orjson", "bare:Lines", (*_HTTPX, "orjson"), is_limit=True),
    Peer("kwatch", "own:Sync", ("kwatch-stream",)),
    Peer("kwatch, orjson", "own:SyncOrjson", ("kwatch-stream", "orjson")),
    Peer("kwatch async", "own:Async", ("kwatch-stream",), is_async=True),
    Peer("kwatch async, orjson", "own:AsyncOrjson", ("kwatch-stream", "orjson"), is_async=True),
    Peer("kubernetes Watch, models", "official:Models", ("kubernetes", "urllib3")),
    Peer("kubernetes Watch, raw", "official:Raw", ("kubernetes", "urllib3")),
    Peer("kubernetes DynamicClient", "official:Dynamic", ("kubernetes", "urllib3")),
    Peer("kubernetes SharedInformer", "official:Informer", ("kubernetes", "urllib3")),
    Peer("kubernetes_asyncio", "official_async:Models", ("kubernetes_asyncio",), is_async=True),
    Peer("kr8s", "kr8s:Async", ("kr8s", "httpx2"), is_async=True),
    Peer("lightkube", "lightkube:Sync", ("lightkube", "lightkube-models", "httpx2", "msgspec")),
    Peer("lightkube async", "lightkube:Async", ("lightkube",), is_async=True),
    Peer("kopf", "kopf:Watcher", ("kopf", "aiohttp"), is_async=True),
)
