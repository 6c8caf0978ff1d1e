"""`kwatch.cli._output`: what is written is harmless, and written at once, or it is told."""

import io
import logging
import sys
from typing import Any

import pytest

from kwatch.cli._output import OutputError, logged, say, write


class Unwritable(io.StringIO):
    def flush(self) -> None:
        raise BrokenPipeError(32, "Broken pipe")


# Streams


def test_a_stream_that_cannot_be_written_is_an_output_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdout", Unwritable())
    with pytest.raises(OutputError) as caught:
        write("a")
    assert isinstance(caught.value.__cause__, BrokenPipeError)


def test_no_stdout_is_an_output_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError):
        write("a")


def test_what_stdout_has_no_character_for_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", stdout)
    write("é€\ud800\n")
    assert stdout.buffer.getvalue() == b"\xe9\\u20ac\\ud800\n"


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
