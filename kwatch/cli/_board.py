"""How the live table is drawn."""

import re
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from kwatch import WatchState, WatchStatus
from kwatch.cli._output import escape, has, printable
from kwatch.cli._rows import FRESH_SECONDS, Row, Rows
from kwatch.cli._summary import duration

SILENT_SECONDS = 90.0
"""A server that was not heard of for that long is silent: a quiet one sends a bookmark a minute."""

_COLUMNS = ("NAMESPACE", "NAME", "STATUS", "AGE", "VERSION", "CHANGED")
_DROPPED = ("VERSION", "AGE", "CHANGED")
_TINY = 50
"""Only a terminal narrower than that goes without the last of these."""

_SHRUNK = ("NAMESPACE", "NAME", "STATUS")
_GAP = 2
_FRESH = {"created": "bold green", "modified": "bold yellow", "deleted": "bold red strike"}
_STATES = {WatchState.WATCHING: "green", WatchState.WAITING: "red", WatchState.ENDED: "red"}

_QUERY = re.compile(r"\?[^\s:,]*")  # that of a URL, which is long


class Message(NamedTuple):
    """What was said last, and when, in Unix time in seconds."""

    text: str
    said: float


class Board:
    """Draws the rows, with a title above and what the watch tells of itself below.

    Args:
        rows: What is shown.
        title: The first line; two blanks part what belongs together, also in the hint.
        status: Of the watch; None: there is none.
        hint: The last line; empty: none.
        encoding: Of the terminal.
        clock: Gives Unix time in seconds.
    """

    def __init__(
        self,
        rows: Rows,
        title: str,
        status: WatchStatus | None,
        hint: str = "",
        *,
        encoding: str = "utf-8",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rows = rows
        self._dot = " \N{MIDDLE DOT} " if has(encoding, "\N{MIDDLE DOT}") else " - "
        self._title = self._dot.join(title.split("  "))
        self._status = status
        self._hint = hint
        self._encoding = encoding
        self._clock = clock
        self._widths = {name: len(name) for name in _COLUMNS}
        self._error: tuple[Exception | None, float] = None, 0.0
        self.message: Message | None = None

    def draw(self, width: int, height: int, *, fill: bool = True) -> RenderableType:
        """Draw it for a terminal of that size.

        Args:
            width: In columns.
            height: In lines.
            fill: Whether to put the footer at the bottom, with nothing in between.
        """
        most = max(2, height // 2)  # of the footer, whose end matters least
        room = height - 2 - len(self._footer(height, width)[:most])
        rows = self._rows.visible(room)
        footer = self._footer(len(rows), width)[:most]
        left = height - 2 - len(footer) - max(1, len(rows)) if fill else 0
        blank = [Text("")] * left
        head = self._line(self._title, "bold", width)
        return Group(head, self._grid(rows, width), *blank, *footer)

    def _grid(self, rows: list[Row], width: int) -> RenderableType:
        cells = [self._cells(row) for row in rows]
        widths = self._fit(cells, width)
        grid = Grid(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold dim")
        for name, columns in widths.items():
            grid.add_column(name, width=columns, no_wrap=True, overflow="ellipsis")
        for row, line in zip(rows, cells, strict=True):
            style = _FRESH.get(row.event_type, "") if self._rows.is_fresh(row) else ""
            grid.add_row(*(Text(line[name]) for name in widths), style=style)
        if rows or len(self._rows):
            return grid
        is_loading = self._status is not None and not self._status.synced
        return Group(grid, self._line("loading" if is_loading else "no objects", "dim", width))

    def _cells(self, row: Row) -> dict[str, str]:
        now, changed = self._clock(), ""
        if row.changed is not None:
            changed = f"{duration(now - row.changed)} ago: {row.event_type}"
        age = "" if row.born is None else duration(now - row.born)
        cells = (row.namespace, row.name, row.status, age, row.version, changed)
        return {name: self._clean(cell) for name, cell in zip(_COLUMNS, cells, strict=True)}

    def _fit(self, cells: list[dict[str, str]], width: int) -> dict[str, int]:
        """Give the widths of the columns that there is room for; what was wide once stays so."""
        for line in cells:
            for name, cell in line.items():
                self._widths[name] = max(self._widths[name], cell_len(cell))
        widths = dict(self._widths)
        if self._rows.namespaces < 2:
            del widths["NAMESPACE"]
        for name in _DROPPED if width < _TINY else _DROPPED[:-1]:
            if _total(widths) > width:
                del widths[name]
        while _total(widths) > width:
            widest = max((name for name in widths if name in _SHRUNK), key=widths.__getitem__)
            if widths[widest] <= 1:
                break
            widths[widest] -= 1
        return widths

    def _footer(self, shown: int, width: int) -> list[Text]:
        lines = [Text(""), *_flow(list(self._facts(shown)), self._dot, width)]
        lines += [self._line(text, style, width) for text, style in self._news()]
        if self._hint:
            lines += _flow([Text(it, "dim") for it in self._hint.split("  ")], "  ", width)
        return lines

    def _facts(self, shown: int) -> Iterator[Text]:
        total = len(self._rows)
        of = f"{shown:,} of " if shown < total else ""
        yield Text(f"{of}{_many(total, 'object')}")
        rate = self._rows.rate()
        yield Text(f"{rate:,.{1 if rate < 100 else 0}f} events/s")
        if self._status is not None:
            yield from self._of_watch(self._status)

    def _of_watch(self, status: WatchStatus) -> Iterator[Text]:
        yield Text(_many(status.events, "event"))
        yield self._contact(status)
        reconnects = status.connects - max(1, len(status.namespaces))
        yield Text(_many(max(0, reconnects), "reconnect"))
        yield Text(_many(status.relists, "relist"))
        yield Text(str(status.state), _STATES.get(status.state, "yellow"))

    def _contact(self, status: WatchStatus) -> Text:
        if status.last_contact is None:
            return Text("no contact yet", "yellow")
        seconds = max(0.0, self._clock() - status.last_contact)
        is_lost = status.state in (WatchState.WAITING, WatchState.ENDED)
        text = f"{seconds:.1f}s" if seconds < 10 else duration(seconds)
        style = "bold red" if is_lost or seconds > SILENT_SECONDS else ""
        return Text(f"last contact {text} ago", style)

    def _news(self) -> Iterator[tuple[str, str]]:
        now = self._clock()
        error = self._status.last_error if self._status is not None else None
        if error is not self._error[0]:
            self._error = error, now
        if error is not None:
            is_well = self._status is not None and self._status.state is WatchState.WATCHING
            text = _QUERY.sub("", str(error)) or type(error).__name__
            ago = duration(now - self._error[1])
            yield f"last error {ago} ago: {text}", "dim" if is_well else "red"
        if self.message is not None:
            seconds = now - self.message.said
            style = "bold yellow" if seconds < FRESH_SECONDS else "dim"
            yield f"{duration(seconds)} ago: {self.message.text}", style

    def _line(self, text: str, style: str, width: int) -> Text:
        line = Text(self._clean(" ".join(text.split())), style, no_wrap=True)
        line.truncate(width, overflow="ellipsis")
        return line

    def _clean(self, text: str) -> str:
        return printable(text, self._encoding, escape)


def _total(widths: dict[str, int]) -> int:
    return sum(widths.values()) + _GAP * (len(widths) - 1)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _flow(pieces: list[Text], between: str, width: int) -> list[Text]:
    """Put pieces on as many lines as they need; none is broken."""
    lines: list[Text] = []
    for piece in pieces:
        if lines and lines[-1].cell_len + cell_len(between) + piece.cell_len <= width:
            lines[-1].append(between, "dim").append_text(piece)
        else:
            lines.append(Text("", no_wrap=True, overflow="ellipsis").append_text(piece))
    return lines
