"""`AsyncHandle`: a running `AsyncWatcher`; the twin of that in ``_handle``."""

from collections.abc import AsyncGenerator, Iterable
from typing import Any, Generic, TypeVar

from kwatch._aprocess import AsyncProcess
from kwatch._areader import Reader
from kwatch._delivery import Delivery
from kwatch._life import Life
from kwatch._status import WatchStatus
from kwatch._steps import Ended, Message, Steps

S = TypeVar("S")


class AsyncHandle(AsyncProcess, Generic[S]):
    """A running `AsyncWatcher`: what its ``start_link`` gives, `Handle` with coroutines.

    `send` and `exit` may be called from any thread; all else in the event loop of the watcher.
    When the event loop ends, so does the watcher: its task is cancelled, the reason ``"shutdown"``.

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
        sources: Iterable[AsyncGenerator[Delivery, None]],
        status: WatchStatus,
    ) -> None:
        super().__init__(life.name)
        self.status = status
        self._life = life
        self._init_arg = init_arg
        self._sources = tuple(sources)
        self._readers: list[Reader[Delivery]] = []

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

    async def result(self, timeout: float | None = None) -> S:  # noqa: ASYNC109
        """Wait until the watcher has ended; give its last state.

        Raises:
            TimeoutError: It has not ended in so many seconds.
            WatcherFailed: It has ended for an abnormal reason.
        """
        await self._wait(timeout)
        await self.join()
        return self.state

    def _steps(self) -> Steps:
        return self._life.steps(self._init_arg, self._begin, self._end)

    def _begin(self) -> None:
        super()._begin()
        for source in self._sources:
            reader = Reader(self.name, source, self._mailbox.deliver, self._ended)
            self._readers.append(reader)

    def _ended(self, error: BaseException | None) -> None:
        self._mailbox.put(Ended(error))

    async def _end(self, is_handled: bool) -> None:
        if not is_handled:
            self._mailbox.give_back()
        for reader in self._readers:
            reader.stop()
        for reader in self._readers:
            await reader.done.wait()
