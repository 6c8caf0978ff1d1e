"""`merge`: several streams as one. ``_amerging`` is its twin."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, closing
from typing import Any, TypeVar

from kwatch._client import check_types
from kwatch._delivery import Delivery
from kwatch._merge import merged
from kwatch._plan import Plan
from kwatch._source import Name, Source, plans_of, sources_of, told_apart
from kwatch._stop import StopEvent
from kwatch._streaming import deliveries
from kwatch._wire import Wire

T = TypeVar("T")


def merge(
    *streams: Iterable[T] | Source[Iterable[T]], stop_event: StopEvent | None = None
) -> Generator[tuple[Name, T], None, None]:
    """Read several streams at once, and give what comes, each tagged with where it is from.

    Each is read in a thread of its own. They take turns: of each, up to 5 items are read ahead, so
    that a slow consumer slows them all down, and a fast stream does not hold another one up. The
    order within each is kept; between them there is none.

    The status of a watch, and the cursor in it, goes with what was yielded here, and not with what
    was read ahead. What wraps a watch, such as `itertools.islice`, is read ahead with its status.

    On every way out, each watch ends at once, whatever it is doing; what was read ahead of it is
    left out, as its cursor tells. Any other stream that is blocked is left to its thread until it
    gives its next item; a generator is closed there.

    Args:
        *streams: What `watch` has given, any other iterable, or a `Source`, which has a name and
            says what becomes of an error. A watch must not have been begun.
        stop_event: Ends the loop within 100 ms once it is set. None: nothing does.

    Yields:
        ``(source, item)``: the name of the `Source`, or the position among the arguments, from 0;
        and what the stream gave, such as an `Event`.

    Raises:
        TypeError: One is no stream; at the call.
        ValueError: Two have one name, a watch was begun already or is in another merge, or one is a
            merge itself; at the call.
        Exception: What a stream raised, once all that it gave before was yielded, unless its
            `Source` has an ``on_error``.

    >>> import httpx
    >>> from itertools import islice
    >>> from kwatch import watch
    >>> from kwatch.testing import FakeAPIServer
    >>> with FakeAPIServer() as server, httpx.Client(base_url=server.url) as client:
    ...     _ = server.create("Pod", "web"), server.create("ConfigMap", "settings")
    ...     kinds = [Source(k, watch(client, k, send_initial_events=True)) for k in ("pods", "cm")]
    ...     for kind, (event_type, obj) in sorted(islice(merge(*kinds), 2), key=str):
    ...         print(kind, event_type, obj["metadata"]["name"])
    cm created settings
    pods created web
    """
    check_types(stop_event=(stop_event, StopEvent))
    return told_apart(_tagged(sources_of(streams, Iterable), stop_event))


def _tagged(
    sources: Mapping[Name, Source[Any]], stop_event: StopEvent | None
) -> Generator[tuple[Name, Any], None, None]:
    """Read the sources of a merge."""
    plans = plans_of(sources)
    with ExitStack() as stack:
        stops = {name: stack.enter_context(plan.wire.stopping()) for name, plan in plans.items()}
        for name in plans:
            sources[name].events.close()  # it is read here, in its stead
        results = merged(
            {name: _read_apart(plans.get(name), source) for name, source in sources.items()},
            lambda: [stop.set() for stop in stops.values()],
            failed=lambda name, error: sources[name].report(error),
            unstoppable=sources.keys() - plans.keys(),
            stop_event=stop_event,
        )
        for name, item in stack.enter_context(closing(results)):
            if not isinstance(item, Delivery):
                yield name, item
            elif not stops[name].is_set() and item.take():
                yield name, item.event


def _read_apart(plan: Plan[Wire] | None, source: Source[Any]) -> Iterable[Any]:
    """Give what a source gives, such that it can be handled elsewhere than where it is read."""
    if plan is None:
        events: Iterable[Any] = source.events
        return events
    return deliveries(plan.wire, plan.again(), allow_bookmarks=plan.allow_bookmarks)
