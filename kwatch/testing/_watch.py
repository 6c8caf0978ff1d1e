"""One watch, from its first byte to its last."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice

from kwatch.testing._json import encode
from kwatch.testing._object import Object
from kwatch.testing._query import Query
from kwatch.testing._status import APIError, too_large
from kwatch.testing._store import Change, Store

LOOK_SECONDS = 0.2
"""How often a quiet watch looks whether its client is still there."""


class Watch:
    """The body of a watch response: an iterator over its frames, one event each.

    The first frame is empty and lets the headers go out at once. What exists is looked up when the
    watch is made, so nothing that happens after the headers can be missing. The body ends cleanly
    on ``timeoutSeconds``, on ``end()`` and when the client has gone.

    Args:
        store: The objects and their history.
        query: What is asked for.
        lifetime: Seconds that the watch lives, at most; the query may ask for less.
        bookmark_interval: Seconds between bookmarks.
        gone: Tells whether the client has hung up.
    """

    def __init__(
        self,
        store: Store,
        query: Query,
        *,
        lifetime: float,
        bookmark_interval: float,
        gone: Callable[[], bool],
    ) -> None:
        self._store = store
        self._query = query
        self._lifetime = min(lifetime, query.timeout_seconds or lifetime)
        self._bookmark_interval = bookmark_interval
        self._gone = gone
        self._ended = False
        self._cursor: Change | None = None
        self._backlog: list[bytes] = []
        self._open()

    def end(self) -> None:
        """End the stream cleanly, after what has happened so far."""
        with self._store.changed:
            self._ended = True
            self._store.changed.notify_all()

    def earlier(self, count: int) -> list[bytes]:
        """The last ``count`` events before the first one of this watch, as far as they are kept.

        Where it begins with what exists, there are none: then these are the first objects.
        """
        if self._query.initial:
            return list(islice(filter(_is_change, self._backlog), count))
        found: deque[bytes] = deque(maxlen=count)
        with self._store.changed:
            change = self._store.since(1).next
            while change and self._cursor and change.revision <= self._cursor.revision:
                ours = change.resource == self._query.target.resource
                if ours and (event := change.event(self._query.selects)):
                    found.append(self._event(*event))
                change = change.next
        return list(found)

    def __iter__(self) -> Iterator[bytes]:
        yield b""
        yield from self._backlog
        self._backlog.clear()
        if self._cursor:
            yield from self._follow(self._cursor)

    def _open(self) -> None:
        """Find the place in the history, and what comes before it."""
        try:
            self._cursor = self._begin()
        except APIError as error:
            self._backlog = [_frame("ERROR", error.status)]

    def _begin(self) -> Change:
        query, asked = self._query, self._query.resource_version
        cursor, objects = self._store.snapshot(query.target.resource)
        if not query.initial:
            return cursor if asked is None else self._store.seek(asked)
        if asked is not None and asked > cursor.revision:
            raise too_large(asked, cursor.revision)
        self._backlog = [
            self._event("ADDED", obj) for obj in objects.values() if query.selects(obj)
        ]
        if query.bookmarks and query.watch_list:
            self._backlog.append(self._bookmark(cursor.revision, initial=True))
        return cursor

    def _follow(self, cursor: Change) -> Iterator[bytes]:
        now = time.monotonic()
        deadline = now + self._lifetime
        bookmark_at = self._next_bookmark(now, deadline)
        while (now := time.monotonic()) < deadline:
            if cursor.next:
                cursor = cursor.next
                if event := self._query.event(cursor):
                    yield self._event(*event)
            elif self._ended or self._gone():
                return
            elif now >= bookmark_at:
                bookmark_at = self._next_bookmark(now, deadline)
                if cursor.revision >= (self._query.resource_version or 0):
                    yield self._bookmark(cursor.revision)
            else:
                self._wait(cursor, min(deadline, bookmark_at) - now)

    def _wait(self, cursor: Change, seconds: float) -> None:
        """Wait for the next change, the end, or the next look at the client."""
        changed = self._store.changed
        with changed:
            changed.wait_for(lambda: cursor.next or self._ended, min(seconds, LOOK_SECONDS))

    def _next_bookmark(self, now: float, deadline: float) -> float:
        """A bookmark comes at every interval, and a last one shortly before the end.

        Source: ``nextBookmarkTime`` in apiserver's ``cacher/cache_watcher.go``, where the last one
        comes two seconds before the end; here earlier where a watch lives less than four.
        """
        if not self._query.bookmarks:
            return deadline
        last = deadline - min(2.0, self._lifetime / 2)
        regular = now + self._bookmark_interval
        return min(regular, last) if last > now else regular

    def _event(self, event_type: str, obj: Object) -> bytes:
        return _frame(event_type, self._query.present(obj))

    def _bookmark(self, revision: int, *, initial: bool = False) -> bytes:
        resource = self._query.target.resource
        metadata: Object = {"resourceVersion": str(revision)}
        if initial:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        head = {"kind": resource.kind, "apiVersion": resource.api_version}
        return self._event("BOOKMARK", {**head, "metadata": metadata})


def _is_change(frame: bytes) -> bool:
    return not frame.startswith((b'{"type":"BOOKMARK"', b'{"type":"ERROR"'))


def _frame(event_type: str, obj: Object) -> bytes:
    return encode({"type": event_type, "object": obj}) + b"\n"
