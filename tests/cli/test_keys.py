"""`kwatch.cli._keys` and `_suspend`: keys come at once, and the terminal is always restored."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue

import pytest

from kwatch.cli import _suspend
from kwatch.cli._keys import can_read_keys, keys
from kwatch.cli._signals import Stopped, stoppable
from kwatch.cli._suspend import leave_all, suspendable
from tests.cli.terminal import LEADER, PATIENCE, Terminal


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm")
    with Terminal() as terminal:
        yield terminal


@pytest.fixture
def pressed() -> "SimpleQueue[str]":
    return SimpleQueue()


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# The terminal is restored


def test_after_the_context(terminal: Terminal, pressed: "SimpleQueue[str]") -> None:
    with keys(pressed.put, terminal.stdin):
        assert not terminal.is_cooked
    assert terminal.is_cooked


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_after_a_signal(
    terminal: Terminal, pressed: "SimpleQueue[str]", number: signal.Signals
) -> None:
    def run() -> None:
        with stoppable(), keys(pressed.put, terminal.stdin):
            assert not terminal.is_cooked
            signal.raise_signal(number)

    with pytest.raises(Stopped):
        run()
    assert terminal.is_cooked


def test_even_where_the_terminal_has_gone(terminal: Terminal, pressed: "SimpleQueue[str]") -> None:
    with keys(pressed.put, terminal.stdin):
        terminal.hang_up()
    assert pressed.empty()


PROGRAM = """
import sys, threading, time
from kwatch import Event
from kwatch.cli._keys import keys
from kwatch.cli._signals import Stopped, stoppable
from kwatch.cli._table import Table

quit, stuck = threading.Event(), threading.Event()
def press(key):
    print(f"<{key}>", file=sys.stderr, flush=True)
    if key == "q":
        quit.set()
    if key == "s":
        stuck.set()

try:
    with stoppable(), keys(press), Table("the title") as table:
        table.show(Event("created", {"metadata": {"name": "a", "resourceVersion": "1"}}))
        try:
            while not quit.wait(0.1):
                pass
        finally:
            if stuck.is_set():
                press("stuck")
                time.sleep(60)
except Stopped as stopped:
    sys.exit(stopped.status)
"""

ALTERNATE, NORMAL = "\x1b[?1049h", "\x1b[?1049l"


@pytest.fixture
def leader(terminal: Terminal) -> Iterator["subprocess.Popen[bytes]"]:
    """A program with keys and a table, under a shell."""
    environment = {"TERM": "xterm", "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", LEADER, "-c", PROGRAM],
        stdin=terminal.stdin,
        stdout=terminal.stdin,
        stderr=terminal.stdin,
        env=environment,
        start_new_session=True,
    ) as leader:
        try:
            yield leader
        finally:
            leader.kill()


def test_while_the_process_is_suspended(
    terminal: Terminal, leader: "subprocess.Popen[bytes]"
) -> None:
    at = terminal.wait_for(ALTERNATE)
    terminal.type("a")
    at = terminal.wait_for("<a>", at)
    terminal.type("\x1a")
    at = terminal.wait_for("suspended", at)
    assert terminal.screen.rfind(NORMAL) > terminal.screen.rfind(ALTERNATE)
    assert terminal.is_cooked
    terminal.type("\n")
    at = terminal.wait_for(ALTERNATE, at)
    eventually(lambda: not terminal.is_cooked)
    terminal.type("b")
    at = terminal.wait_for("<b>", at)
    terminal.type("q")
    terminal.wait_for("ended 0", at)
    assert terminal.is_cooked


def test_ctrl_c_is_what_it_was(terminal: Terminal, leader: "subprocess.Popen[bytes]") -> None:
    at = terminal.wait_for("the title", terminal.wait_for(ALTERNATE))
    terminal.type("\x03")
    at = terminal.wait_for(NORMAL, at)
    terminal.wait_for("ended 130", at)
    assert terminal.is_cooked
    assert "the title" in terminal.screen[at:], "the last table has to be left on the screen"


def test_a_second_ctrl_c_ends_what_is_stuck(
    terminal: Terminal, leader: "subprocess.Popen[bytes]"
) -> None:
    at = terminal.wait_for("1 object", terminal.wait_for(ALTERNATE))
    terminal.type("s")
    at = terminal.wait_for("<s>", at)
    terminal.type("\x03")
    at = terminal.wait_for("<stuck>", at)
    terminal.type("\x03")
    at = terminal.wait_for(NORMAL, at)
    terminal.wait_for("ended 130", at)
    assert terminal.is_cooked


# Keys


def test_keys_come_at_once(terminal: Terminal, pressed: "SimpleQueue[str]") -> None:
    with keys(pressed.put, terminal.stdin):
        for key in "c \u00e9":
            terminal.type(key)
            assert pressed.get(timeout=PATIENCE) == key


@pytest.mark.parametrize("keys_", ["\x1b[A", "\x1bOP", "\x1b[15;2~", "\x1ba"])
def test_what_is_no_character_is_no_key(
    terminal: Terminal, pressed: "SimpleQueue[str]", keys_: str
) -> None:
    with keys(pressed.put, terminal.stdin):
        terminal.type(keys_)
        terminal.type("x")
        assert pressed.get(timeout=PATIENCE) == "x"


def test_no_terminal_no_keys(pressed: "SimpleQueue[str]") -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader) as stream, os.fdopen(writer, "w"):
        assert not can_read_keys(stream)
        with keys(pressed.put, stream):
            pass


def test_no_stdin_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stdin in (None, closed):
        monkeypatch.setattr(sys, "stdin", stdin)
        assert not can_read_keys()


# Suspension


def test_a_handler_of_somebody_else_stays() -> None:
    def handler(*_: object) -> None:
        pass

    before = signal.signal(signal.SIGTSTP, handler)
    try:
        with suspendable(lambda: None, lambda: None):
            assert signal.getsignal(signal.SIGTSTP) is handler
        assert signal.getsignal(signal.SIGTSTP) is handler
    finally:
        signal.signal(signal.SIGTSTP, before)


def test_the_handler_is_restored_with_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getsid", lambda _: -1)  # as under a shell
    with suspendable(lambda: None, lambda: None):
        with suspendable(lambda: None, lambda: None):
            pass
        assert signal.getsignal(signal.SIGTSTP) is not signal.SIG_DFL
    assert signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL


def test_nothing_is_handled_where_no_shell_could_continue_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "getsid", lambda _: os.getpgrp())
    with suspendable(lambda: None, lambda: None):
        assert signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL


def test_those_that_came_last_leave_first() -> None:
    left: list[int] = []
    with suspendable(lambda: left.append(1), int), suspendable(lambda: left.append(2), int):
        leave_all()
    assert left == [2, 1]


def test_what_ends_while_it_is_suspended_is_not_entered_after_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []
    is_stopped, goes_on = threading.Event(), threading.Event()

    def stop(*_: object) -> None:
        is_stopped.set()
        goes_on.wait(PATIENCE)

    monkeypatch.setattr(signal, "pthread_kill", stop)
    thread = threading.Thread(target=_suspend._stop)
    with suspendable(lambda: calls.append("leave"), lambda: calls.append("enter")):
        thread.start()
        assert is_stopped.wait(PATIENCE)
        threading.Timer(0.05, goes_on.set).start()
    calls.append("end")
    thread.join()
    assert calls == ["leave", "enter", "end"]
