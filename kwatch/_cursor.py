"""Where a watch is: its resource version, and the events that came right before it."""

from collections import deque
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, TypeAlias

from kwatch._events import BOOKMARK, CREATED, DELETED, Event, EventType

RECENT_EVENTS: Final = 1_000
"""How many events are remembered, to know them again when a resumed watch repeats them."""

_Key: TypeAlias = tuple[EventType, str, str]  # what an event is known again by

UNORDERED: Final = ("", "0")
"""Resource versions that let the server begin with what exists, in no order."""


def is_older(version: str | None, than: str | None) -> bool:
    """Whether a resource version is older than another; never where they cannot be compared.

    Source: KEP-5504, comparable resource versions.

    >>> is_older("99", "100"), is_older("100", "99"), is_older("a1", "a2")
    (True, False, False)
    """
    if not version or not than or (len(version), version) >= (len(than), than):
        return False
    return _is_comparable(version) and _is_comparable(than)


def _is_comparable(version: str) -> bool:
    return version.isascii() and version.isdigit() and version[0] != "0"


class Place(Enum):
    """Where an event stands in the order of things."""

    NEXT = "next"
    """It is news."""
    REPEATED = "repeated"
    """It came before, on an earlier connection, or leads nowhere."""
    LATE = "late"
    """It is a deletion that is older than the cursor: some servers give it the last version."""
    BACK = "back"
    """It is older than the cursor, and never came: the server has gone back in time."""


NEXT: Final = Place.NEXT  # for what looks at each event, like `kwatch._events.CREATED`


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
        self._connection = 0  # that of the last event
        self._recent: deque[_Key] = deque(maxlen=RECENT_EVENTS)  # what that one has brought,
        self._earlier: dict[_Key, None] = {}  # and what those before it had, the oldest first

    def restart(self, resource_version: str) -> None:
        """Go on from a list's resource version, which may be older: what came before is void."""
        self.ordered = True
        self.resource_version = resource_version
        self._recent.clear()
        self._earlier.clear()

    def take(self, event: Event, connection: int) -> Place:
        """Move past an event of a connection, of which there is a number; tell where it stands."""
        event_type, obj = event
        metadata: Mapping[str, Any] = obj["metadata"]
        version: str = metadata["resourceVersion"]
        uid = metadata.get("uid") or f"{metadata.get('namespace')}/{metadata.get('name')}"
        if not self._is_new((event_type, str(uid), version), connection):
            return Place.REPEATED
        cursor = self.resource_version
        if is_older(version, cursor):
            return Place.LATE if event_type is DELETED else Place.BACK
        if self.ordered or event_type is not CREATED:
            self.ordered = True
            self.resource_version = version
        leads_on = version != cursor or event_type is not BOOKMARK
        return NEXT if leads_on else Place.REPEATED

    def _is_new(self, key: _Key, connection: int) -> bool:
        """Remember an event.

        Only a later connection can repeat one. What a connection brings twice are two events, on
        a server whose versions are not unique (unless the objects are known: see `Known.take`).
        """
        recent = self._recent
        if connection != self._connection:
            self._turn_to(connection)
        if self._earlier:
            if key in self._earlier:
                return False
            self._forget(RECENT_EVENTS - len(recent) - 1)
        if not recent or key != recent[-1]:
            recent.append(key)
        return True

    def _turn_to(self, connection: int) -> None:
        self._connection = connection
        self._earlier.update(dict.fromkeys(self._recent))
        self._recent.clear()
        self._forget(RECENT_EVENTS)

    def _forget(self, count: int) -> None:
        """Keep so many of the earlier events."""
        while len(self._earlier) > max(count, 0):
            del self._earlier[next(iter(self._earlier))]
