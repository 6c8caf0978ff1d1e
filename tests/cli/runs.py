"""The command, run in this process, in one of its own, and on a terminal."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from kwatch.cli import main

TOKEN = "s3cr3t-token"
PODS = "/api/v1/pods"
PATIENCE = 10.0
"""Seconds after which whatever is waited for will not come any more."""

COMMAND = [sys.executable, "-W", "error", "-m", "kwatch"]


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Run:
    """One run of the command in this process, which ends by itself and never tells the token."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *argv: str) -> None:
        begun = time.monotonic()
        self.status = main(argv)
        self.seconds = time.monotonic() - begun
        self.out, self.err = capsys.readouterr()
        assert TOKEN not in self.out + self.err

    @property
    def error(self) -> str:
        """The one line on stderr, of a run that printed nothing."""
        assert self.out == ""
        return self.last_error

    @property
    def last_error(self) -> str:
        """The one line on stderr."""
        assert self.status == 1
        lines = self.err.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("kwatch: ")
        return lines[0].removeprefix("kwatch: ")

    @property
    def wrong_usage(self) -> str:
        """What stderr says is wrong, below the usage, of a run that did nothing."""
        assert (self.status, self.out) == (2, "")
        usage, error = self.err.splitlines()
        assert usage.startswith("Usage: kwatch ")
        assert error.startswith("kwatch: ")
        assert not error.endswith(".")
        return error.removeprefix("kwatch: ")


class Running:
    """A process whose lines can be waited for."""

    def __init__(self, command: list[str], environment: dict[str, str], errors: Path) -> None:
        self._errors = errors
        with errors.open("wb") as stderr:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment,
            )
        assert self.process.stdout
        self.stdout = self.process.stdout
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.stdout.close()

    def line(self) -> str:
        """Give the next line of stdout, as soon as it is there."""
        deadline = time.monotonic() + PATIENCE
        while b"\n" not in self._rest:
            left = max(0.0, deadline - time.monotonic())
            assert select.select([self.stdout], [], [], left)[0], "no line came"
            data = os.read(self.stdout.fileno(), 65_536)
            assert data, f"stdout ended: {self.stderr}"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def ended(self) -> int:
        """Give the exit status, as soon as there is one."""
        return self.process.wait(PATIENCE)

    @property
    def stderr(self) -> str:
        return self._errors.read_text()


Start = Callable[..., Running]


def on_terminal(environment: dict[str, str], *argv: str, **popen: Any) -> tuple[int, str]:
    """Run the command on a terminal; give its exit status and what was shown."""
    master, slave = pty.openpty()
    command = [*COMMAND, *argv]
    streams = {"stdin": slave, "stdout": slave, "stderr": slave} | popen
    with subprocess.Popen(command, env={"TERM": "xterm", **environment}, **streams) as process:
        os.close(slave)
        shown, deadline = b"", time.monotonic() + PATIENCE
        try:
            while select.select([master], [], [], max(0.0, deadline - time.monotonic()))[0]:
                try:
                    data = os.read(master, 65_536)
                except OSError:  # the other end is closed
                    break
                if not data:
                    break
                shown += data
            return process.wait(PATIENCE), shown.decode()
        finally:
            process.kill()
            os.close(master)
