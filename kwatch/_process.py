"""`Process`: a watcher or supervisor that lives in a thread of its own, or in the caller's."""

import atexit
import contextvars
import logging
import os
import time
from collections.abc import Callable
from threading import Event, Lock, Thread, current_thread, get_ident
from types import TracebackType
from typing import Any, Final, Self

from kwatch._drive import drive
from kwatch._errors import WatcherFailed
from kwatch._mailbox import Mailbox
from kwatch._reasons import is_normal
from kwatch._signals import exiting
from kwatch._steps import Steps

logger = logging.getLogger("kwatch")

_alive: "set[Process]" = set()


class Process:
    """Something that lives in a thread: what `Handle` and `Supervisor` have in common.

    Args:
        name: What it is called in messages.

    Attributes:
        reason: Why it has ended; None before.
        failure: What `join` raises, if that was a failure.
        name: What it is called in messages.
    """

    exit_seconds: float | None = 5.0
    """How long the exit of the interpreter waits for it. Source: the default shutdown of OTP."""

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.reason: Any = None
        self._mailbox = Mailbox()
        self._is_started = False
        self._ident: int | None = None
        self._thread: Thread | None = None  # its own; None if it lives in its caller's
        self._begun = Event()
        self._has_begun = False
        self._done = Event()
        self.failure: WatcherFailed | None = None
        self._monitors: dict[object, Callable[[], object]] = {}
        self._lock = Lock()

    def __repr__(self) -> str:
        state = "alive" if self.is_alive() else repr(self.reason) if self._is_started else "new"
        kind = type(self).__name__
        return f"<{kind}, {state}>" if kind == self.name else f"<{kind} of {self.name}, {state}>"

    def is_alive(self) -> bool:
        """Whether it has been started, and has not ended yet."""
        return self._is_started and not self._done.is_set()

    def exit(self, reason: Any = "shutdown") -> None:
        """Ask it to end, and do not wait; may be called from any thread or signal handler.

        Messages that were sent before are handled first, events are not.
        """
        self._check_started()
        self._mailbox.exit(reason)

    def stop(self, reason: Any = "normal", timeout: float | None = None) -> None:
        """Have it end, and wait for it.

        Args:
            reason: What ``terminate`` gets.
            timeout: How many seconds to wait. None: as long as it takes.

        Raises:
            TimeoutError: It has not ended by then; it will, once its callback returns.
            WatcherFailed: It has ended for another reason, which is a failure.
            RuntimeError: It is the watcher itself that calls this: it returns `Stop` instead.
        """
        if self.is_own():
            raise RuntimeError(f"{self.name} does not stop() itself: return Stop(reason, state)")
        self.exit(reason)
        self._wait(timeout)
        is_asked_for = self.reason is reason or self.reason == reason
        if self.failure is not None and (not is_asked_for or is_normal(reason)):
            raise self.failure.with_traceback(None)  # which would grow each time

    def join(self, timeout: float | None = None) -> bool:
        """Wait until it has ended, or for so many seconds; tell whether it has.

        Raises:
            WatcherFailed: It has ended, for an abnormal reason.
        """
        if not self._wait_for_end(timeout):
            return False
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """End it: ``"normal"``, or for the exception that ends the block."""
        self.exit(
            "normal" if error is None else error if isinstance(error, Exception) else "shutdown"
        )
        self._wait(None)
        if error is None:
            self.join()

    def start_link(self) -> Self:
        """Let it live in a thread of its own; wait until it has begun.

        Raises:
            WatcherFailed: It has ended before that, for an abnormal reason.
            RuntimeError: It has been started already.
        """
        self._start()
        run = contextvars.copy_context().run
        name = f"kwatch-{self.name}"
        self._thread = Thread(target=run, args=(self._live_apart,), name=name, daemon=True)
        try:
            self._thread.start()
        except BaseException:  # such as that there can be no more threads
            self.reason, self._thread = "shutdown", None
            self._finish()
            raise
        try:
            self._begun.wait()
        except BaseException:  # such as KeyboardInterrupt
            self.exit("shutdown")
            raise
        if not self._has_begun:
            self.join()
        return self

    def run(self) -> None:
        """Let it live in this thread, to its end.

        In the main thread, SIGTERM ends it with the reason ``"shutdown"``, as does SIGINT, which
        is a KeyboardInterrupt in the end; a second signal does what it always does. A program
        that handles these signals itself keeps doing so.

        Raises:
            WatcherFailed: It has ended for an abnormal reason.
            RuntimeError: It has been started already.
        """
        self._start()
        with exiting(self.exit):
            try:
                self._live()
            finally:
                self._finish()
        if self.failure is not None:
            raise self.failure.with_traceback(None)

    def supervise(self, ended: Callable[[], object]) -> None:
        """Have a supervisor be told of the end; it answers for the exit of the interpreter."""
        self._check_started()
        self._monitor(ended)
        _alive.discard(self)

    def shut_down(self, timeout: float | None) -> bool:
        """Have it end, in so many seconds; tell whether it has."""
        self.exit("shutdown")
        return self._wait_for_end(timeout)

    def is_own(self) -> bool:
        """Whether it is this that calls."""
        return self.is_alive() and get_ident() == self._ident

    def _steps(self) -> Steps:
        """Give its life, which calls `_begin` once that has begun."""
        raise NotImplementedError

    def _begin(self) -> None:
        self._has_begun = True
        self._begun.set()

    def _check_started(self) -> None:
        if not self._is_started:
            raise RuntimeError(f"{self.name} has not been started: call start_link()")

    def _start(self) -> None:
        if self._is_started:
            raise RuntimeError(f"{self.name} has been started already: make another one")
        self._is_started = True
        _alive.add(self)

    def _live_apart(self) -> None:
        try:
            self._live()
        except BaseException as error:  # such as SystemExit
            self.reason, self.failure = error, WatcherFailed(self.name, error)
            self.failure.__cause__ = error
        if self.failure is not None:
            logger.error("%s", self.failure, exc_info=self.failure.__cause__ or False)
        self._finish()

    def _live(self) -> None:
        self._ident = get_ident()
        try:
            self.reason = drive(self._steps(), self._mailbox)
        except WatcherFailed as failure:
            self.reason, self.failure = failure.reason, failure
        except BaseException:
            self.reason = "shutdown"
            raise

    def _finish(self) -> None:
        """Tell that it is over."""
        _alive.discard(self)
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

    def _wait(self, timeout: float | None) -> None:
        if not self._wait_for_end(timeout):
            raise TimeoutError(f"{self.name} has not ended in {timeout} s")

    def _wait_for_end(self, timeout: float | None) -> bool:
        """Wait for the end, and until its thread is gone; tell whether it has come."""
        self._check_started()
        if self.is_own():
            raise RuntimeError(f"{self.name} cannot wait for its own end")
        if not self._done.wait(timeout):
            return False
        if self._thread is not None and self._thread is not current_thread():
            self._thread.join()
        return True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_alive.clear)  # which has none of the threads


@atexit.register
def _exit_all() -> None:
    """End what is left when the interpreter exits."""
    left = list(_alive)
    began = time.monotonic()
    for process in left:
        process.exit("shutdown")
    for process in left:
        limit, spent = process.exit_seconds, time.monotonic() - began
        process._wait_for_end(None if limit is None else max(0.0, limit - spent))
