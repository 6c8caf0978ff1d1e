"""The statuses of several namespaces, and the one of all of them."""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from kwatch._cursor import is_older
from kwatch._status import WatchState, WatchStatus

_gathering = threading.Lock()


class Part(WatchStatus):
    """The status of one namespace: keeps that of the whole current.

    What its session has reached was not yielded yet, as long as it waits for its turn among the
    other namespaces. So `advance` only notes it, and `publish` moves the cursor.

    Args:
        whole: The status that has this one among its ``namespaces``.

    Attributes:
        reached: What `publish` is to be given when all that was yielded so far is handled.
    """

    _whole: WatchStatus | None = None

    def __init__(self, whole: WatchStatus) -> None:
        super().__init__(_clock=whole._clock, _wall_clock=whole._wall_clock)
        self.reached: tuple[str | None, bool] = None, False
        self._whole = whole

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if self._whole is not None and not name.startswith("_"):
            if name == "last_error" and value is not None:
                self._whole.last_error = value
            _gather(self._whole)

    def contact(self) -> None:
        """Note that the server was heard of just now."""
        super().contact()
        if self._whole is not None:
            self._whole.contact()

    def advance(self, resource_version: str | None, *, synced: bool) -> None:
        """Note what was reached."""
        self.reached = resource_version, synced

    def publish(self, reached: tuple[str | None, bool], events: int) -> None:
        """Note that all up to there was yielded, or is about to be, and how many events that is."""
        super().advance(reached[0], synced=reached[1])
        if self._whole is not None:
            self._whole.events += events


def parts(whole: WatchStatus, namespaces: Iterable[str]) -> Mapping[str, Part]:
    """Begin a status anew that has a part for each namespace."""
    whole.begin(None)
    found = {namespace: Part(whole) for namespace in namespaces}
    whole.namespaces = dict(found)
    return found


def _gather(whole: WatchStatus) -> None:
    """Sum up the parts, of which any thread may have changed one."""
    with _gathering:
        found = whole.namespaces.values()
        whole.connects = sum(part.connects for part in found)
        whole.relists = sum(part.relists for part in found)
        whole.synced = all(part.synced for part in found)
        whole.resource_version = _oldest([part.resource_version for part in found])
        others = (part.state for part in found if part.state is not WatchState.WATCHING)
        whole.state = next(others, WatchState.WATCHING)


def _oldest(versions: list[str | None]) -> str | None:
    """Give the oldest of some resource versions; None where that cannot be told."""
    oldest = versions[0] if versions else None
    for version in versions[1:]:
        if is_older(version, oldest):
            oldest = version
        elif version != oldest and not is_older(oldest, version):
            return None
    return oldest
