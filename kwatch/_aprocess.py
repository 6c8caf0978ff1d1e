"""`AsyncProcess`: a watcher or supervisor that lives in a task of its own, or in the caller's."""

import math
from threading import current_thread, main_thread
from types import TracebackType
from typing import Any, Final, Self

import anyio

from kwatch._adrive import drive
from kwatch._amailbox import Mailbox
from kwatch._errors import WatcherFailed
from kwatch._linked import Linked, reason_of
from kwatch._loop import ends_loop, is_cancellation, spawn
from kwatch._signals import exiting

LOOK_SECONDS: Final = 1.0
"""How often what runs in the main thread looks whether a signal has come."""

KILL_SECONDS: Final = 1.0
"""How long a task that was cancelled is waited for."""


class AsyncProcess(Linked):
    """Something that lives in a task: what `AsyncHandle` and `AsyncSupervisor` have in common.

    `exit` may be called from any thread or signal handler, all else in the event loop of the task.
    """

    _mailbox: Mailbox
    _begun: anyio.Event
    _done: anyio.Event

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._mailbox = Mailbox()

    async def stop(self, reason: Any = "normal", timeout: float | None = None) -> None:  # noqa: ASYNC109
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
        await self._wait(timeout)
        self._check_stop(reason)

    async def join(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109
        """Wait until it has ended, or for so many seconds; tell whether it has.

        Raises:
            WatcherFailed: It has ended, for an abnormal reason.
        """
        if not await self._wait_for_end(timeout):
            return False
        self._check_end()
        return True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """End it: ``"normal"``, or for the exception that ends the block."""
        self.exit(reason_of(error))
        if error is not None and not isinstance(error, Exception):  # the block was cancelled
            self._scope.cancel()
        with anyio.CancelScope(shield=error is not None):
            await self._wait(None)
        if error is None:
            await self.join()

    async def start_link(self) -> Self:
        """Let it live in a task of its own; wait until it has begun.

        Raises:
            WatcherFailed: It has ended before that, for an abnormal reason.
            RuntimeError: It has been started already.
        """
        self._start()
        self._mailbox.open()
        self._task = spawn(self._live_apart, self._finish)
        try:
            await self._begun.wait()
        except BaseException:  # such as the cancellation of the caller
            with anyio.CancelScope(shield=True):
                await self.shut_down(0.0)
            raise
        if not self._has_begun:
            await self.join()
        return self

    async def run(self) -> None:
        """Let it live in this task, to its end.

        In the main thread, SIGTERM ends it with the reason ``"shutdown"``; a second one does what
        it always does. A program that handles this signal itself keeps doing so.

        Raises:
            WatcherFailed: It has ended for an abnormal reason.
            RuntimeError: It has been started already.
        """
        self._start()
        self._mailbox.open(LOOK_SECONDS if current_thread() is main_thread() else math.inf)
        with exiting(self.exit):
            try:
                await self._live()
            finally:
                self._finish()
        self._check_end()

    async def shut_down(self, timeout: float | None) -> bool:  # noqa: ASYNC109
        """Have it end, in so many seconds, or else cancel it; tell whether it has ended."""
        self.exit("shutdown")
        if not await self._wait_for_end(timeout):
            self._scope.cancel()
            return await self._wait_for_end(KILL_SECONDS)
        return True

    def is_own(self) -> bool:
        """Whether it is this that calls."""
        return self.is_alive() and anyio.get_current_task().id == self._ident

    def _start(self) -> None:
        super()._start()
        self._ident: int | None = None
        self._begun = anyio.Event()
        self._done = anyio.Event()
        self._scope = anyio.CancelScope()

    async def _live_apart(self) -> None:
        try:
            with self._scope:
                await self._live()
        except BaseException as error:
            is_cancelled = is_cancellation(error)
            if not is_cancelled:
                self._fail(error)
            if is_cancelled or ends_loop(error):
                raise
        finally:
            self._log_failure()
            self._finish()

    async def _live(self) -> None:
        self._ident = anyio.get_current_task().id
        try:
            self.reason = await drive(self._steps(), self._mailbox)
        except WatcherFailed as failure:
            self.reason, self.failure = failure.reason, failure
        except BaseException:
            self.reason = "shutdown"
            raise

    async def _wait(self, timeout: float | None) -> None:  # noqa: ASYNC109
        if not await self._wait_for_end(timeout):
            raise TimeoutError(f"{self.name} has not ended in {timeout} s")

    async def _wait_for_end(self, timeout: float | None) -> bool:  # noqa: ASYNC109
        """Wait for the end; tell whether it has come."""
        self._check_started()
        if self.is_own():
            raise RuntimeError(f"{self.name} cannot wait for its own end")
        with anyio.move_on_after(timeout):
            await self._done.wait()
        return not self.is_alive()
