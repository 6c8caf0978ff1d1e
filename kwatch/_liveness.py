"""How long a watch may be silent before it is taken for dead."""

from collections import deque
from typing import Final

SILENT_INTERVALS: Final = 2.5
"""So many times the interval between two bookmarks."""

MIN_SILENCE_SECONDS: Final = 1.0
"""Less is no silence, however fast the bookmarks come."""

MIN_INTERVALS: Final = 2
"""One alone tells little: two bookmarks may come within a second, and then none for long."""

INTERVALS: Final = 5
"""The longest of so many intervals counts: the last one of a connection's life is shorter."""

MAX_DOUBT: Final = 1_024
"""By how much the bound grows, at most, while no bookmark comes any more."""


class Liveness:
    """Learns from the bookmarks how long the server is ever silent.

    Nothing here runs: it only tells how long a read may take. Where no bookmark was seen, that is
    for the request's own read timeout to say.
    """

    def __init__(self) -> None:
        self._intervals: deque[float] = deque(maxlen=INTERVALS)
        self._since = 0.0
        self._reading = 0.0  # how much of the time since then reads have taken
        self._doubt = 1

    def opened(self, now: float) -> None:
        """A watch was opened; ``now`` is in seconds, as everywhere in here."""
        self._since, self._reading = now, 0.0

    def waited(self, seconds: float) -> None:
        """A read took so long, until something came."""
        self._reading += seconds

    def keeps_up(self, now: float) -> bool:
        """Whether most of the time went into reading, so that nothing has piled up."""
        return 2 * self._reading > now - self._since

    def bookmark(self, now: float) -> None:
        """A bookmark came, at its regular time."""
        self._intervals.append(now - self._since)
        self._since, self._reading = now, 0.0
        self._doubt = 1

    def silent(self) -> None:
        """A read took longer than `patience`; until it is sure that bookmarks come, allow more."""
        self._doubt = min(2 * self._doubt, MAX_DOUBT)

    def patience(self, at_most: float) -> float:
        """Give how many seconds a read may take."""
        if len(self._intervals) < MIN_INTERVALS:
            return at_most
        silence = max(MIN_SILENCE_SECONDS, SILENT_INTERVALS * max(self._intervals))
        return min(at_most, silence * self._doubt)
