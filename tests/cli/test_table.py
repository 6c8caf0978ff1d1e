"""`kwatch.cli._table`: the live table on a terminal, and how it leaves that."""

import io
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console, ConsoleDimensions, RenderableType

from kwatch import Event, EventType, WatchState, WatchStatus
from kwatch.cli import _table
from kwatch.cli._output import logged, say
from kwatch.cli._signals import Stopped
from kwatch.cli._table import Table
from tests.cli.terminal import Terminal

ALTERNATE, NORMAL = "\x1b[?1049h", "\x1b[?1049l"
SHOW_CURSOR = "\x1b[?25h"


def event(event_type: str, name: str, **metadata: Any) -> Event:
    metadata |= {"name": name, "resourceVersion": "7"}
    return Event(EventType(event_type), {"kind": "Pod", "metadata": metadata})


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm")
    with Terminal() as terminal:
        yield terminal


@pytest.fixture
def console(terminal: Terminal) -> Console:
    environment = {"TERM": "xterm"}
    return Console(file=terminal.stdout, width=80, height=24, _environ=environment)


@pytest.fixture
def status() -> WatchStatus:
    return WatchStatus(synced=True, state=WatchState.WATCHING, connects=1)


def drawn(table: Table) -> str:
    """What it would draw now."""
    console = Console(file=io.StringIO(), width=80, _environ={})
    with console.capture() as capture:
        console.print(table._draw())
    return capture.get()


# The ways out


@pytest.mark.parametrize("error", [None, Stopped(2), KeyboardInterrupt(), ValueError()])
def test_the_terminal_is_left_as_it_was_with_the_last_table_on_it(
    terminal: Terminal, console: Console, status: WatchStatus, error: BaseException | None
) -> None:
    stderr = sys.stderr
    try:
        with Table("pods", status, console=console) as table:
            at = terminal.wait_for(ALTERNATE)
            table.show(event("created", "web-1"))
            at = terminal.wait_for("web-1", at)
            table.show(event("created", "web-2"))
            if error is not None:
                raise error
    except BaseException as raised:
        assert raised is error  # noqa: PT017
    at = terminal.wait_for(NORMAL, at)
    assert SHOW_CURSOR in terminal.screen[at - 30 :]
    for text in ("pods", "web-1", "web-2", "2 objects", "\n"):
        at = terminal.wait_for(text, at)
    assert sys.stderr is stderr


def test_a_terminal_that_has_gone_is_no_other_error(
    terminal: Terminal, console: Console, status: WatchStatus
) -> None:
    class Gone(io.StringIO):
        is_gone = False

        def write(self, text: str) -> int:
            if self.is_gone:
                raise OSError(5, "Input/output error")
            return super().write(text)

    gone = Gone()
    console = Console(file=gone, width=80, height=24, force_terminal=True, _environ={})

    def run() -> None:
        with Table("pods", status, console=console):
            gone.is_gone = True
            raise ValueError("of the watch")

    with pytest.raises(ValueError, match="of the watch"):
        run()


def test_no_start_no_trace(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal comes while the table is being put up."""
    console = Console(file=terminal.stdout, width=80, height=24, _environ={"TERM": "xterm"})

    show_cursor = console.show_cursor

    def stop(show: bool = True) -> bool:
        if not show:
            raise Stopped(15)
        return show_cursor(show)

    monkeypatch.setattr(console, "show_cursor", stop)
    stderr, threads = sys.stderr, threading.active_count()
    with pytest.raises(Stopped), Table("pods", console=console):
        pass
    assert sys.stderr is stderr
    assert threading.active_count() <= threads
    at = terminal.wait_for(NORMAL)
    assert ALTERNATE in terminal.screen[:at]
    assert SHOW_CURSOR in terminal.screen[:at]


# What is said meanwhile


def test_what_is_logged_is_in_the_footer_and_nowhere_else(
    console: Console, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal.stdout)
    with logged(logging.INFO), Table("pods", console=console) as table:
        logging.getLogger("kwatch").info("reconnecting\nnow")
        assert "0s ago: reconnecting now" in drawn(table)
        say("one")
        sys.stderr.write("\ntwo")
        assert "0s ago: one" in drawn(table)
        sys.stderr.flush()
    with terminal:
        say("the end")
        terminal.wait_for("kwatch: the end")
    assert "kwatch: one" not in terminal.screen


def test_a_log_file_gets_what_is_said_too(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    with Table("pods", console=console) as table:
        say("one")
        sys.stderr.flush()
        assert "0s ago: one" in drawn(table)
    assert capsys.readouterr().err == "kwatch: one\n"


def test_no_stderr_will_do(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with Table("pods", console=console) as table:
        say("one")
        sys.stderr.flush()
        assert "0s ago: one" in drawn(table)
    assert sys.stderr is None


# What is shown


def test_bookmarks_are_no_rows(console: Console) -> None:
    with Table("pods", console=console) as table:
        table.show(event("bookmark", "web"))
        assert "no objects" in drawn(table)


def test_what_exists_at_the_start_has_not_changed(console: Console) -> None:
    status = WatchStatus(synced=False)
    with Table("pods", status, console=console) as table:
        table.show(event("created", "web-1"))
        table.show(event("modified", "web-2"))
        status.synced = True
        table.show(event("created", "web-3"))
        rows = {line.split()[0]: line for line in drawn(table).split("\n") if "web-" in line}
    assert {name: line.count("ago") for name, line in rows.items()} == {
        "web-1": 0,
        "web-2": 1,
        "web-3": 1,
    }


def test_another_size_is_another_table(console: Console) -> None:
    with Table("pods", console=console) as table:
        for index in range(100):
            table.show(event("created", f"web-{index}"))
        console.size = ConsoleDimensions(80, 50)
        assert len(drawn(table).split("\n")) == 51
        console.size = ConsoleDimensions(80, 10)
        assert len(drawn(table).split("\n")) == 11


def test_events_wait_while_it_is_drawn(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_table, "REFRESHES", 0.01)  # only this test draws it
    with Table("pods", console=console) as table:
        draw, waited = table._board.draw, []

        def draw_slowly(*size: int, fill: bool) -> RenderableType:
            thread = threading.Thread(target=table.show, args=(event("created", "web"),))
            thread.start()
            thread.join(0.05)
            waited.append(thread)
            assert thread.is_alive()
            return draw(*size, fill=fill)

        with monkeypatch.context() as patch:
            patch.setattr(table._board, "draw", draw_slowly)
            assert "web" not in drawn(table)
        for thread in waited:
            thread.join()
        assert "web" in drawn(table)


def test_what_is_drawn_may_have_something_to_say(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning, say, or what the garbage collector comes upon."""
    with Table("pods", console=console) as table:
        rate = table._rows.rate

        def warned() -> float:
            say("a warning")
            return rate()

        monkeypatch.setattr(table._rows, "rate", warned)
        drawn(table)
        assert "0s ago: a warning" in drawn(table)
