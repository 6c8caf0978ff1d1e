"""What a running watch tells of itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class WatchState(StrEnum):
    """What a watch is doing; each equals its plain string."""

    NEW = "new"
    """Nothing was asked of the server yet."""
    DISCOVERING = "discovering"
    """Asks the server which resource a kind is."""
    SYNCING = "syncing"
    """Has a watch open that begins with what exists, or is opening one."""
    LISTING = "listing"
    """Lists what exists: at the start, or because what happened in a gap is gone."""
    WATCHING = "watching"
    """Has a watch open, or is opening one."""
    PROBING = "probing"
    """Asks whether the server knows the resource version that brought nothing."""
    WAITING = "waiting"
    """Waits before it asks again."""
    ENDED = "ended"
    """Was stopped, closed, or raised an error."""


@dataclass(slots=True)
class WatchStatus:
    """What a running watch tells of itself: hand one to `watch`, and read it from any thread.

    A status that is handed to a second watch begins anew.

    Attributes:
        resource_version: A cursor. A watch that is given it misses nothing, provided that all
            events yielded so far were handled. None until there is one: what exists comes in no
            order, so that nothing stands for a part of it. While a gap is healed, it stays where
            the gap began. For several namespaces: the oldest of theirs, where they can be compared.
        synced: Whether all that existed at the start has been yielded, or was not asked for and
            the start is known.
        state: What the watch is doing.
        last_contact: When the last byte came from the server, Unix time in seconds; None before.
        events: How many events were yielded, bookmarks apart.
        connects: How many watch connections were opened.
        relists: How many times a gap was healed by a list.
        skipped: How many objects of other shards the server has sent, which were left out. More
            than 0: it makes no shards, and each one costs as much as all.
        last_error: The last error that was retried or raised; None before.
        namespaces: The status of each namespace, where several are watched.

    >>> status = WatchStatus()
    >>> status.state, status.is_healthy(60)
    (<WatchState.NEW: 'new'>, False)
    """

    resource_version: str | None = None
    synced: bool = False
    state: WatchState = WatchState.NEW
    last_contact: float | None = None
    events: int = 0
    connects: int = 0
    relists: int = 0
    skipped: int = 0
    last_error: Exception | None = None
    namespaces: "dict[str, WatchStatus]" = field(default_factory=dict)
    _monotonic_contact: float | None = field(default=None, repr=False)
    _clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    _wall_clock: Callable[[], float] = field(default=time.time, repr=False)

    def is_healthy(self, max_silence_seconds: float) -> bool:
        """Whether the watch runs and the server was heard of lately, in each of the namespaces.

        Contact counts and not events, so that idle is not dead: a quiet server sends a bookmark
        about once a minute. Steps of the wall clock do not matter.

        Args:
            max_silence_seconds: How long the server may be silent. Less than `watch`'s
                ``timeout_seconds`` only makes sense where the server sends bookmarks.
        """
        if self.namespaces:
            return all(part.is_healthy(max_silence_seconds) for part in self.namespaces.values())
        if self.state is WatchState.ENDED or self._monotonic_contact is None:
            return False
        return self._clock() - self._monotonic_contact <= max_silence_seconds

    def begin(self, resource_version: str | None) -> None:
        """Forget an earlier watch."""
        self.resource_version = resource_version
        self.synced = False
        self.state = WatchState.NEW
        self.last_contact = self._monotonic_contact = self.last_error = None
        self.events = self.connects = self.relists = self.skipped = 0
        self.namespaces = {}

    def contact(self) -> None:
        """Note that the server was heard of just now."""
        self.alive()
        self.last_contact = self._wall_clock()

    def alive(self) -> None:
        """Note that the watch goes on, with what came before: its consumer may be slow."""
        self._monotonic_contact = self._clock()

    def count(self) -> None:
        """Note that an event was yielded, or is about to be."""
        self.events += 1

    def advance(self, resource_version: str | None, *, synced: bool) -> None:
        """Note that all up to a cursor was yielded, or is about to be."""
        self.resource_version = resource_version
        self.synced = synced
