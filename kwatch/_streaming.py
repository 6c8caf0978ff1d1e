"""`stream`: moves bytes between an `httpx.Client` and a session. It decides nothing.

``_astreaming`` is the twin of this module, and differs in ``await`` alone.
"""

from collections.abc import Generator, Mapping
from contextlib import closing

import httpx

from kwatch._delivery import Delivery
from kwatch._events import Event
from kwatch._merge import merged
from kwatch._policy import Delay
from kwatch._session import Session
from kwatch._wire import Wire


def stream(wire: Wire, session: Session, _plan: object = None) -> Generator[Event, None, None]:
    """Do what the session says, and yield what it gives; the plan lives as long as this."""
    holding = False  # whether the consumer has an event: an exception is its own then
    try:
        while (step := session.next_step()) is not None:
            if isinstance(step, Delay):
                wire.sleep(step.seconds)
                continue
            try:
                with wire.open(step, lambda: session.patience) as (code, headers, chunks):
                    session.receive_response(code, headers)
                    while session.reading and (chunk := next(chunks, None)) is not None:
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


def session_deliveries(
    wire: Wire, session: Session, *, allow_bookmarks: bool
) -> Generator[Delivery, None, None]:
    """Do what a session says, and yield what it gives, for somebody to take elsewhere."""
    with closing(stream(wire, session)) as events:
        for event in events:
            yield Delivery.of(session, event, allow_bookmarks=allow_bookmarks)


def deliveries(
    wire: Wire, sessions: Mapping[str | None, Session], *, allow_bookmarks: bool
) -> Generator[Delivery, None, None]:
    """Do what one or more sessions say, and yield what they give, as it comes."""
    sources = {
        namespace: session_deliveries(wire, session, allow_bookmarks=allow_bookmarks)
        for namespace, session in sessions.items()
    }
    if len(sources) == 1:
        (only,) = sources.values()
        yield from only
        return
    with wire.stopping() as own, closing(merged(sources, own.set, stop_event=own)) as results:
        for _, delivery in results:
            yield delivery


def merged_stream(
    wire: Wire,
    sessions: Mapping[str | None, Session],
    _plan: object = None,
    *,
    allow_bookmarks: bool,
) -> Generator[Event, None, None]:
    """Do what one or more sessions say, and yield what the consumer is to see."""
    with closing(deliveries(wire, sessions, allow_bookmarks=allow_bookmarks)) as results:
        for delivery in results:
            if delivery.take():
                yield delivery.event
