"""Colours by what they mean, for the formats: cheap enough for every event."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TextIO

import click

_EVENT_TYPES = {"created": "green", "modified": "yellow", "deleted": "red", "bookmark": "blue"}
"""Also what the table has."""


@dataclass(frozen=True, slots=True)
class Style:
    r"""How text is painted where it is shown; without colour it stays as it is.

    Attributes:
        colour: Whether there is any.
        columns: Gives the width of the terminal, which may change; None: there is no terminal.

    >>> Style(colour=True).added("+ a"), Style(colour=False).added("+ a")
    ('\x1b[32m+ a\x1b[0m', '+ a')
    """

    colour: bool
    columns: Callable[[], int] | None = None

    @classmethod
    def of(cls, stream: TextIO | None) -> Self:
        """Give the style of a stream: coloured on a terminal, unless it or ``NO_COLOR`` objects.

        Source: https://no-color.org, which wants the variable to be there and not empty.
        """
        if not is_terminal(stream):
            return cls(colour=False)
        return cls(colour=not os.environ.get("NO_COLOR"), columns=lambda: _columns(stream))

    def event_type(self, text: str) -> str:
        """Paint what happened: ``created``, ``modified`` and so on, with blanks around or not."""
        return self._paint(text, _EVENT_TYPES.get(text.strip()))

    def added(self, text: str) -> str:
        """Paint what is there now."""
        return self._paint(text, "green")

    def removed(self, text: str) -> str:
        """Paint what was there before."""
        return self._paint(text, "red")

    def changed(self, text: str) -> str:
        """Paint what is another one now."""
        return self._paint(text, "yellow")

    def faint(self, text: str) -> str:
        """Paint what matters less, such as the time."""
        return click.style(text, dim=True) if self.colour else text

    def _paint(self, text: str, colour: str | None) -> str:
        return click.style(text, fg=colour) if self.colour and colour else text


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person looks at it, through something that can do more than add lines.

    One that is closed or missing is none; neither is one whose ``TERM`` is ``dumb``.
    """
    if os.environ.get("TERM", "").lower() in ("dumb", "unknown"):
        return False
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def _columns(stream: TextIO | None) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream else 80
    except (OSError, ValueError):
        return 80
