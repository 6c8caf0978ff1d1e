"""When the command ends: ``--until``, ``--any`` and ``--timeout`` together."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import click

from kwatch import KwatchError, StopEvent, WatchStatus
from kwatch._interrupt import Interrupted
from kwatch.cli._until import Condition, Until


class NotReachedError(KwatchError):
    """The end came before what ``--until`` waits for."""


@dataclass(frozen=True, slots=True)
class Ending:
    """When it ends, as the options have it.

    Attributes:
        condition: What is waited for; None: nothing.
        any_: Whether one object that meets it is enough.
        seconds: How long at most; None: for ever.
    """

    condition: Condition | None
    any_: bool
    seconds: float | None

    @classmethod
    def of(cls, values: dict[str, Any], *, is_whole: bool = True) -> Self:
        """Make one of the values of the options.

        Args:
            values: They.
            is_whole: Whether all that exists is going to come.

        Raises:
            click.UsageError: They contradict each other.
        """
        condition: Condition | None = values["until"]
        any_ = values["any_"]
        if condition is None and any_:
            raise click.UsageError("--any goes with --until")
        if condition is not None and not (is_whole or any_):
            raise click.UsageError(
                "--until looks at all objects that exist, and --watch-only and --resource-version"
                " leave them out: add --any, or leave that"
            )
        if condition is not None and condition.needs_status and values.get("metadata_only"):
            raise click.UsageError(
                f"--until {condition.text} looks at the status, and --metadata-only leaves that out"
            )
        return cls(condition, any_, values["timeout"])

    def until(self, status: WatchStatus | None = None, ends: int = 1) -> Until | None:
        """Make what takes the events in, see `Until`; None where nothing is waited for."""
        if self.condition is None:
            return None
        return Until(self.condition, any_=self.any_, status=status, ends=ends)

    @contextmanager
    def deadline(self) -> Iterator[StopEvent]:
        """Have an event set when the time is over, and a request that it interrupts end quietly.

        Without a time it is never set, and there all the same: a request that can be interrupted
        is sent in a thread, and so nothing in it keeps a signal waiting, as a slow DNS would.
        """
        stop_event = StopEvent()
        timer = threading.Timer(self.seconds or 0, stop_event.set)
        if self.seconds is not None:
            timer.start()
        try:
            yield stop_event
        except Interrupted:
            pass  # that was the deadline
        finally:
            timer.cancel()

    def check(
        self, until: Until | None, stop_event: StopEvent, status: WatchStatus | None = None
    ) -> None:
        """See that what was waited for has come, and that anything has.

        Args:
            until: What was waited for; None: nothing.
            stop_event: Set if the time is over.
            status: Of the watch; None: there was none.

        Raises:
            NotReachedError: It has not.
        """
        is_over = stop_event.is_set()
        if is_over and until is None and status is not None and not _has_begun(status):
            raise NotReachedError(
                f"timed out after {self.seconds:g} s: the server has not answered"
            )
        if until is None or until.is_reached:
            return
        if is_over:
            raise NotReachedError(f"timed out after {self.seconds:g} s: {until}")
        if not until.finish():
            raise NotReachedError(f"the recording is over: {until}")


def _has_begun(status: WatchStatus) -> bool:
    """Whether a watch was opened, or something of a list has come."""
    return status.connects > 0 or status.events > 0
