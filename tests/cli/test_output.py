"""`kwatch.cli._output`: one event is one line that does no harm to who reads it."""

import io
import json
import logging
import re
import sys
from typing import Any

import pytest

from kwatch import Event, EventType
from kwatch.cli._output import OutputError, as_json, as_line, logged, print_event, say, write

HOSTILE = "\x1b[2J\n\r\x00\x7f\x9b\u202e\u2028\u200b\ud800"
"""Clears the screen, breaks lines, reverses text, is no Unicode."""


def event(**metadata: Any) -> Event:
    return Event(EventType.CREATED, {"metadata": {"resourceVersion": "1", **metadata}})


def name_in(line: str) -> str:
    found = re.fullmatch(r"\d\d:\d\d:\d\d  created   (.*)", line)
    assert found
    return found[1]


class Unwritable(io.StringIO):
    def flush(self) -> None:
        raise BrokenPipeError(32, "Broken pipe")


# Lines


def test_characters_that_steer_a_terminal_are_escaped_in_a_line() -> None:
    line = as_line(event(name=f"a{HOSTILE}b"))
    assert name_in(line) == r"a\x1b[2J\n\r\x00\x7f\x9b\u202e\u2028\u200b\ud800b"


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", r"\xe9"), ("latin-1", "é")])
def test_characters_that_stdout_does_not_have_are_escaped_in_a_line(
    encoding: str, shown: str
) -> None:
    assert name_in(as_line(event(name="é"), encoding)) == shown


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({}, "?"),
        ({"name": "a", "namespace": None}, "a"),
        ({"name": "a", "namespace": ""}, "a"),
        ({"name": "a", "namespace": "b"}, "b/a"),
        ({"name": ["a"], "namespace": 1}, ""),
    ],
)
def test_a_line_needs_no_name_and_no_namespace(metadata: dict[str, Any], name: str) -> None:
    assert name_in(as_line(event(**metadata))) == name


def test_lines_are_aligned() -> None:
    lines = [as_line(Event(it, event(name="a", namespace="b").obj)) for it in EventType]
    assert {line.index("b/a") for line in lines} == {20}


# JSON


def test_a_json_line_stays_one_line_for_every_reader() -> None:
    given = event(name=HOSTILE)
    text = as_json(given)
    assert text.isprintable()
    assert text.splitlines() == [text]
    assert json.loads(text) == {"type": "created", "object": given.obj}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-16"])
def test_a_json_line_can_be_encoded_and_stays_json(encoding: str) -> None:
    given = event(name="é€😀\ud800")
    line = as_json(given, encoding).encode(encoding)
    assert json.loads(line.decode(encoding)) == {"type": "created", "object": given.obj}


def test_json_is_compact_and_shows_characters_as_they_are() -> None:
    assert as_json(Event(EventType.DELETED, {"a": ["é😀"]})) == (
        '{"type":"deleted","object":{"a":["é😀"]}}'
    )


# Streams


def test_a_stream_that_cannot_be_written_is_an_output_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", Unwritable())
    with pytest.raises(OutputError) as caught:
        print_event(event(name="a"), "line")
    assert isinstance(caught.value.__cause__, BrokenPipeError)


def test_no_stdout_is_an_output_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError):
        write("a")


@pytest.mark.parametrize("stream", [None, Unwritable()])
def test_nobody_has_to_listen_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], stream: Any
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    say("a")
    assert capsys.readouterr().out == ""


def test_a_message_is_one_harmless_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\n  b\x1b[2J")
    assert capsys.readouterr().err == "kwatch: a b\\x1b[2J\n"


def test_the_log_is_said_from_its_level_on_and_left_as_it_was(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("kwatch")
    before = (logger.level, list(logger.handlers))
    with logged(logging.INFO):
        logging.getLogger("kwatch._session").info("one %s", "two\nthree")
        logger.debug("not this")
    assert (logger.level, list(logger.handlers)) == before
    logger.warning("nor this, from us")
    assert capsys.readouterr().err == "kwatch: one two three\n"
