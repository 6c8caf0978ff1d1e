"""How events are shown: a `View`, and the `Screen` that chooses one."""

import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Protocol, Self

import click

from kwatch import Event, EventType, WatchStatus
from kwatch.cli._formats import FORMATS, Clock, Format, Name
from kwatch.cli._output import write
from kwatch.cli._style import Style, is_terminal


class View(AbstractContextManager[Any], Protocol):
    """What shows events while it is open."""

    def show(self, event: Event) -> None:
        """Show an event; bookmarks come too."""


class Lines:
    """The view that prints each event in a format.

    Args:
        format_: The format.
        bookmarks: Whether bookmarks are printed.
    """

    def __init__(self, format_: Format, *, bookmarks: bool = False) -> None:
        self._format = format_
        self._bookmarks = bookmarks

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def show(self, event: Event) -> None:
        """Print an event, if there is anything to print."""
        if event.event_type is EventType.BOOKMARK and not self._bookmarks:
            return
        if text := self._format(event):
            write(text + "\n")


@dataclass(frozen=True, slots=True)
class Screen:
    """How events are shown, as the options have it.

    Attributes:
        output: One of the `FORMATS`.
        table: Whether the table is shown instead.
        style: How lines are painted.
        bookmarks: Whether bookmarks are printed.
    """

    output: str
    table: bool
    style: Style
    bookmarks: bool

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """Make one of the values of the options.

        Raises:
            click.UsageError: They contradict each other, or the table has no terminal.
        """
        if values["table"]:
            if values["output"] is not None:
                raise click.UsageError("--table and -o exclude each other")
            if not is_terminal(sys.stdout):
                raise click.UsageError("--table needs a terminal, and stdout is none")
            if values["allow_bookmarks"]:
                raise click.UsageError("--table shows no bookmarks: leave --allow-bookmarks")
        style = Style.of(sys.stdout)
        if values["color"] != "auto":
            style = replace(style, colour=values["color"] == "always")
        output = values["output"] or "line"
        return cls(output, values["table"], style, values["allow_bookmarks"])

    def view(
        self,
        title: str,
        *,
        kind: str = "",
        status: WatchStatus | None = None,
        hint: str = "",
        clock: Clock = time.time,
    ) -> View:
        """Make the view.

        Args:
            title: What is watched, for the table.
            kind: What it is, for ``-o name``; empty where that is not known.
            status: Of the watch; None: there is none.
            hint: The last line of the table.
            clock: Gives Unix time in seconds, as the lines are to show it.
        """
        if self.table:
            from kwatch.cli._table import Table

            return Table(title, status, hint, colour=self.style.colour)
        if self.output == "name":
            return Lines(Name(kind), bookmarks=self.bookmarks)
        return Lines(FORMATS[self.output](self.style, clock), bookmarks=self.bookmarks)
