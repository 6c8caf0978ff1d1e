"""What the command prints: events on stdout, all else on stderr; each at once, each one line."""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from kwatch import Event
from kwatch.cli._json import dumps


class OutputError(Exception):
    """Stdout cannot be written to; the cause is the ``OSError``."""


def write(text: str) -> None:
    """Write to stdout, through any buffer.

    Raises:
        OutputError: That failed.
    """
    try:
        if sys.stdout is None:
            raise OSError("stdout is closed")
        sys.stdout.write(text)
        sys.stdout.flush()
    except BaseException as error:  # a signal, too, while nobody reads
        _abandon(sys.stdout)
        if isinstance(error, OSError):
            raise OutputError from error
        raise


def _abandon(stream: TextIO | None) -> None:
    """Drop what is in the buffers: the interpreter's flush, at its end, would fail or block."""
    if stream is not None:
        with suppress(OSError, ValueError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def say(message: str) -> None:
    """Write one line to stderr, if there is anybody to read it."""
    text = printable(" ".join(message.split()), _encoding(sys.stderr), _escape)
    with suppress(OSError, ValueError):
        if sys.stderr is not None:
            print(f"kwatch: {text}", file=sys.stderr, flush=True)


@contextmanager
def logged(level: int) -> Iterator[None]:
    """Say what kwatch logs, from this level on, while the context is open."""
    logger, handler = logging.getLogger("kwatch"), _Handler()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


class _Handler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def as_line(event: Event, encoding: str = "utf-8") -> str:
    r"""Give the time, what happened, and to which object.

    >>> as_line(Event("created", {"metadata": {"name": "a\n", "namespace": "b"}}))[8:]
    '  created   b/a\\n'
    """
    clock = time.strftime("%H:%M:%S")
    name = printable(name_of(event.obj), encoding, _escape)
    return f"{clock}  {event.event_type:<8}  {name}"


def as_json(event: Event, encoding: str = "utf-8") -> str:
    r"""Give the event as a JSON object.

    What breaks lines or steers terminals, and what stdout cannot encode, is escaped.

    >>> as_json(Event("deleted", {"a": "\x9b"}))
    '{"type":"deleted","object":{"a":"\\u009b"}}'
    """
    text = dumps({"type": event.event_type, "object": event.obj})
    return printable(text, encoding, lambda character: json.dumps(character)[1:-1])


FORMATS: dict[str, Callable[[Event, str], str]] = {"line": as_line, "json": as_json}


def print_event(event: Event, output: str) -> None:
    """Print an event in one of the `FORMATS`."""
    write(FORMATS[output](event, _encoding(sys.stdout)) + "\n")


def name_of(obj: dict[str, Any]) -> str:
    """Give ``namespace/name``; the name alone where there is no namespace."""
    metadata = obj["metadata"]
    parts = [metadata.get("namespace"), metadata.get("name", "?")]
    return "/".join(part for part in parts if isinstance(part, str) and part)


def printable(text: str, encoding: str, escape: Callable[[str], str]) -> str:
    """Escape the characters that are not printable, or that the encoding does not have."""
    if text.isprintable() and _has(encoding, text):
        return text
    return "".join(c if c.isprintable() and _has(encoding, c) else escape(c) for c in text)


def _has(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def _encoding(stream: TextIO | None) -> str:
    return getattr(stream, "encoding", None) or "utf-8"
