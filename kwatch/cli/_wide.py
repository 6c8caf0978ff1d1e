"""The format ``wide``: one line with what ``kubectl get -o wide`` would tell."""

import sys
import time
from typing import Any

from kwatch import Event
from kwatch.cli._formats import Clock
from kwatch.cli._output import encoding_of, escape, name_of, printable
from kwatch.cli._style import Style
from kwatch.cli._summary import age, node, ready, summary

_WIDTHS = {
    "TIME": 8,
    "TYPE": 8,
    "NAME": 24,
    "READY": 5,
    "STATUS": 17,
    "AGE": 5,
    "VERSION": 7,
    "NODE": 0,
}
_WIDEST = 80
"""What is longer moves the rest of its own line alone."""


class Wide:
    """Columns, under a head.

    A column is as wide as the widest cell that it has had, up to a limit, so that the lines before
    need not know those that come.

    Args:
        style: How it is painted.
        clock: Gives Unix time in seconds.
    """

    def __init__(self, style: Style, clock: Clock = time.time) -> None:
        self._style = style
        self._clock = clock
        self._encoding = encoding_of(sys.stdout)
        self._widths = dict(_WIDTHS)
        self._has_head = False

    def __call__(self, event: Event) -> str:
        """Give the line of an event; before the first one, the head."""
        now, obj = self._clock(), event.obj
        cells = {
            "TIME": time.strftime("%H:%M:%S", time.localtime(now)),
            "TYPE": str(event.event_type),
            "NAME": name_of(obj),
            "READY": ready(obj),
            "STATUS": summary(obj),
            "AGE": age(obj, now),
            "VERSION": _text(obj["metadata"].get("resourceVersion")),
            "NODE": node(obj),
        }
        line = self._line({name: self._clean(cell) for name, cell in cells.items()})
        if self._has_head:
            return line
        self._has_head = True
        head = "  ".join(f"{name:<{width}}" for name, width in self._widths.items())
        return f"{self._style.faint(head)}\n{line}"

    def _clean(self, cell: str) -> str:
        return printable(cell, self._encoding, escape) or "-"

    def _line(self, cells: dict[str, str]) -> str:
        for name, cell in cells.items():
            if name != "NODE":  # the last one, after which nothing has to be aligned
                self._widths[name] = max(self._widths[name], min(len(cell), _WIDEST))
        padded = {name: f"{cell:<{self._widths[name]}}" for name, cell in cells.items()}
        padded["TIME"] = self._style.faint(padded["TIME"])
        padded["TYPE"] = self._style.event_type(padded["TYPE"])
        return "  ".join(padded.values())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
