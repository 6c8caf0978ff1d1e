"""The statuses of the sessions of one stream, and the one of all of them."""

import threading
from collections.abc import Iterable
from typing import Any, TypeVar

from kwatch._cursor import is_older
from kwatch._status import WatchState, WatchStatus

K = TypeVar("K", bound=str | None)

_SUMMED = ("connects", "relists", "skipped", "state", "synced")


class Whole:
    """Keeps the status of a stream current that has a session for each namespace.

    No thread waits for another one: it may be the same, in which the garbage collector has just
    closed a stream that somebody left.

    Args:
        status: The status of all.

    Attributes:
        status: See above.
        parts: The statuses of the sessions.
    """

    def __init__(self, status: WatchStatus) -> None:
        self.status = status
        self.parts: tuple[Part, ...] = ()
        self._busy = threading.Lock()
        self._changed = False

    def gather(self) -> None:
        """Sum up the parts, of which any thread may have changed one."""
        self._changed = True
        while self._changed and self._busy.acquire(blocking=False):
            self._changed = False
            try:
                self._sum_up(self.parts)
            finally:
                self._busy.release()

    def _sum_up(self, found: Iterable[WatchStatus]) -> None:
        status = self.status
        status.connects = sum(part.connects for part in found)
        status.relists = sum(part.relists for part in found)
        status.skipped = sum(part.skipped for part in found)
        status.synced = all(part.synced for part in found)
        status.resource_version = _oldest([part.resource_version for part in found])
        others = (part.state for part in found if part.state is not WatchState.WATCHING)
        status.state = next(others, WatchState.WATCHING)


class Part(WatchStatus):
    """The status of one session: keeps that of the stream current.

    What its session has reached was not yielded yet, as long as it waits for its turn among those
    of other sessions, or for whoever handles it in another thread. So `advance` only notes it, and
    `publish` moves the cursor.

    Args:
        whole: Keeps the status of the stream.

    Attributes:
        reached: What `publish` is to be given when all that was yielded so far is handled.
    """

    _whole: Whole | None = None

    def __init__(self, whole: Whole) -> None:
        super().__init__(_clock=whole.status._clock, _wall_clock=whole.status._wall_clock)
        self.reached: tuple[str | None, bool] = None, False
        self._whole = whole

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if self._whole is not None:
            if name == "last_error" and value is not None:
                self._whole.status.last_error = value
            elif name in _SUMMED:
                self._whole.gather()

    def contact(self) -> None:
        """Note that the server was heard of just now."""
        super().contact()
        if self._whole is not None:
            self._whole.status.last_contact = self.last_contact

    def alive(self) -> None:
        """Note that this watch goes on, and so does the whole."""
        super().alive()
        if self._whole is not None:
            self._whole.status.alive()

    def advance(self, resource_version: str | None, *, synced: bool) -> None:
        """Note what was reached."""
        self.reached = resource_version, synced
        is_here = resource_version is not None and resource_version == self.resource_version
        if synced and not self.synced and is_here:  # where it begins: nothing comes before that
            self.publish(self.reached, 0)

    def count(self) -> None:
        """Nothing: `publish` counts."""

    def publish(self, reached: tuple[str | None, bool], events: int) -> None:
        """Note that all up to there was yielded, or is about to be, and how many events that is."""
        before = self.resource_version, self.synced
        super().__setattr__("resource_version", reached[0])
        super().__setattr__("synced", reached[1])
        self.events += events
        if self._whole is not None:
            self._whole.status.events += events
            oldest = self._whole.status.resource_version
            was_ahead, is_ahead = is_older(oldest, before[0]), is_older(oldest, reached[0])
            if not (was_ahead and is_ahead) or reached[1] != before[1]:
                self._whole.gather()


def parts(status: WatchStatus, namespaces: Iterable[K]) -> dict[K, Part]:
    """Begin a status anew that has a part for each namespace, or one that has no name."""
    status.begin(None)
    whole = Whole(status)
    found = {namespace: Part(whole) for namespace in namespaces}
    whole.parts = tuple(found.values())
    status.namespaces = {name: part for name, part in found.items() if name is not None}
    return found


def _oldest(versions: list[str | None]) -> str | None:
    """Give the oldest of some resource versions; None where that cannot be told."""
    oldest = versions[0] if versions else None
    for version in versions[1:]:
        if is_older(version, oldest):
            oldest = version
        elif version != oldest and not is_older(oldest, version):
            return None
    return oldest
