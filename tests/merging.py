"""Streams to be merged, for the tests of `merge` and `amerge`."""

from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import aclosing, closing
from itertools import islice
from typing import Any

import anyio
import httpx

from kwatch import (
    Backoff,
    amerge,
    awatch,
    merge,
    watch,
)

QUICK = Backoff(initial=0.02, maximum=0.02)
PROMPT_SECONDS = 1.0
PATIENCE_SECONDS = 10.0
FRONTS = ("merge", "amerge-asyncio", "amerge-trio")


INITIAL: dict[str, Any] = {"send_initial_events": True, "backoff": QUICK}


class Streams:
    """Makes the streams of one front end, and reads what becomes of several."""

    def __init__(self, front: str, url: str) -> None:
        self.name, _, self._backend = front.partition("-")
        self._url = url

    def read(
        self, make: "Callable[[Callable[..., Any]], Iterable[Any]]", count: int | None = None
    ) -> list[Any]:
        """Merge what ``make`` makes, given what makes a watch; give so many items, or all."""
        if self.name == "merge":
            with (
                httpx.Client(base_url=self._url) as client,
                closing(merge(*make(lambda *a, **k: watch(client, *a, **k)))) as merged,
            ):
                return list(islice(merged, count))
        return anyio.run(self._aread, make, count, backend=self._backend)

    async def _aread(self, make: Any, count: int | None) -> list[Any]:
        found: list[Any] = []
        async with httpx.AsyncClient(base_url=self._url) as client:
            merged = amerge(*make(lambda *a, **k: awatch(client, *a, **k)))
            async with aclosing(merged):
                while count is None or len(found) < count:
                    try:
                        found.append(await anext(merged))
                    except StopAsyncIteration:
                        break
        return found

    def items(self, *items: Any, error: Exception | None = None) -> Any:
        """Make a stream of some items, and an error."""

        def give() -> Generator[Any, None, None]:
            yield from items
            if error is not None:
                raise error

        async def agive() -> AsyncGenerator[Any, None]:
            for item in give():
                yield item
                await anyio.lowlevel.checkpoint()

        return give() if self.name == "merge" else agive()


def told(found: list[Any]) -> list[tuple[Any, str, str]]:
    return [(name, str(kind), obj["metadata"]["name"]) for name, (kind, obj) in found]
