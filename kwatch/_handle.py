"""`Handle`: a watcher that lives in a thread of its own, or in the caller's."""

import atexit
import contextvars
import logging
from collections.abc import Generator, Iterable
from contextlib import ExitStack
from threading import Event, Thread, current_thread
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

from kwatch._delivery import Delivery
from kwatch._drive import drive
from kwatch._errors import WatcherFailed
from kwatch._life import Life
from kwatch._mailbox import Mailbox
from kwatch._reader import Reader
from kwatch._signals import exiting
from kwatch._status import WatchStatus
from kwatch._steps import Ended, Message
from kwatch._stop import StopEvent

S = TypeVar("S")

logger = logging.getLogger("kwatch")

EXIT_SECONDS: Final = 5.0
"""How long the exit of the interpreter waits for each watcher. Source: OTP's default shutdown."""

READER_SECONDS: Final = 1.0
"""How long the end of a watcher waits for its reader, which takes 100 ms unless it is stuck."""

_alive: "set[Handle[Any]]" = set()


class Handle(Generic[S]):
    """A running watcher: what ``start_link`` gives.

    It is linked: a failure of the watcher is a `WatcherFailed` in `join`, `result` and `stop`, and
    at the end of a ``with`` block, which stops it. At the exit of the interpreter it is told to
    stop, with the reason ``"shutdown"``, and has 5 s for it.

    Attributes:
        status: What the watch does; its cursor is behind no event that was not handled.
        reason: Why the watcher has ended; None before.
    """

    def __init__(
        self,
        life: Life[S],
        init_arg: Any,
        sources: Iterable[Generator[Delivery, None, None]],
        source_stop: StopEvent,
        status: WatchStatus,
        stop_event: StopEvent | None = None,
    ) -> None:
        self.status = status
        self.reason: Any = None
        self._life = life
        self._init_arg = init_arg
        self._sources = tuple(sources)
        self._source_stop = source_stop
        self._stop_event = stop_event
        self._stopping = ExitStack()
        self._mailbox = Mailbox()
        self._threads: list[Thread] = []
        self._thread: Thread | None = None
        self._begun = Event()
        self._has_begun = False
        self._failure: WatcherFailed | None = None

    def __repr__(self) -> str:
        return f"<Handle of {self._life.name}, {'alive' if self.is_alive() else self.reason!r}>"

    @property
    def state(self) -> S:
        """What the last callback has returned."""
        state: S = self._life.state
        return state

    def is_alive(self) -> bool:
        """Whether the watcher has not ended yet."""
        return self._thread is not None and self._thread.is_alive()

    def send(self, message: Any) -> None:
        """Send a message for ``handle_info``, from any thread; each is handled once, in order.

        A watcher that has ended takes none: as in OTP, nobody is told.
        """
        self._mailbox.put(Message(message))

    def exit(self, reason: Any = "shutdown") -> None:
        """Ask the watcher to end, and do not wait; may be called in a signal handler.

        Messages that were sent before are handled first, events are not.
        """
        self._mailbox.exit(reason)

    def stop(self, reason: Any = "normal", timeout: float | None = None) -> None:
        """Have the watcher end, and wait for it.

        Args:
            reason: What ``terminate`` gets.
            timeout: How many seconds to wait. None: as long as it takes.

        Raises:
            TimeoutError: It has not ended by then; it will, once its callback returns.
            WatcherFailed: It has ended for another reason, which is abnormal.
            RuntimeError: It is the watcher itself that calls this: it returns `Stop` instead.
        """
        if current_thread() is self._thread:
            raise RuntimeError("a watcher does not stop() itself: return Stop(reason, state)")
        self.exit(reason)
        self._wait(timeout)
        if self._failure is not None and self.reason is not reason and self.reason != reason:
            raise self._failure

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the watcher has ended, or for so many seconds; tell whether it has.

        Raises:
            WatcherFailed: It has ended, for an abnormal reason.
        """
        if self._thread is not None:
            self._thread.join(timeout)
        if self.is_alive():
            return False
        if self._failure is not None:
            raise self._failure
        return True

    def result(self, timeout: float | None = None) -> S:
        """Wait until the watcher has ended; give its last state.

        Raises:
            TimeoutError: It has not ended in so many seconds.
            WatcherFailed: It has ended for an abnormal reason.
        """
        self._wait(timeout)
        self.join()
        return self.state

    def __enter__(self) -> "Handle[S]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Stop the watcher: ``"normal"``, or for the exception that ends the block."""
        self.exit(
            "normal" if error is None else error if isinstance(error, Exception) else "shutdown"
        )
        self._wait(None)
        if error is None:
            self.join()

    def start(self) -> "Handle[S]":
        """Let it live in a thread; wait until ``init`` has returned.

        Raises:
            WatcherFailed: ``init`` has failed, or returned `Stop` with an abnormal reason.
        """
        run = contextvars.copy_context().run
        name = f"kwatch-{self._life.name}"
        self._thread = Thread(target=run, args=(self._live_apart,), name=name, daemon=True)
        _alive.add(self)
        self._thread.start()
        try:
            self._begun.wait()
        except BaseException:  # such as KeyboardInterrupt
            self.exit("shutdown")
            raise
        if not self._has_begun:
            self.join()
        return self

    def run(self) -> S:
        """Let it live in this thread; give its last state."""
        with exiting(self.exit):
            self._live()
        if self._failure is not None:
            raise self._failure
        return self.state

    def _live_apart(self) -> None:
        try:
            self._live()
        except BaseException as error:  # such as SystemExit
            self.reason, self._failure = error, WatcherFailed(self._life.name, error)
            self._failure.__cause__ = error
        if self._failure is not None:
            logger.error("%s", self._failure, exc_info=self._failure.__cause__ or False)
        _alive.discard(self)
        self._begun.set()

    def _live(self) -> None:
        try:
            steps = self._life.steps(self._init_arg, self._begin, self._end)
            self.reason = drive(steps, self._mailbox)
        except WatcherFailed as failure:
            self.reason, self._failure = failure.reason, failure

    def _begin(self) -> None:
        self._has_begun = True
        self._begun.set()
        if self._stop_event is not None:
            self._stopping.enter_context(self._stop_event.calling(lambda: self.exit("normal")))
        for source in self._sources:
            self._threads.append(Reader(source, self._mailbox.deliver, self._ended).thread)

    def _ended(self, error: BaseException | None) -> None:
        self._mailbox.put(Ended(error))

    def _end(self) -> None:
        self._source_stop.set()
        self._mailbox.close()
        for thread in self._threads:
            thread.join(READER_SECONDS)
        self._stopping.close()

    def _wait(self, timeout: float | None) -> None:
        if self._thread is not None:
            self._thread.join(timeout)
        if self.is_alive():
            raise TimeoutError(f"{self._life.name} has not ended in {timeout} s")


@atexit.register
def _exit_all() -> None:
    """End the watchers that are left, when the interpreter exits."""
    left = list(_alive)
    for handle in left:
        handle.exit("shutdown")
    for handle in left:
        if handle._thread is not None:
            handle._thread.join(EXIT_SECONDS)
