"""How far a big initial list is."""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from kwatch import Event, WatchStatus
from kwatch.cli._output import encoding_of, has
from kwatch.cli._style import is_terminal
from kwatch.cli._suspend import suspendable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

PATIENCE_SECONDS = 0.5
"""How long nobody needs to be told anything."""


class Progress:
    """A view that tells on stderr how many of the objects that exist have come, until all have.

    It comes when that takes longer than half a second, and goes without a trace, on any way out. It
    stays away where stderr is no terminal, or where stdout is one and shows the objects.

    Args:
        what: What comes, such as ``pods``.
        status: Of the watch; all have come once that is synced.
        silent: Whether stdout shows nothing meanwhile.
        console: Where it is drawn; None: stderr.
        patience: Seconds before it comes.
        clock: Gives seconds.
    """

    def __init__(
        self,
        what: str,
        status: WatchStatus,
        *,
        silent: bool = False,
        console: "Console | None" = None,
        patience: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._watch = status
        self._is_wanted = console is not None or _is_wanted(silent=silent)
        self._console = console
        self._clock = clock
        self._begun = clock()
        self._count = 0
        self._lock = threading.Lock()
        self._is_over = False
        self._live: Live | None = None
        self._timer = threading.Timer(patience, self._appear)
        self._timer.daemon = True
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._begun = self._clock()
        if self._is_wanted:
            self._stack.callback(self._vanish)
            self._stack.enter_context(suspendable(self._leave, self._enter))
            self._timer.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def show(self, event: Event) -> None:
        """Count an object; go when all have come."""
        if self._is_over or not self._is_wanted:
            return
        if self._watch.synced:
            self._vanish()
            return
        self._count += event.event_type != "bookmark"

    def _text(self) -> str:
        if not self._count:
            return f"waiting for {self._what}"
        seconds = max(self._clock() - self._begun, 1e-3)
        return f"{self._what}: {self._count:,} so far, {self._count / seconds:,.0f} per second"

    def _appear(self) -> None:
        """Come, in the thread of the timer."""
        from rich.console import Console  # it takes its time, and is seldom needed
        from rich.live import Live
        from rich.spinner import Spinner
        from rich.text import Text

        spinner = Spinner("dots" if has(encoding_of(sys.stderr), "\u280b") else "line")

        def draw() -> Spinner:
            spinner.update(text=Text(self._text()))
            return spinner

        with self._lock:
            if not self._is_over:
                console = self._console or Console(stderr=True)
                self._live = Live(
                    console=console, get_renderable=draw, transient=True, redirect_stdout=False
                )
                self._enter()

    def _enter(self) -> None:
        if self._live is not None:
            self._live.start()

    def _leave(self) -> None:
        if self._live is not None:
            with suppress(OSError):
                self._live.stop()

    def _vanish(self) -> None:
        self._timer.cancel()
        with self._lock:
            self._is_over = True
            self._leave()
            self._live = None


def _is_wanted(*, silent: bool) -> bool:
    return is_terminal(sys.stderr) and (silent or not is_terminal(sys.stdout))
