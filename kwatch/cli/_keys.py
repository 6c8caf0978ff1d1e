"""Keys that are pressed at the terminal."""

import os
import re
import selectors
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from kwatch.cli._style import is_terminal
from kwatch.cli._suspend import suspendable

try:
    import termios
    import tty
except ModuleNotFoundError:  # Windows
    termios = None  # type: ignore[assignment]

_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|O?.)?", re.DOTALL)
"""What comes of a key that is no character."""


def can_read_keys(stream: TextIO | None = None) -> bool:
    """Whether there are keys: the stream is a terminal, and this process is in its foreground.

    Args:
        stream: None: stdin.
    """
    stream = stream or sys.stdin
    if termios is None or not is_terminal(stream):
        return False
    try:
        return os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    except OSError:  # it does not control this process, and has no foreground
        return True


@contextmanager
def keys(press: Callable[[str], object], stream: TextIO | None = None) -> Iterator[None]:
    """Have each key given to somebody, at once and without an echo, while the context is open.

    A thread reads them. The terminal is restored on every way out, and while the process is
    suspended. Ctrl-C and Ctrl-Z stay what they are; keys that are more than a character, such as
    arrows, are not given. Where there are no keys, nothing happens.

    Args:
        press: Is given each key, in the thread that reads.
        stream: Where they come from; None: stdin.
    """
    stream = stream or sys.stdin
    if not can_read_keys(stream):
        yield
        return
    fd = stream.fileno()
    before = termios.tcgetattr(fd)

    def restore() -> None:
        with suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(fd, termios.TCSANOW, before)

    def take() -> None:
        with suppress(termios.error):
            tty.setcbreak(fd, termios.TCSANOW)

    try:
        take()
        with suspendable(restore, take), _reading(fd, press):
            yield
    finally:
        restore()


@contextmanager
def _reading(fd: int, press: Callable[[str], object]) -> Iterator[None]:
    """Read in a thread, until the context is left."""
    wake, waker = os.pipe()
    thread = threading.Thread(target=_read, args=(fd, wake, press), name="kwatch-keys", daemon=True)
    try:
        thread.start()
        yield
    finally:
        os.close(waker)  # which wakes the thread
        if thread.is_alive():
            thread.join()
        os.close(wake)


def _read(fd: int, wake: int, press: Callable[[str], object]) -> None:
    with selectors.DefaultSelector() as selector, suppress(OSError):
        selector.register(fd, selectors.EVENT_READ)
        selector.register(wake, selectors.EVENT_READ)
        while wake not in {key.fd for key, _ in selector.select()}:
            data = os.read(fd, 64)
            if not data:
                return
            for key in _SEQUENCE.sub("", data.decode(errors="ignore")):
                press(key)
