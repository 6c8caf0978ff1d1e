"""`kwatch.cli._progress`: comes late, goes without a trace, stays away where it would disturb."""

import io
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from rich.console import Console

from kwatch import Event, EventType, WatchStatus
from kwatch.cli._output import say
from kwatch.cli._progress import Progress
from kwatch.cli._signals import Stopped
from tests.cli.terminal import PATIENCE, Terminal

OBJECT = Event(EventType.CREATED, {"metadata": {"name": "a"}})
BOOKMARK = Event(EventType.BOOKMARK, {"metadata": {}})
ERASED = "\r\x1b[2K"
SHOW_CURSOR = "\x1b[?25h"


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with Terminal() as terminal:
        yield terminal


@pytest.fixture
def use(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Has stderr be the terminal, and stdout none; until the test runs, pytest sets both."""

    def use() -> None:
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys, "stderr", terminal.stdout)
        monkeypatch.setattr(sys, "stdout", io.StringIO())

    return use


def ends_erased(terminal: Terminal) -> bool:
    """Whether nothing of it is left."""
    terminal.stdout.write("the end\n")
    terminal.wait_for("the end")
    *_, shown, rest = terminal.screen.rpartition("\x1b[2K")
    return bool(shown) and "so far" not in rest and "waiting" not in rest and "\n\n" not in rest


# The ways out


@pytest.mark.parametrize("error", [None, Stopped(2), ValueError()])
def test_it_goes_without_a_trace(
    terminal: Terminal, use: Callable[[], None], error: BaseException | None
) -> None:
    use()
    try:
        with Progress("pods", WatchStatus(), patience=0):
            terminal.wait_for("waiting for pods")
            if error is not None:
                raise error
    except BaseException as raised:
        assert raised is error  # noqa: PT017
    assert ends_erased(terminal)
    assert terminal.screen.rfind(SHOW_CURSOR) > terminal.screen.rfind("\x1b[?25l")


def test_it_goes_when_all_have_come(terminal: Terminal, use: Callable[[], None]) -> None:
    use()
    status = WatchStatus()
    with Progress("pods", status, patience=0) as progress:
        progress.show(OBJECT)
        terminal.wait_for("pods: 1 so far")
        status.synced = True
        progress.show(BOOKMARK)
        assert ends_erased(terminal)
        progress.show(OBJECT)
    assert "2 so far" not in terminal.screen


def test_it_does_not_come_after_it_went(terminal: Terminal, use: Callable[[], None]) -> None:
    """Even where its time comes at that very moment."""
    use()
    with Progress("pods", WatchStatus(synced=True), patience=3_600) as progress:
        progress.show(BOOKMARK)
        progress._appear()
    terminal.stdout.write("the end\n")
    terminal.wait_for("the end")
    assert terminal.screen.strip() == "the end"


def test_it_leaves_no_thread_that_waits(terminal: Terminal, use: Callable[[], None]) -> None:
    use()
    threads = threading.active_count()
    with Progress("pods", WatchStatus(), patience=3_600):
        pass
    eventually_alone(threads)
    assert terminal.screen == ""


def eventually_alone(threads: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while threading.active_count() > threads:
        assert time.monotonic() < deadline
        time.sleep(0.005)


# Where it stays away


@pytest.mark.parametrize("term", ["dumb", "xterm"])
@pytest.mark.parametrize("silent", [True, False])
@pytest.mark.parametrize("stdout", [True, False])
@pytest.mark.parametrize("stderr", [True, False])
def test_it_comes_only_where_it_disturbs_nobody(
    terminal: Terminal,
    use: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    term: str,
    silent: bool,
    stdout: bool,
    stderr: bool,
) -> None:
    use()
    monkeypatch.setenv("TERM", term)
    if stdout:
        monkeypatch.setattr(sys, "stdout", terminal.stdout)
    if not stderr:
        monkeypatch.setattr(sys, "stderr", io.StringIO())
    progress = Progress("pods", WatchStatus(), silent=silent, patience=3_600)
    threads = threading.active_count()
    with progress:
        is_there = threading.active_count() > threads
    assert is_there == (term != "dumb" and stderr and (silent or not stdout))


def test_stdout_is_left_alone(terminal: Terminal, use: Callable[[], None]) -> None:
    use()
    stdout = sys.stdout
    with Progress("pods", WatchStatus(), patience=0):
        terminal.wait_for("waiting")
        assert sys.stdout is stdout
        sys.stdout.write("an event\n")
    assert isinstance(stdout, io.StringIO)
    assert stdout.getvalue() == "an event\n"
    assert "an event" not in terminal.screen


# What it tells


def test_what_is_said_meanwhile_stays(terminal: Terminal, use: Callable[[], None]) -> None:
    use()
    with Progress("pods", WatchStatus(), patience=0):
        terminal.wait_for("waiting")
        say("something")
        at = terminal.wait_for("kwatch: something\r\n")
    assert ends_erased(terminal)
    assert "something" not in terminal.screen[at:]


def test_how_many_and_how_fast() -> None:
    now = 100.0
    progress = Progress("pods", WatchStatus(), console=Console(quiet=True), clock=lambda: now)
    for _ in range(2_400):
        progress.show(OBJECT)
    now += 2
    progress.show(BOOKMARK)
    assert progress._text() == "pods: 2,400 so far, 1,200 per second"
