"""Makes the pictures of the README from real runs: ``python docs/pictures.py``.

Each is what a terminal shows of ``kwatch demo``, after some keys. It needs tmux, and the extra
``demo`` of kwatch.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

FOLDER = Path(__file__).parent

THEME = TerminalTheme(
    (22, 27, 34),
    (201, 209, 217),
    [
        (72, 79, 88),
        (255, 123, 114),
        (86, 211, 100),
        (227, 179, 65),
        (121, 192, 255),
        (210, 168, 255),
        (86, 212, 221),
        (201, 209, 217),
    ],
)
"""Dark and quiet: background, foreground, and black, red, green, yellow, blue and so on."""


class Picture(NamedTuple):
    """One picture, and how it comes about.

    Attributes:
        name: Of its file.
        command: What is run.
        size: The columns and lines of the terminal.
        keys: What is pressed, each after so many seconds.
        seconds: How long it runs after the last key.
    """

    name: str
    command: str
    size: tuple[int, int]
    keys: tuple[tuple[float, str], ...]
    seconds: float


PICTURES = (
    Picture("table", "kwatch demo --table", (100, 22), ((12.0, "c"), (3.0, "x")), 1.8),
    Picture("diff", "kwatch demo -o diff --faults", (100, 30), ((14.0, "c"),), 0.8),
)


def main() -> None:
    """Make them all."""
    for picture in PICTURES:
        path = FOLDER / f"{picture.name}.svg"
        path.write_text(drawn(picture, shown(picture)), encoding="utf-8")


def shown(picture: Picture) -> str:
    """Run it, and give what the terminal shows, with its escape sequences."""
    with terminal(picture) as socket:
        for seconds, key in picture.keys:
            time.sleep(seconds)
            tmux(socket, "send-keys", key)
        time.sleep(picture.seconds)
        return tmux(socket, "capture-pane", "-p", "-e")


@contextmanager
def terminal(picture: Picture) -> Iterator[str]:
    """Have a terminal in which it runs; give the socket of its tmux."""
    socket, (columns, lines) = f"kwatch-{os.getpid()}", picture.size
    command = f"{sys.executable} -m {picture.command}"
    size = ("-x", str(columns), "-y", str(lines))
    tmux(socket, "-f", os.devnull, "new-session", "-d", *size, command)
    try:
        yield socket
    finally:
        tmux(socket, "kill-server")


def tmux(socket: str, *arguments: str) -> str:
    """Run tmux; give what it prints."""
    command = ["tmux", "-L", socket, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


def drawn(picture: Picture, screen: str) -> str:
    """Make an SVG picture of a screen, which loads nothing from anywhere."""
    console = Console(record=True, width=picture.size[0], file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(screen.rstrip("\n")), soft_wrap=True)
    svg = console.export_svg(title=picture.command, theme=THEME, unique_id=picture.name)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return svg.replace("<svg ", '<svg xml:space="preserve" ', 1)  # blanks at both ends of texts


if __name__ == "__main__":
    main()
