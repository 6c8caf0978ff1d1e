"""Where a watch is: its resource version, and the events that came right before it."""

import re
from collections import deque
from typing import Final

from kwatch._events import Event, EventType

RECENT_EVENTS: Final = 1_000
"""How many events are remembered, to know them again when a resumed watch repeats them."""

UNORDERED: Final = ("", "0")
"""Resource versions that let the server begin with what exists, in no order."""

_COMPARABLE = re.compile(r"[1-9][0-9]*")


class Cursor:
    """The resource version that a watch goes on from, moved by what comes.

    What exists comes first, as `created` and in no order, from resource version ``""`` or
    ``"0"``. A bookmark or any other event is the first in order, and only that gives a cursor.

    Args:
        begin_at: The resource version to begin at, None where it is still to be found out.

    Attributes:
        resource_version: The cursor; None until there is one.
        ordered: Whether events come in order by now.
    """

    def __init__(self, begin_at: str | None) -> None:
        self.ordered = begin_at not in UNORDERED
        self.resource_version = begin_at if self.ordered else None
        self._recent: deque[tuple[str, str, str]] = deque()
        self._connections: dict[tuple[str, str, str], int] = {}  # the first that each came on

    def take(self, event: Event, connection: int) -> bool:
        """Move past an event of a connection, of which there is a number; tell if it is news.

        News is no repetition of an earlier connection, and no bookmark that leads nowhere.
        """
        bookmark = event.event_type is EventType.BOOKMARK
        news = self._is_ahead(event) if bookmark else self._is_new(event, connection)
        if news:
            self.ordered = self.ordered or event.event_type is not EventType.CREATED
            if self.ordered:
                self.resource_version = event.resource_version
        return news

    def _is_ahead(self, bookmark: Event) -> bool:
        """Whether a bookmark leads on: never back, where versions can be compared.

        Source: KEP-5504, comparable resource versions.
        """
        old, new = self.resource_version, bookmark.resource_version
        if old is not None and _COMPARABLE.fullmatch(old) and _COMPARABLE.fullmatch(new):
            return (len(new), new) > (len(old), old)
        return new != old

    def _is_new(self, event: Event, connection: int) -> bool:
        """Remember an event.

        Only a later connection can repeat one. What a connection brings twice are two events, on
        a server whose versions are not unique.
        """
        metadata = event.obj["metadata"]
        identity = metadata.get("uid") or f"{metadata.get('namespace')}/{metadata.get('name')}"
        key = (event.event_type, str(identity), event.resource_version)
        first = self._connections.setdefault(key, connection)
        if first != connection:
            return False
        self._recent.append(key)
        if len(self._recent) > RECENT_EVENTS:
            self._connections.pop(self._recent.popleft(), None)
        return True
