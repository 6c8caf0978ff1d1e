"""`Handle`: a running watcher."""

from collections.abc import Generator, Iterable
from contextlib import ExitStack
from threading import Thread
from typing import Any, Final, Generic, TypeVar

from kwatch._delivery import Delivery
from kwatch._life import Life
from kwatch._process import Process
from kwatch._reader import Reader
from kwatch._status import WatchStatus
from kwatch._steps import Ended, Message, Steps
from kwatch._stop import StopEvent

S = TypeVar("S")

READER_SECONDS: Final = 1.0
"""How long the end of a watcher waits for its reader, which takes 100 ms unless it is stuck."""


class Handle(Process, Generic[S]):
    """A running watcher: what ``start_link`` gives.

    It is linked: a failure of the watcher is a `WatcherFailed` in `join`, `result` and `stop`, and
    at the end of a ``with`` block, which stops it. At the exit of the interpreter it is told to
    stop, with the reason ``"shutdown"``, and has 5 s for it.

    Attributes:
        name: The class of the watcher.
        status: What the watch does. In a callback, its cursor is that of the event; it never
            stays past an event that was not handled, such as one whose callback has failed.
        reason: Why the watcher has ended; None before.
        failure: The `WatcherFailed` that `join` raises, if that was a failure.
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
        super().__init__(life.name)
        self.status = status
        self._life = life
        self._init_arg = init_arg
        self._sources = tuple(sources)
        self._source_stop = source_stop
        self._stop_event = stop_event
        self._stopping = ExitStack()
        self._threads: list[Thread] = []

    @property
    def state(self) -> S:
        """What the last callback has returned."""
        state: S = self._life.state
        return state

    def send(self, message: Any) -> None:
        """Send a message for ``handle_info``, from any thread; each is handled once, in order.

        A watcher that has ended takes none: as in OTP, nobody is told.
        """
        if self.is_alive():
            self._mailbox.put(Message(message))

    def result(self, timeout: float | None = None) -> S:
        """Wait until the watcher has ended; give its last state.

        Raises:
            TimeoutError: It has not ended in so many seconds.
            WatcherFailed: It has ended for an abnormal reason.
        """
        self._wait(timeout)
        self.join()
        return self.state

    def _steps(self) -> Steps:
        return self._life.steps(self._init_arg, self._begin, self._end)

    def _begin(self) -> None:
        super()._begin()
        if self._stop_event is not None:
            self._stopping.enter_context(self._stop_event.calling(lambda: self.exit("normal")))
        for source in self._sources:
            self._threads.append(Reader(source, self._mailbox.deliver, self._ended).thread)

    def _ended(self, error: BaseException | None) -> None:
        self._mailbox.put(Ended(error))

    def _end(self, is_handled: bool) -> None:
        if not is_handled:
            self._mailbox.give_back()
        self._source_stop.set()
        self._mailbox.close()
        for thread in self._threads:
            thread.join(READER_SECONDS)
        self._stopping.close()
