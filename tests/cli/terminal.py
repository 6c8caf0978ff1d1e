"""A terminal of its own for a test: what is written to it comes out at the other side."""

import os
import pty
import select
import sys
import termios
import time
from types import TracebackType
from typing import Self, TextIO

PATIENCE = 10.0
"""Seconds after which whatever is waited for will not come any more."""


class Terminal:
    """A pseudo terminal of 80 columns.

    Attributes:
        stdin: What a program reads from.
        stdout: What it writes to.
        screen: All that was written to it so far, as far as it was waited for.
    """

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        self.stdin: TextIO = os.fdopen(slave, encoding="utf-8")
        self.stdout: TextIO = os.fdopen(os.dup(slave), "w", encoding="utf-8", buffering=1)
        self.screen = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stdin.close()
        self.stdout.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Go away, as when its window is closed."""
        if self._master >= 0:
            os.close(self._master)
        self._master = -1

    @property
    def is_cooked(self) -> bool:
        """Whether it echoes, and gives whole lines."""
        flags: int = termios.tcgetattr(self._master)[3]
        return flags & (termios.ICANON | termios.ECHO) == termios.ICANON | termios.ECHO

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def wait_for(self, text: str, since: int = 0) -> int:
        """Wait until a text is on the screen; give where it ends.

        Args:
            text: The text.
            since: Where to begin to look.
        """
        deadline = time.monotonic() + PATIENCE
        while (found := self.screen.find(text, since)) < 0:
            left = max(0.0, deadline - time.monotonic())
            assert select.select([self._master], [], [], left)[0], f"no {text!r}: {self.screen!r}"
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # nobody has the other side open any more
                data = b""
            assert data, f"no {text!r}, and no more: {self.screen!r}"
            self.screen += data.decode(errors="replace")
        return found + len(text)


LEADER = f"""
import os, signal, subprocess, sys, termios, fcntl
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
child = subprocess.Popen([{sys.executable!r}, "-W", "error", *sys.argv[1:]], process_group=0)
while True:
    os.tcsetpgrp(0, child.pid)
    _, status = os.waitpid(child.pid, os.WUNTRACED)
    os.tcsetpgrp(0, os.getpgrp())
    if not os.WIFSTOPPED(status):
        print("ended", os.waitstatus_to_exitcode(status), flush=True)
        break
    print("suspended", flush=True)
    sys.stdin.readline()
    os.tcsetpgrp(0, child.pid)
    os.kill(child.pid, signal.SIGCONT)
"""
"""A shell that runs one program, and continues it at the next line; its stdin is the terminal."""
