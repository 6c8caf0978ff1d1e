"""The values of options, read from text; each ValueError says what was expected."""

import importlib
import re
import threading
from collections.abc import Callable
from math import nan
from typing import Any

from kwatch import Backoff

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0}
_SHARD = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
_PARTS = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ms|s|m|h)")


def duration(text: str) -> float:
    """Read seconds, or what kubectl takes: ``30s``, ``5m``, ``1h30m``, ``500ms``.

    >>> [duration(text) for text in ("2.5", "30s", "1h30m")]
    [2.5, 30.0, 5400.0]
    """
    if text and _PARTS.sub("", text) == "":
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PARTS.findall(text))
    else:
        seconds = _number(text)
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise ValueError(f"expected a time above 0 such as 30, 30s, 5m or 1h, got {text!r}")
    return seconds


def lifetime(text: str) -> int:
    """Read the seconds that a connection lives.

    >>> lifetime("300")
    300
    """
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:9]) <= 86_400):
        raise ValueError(f"expected whole seconds from 1 to 86400, got {text!r}")
    return int(text)


def speed(text: str) -> float:
    """Read how many times as fast as it was.

    >>> speed("10")
    10.0
    """
    factor = _number(text)
    if not 0 < factor < float("inf"):
        raise ValueError(
            f"expected a number above 0, such as 10 for ten times as fast, got {text!r}"
        )
    return factor


def backoff(text: str) -> Backoff:
    """Read ``INITIAL,FACTOR,MAXIMUM`` and, if it is there, ``,JITTER``.

    >>> backoff("1,2,30")
    Backoff(initial=1.0, factor=2.0, maximum=30.0, jitter=0.5)
    """
    numbers = [_number(part) for part in text.split(",")]
    if not 3 <= len(numbers) <= 4:
        raise ValueError(f"expected INITIAL,FACTOR,MAXIMUM such as 0.8,2,30, got {text!r}")
    return Backoff(*numbers)


def shard(text: str) -> tuple[int, int]:
    """Read ``INDEX/COUNT``.

    >>> shard("0/4")
    (0, 4)
    """
    found = _SHARD.fullmatch(text)
    if found is None or int(found[1]) >= int(found[2]):
        raise ValueError(f"expected INDEX/COUNT such as 0/4, the first of 4, got {text!r}")
    return int(found[1]), int(found[2])


def function(text: str) -> Callable[[bytes], Any]:
    """Import what ``MODULE.FUNCTION`` names.

    >>> function("json.loads")(b"[1]")
    [1]
    """
    module, _, name = text.rpartition(".")
    if not (module and all(part.isidentifier() for part in text.split("."))):
        raise ValueError(f"expected MODULE.FUNCTION such as orjson.loads, got {text!r}")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # whatever that module does
        raise ValueError(f"cannot import {text!r}: {str(error) or type(error).__name__}") from error
    if not callable(found):
        raise ValueError(f"expected a function, but {text!r} is of type {type(found).__name__}")
    loads: Callable[[bytes], Any] = found
    return loads


def _number(text: str) -> float:
    """Read a number; NaN, which no check lets pass, for what is none."""
    try:
        return float(text)
    except ValueError:
        return nan
