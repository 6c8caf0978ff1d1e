"""The watchers, which count the events and messages and see whether these come in order."""

import threading
import time
from collections import Counter
from typing import Any

import anyio

from benchmarks.watcher.server import Stream
from kwatch import AsyncWatcher, NoReply, Stop, Watcher

NAMES = {
    "threads": ("watch", "Watcher"),
    "asyncio": ("awatch, asyncio", "AsyncWatcher, asyncio"),
    "trio": ("awatch, trio", "AsyncWatcher, trio"),
}
"""How a table calls the loop and the watcher of each front."""


class _Tally:
    """Sees whether events and messages come once, in order; stops when all have come.

    Its state is the number of events.
    """

    def __init__(self, stream: Stream, *, delay: float = 0.0, messages: int = 0) -> None:
        self.stream = stream
        self.delay = delay
        self.messages = messages
        self.wrong = 0
        self.is_over = False  # whether the last event has come
        self.ahead = 0  # in the middle of the events, how many more the server has written
        self.flowing = threading.Event()
        self.sent: Counter[int] = Counter()  # by sender
        self.last_message = (0.0, 0)  # when it came, and after how many events

    def take(self, obj: dict[str, Any], state: int) -> NoReply[int] | Stop[int]:
        number = obj["spec"]["number"]
        self.wrong += number != state
        self.is_over = number == self.stream.events - 1
        self.flowing.set()
        if self.delay and state == self.stream.events // 2:
            self.ahead = self.stream.written() - state
        return self.next(state + 1)

    def handle_info(self, message: tuple[int, int], state: int) -> NoReply[int] | Stop[int]:
        sender, number = message
        self.wrong += self.sent[sender] != number
        self.sent[sender] += 1
        self.messages -= 1
        self.last_message = time.perf_counter(), state
        return self.next(state)

    def next(self, state: int) -> NoReply[int] | Stop[int]:
        if not self.is_over or self.messages > 0:
            return NoReply(state)
        return Stop("normal", state)


class Tally(_Tally, Watcher[int]):
    """In a thread."""

    def handle_event(self, _: Any, obj: Any, state: int) -> NoReply[int] | Stop[int]:
        """Take an event, and as long as it is told to."""
        if self.delay:
            time.sleep(self.delay)
        return self.take(obj, state)


class AsyncTally(_Tally, AsyncWatcher[int]):
    """In a task."""

    async def handle_event(self, _: Any, obj: Any, state: int) -> NoReply[int] | Stop[int]:
        """Take an event, and as long as it is told to."""
        if self.delay:
            await anyio.sleep(self.delay)
        return self.take(obj, state)


def tally(front: str, stream: Stream, **options: Any) -> Tally | AsyncTally:
    """Make a watcher."""
    return Tally(stream, **options) if front == "threads" else AsyncTally(stream, **options)
