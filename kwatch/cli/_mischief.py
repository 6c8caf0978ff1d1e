"""What befalls the server of the demonstration, on a key press or by chance."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from random import Random
from types import TracebackType
from typing import NamedTuple, Self

from kwatch.testing import FakeAPIServer, Life, faults

DOWN_SECONDS = 2.0
"""How long the server is away when it is restarted."""

STALL_SECONDS = 10.0
"""How long connections are silent: a watch that is young does not yet know how long is too long."""

PAUSE_SECONDS = (4.0, 8.0)
"""How long it is quiet between two faults by chance, at least and at most."""

UNDONE = 10
"""How many changes are undone by going back in time."""


class Trick(NamedTuple):
    """Something that can be done to the server.

    Attributes:
        key: What does it.
        name: What it is called in the hint.
        told: What it does.
        play: Does it.
        by_chance: Whether it may happen by chance too: not what leaves pods that never go.
    """

    key: str
    name: str
    told: str
    play: Callable[[], object]
    by_chance: bool = True


class Mischief:
    """Plays tricks on a server, in a thread of its own, while its ``with`` block lasts.

    Args:
        server: The server.
        lives: What happens there; a blank pauses it.
        say: Is told what was done.
        by_chance: Whether something happens every few seconds, without anybody's doing.
        random: Decides what and when; None: a new one each time.
        pause_seconds: See `PAUSE_SECONDS`.
    """

    def __init__(
        self,
        server: FakeAPIServer,
        lives: Sequence[Life],
        say: Callable[[str], object],
        *,
        by_chance: bool = False,
        random: Random | None = None,
        pause_seconds: tuple[float, float] = PAUSE_SECONDS,
    ) -> None:
        self._server = server
        self._lives = lives
        self._say = say
        self._by_chance = by_chance
        self._random = random or Random()  # noqa: S311 - a demonstration, no secret
        self._pause_seconds = pause_seconds
        self._keys: SimpleQueue[str | None] = SimpleQueue()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kwatch-mischief", daemon=True)
        self.tricks = {trick.key: trick for trick in self._all()}
        self._chances = [key for key, trick in self.tricks.items() if trick.by_chance]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._keys.put(None)
        self._thread.join()

    @property
    def hint(self) -> str:
        """Which keys there are."""
        return "  ".join(f"{trick.key} {trick.name}" for trick in self.tricks.values())

    def press(self, key: str) -> None:
        """Play the trick of a key, soon; any other key does nothing."""
        if key in self.tricks or key == " ":
            self._keys.put(key)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                key = self._keys.get(timeout=self._random.uniform(*self._pause_seconds))
            except Empty:
                key = self._random.choice(self._chances) if self._by_chance else None
            if key == " ":
                self._pause()
            elif key is not None:
                self._play(self.tricks[key])

    def _play(self, trick: Trick) -> None:
        self._say(f"fault: {trick.told}")
        with suppress(OSError):  # of a socket that the server has lost anyway
            trick.play()

    def _pause(self) -> None:
        is_paused = any(life.is_paused for life in self._lives)
        self._say("life goes on" if is_paused else "life is paused")
        for life in self._lives:
            if is_paused:
                life.resume()
            else:
                life.pause()

    def _all(self) -> list[Trick]:
        seconds = f"{DOWN_SECONDS:g} seconds"
        return [
            Trick("c", "cut", "the connections are cut", self._server.disconnect),
            Trick("x", "expire", "the history is gone: 410 for the next watch", self._expire),
            Trick("r", "restart", f"the server is down for {seconds}", self._restart),
            Trick("s", "stall", "the connections fall silent", self._stall),
            Trick("e", "errors", "the next three watches get 500, 429 and 502", self._refuse),
            Trick("t", "truncate", "an event of the next watch is cut short", self._truncate),
            Trick(
                "b", "back in time", f"the last {UNDONE} changes are undone", self._go_back, False
            ),
        ]

    def _expire(self) -> None:
        self._server.compact()
        self._server.script(faults.error(410))
        self._server.disconnect()

    def _restart(self) -> None:
        self._server.stop()
        self._ended.wait(DOWN_SECONDS)
        if not self._ended.is_set():
            self._server.start()

    def _stall(self) -> None:
        self._server.stall(STALL_SECONDS)

    def _refuse(self) -> None:
        self._server.script(faults.http(500), faults.http(429, retry_after=1), faults.http(502))
        self._server.disconnect()

    def _truncate(self) -> None:
        self._server.script(faults.truncate())
        self._server.disconnect()

    def _go_back(self) -> None:
        self._server.script(faults.back_in_time(UNDONE))
        self._server.disconnect()
