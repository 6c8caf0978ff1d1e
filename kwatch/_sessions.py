"""What `watch` and `awatch` make of their arguments: a session for each namespace."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from kwatch._abilities import Abilities
from kwatch._backoff import Backoff
from kwatch._client import check_types
from kwatch._parts import parts
from kwatch._query import Query
from kwatch._session import Session
from kwatch._siblings import Siblings
from kwatch._status import WatchStatus


def sessions(
    queries: Mapping[str | None, Query],
    *,
    apart: bool = False,
    stopped: Callable[[], bool],
    abilities: Abilities,
    allow_bookmarks: bool = False,
    loads: Callable[[bytes], Any] | None = None,
    backoff: Backoff | None = None,
    status: WatchStatus | None = None,
) -> dict[str | None, Session]:
    """Make a session for each namespace, or one under None, with the real clock and real chance.

    Args:
        queries: What to watch in each namespace, or in all as one: see `Query.each`.
        apart: Whether what a session gives is handled elsewhere than where it is read, so that
            the status has to wait for that; the sessions of several namespaces always are.
        stopped: Tells whether the stream is to end.
        abilities: What is known of the server.
        allow_bookmarks: See `watch`, as for those that follow.
        loads: See `watch`.
        backoff: See `watch`.
        status: See `watch`; it begins anew.

    Raises:
        TypeError: An argument is of the wrong type.
    """
    check_types(backoff=(backoff, Backoff), status=(status, WatchStatus))
    apart = apart or None not in queries
    whole = status or WatchStatus()
    statuses: Mapping[str | None, WatchStatus] = parts(whole, queries) if apart else {None: whole}
    siblings = Siblings(len(queries))
    return {
        namespace: Session(
            query,
            # who handles what several sessions give needs to know how far each one has come
            allow_bookmarks=allow_bookmarks or apart,
            marks_start=apart,
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


def sessions_apart(
    kind: str | None = None,
    *,
    stopped: Callable[[], bool],
    abilities: Abilities,
    allow_bookmarks: bool = False,
    loads: Callable[[bytes], Any] | None = None,
    backoff: Backoff | None = None,
    status: WatchStatus | None = None,
    **query: Any,
) -> dict[str | None, Session]:
    """Make the sessions of a watcher, which handles elsewhere what they give.

    Args:
        kind: See `watch`.
        stopped: See `sessions`, as for those that follow.
        abilities: See `sessions`.
        allow_bookmarks: See `sessions`.
        loads: See `sessions`.
        backoff: See `sessions`.
        status: See `sessions`.
        **query: The other arguments of `watch`, see `Query.each`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument cannot be right.
    """
    return sessions(
        Query.each(kind, **query),
        apart=True,
        stopped=stopped,
        abilities=abilities,
        allow_bookmarks=allow_bookmarks,
        loads=loads,
        backoff=backoff,
        status=status,
    )
