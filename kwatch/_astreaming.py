"""`stream`: the twin of that in ``_streaming``, for an `httpx.AsyncClient`."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import httpx

from kwatch._amerge import merged
from kwatch._awire import Wire
from kwatch._delivery import Delivery
from kwatch._events import Event
from kwatch._policy import Delay
from kwatch._session import Session


async def stream(wire: Wire, session: Session, _plan: object = None) -> AsyncGenerator[Event, None]:
    """Do what the session says, and yield what it gives; the plan lives as long as this."""
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


async def session_deliveries(
    wire: Wire, session: Session, *, allow_bookmarks: bool
) -> AsyncGenerator[Delivery, None]:
    """Do what a session says, and yield what it gives, for somebody to take elsewhere."""
    async with aclosing(stream(wire, session)) as events:
        async for event in events:
            yield Delivery.of(session, event, allow_bookmarks=allow_bookmarks)


async def deliveries(
    wire: Wire, sessions: Mapping[str | None, Session], *, allow_bookmarks: bool
) -> AsyncGenerator[Delivery, None]:
    """Do what one or more sessions say, and yield what they give, as it comes."""
    sources = {
        namespace: session_deliveries(wire, session, allow_bookmarks=allow_bookmarks)
        for namespace, session in sessions.items()
    }
    async with aclosing(merged(sources)) as results:
        async for _, delivery in results:
            yield delivery


async def merged_stream(
    wire: Wire,
    sessions: Mapping[str | None, Session],
    _plan: object = None,
    *,
    allow_bookmarks: bool,
) -> AsyncGenerator[Event, None]:
    """Do what one or more sessions say, and yield what the consumer is to see."""
    async with aclosing(deliveries(wire, sessions, allow_bookmarks=allow_bookmarks)) as results:
        async for delivery in results:
            if delivery.take():
                yield delivery.event
