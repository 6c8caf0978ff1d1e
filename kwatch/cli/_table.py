"""The live table."""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from io import TextIOBase
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, RenderableType
from rich.live import Live

from kwatch import Event, WatchStatus
from kwatch.cli._board import Board, Message
from kwatch.cli._output import encoding_of
from kwatch.cli._rows import Rows
from kwatch.cli._style import is_terminal
from kwatch.cli._suspend import suspendable

REFRESHES = 4
"""How often a second it is drawn."""


class Table:
    """A view with one row for each object, in place of the lines.

    It has the whole terminal while its ``with`` block lasts, and leaves the last state there. What
    is written to stderr meanwhile is shown in its footer, the last line of it.

    Args:
        title: What is watched: the resource, the server, the context; two blanks part them.
        status: Of the watch; None: there is none, as when a recording is replayed.
        hint: The last line, such as which keys there are, parted likewise; empty: none.
        colour: Whether it has colours, where stdout can show them.
        console: Where it is drawn; None: stdout.
        clock: Gives Unix time in seconds.
    """

    def __init__(
        self,
        title: str,
        status: WatchStatus | None = None,
        hint: str = "",
        *,
        colour: bool = True,
        console: Console | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._console = console or Console(file=sys.stdout, highlight=False, no_color=not colour)
        self._status = status
        self._clock = clock
        self._lock = threading.RLock()  # what is drawn may have something to say
        self._switching = threading.Lock()  # a suspension waits until the screen is there
        self._rows = Rows(clock)
        encoding = self._console.encoding
        self._board = Board(self._rows, title, status, hint, encoding=encoding, clock=clock)
        self._live: Live | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._leave_last)
            stack.enter_context(_Captured(self._hear))
            stack.callback(self._leave)
            stack.enter_context(suspendable(self._leave, self._enter))
            self._enter()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def show(self, event: Event) -> None:
        """Take an event into the table; bookmarks are ignored."""
        if event.event_type == "bookmark":
            return
        is_loading = self._status is not None and not self._status.synced
        with self._lock:
            self._rows.take(event, is_initial=is_loading and event.event_type == "created")

    def _enter(self) -> None:
        with self._switching:
            self._live = Live(
                console=self._console,
                get_renderable=self._draw,
                screen=True,
                refresh_per_second=REFRESHES,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start(refresh=True)

    def _leave(self) -> None:
        with self._switching, suppress(OSError):
            if self._live is not None:
                with suppress(IndexError):  # a signal came while it was started
                    self._live.stop()
            if self._console.is_alt_screen:
                self._console.show_cursor(True)
                self._console.set_alt_screen(False)

    def _leave_last(self) -> None:
        """Leave the last table on the screen, if there was one, and that is still there."""
        if self._live is not None:
            with suppress(OSError):
                self._console.print(self._draw(fill=False))

    def _draw(self, *, fill: bool = True) -> RenderableType:
        width, height = self._console.size
        with self._lock:
            return self._board.draw(width, height if fill else height - 1, fill=fill)

    def _hear(self, line: str) -> None:
        with self._lock:
            self._board.message = Message(line.removeprefix("kwatch: "), self._clock())


class _Captured(TextIOBase):
    """Stands for stderr while its ``with`` block lasts: gives each line to somebody.

    Where stderr is no terminal, it gets all the same.

    Args:
        hear: Is given each line that is not blank.
    """

    def __init__(self, hear: Callable[[str], None]) -> None:
        self._hear = hear
        self._real: TextIO | None = None
        self._rest = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of stderr."""
        return encoding_of(self._real)

    def __enter__(self) -> Self:
        self._real, sys.stderr = sys.stderr, self
        return self

    def __exit__(self, *_: object) -> None:
        sys.stderr = self._real

    def write(self, text: str) -> int:
        """Take some text."""
        if self._real is not None and not is_terminal(self._real):
            self._real.write(text)
        *lines, self._rest = (self._rest + text).split("\n")
        for line in filter(str.strip, lines):
            self._hear(line)
        return len(text)

    def flush(self) -> None:
        """Flush what stands behind; the garbage collector does so as well, maybe too late."""
        if self._real is not None and not (self._real.closed or is_terminal(self._real)):
            self._real.flush()
