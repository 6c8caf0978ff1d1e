"""How the command writes: what is asked for to stdout, all else to stderr; each at once."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO


class OutputError(Exception):
    """Stdout cannot be written to; the cause is the ``OSError``."""


def write(text: str) -> None:
    """Write to stdout, through any buffer; what it has no character for is escaped.

    Raises:
        OutputError: That failed.
    """
    try:
        if sys.stdout is None:
            raise OSError("stdout is closed")
        encoding = encoding_of(sys.stdout)
        if not has(encoding, text):
            text = text.encode(encoding, "backslashreplace").decode(encoding)
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
    """Write one harmless line to stderr, if there is anybody to read it."""
    say_bare(f"kwatch: {message}")


def say_bare(message: str) -> None:
    """Write a line like `say`, without the name of the command."""
    text = printable(" ".join(message.split()), encoding_of(sys.stderr), escape)
    with suppress(OSError, ValueError):
        if sys.stderr is not None:
            print(text, file=sys.stderr, flush=True)


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


def name_of(obj: dict[str, Any]) -> str:
    """Give ``namespace/name``; the name alone where there is no namespace."""
    metadata = obj["metadata"]
    parts = [metadata.get("namespace"), metadata.get("name", "?")]
    return "/".join(part for part in parts if isinstance(part, str) and part)


def printable(text: str, encoding: str, escape: Callable[[str], str]) -> str:
    """Escape the characters that are not printable, or that the encoding does not have."""
    if text.isprintable() and has(encoding, text):
        return text
    return "".join(c if c.isprintable() and has(encoding, c) else escape(c) for c in text)


def has(encoding: str, text: str) -> bool:
    """Whether an encoding has all the characters of a text."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def escape(character: str) -> str:
    r"""Write a character as Python does: ``\x1b``."""
    return character.encode("unicode_escape").decode()


def encoding_of(stream: TextIO | None) -> str:
    """Give the encoding of a stream."""
    return getattr(stream, "encoding", None) or "utf-8"
