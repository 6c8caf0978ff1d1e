"""`Process`: a watcher or supervisor that lives in a thread of its own, or in the caller's."""

import atexit
import contextvars
import os
import time
from collections.abc import Callable
from threading import Event, Thread, current_thread, get_ident
from types import TracebackType
from typing import Any, Self

from kwatch._drive import drive
from kwatch._errors import WatcherFailed
from kwatch._linked import Linked, reason_of
from kwatch._mailbox import Mailbox
from kwatch._signals import exiting

_alive: "set[Process]" = set()


class Process(Linked):
    """Something that lives in a thread: what `Handle` and `Supervisor` have in common."""

    _mailbox: Mailbox
    _begun: Event
    _done: Event

    exit_seconds: float | None = 5.0
    """How long the exit of the interpreter waits for it. Source: the default shutdown of OTP."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._mailbox = Mailbox()
        self._begun = Event()
        self._done = Event()
        self._ident: int | None = None
        self._thread: Thread | None = None  # its own; None if it lives in its caller's

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
        self._check_stop(reason)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until it has ended, or for so many seconds; tell whether it has.

        Raises:
            WatcherFailed: It has ended, for an abnormal reason.
        """
        if not self._wait_for_end(timeout):
            return False
        self._check_end()
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """End it: ``"normal"``, or for the exception that ends the block."""
        self.exit(reason_of(error))
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
        self._check_end()

    def supervise(self, ended: Callable[[], object]) -> None:
        """Have a supervisor be told of the end; it answers for the exit of the interpreter."""
        super().supervise(ended)
        _alive.discard(self)

    def shut_down(self, timeout: float | None) -> bool:
        """Have it end, in so many seconds; tell whether it has."""
        self.exit("shutdown")
        return self._wait_for_end(timeout)

    def is_own(self) -> bool:
        """Whether it is this that calls."""
        return self.is_alive() and get_ident() == self._ident

    def _start(self) -> None:
        super()._start()
        _alive.add(self)

    def _finish(self) -> None:
        _alive.discard(self)
        super()._finish()

    def _live_apart(self) -> None:
        try:
            self._live()
        except BaseException as error:  # such as SystemExit
            self._fail(error)
        self._log_failure()
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
