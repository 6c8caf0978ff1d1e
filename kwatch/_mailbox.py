"""`Mailbox`: what waits for a thread to handle it."""

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Semaphore, current_thread, main_thread
from typing import Any, Final

from kwatch._delivery import Delivery
from kwatch._results import TIMEOUT
from kwatch._steps import Arrival, Exit

ROOM: Final = 16
"""How many events wait at most. Messages, which somebody has sent on purpose, have no bound."""

LOOK_SECONDS: Final = 0.05
"""How often the main thread looks whether a signal has come.

One that comes right before a thread blocks does not wake it.
"""

LONG_SECONDS: Final = 3600.0
"""How long another thread waits at a time."""


class Mailbox:
    """Events, messages and the request to end, in the order in which they came."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Arrival | Delivery] = SimpleQueue()  # signal handlers put into it
        self._room = Semaphore(ROOM)
        self._is_exiting = False
        self._go_back: Callable[[], object] | None = None
        self._is_closed = False

    def put(self, arrival: Arrival) -> None:
        """Put something in, from any thread or signal handler."""
        self._queue.put(arrival)

    def exit(self, reason: Any) -> None:
        """Ask for the end: what was sent before is handled first, but no event any more."""
        self._is_exiting = True
        self.put(Exit(reason))

    def deliver(self, delivery: Delivery) -> None:
        """Put an event in as soon as there is room; after `close`, drop it."""
        self._room.acquire()
        if self._is_closed:
            self._room.release()  # for the next one who waits
        else:
            self._queue.put(delivery)

    def close(self) -> None:
        """Take no more events; whoever waits for room goes on."""
        self._is_closed = True
        self._room.release()

    def get(self, timeout: float | None) -> Arrival:
        """Take out what came first; `TIMEOUT` if nothing comes within so many seconds.

        The cursor moves when an event is taken. What was taken before is handled then.
        """
        self._go_back = None
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            found = self._wait(until)
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

    def _wait(self, until: float | None) -> Arrival | Delivery:
        look = LOOK_SECONDS if current_thread() is main_thread() else LONG_SECONDS
        while True:
            left = None if until is None else max(0.0, until - time.monotonic())
            try:
                return self._queue.get(timeout=look if left is None else min(left, look))
            except Empty:
                if left is not None and left <= look:
                    return TIMEOUT
