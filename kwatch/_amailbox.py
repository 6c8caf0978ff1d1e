"""`Mailbox`: what waits for a task to handle it; the twin of that in ``_mailbox``."""

import math
from collections import deque
from collections.abc import Callable
from typing import Any

import anyio

from kwatch._delivery import Delivery
from kwatch._loop import InLoop, in_loop
from kwatch._mailbox import ROOM
from kwatch._results import TIMEOUT
from kwatch._steps import Arrival, Exit


class Mailbox:
    """Events, messages and the request to end, in the order in which they came."""

    def __init__(self) -> None:
        self._queue: deque[Arrival | Delivery] = deque()
        self._in_loop: InLoop | None = None
        self._is_exiting = False
        self._go_back: Callable[[], object] | None = None

    def open(self, look_seconds: float = math.inf) -> None:
        """Be emptied by the present task, which looks that often whether a signal has come.

        One that comes right before an event loop blocks may not wake it.
        """
        self._look_seconds = look_seconds
        self._room = anyio.Semaphore(ROOM)
        self._filled = anyio.Event()
        self._in_loop = in_loop()

    def put(self, arrival: Arrival) -> None:
        """Put something in, from any thread or signal handler."""
        self._queue.append(arrival)
        if self._in_loop is not None:  # else nobody waits yet
            self._in_loop(lambda: self._filled.set())

    def exit(self, reason: Any) -> None:
        """Ask for the end: what was sent before is handled first, but no event any more."""
        self._is_exiting = True
        self.put(Exit(reason))

    async def deliver(self, delivery: Delivery) -> None:
        """Put an event in as soon as there is room."""
        await self._room.acquire()
        self._queue.append(delivery)
        self._filled.set()

    async def get(self, timeout: float | None) -> Arrival:  # noqa: ASYNC109 - the twin's
        """Take out what came first; `TIMEOUT` if nothing comes within so many seconds.

        The cursor moves when an event is taken. What was taken before is handled then.
        """
        self._go_back = None
        until = math.inf if timeout is None else anyio.current_time() + timeout
        while True:
            found = await self._wait(until)
            if not isinstance(found, Delivery):
                return found
            self._room.release()
            if not self._is_exiting:
                self._go_back = found.way_back()
                if found.take():
                    return found.event
                self._go_back = None

    def give_back(self) -> None:
        """Move the cursor back to before the event that was taken last: it was not handled."""
        if self._go_back is not None:
            self._go_back()

    async def _wait(self, until: float) -> Arrival | Delivery:
        while not self._queue:
            self._filled = anyio.Event()
            now = anyio.current_time()
            if now >= until:
                return TIMEOUT
            with anyio.move_on_after(min(until - now, self._look_seconds)):
                await self._filled.wait()
        return self._queue.popleft()
