"""`awatch` and `aconnect`: move bytes between an `httpx.AsyncClient` and the session.

The twin of ``_sync``, which says what is what; `awatch` is stopped by cancelling its task.
"""

import random
import time
from collections.abc import (
    AsyncGenerator,
    Callable,
    Generator,
    Iterable,
    Mapping,
)
from functools import partial
from typing import Any, TypeVar

import httpx

from kwatch._astreaming import merged_stream, stream
from kwatch._awire import Wire
from kwatch._backoff import Backoff
from kwatch._client import abilities_of, check_client, options_of
from kwatch._events import Event
from kwatch._http import Reply, Request
from kwatch._plan import Plan
from kwatch._query import Query
from kwatch._selectors import Selector
from kwatch._sessions import sessions
from kwatch._status import WatchStatus

T = TypeVar("T")


def awatch(
    client: httpx.AsyncClient,
    kind: str | None = None,
    *,
    api_version: str | None = None,
    resource_path: str | None = None,
    namespace: str | Iterable[str] | None = None,
    name: str | None = None,
    label_selector: Selector | None = None,
    field_selector: Selector | None = None,
    resource_version: str | Mapping[str, str | None] | None = None,
    send_initial_events: bool = False,
    allow_bookmarks: bool = False,
    metadata_only: bool = False,
    subresource: str | None = None,
    shard: tuple[int, int] | None = None,
    loads: Callable[[bytes], Any] | None = None,
    timeout_seconds: int | None = None,
    backoff: Backoff | None = None,
    status: WatchStatus | None = None,
) -> AsyncGenerator[Event, None]:
    """Watch Kubernetes objects: `kwatch.watch` for ``async for``, on asyncio and trio.

    Takes the arguments of `kwatch.watch` and an `httpx.AsyncClient`, yields and raises the same.
    It has no ``stop_event``: cancelling the task ends it at any point. As with each async
    generator, ``async with contextlib.aclosing(awatch(...))`` is needed where a ``break`` is to
    close the connection at once.

    Yields:
        ``(event_type, obj)``.

    Example::

        async for event_type, obj in kwatch.awatch(client, "Pod", namespace="default"):
            print(event_type, obj["metadata"]["name"])
    """
    check_client(client, "awatch")
    wire = Wire(client)
    queries = Query.each(
        kind,
        api_version=api_version,
        resource_path=resource_path,
        namespace=namespace,
        name=name,
        label_selector=label_selector,
        field_selector=field_selector,
        resource_version=resource_version,
        send_initial_events=send_initial_events,
        metadata_only=metadata_only,
        timeout_seconds=timeout_seconds,
        subresource=subresource,
        shard=shard,
    )
    make = partial(
        sessions,
        queries,
        stopped=wire.stopped,
        abilities=abilities_of(client),
        allow_bookmarks=allow_bookmarks,
        loads=loads,
        backoff=backoff,
        status=status,
    )
    found = make()
    plan = Plan(wire, found, partial(make, apart=True), allow_bookmarks)
    if None in found:
        return plan.attach_to(stream(wire, found[None], plan))
    shown = merged_stream(wire, found, plan, allow_bookmarks=allow_bookmarks)
    return plan.attach_to(shown)


async def aconnect(
    client: httpx.AsyncClient,
    kind: str | None = None,
    *,
    api_version: str | None = None,
    resource_path: str | None = None,
    namespace: str | None = None,
    name: str | None = None,
    label_selector: Selector | None = None,
    field_selector: Selector | None = None,
    resource_version: str | None = None,
    send_initial_events: bool = False,
    metadata_only: bool = False,
    timeout_seconds: int | None = None,
    subresource: str | None = None,
) -> httpx.Response:
    """Open one watch connection: `kwatch.connect` for an `httpx.AsyncClient`.

    Returns:
        The open response; close it by ``await response.aclose()``.
    """
    check_client(client, "aconnect")
    query = Query.of(
        kind,
        api_version=api_version,
        resource_path=resource_path,
        namespace=namespace,
        name=name,
        label_selector=label_selector,
        field_selector=field_selector,
        resource_version=resource_version,
        send_initial_events=send_initial_events,
        metadata_only=metadata_only,
        timeout_seconds=timeout_seconds,
        subresource=subresource,
    )
    path = await answer(Wire(client), query.resolve(time.time))
    request = query.watch_request(
        path,
        resource_version,
        query.lifetime(random.random()),  # noqa: S311 - no secret
        initial=send_initial_events,
        metadata=metadata_only,
    )
    response = await client.send(
        client.build_request("GET", request.path, **options_of(client, request)),
        stream=True,
    )
    if response.status_code == httpx.codes.OK:
        return response
    try:
        body = await response.aread()
    finally:
        await response.aclose()
    raise Reply(request, response.status_code, response.headers, body).error(time.time())


async def answer(wire: Wire, questions: Generator[Request, Reply, T]) -> T:
    """Send each request that a generator yields, and give what it returns."""
    try:
        request = next(questions)
        while True:
            async with wire.open(request) as (code, headers, chunks):
                body = bytearray()
                async for chunk in chunks:
                    body += chunk
            request = questions.send(Reply(request, code, headers, bytes(body)))
    except StopIteration as result:
        value: T = result.value
        return value
