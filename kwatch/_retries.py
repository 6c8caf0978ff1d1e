"""How often things went wrong in a row, and how long to wait before the next attempt."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kwatch._backoff import Backoff

GAP_SECONDS: Final = 60.0
"""Gaps that are farther apart have nothing to do with each other."""


@dataclass(slots=True)
class Retries:
    """The counts of one watch; each is of things in a row.

    Attributes:
        short: Connections that ended after a moment, and had brought something.
        empty: Connections that ended after a moment, with nothing.
        broken: Connections that broke the contract.
        throttled: Starts that a busy server put off.
        initial: Attempts to stream what exists.
        idle_pages: Pages of a list that brought nothing.
        silent: Connections that brought nothing for long, and were not ended by the server.
        last_delay: The seconds of the last wait.
    """

    backoff: Backoff
    random: Callable[[], float]
    short: int = 0
    empty: int = 0
    broken: int = 0
    throttled: int = 0
    initial: int = 0
    idle_pages: int = 0
    silent: int = 0
    last_delay: float = 0.0
    _attempt: int = 0
    _gaps: int = 0
    _gap_at: float = float("-inf")

    def delay(self, at_least: float | None = None) -> float:
        """Give the seconds to wait before the next attempt, and count it."""
        self.last_delay = max(self.backoff.delay(self._attempt, self.random()), at_least or 0.0)
        self._attempt += 1
        return self.last_delay

    def gap(self, now: float) -> float:
        """Count a gap; give the seconds to wait before it is healed: none if it is the first.

        A gap that came soon after another may be followed by the next one as soon.
        """
        if now - self._gap_at > GAP_SECONDS:
            self._gaps = 0
        self._gaps += 1
        self._gap_at = now
        return self.backoff.delay(self._gaps - 2, self.random()) if self._gaps > 1 else 0.0

    def forget_attempts(self) -> None:
        """Begin the delays anew."""
        self._attempt = 0

    def forgive(self) -> None:
        """A connection was good: what went wrong before does not count any more."""
        self._attempt = self.broken = 0
        self.last_delay = 0.0
