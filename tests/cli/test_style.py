"""`kwatch.cli._style`: colour is for terminals, and for those that want it."""

import io
import os
from collections.abc import Iterator

import pytest

from kwatch.cli._style import Style, is_terminal
from tests.cli.terminal import Terminal


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with Terminal() as terminal:
        yield terminal


def test_no_terminal_no_colour() -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (None, io.StringIO(), closed):
        assert not is_terminal(stream)
        assert Style.of(stream) == Style(colour=False)


@pytest.mark.parametrize(
    ("name", "value", "colour"),
    [
        ("NO_COLOR", "1", False),
        ("NO_COLOR", "0", False),
        ("NO_COLOR", "", True),
        ("TERM", "xterm", True),
    ],
)
def test_who_wants_no_colour_gets_none(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str, colour: bool
) -> None:
    monkeypatch.setenv(name, value)
    style = Style.of(terminal.stdout)
    assert style.colour is colour
    assert style.columns is not None
    assert style.columns() == 80


@pytest.mark.parametrize("term", ["dumb", "unknown", "DUMB"])
def test_a_dumb_terminal_is_none(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    assert not is_terminal(terminal.stdout)
    assert Style.of(terminal.stdout) == Style(colour=False)


def test_a_terminal_that_has_gone_has_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with Terminal() as terminal:
        style = Style.of(terminal.stdout)
    assert style.columns is not None
    assert style.columns() == 80


def test_without_colour_nothing_is_painted() -> None:
    style = Style(colour=False)
    for paint in (style.added, style.removed, style.changed, style.faint):
        assert paint("a") == "a"
    assert style.event_type("created ") == "created "


def test_each_meaning_has_its_look() -> None:
    style = Style(colour=True)
    paints = (style.added, style.removed, style.changed, style.faint)
    assert len({paint("a") for paint in paints}) == len(paints)
    assert style.event_type(" created ") == "\x1b[32m created \x1b[0m"
    assert style.event_type("unknown") == "unknown"


def test_the_width_follows_the_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    style = Style.of(terminal.stdout)
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((33, 5)))
    assert style.columns is not None
    assert style.columns() == 33
