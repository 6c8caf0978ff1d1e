"""`amerge`: the twin of `merge` in ``_merging``."""

from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from kwatch._amerge import merged
from kwatch._astreaming import deliveries
from kwatch._awire import Wire
from kwatch._delivery import Delivery
from kwatch._plan import Plan
from kwatch._source import Name, Source, plans_of, sources_of, told_apart

T = TypeVar("T")


def amerge(
    *streams: AsyncIterable[T] | Source[AsyncIterable[T]],
) -> AsyncGenerator[tuple[Name, T], None]:
    """Read several streams at once, as `merge` does: what `awatch` gives, or any async iterable.

    Each is read in a task of its own, on asyncio or trio, which is cancelled on every way out,
    also where the stream is blocked, and each generator is closed. No more items wait than there
    are streams, and one of each for room. An ``on_error`` may be a coroutine function.

    Args:
        *streams: See `merge`.

    Yields:
        See `merge`.

    Raises:
        TypeError: One is no stream; at the call.
        ValueError: Two have one name, or one cannot be merged; at the call, as with `merge`.
        Exception: What a stream raised, as with `merge`.

    >>> import anyio, httpx
    >>> from contextlib import aclosing
    >>> from kwatch import awatch
    >>> from kwatch.testing import FakeAPIServer
    >>> async def main(url):
    ...     async with httpx.AsyncClient(base_url=url) as client:
    ...         events = awatch(client, "Pod", send_initial_events=True)
    ...         async with aclosing(amerge(Source("pods", events))) as merged:
    ...             async for source, (event_type, obj) in merged:
    ...                 print(source, event_type, obj["metadata"]["name"])
    ...                 break
    >>> with FakeAPIServer() as server:
    ...     _ = server.create("Pod", "web")
    ...     anyio.run(main, server.url)
    pods created web
    """
    return told_apart(_tagged(sources_of(streams, AsyncIterable)))


async def _tagged(sources: Mapping[Name, Source[Any]]) -> AsyncGenerator[tuple[Name, Any], None]:
    """Read the sources of a merge."""
    plans = plans_of(sources)
    for name in plans:
        await sources[name].events.aclose()  # it is read here, in its stead
    results = merged(
        {name: _read_apart(plans.get(name), source) for name, source in sources.items()},
        failed=lambda name, error: sources[name].areport(error),
    )
    async with aclosing(results):
        async for name, item in results:
            if not isinstance(item, Delivery):
                yield name, item
            elif item.take():
                yield name, item.event


def _read_apart(plan: Plan[Wire] | None, source: Source[Any]) -> AsyncIterable[Any]:
    """Give what a source gives, such that it can be handled elsewhere than where it is read."""
    if plan is None:
        events: AsyncIterable[Any] = source.events
        return events
    return deliveries(plan.wire, plan.again(), allow_bookmarks=plan.allow_bookmarks)
