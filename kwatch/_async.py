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
from contextlib import aclosing
from typing import Any, TypeVar

import httpx

from kwatch._amerge import merged
from kwatch._awire import Wire
from kwatch._backoff import Backoff
from kwatch._client import abilities_of, check_client, options_of
from kwatch._delivery import Delivery
from kwatch._events import Event
from kwatch._http import Reply, Request
from kwatch._policy import Delay
from kwatch._query import Query
from kwatch._selectors import Selector
from kwatch._session import Session
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
    found = sessions(
        kind,
        stopped=wire.stopped,
        abilities=abilities_of(client),
        allow_bookmarks=allow_bookmarks,
        loads=loads,
        backoff=backoff,
        status=status,
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
    if None in found:
        return stream(wire, found[None])
    return merged_stream(wire, found, allow_bookmarks=allow_bookmarks)


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


async def stream(wire: Wire, session: Session) -> AsyncGenerator[Event, None]:
    """Do what the session says, and yield what it gives."""
    holding = False  # whether the consumer has an event: an exception is its own then
    try:
        while (step := session.next_step()) is not None:
            if isinstance(step, Delay):
                await wire.sleep(step.seconds)
                continue
            try:
                async with wire.open(step, lambda: session.patience) as (code, headers, chunks):
                    session.receive_response(code, headers)
                    while session.reading and (chunk := await anext(chunks, None)) is not None:
                        for event in session.receive_data(chunk):
                            holding = True
                            yield event
                            holding = False
                    for event in session.receive_eof():
                        holding = True
                        yield event
                        holding = False
            except (httpx.RequestError, OSError) as error:  # OSError: asyncio's TLS alerts
                if holding or not session.receive_error(error):
                    raise
    finally:
        session.close()


async def merged_stream(
    wire: Wire, found: Mapping[str | None, Session], *, allow_bookmarks: bool
) -> AsyncGenerator[Event, None]:
    """Do what several sessions say, and yield what they give, as it comes."""
    sources = {
        namespace: deliveries(wire, session, allow_bookmarks=allow_bookmarks)
        for namespace, session in found.items()
    }
    async with aclosing(merged(sources)) as results:
        async for _, delivery in results:
            if delivery.take():
                yield delivery.event


async def deliveries(
    wire: Wire, session: Session, *, allow_bookmarks: bool
) -> AsyncGenerator[Delivery, None]:
    """Do what a session says, and yield what it gives, for somebody to take elsewhere."""
    async with aclosing(stream(wire, session)) as events:
        async for event in events:
            yield Delivery.of(session, event, allow_bookmarks=allow_bookmarks)


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
