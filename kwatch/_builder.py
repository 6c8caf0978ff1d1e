"""Builds JSON documents out of ijson's low-level events: exact, and slower than ``ijson.items``.

It takes integers of any size, keeps memory linear in the depth, knows whether a document is
open, and runs on each of ijson's backends.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any, Final

import ijson

from kwatch._errors import DecodeError

_SLICE_BYTES: Final = 65_536
"""How much is parsed before its events are built: they take much more memory than the bytes."""

_DIGITS: Final = b"0123456789"
_LONG_NUMBER: Final = re.compile(rb"[0-9]{640}")
"""Python never refuses to convert an int with fewer digits (sys.int_info)."""


class Builder:
    """Bytes in, documents out.

    Attributes:
        keys: How many keys the open document has had so far.
        count: How many documents have ended.
    """

    def __init__(self, max_depth: int) -> None:
        self.keys = 0
        self.count = 0
        self._max_depth = max_depth
        self._done: list[Any] = []
        self._open: list[tuple[Any, str]] = []  # each container, and the key that it stands under
        self._key = ""
        self._digits = 0  # with which the bytes so far end
        self._events = ijson.sendable_list()
        self._parser = ijson.basic_parse_coro(self._events, multiple_values=True)

    def __del__(self) -> None:
        # Left to itself, the pure Python backend complains of a document that is still open.
        with suppress(Exception):
            self._parser.close()

    @property
    def depth(self) -> int:
        """How many objects and arrays are open; 0 between documents."""
        return len(self._open)

    def feed(self, data: bytes) -> Iterator[Any]:
        """Parse some more bytes.

        Yields:
            The documents that ended in them.

        Raises:
            DecodeError: They are not JSON, or are nested deeper than ``max_depth``. The
                documents before were yielded.
        """
        for start in range(0, len(data), _SLICE_BYTES):
            failure = self._parse(data[start : start + _SLICE_BYTES])
            try:
                for name, value in self._events:
                    self._take(name, value)
            except DecodeError as error:
                failure = error
            self._events.clear()
            done, self._done = self._done, []
            yield from done
            if failure is not None:
                raise failure

    def _parse(self, data: bytes) -> DecodeError | None:
        try:
            if self._may_end_long_number(data):
                with _ints_of_any_length():
                    self._parser.send(data)
            else:
                self._parser.send(data)
        except (ijson.JSONError, ArithmeticError) as error:  # the latter: 1e99999999999999999999
            return DecodeError(f"expected JSON: {_reason(error)}")
        return None

    def _may_end_long_number(self, data: bytes) -> bool:
        rest = data.lstrip(_DIGITS)
        run = self._digits + len(data) - len(rest)
        self._digits = len(data) - len(data.rstrip(_DIGITS)) if rest else run
        return run >= 640 or _LONG_NUMBER.search(data) is not None

    def _take(self, name: str, value: Any) -> None:
        if name == "map_key":
            self._key = value
            self.keys += 1
        elif name == "start_map":
            self._start({})
        elif name == "start_array":
            self._start([])
        elif name in ("end_map", "end_array"):
            self._end()
        else:
            self._add(float(value) if isinstance(value, Decimal) else value)

    def _start(self, container: Any) -> None:
        if self.depth >= self._max_depth:
            raise DecodeError(f"a document is nested deeper than {self._max_depth} levels")
        if self._open:
            self._add(container)
        self._open.append((container, self._key))

    def _end(self) -> None:
        container, self._key = self._open.pop()
        if not self._open:
            self._add(container)

    def _add(self, value: Any) -> None:
        if not self._open:
            self._done.append(value)
            self.count += 1
            self.keys = 0
            return
        parent = self._open[-1][0]
        if isinstance(parent, dict):
            parent[self._key] = value
        else:
            parent.append(value)


@contextmanager
def _ints_of_any_length() -> Iterator[None]:
    """Lift Python's limit on the digits of an int: ijson's C backend crashes where it is met."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(limit)


def _reason(error: Exception) -> str:
    """Say what is wrong in yajl's words, without the bytes that it quotes: they may be secret."""
    text = error.args[0] if error.args else ""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    line = str(text).partition("\n")[0].strip()
    return line if line.startswith(("lexical error:", "parse error:")) else "malformed or cut short"
