"""What `watch` and `awatch` make of their arguments: a session for each namespace."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from kwatch._abilities import Abilities
from kwatch._backoff import Backoff
from kwatch._parts import Part, parts
from kwatch._query import Query
from kwatch._session import Session
from kwatch._siblings import Siblings
from kwatch._status import WatchStatus


def sessions(
    queries: Mapping[str | None, Query],
    *,
    allow_bookmarks: bool,
    loads: Callable[[bytes], Any] | None,
    backoff: Backoff | None,
    status: WatchStatus | None,
    stopped: Callable[[], bool],
    abilities: Abilities,
) -> dict[str | None, Session]:
    """Make a session for each query, with the real clock and real chance.

    Args:
        queries: By namespace, or the only one by None.
        allow_bookmarks: See `watch`, as for the next three.
        loads: See `watch`.
        backoff: See `watch`.
        status: See `watch`.
        stopped: Tells whether the stream is to end.
        abilities: What is known of the server.
    """
    whole = status or WatchStatus()
    several = [namespace for namespace in queries if namespace is not None]
    statuses: dict[str | None, WatchStatus] = {None: whole}
    if several:
        statuses.update(parts(whole, several))
    siblings = Siblings(len(queries))
    return {
        namespace: Session(
            query,
            # whoever merges several streams needs to know how far each one has come
            allow_bookmarks=allow_bookmarks or bool(several),
            marks_start=bool(several),
            loads=loads,
            backoff=backoff or Backoff(),
            status=statuses[namespace],
            stopped=stopped,
            random=random.random,
            clock=time.monotonic,
            wall_clock=time.time,
            abilities=abilities,
            siblings=siblings,
        )
        for namespace, query in queries.items()
    }


def part_of(session: Session) -> Part:
    """Give the status of one of several sessions."""
    assert isinstance(session.status, Part)  # noqa: S101 - `sessions` saw to it
    return session.status
