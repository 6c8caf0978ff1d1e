"""How a watch went so far, and what a failure is worth by that."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from kwatch._backoff import Backoff
from kwatch._errors import StatusError
from kwatch._siblings import Siblings
from kwatch._stream import Stream

SHORT_SECONDS: Final = 0.9
"""A connection that lived longer was no failure, if it brought news or outlived the wait before.

The shortest life that can be asked for is a second.
"""

MAX_THROTTLED_STARTS: Final = 10
"""So often a start is put off because the server is busy. Source: client-go's maxRetries."""

MAX_THROTTLED_SECONDS: Final = 60.0
"""And so long: a server that is busy for longer shows itself at once."""

GAP_SECONDS: Final = 60.0
"""Gaps that are farther apart have nothing to do with each other."""

FOR_A_PERSON: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
"""What a server does not get over by itself, as a rule."""

_RETRIED = (*FOR_A_PERSON, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class Record:
    """Counts what happened, in a row, and gives the delays that follow from it.

    Args:
        backoff: The delays between failed attempts.
        random: Gives numbers in [0, 1).
        siblings: Whether others bear a failure at the start.

    Attributes:
        reached: A list or a watch was answered: from now on, transport errors are retried,
        listed: a list gave something: so are other errors of a list, and those of the server,
        proven: a watch gave an event, or ended: and all others.
        given: The consumer was given an object.
        short: Connections that ended after a moment, and had brought something.
        empty: Connections that ended after a moment, with nothing.
        early: Connections that were quiet, and ended long before their time.
        broken: Connections that broke the contract.
        initial: Attempts to stream what exists,
        endless: and how many of them stalled, or ended before their end was marked.
        idle_pages: Pages of a list that brought nothing.
        stalled: Connections that brought nothing recent, and were not ended by the server.
        silence: The seconds of connections that brought nothing recent, and were.
    """

    def __init__(self, backoff: Backoff, random: Callable[[], float], siblings: Siblings) -> None:
        self.reached = self.listed = self.proven = self.given = False
        self.short = self.empty = self.early = self.broken = self.stalled = 0
        self.initial = self.endless = self.idle_pages = 0
        self.silence = 0.0
        self._backoff = backoff
        self._random = random
        self._siblings = siblings
        self._throttled = self._attempts = self._attempts_before = self._gaps = 0
        self._last_delay = 0.0
        self._gap_at = float("-inf")

    def list_began(self) -> None:
        """A list is about to be asked for."""
        self._attempts_before = self._attempts

    def page(self, *, idle: bool, again: bool) -> None:
        """A page of a list came whole.

        What went wrong in this list is forgotten, but not what went wrong before: that a list
        comes does not mean that the watch after it will.

        Args:
            idle: Whether it brought nothing.
            again: Whether the list had to begin anew, and brings the same pages again.
        """
        self.listed = True
        self._siblings.succeed()
        self.broken = 0
        self.idle_pages = self.idle_pages + 1 if idle else 0
        if not idle and not again:
            self._attempts = min(self._attempts, self._attempts_before)

    def heard(self, stream: Stream) -> None:
        """Something came on a connection."""
        self.proven = True
        self._siblings.succeed()
        self.empty = 0
        if stream.recent:
            self.silence, self.stalled = 0.0, 0
        if stream.news:
            self.broken = 0

    def ended(self, stream: Stream, lived: float) -> bool:
        """A connection is over, after so many seconds; tell whether it was good.

        If so, what went wrong before does not count any more.
        """
        if lived <= SHORT_SECONDS:
            return False
        self.proven = True
        self.empty = self.short = 0
        good = stream.news > 0 or lived > self._last_delay
        if good:
            self._attempts = self.broken = 0
            self._last_delay = 0.0
        return good

    def may_start(self) -> bool:
        """Whether the server was reached once, or others bear that it is not."""
        return self.reached or self._siblings.bear(self)

    def may_retry(self, error: StatusError, *, listing: bool) -> bool:
        """Whether an error is retried: of a list, or else of a watch."""
        internal = error.code >= HTTPStatus.INTERNAL_SERVER_ERROR
        if self.proven or (listing and self.listed) or self._siblings.bear(self):
            return error.code in _RETRIED or internal
        if self.listed and internal:
            return True
        self._throttled += 1
        return (
            error.code == HTTPStatus.TOO_MANY_REQUESTS
            and (error.retry_after or 0.0) <= MAX_THROTTLED_SECONDS
            and self._throttled <= MAX_THROTTLED_STARTS
        )

    def forget_attempts(self) -> None:
        """Begin the delays anew."""
        self._attempts = 0

    def delay(self, at_least: float | None = None) -> float:
        """Give the seconds to wait before the next attempt, and count it."""
        delay = self._backoff.delay(self._attempts, self._random())
        self._last_delay = max(delay, at_least or 0.0)
        self._attempts += 1
        return self._last_delay

    def gap(self, now: float) -> float:
        """Count a gap; give the seconds to wait before it is healed: none if it is the first.

        One that came soon after another may be followed by the next one as soon.
        """
        if now - self._gap_at > GAP_SECONDS:
            self._gaps = 0
        self._gaps += 1
        self._gap_at = now
        return self._backoff.delay(self._gaps - 2, self._random()) if self._gaps > 1 else 0.0
