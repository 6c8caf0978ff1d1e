"""`Linked`: what a life looks like from outside, whether a thread lives it or a task."""

import logging
from collections.abc import Callable
from threading import Lock
from typing import Any, Final, Protocol

from kwatch._errors import WatcherFailed
from kwatch._reasons import is_normal
from kwatch._steps import Arrival, Steps

logger = logging.getLogger("kwatch")


class Flag(Protocol):
    """An event of threading or anyio."""

    def set(self) -> object:
        """Set it."""

    def is_set(self) -> bool:
        """Whether it is set."""


class Letterbox(Protocol):
    """What others see of a mailbox."""

    def put(self, arrival: Arrival) -> None:
        """Put something in."""

    def exit(self, reason: Any) -> None:
        """Ask for the end."""


class Linked:
    """What `Process` and `AsyncProcess` have in common.

    Args:
        name: What it is called in messages.

    Attributes:
        name: What it is called in messages.
        reason: Why it has ended; None before.
        failure: What `join` raises, if that was a failure.
    """

    _mailbox: Letterbox
    _begun: Flag
    _done: Flag

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.reason: Any = None
        self.failure: WatcherFailed | None = None
        self._is_started = False
        self._has_begun = False
        self._monitors: dict[object, Callable[[], object]] = {}
        self._lock = Lock()

    def __repr__(self) -> str:
        state = "alive" if self.is_alive() else repr(self.reason) if self._is_started else "new"
        kind = type(self).__name__
        return f"<{kind}, {state}>" if kind == self.name else f"<{kind} of {self.name}, {state}>"

    def is_alive(self) -> bool:
        """Whether it has been started, and has not ended yet."""
        return self._is_started and not self._done.is_set()

    def is_own(self) -> bool:
        """Whether it is this that calls."""
        raise NotImplementedError

    def start_link(self) -> Any:
        """Let it live apart from the caller; give it back, once it has begun."""
        raise NotImplementedError

    def exit(self, reason: Any = "shutdown") -> None:
        """Ask it to end, and do not wait; may be called from any thread or signal handler.

        Messages that were sent before are handled first, events are not.
        """
        self._check_started()
        self._mailbox.exit(reason)

    def supervise(self, ended: Callable[[], object]) -> None:
        """Have a supervisor be told of the end."""
        self._check_started()
        self._monitor(ended)

    def _steps(self) -> Steps:
        """Give its life, which calls `_begin` once that has begun."""
        raise NotImplementedError

    def _start(self) -> None:
        if self._is_started:
            raise RuntimeError(f"{self.name} has been started already: make another one")
        self._is_started = True

    def _begin(self) -> None:
        self._has_begun = True
        self._begun.set()

    def _finish(self) -> None:
        """Tell that it is over; once more does no harm."""
        if self._done.is_set():
            return
        self._done.set()
        self._begun.set()
        with self._lock:
            monitors = list(self._monitors.values())
        for monitor in monitors:
            monitor()

    def _monitor(self, ended: Callable[[], object]) -> Callable[[], object]:
        """Have something called once it has ended, at once if it has; give what forgets that."""
        key = object()
        with self._lock:
            self._monitors[key] = ended
            has_ended = self._done.is_set()  # `_finish` may call it too: once more does no harm
        if has_ended:
            ended()
        return lambda: self._monitors.pop(key, None)

    def _fail(self, error: BaseException) -> None:
        """Note an error that its life has let through."""
        self.reason, self.failure = error, WatcherFailed(self.name, error)
        self.failure.__cause__ = error

    def _log_failure(self) -> None:
        """Say of what it has failed, if it has: nobody else may look."""
        if self.failure is not None:
            logger.error("%s", self.failure, exc_info=self.failure.__cause__ or False)

    def _check_started(self) -> None:
        if not self._is_started:
            raise RuntimeError(f"{self.name} has not been started: call start_link()")

    def _check_end(self) -> None:
        """See that it has not failed."""
        if self.failure is not None:
            raise self.failure.with_traceback(None)  # which would grow each time

    def _check_stop(self, reason: Any) -> None:
        """See that it has not failed of anything but what it was told to end for."""
        is_asked_for = self.reason is reason or self.reason == reason
        if not is_asked_for or is_normal(reason):
            self._check_end()


def reason_of(error: BaseException | None) -> Any:
    """Give the reason to end what is linked to a block that ends, by an error or without."""
    if error is None:
        return "normal"
    return error if isinstance(error, Exception) else "shutdown"
