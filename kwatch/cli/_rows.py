"""What the live table has to show, without the drawing."""

import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

from kwatch import Event
from kwatch.cli._summary import birth, summary

FRESH_SECONDS = 3.0
"""How long a change is highlighted, and what was deleted stays."""

RATE_SECONDS = 10
"""Over how long the changes per second are counted."""

Key: TypeAlias = tuple[str, str]


@dataclass(slots=True)
class Row:
    """One object.

    Attributes:
        namespace: Empty where it has none.
        name: Its name.
        status: Its state in a few words.
        version: Its resource version.
        born: When it was created, Unix time in seconds; None where that is not known.
        event_type: What happened to it last.
        changed: When that was, Unix time in seconds; None: it is as it was at the start.
    """

    namespace: str
    name: str
    status: str
    version: str
    born: float | None
    event_type: str
    changed: float | None


class Rows:
    """The objects and how they change; for one thread at a time.

    Of each object only what its row shows is kept.

    Args:
        clock: Gives Unix time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._begun = clock()
        self._rows: OrderedDict[Key, Row] = OrderedDict()  # the one that changed last comes last
        self._dying: dict[Key, float] = {}
        self._namespaces: Counter[str] = Counter()
        self._counts: deque[list[int]] = deque()

    def __len__(self) -> int:
        """How many objects exist."""
        return len(self._rows) - len(self._dying)

    @property
    def namespaces(self) -> int:
        """How many namespaces they are in."""
        return len(self._namespaces)

    def take(self, event: Event, *, is_initial: bool = False) -> None:
        """Note what happened to an object.

        Args:
            event: No bookmark.
            is_initial: Whether it tells only of an object that exists: that is no change.
        """
        event_type, obj = event
        now, key = self._clock(), _key(obj)
        if not is_initial:
            self._count(now)
        before = self._rows.get(key)
        if before is None:
            self._namespaces[key[0]] += 1
        version = obj["metadata"].get("resourceVersion")
        row = Row(*key, summary(obj), str(version), birth(obj), str(event_type), now)
        self._dying.pop(key, None)
        if event_type == "deleted":
            self._dying[key] = now
            if before is not None:  # all of which may be gone from the object
                row.status, row.born = before.status, before.born
        self._rows[key] = row
        self._rows.move_to_end(key, last=not is_initial)
        if is_initial:
            row.changed = None

    def visible(self, most: int) -> list[Row]:
        """Give the rows to show, by namespace and name; of too many, those that changed last."""
        self._bury()
        rows = islice(reversed(self._rows.values()), max(0, most))
        return sorted(rows, key=lambda row: (row.namespace, row.name))

    def is_fresh(self, row: Row) -> bool:
        """Whether it has changed just now."""
        return row.changed is not None and self._clock() - row.changed < FRESH_SECONDS

    def rate(self) -> float:
        """Give the changes per second, of late."""
        now = self._clock()
        self._forget(now)
        seconds = min(float(RATE_SECONDS), max(1.0, now - self._begun))
        return sum(count for _, count in self._counts) / seconds

    def _bury(self) -> None:
        now = self._clock()
        gone = [key for key, died in self._dying.items() if now - died >= FRESH_SECONDS]
        for key in gone:
            del self._dying[key], self._rows[key]
            self._namespaces[key[0]] -= 1
            if not self._namespaces[key[0]]:
                del self._namespaces[key[0]]

    def _count(self, now: float) -> None:
        second = int(now)
        if not self._counts or self._counts[-1][0] != second:
            self._forget(now)
            self._counts.append([second, 0])
        self._counts[-1][1] += 1

    def _forget(self, now: float) -> None:
        while self._counts and self._counts[0][0] <= now - RATE_SECONDS:
            self._counts.popleft()


def _key(obj: dict[str, Any]) -> Key:
    namespace, name = (obj["metadata"].get(it) for it in ("namespace", "name"))
    return namespace if isinstance(namespace, str) else "", str(name or "?")
