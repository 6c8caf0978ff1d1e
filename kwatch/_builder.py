"""Builds JSON documents out of ijson's low-level events: exact, and slower than ``ijson.items``.

It takes integers beyond 64 bits, keeps memory linear in the depth, knows whether a document is
open, and runs on each of ijson's backends.
"""

from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

import ijson

from kwatch._errors import DecodeError

_SLICE_BYTES: Final = 65_536
"""How much is parsed before its events are built: they take much more memory than the bytes."""


class Builder:
    """Bytes in, documents out.

    Attributes:
        count: How many documents have ended.
    """

    def __init__(self, max_depth: int) -> None:
        self.count = 0
        self._max_depth = max_depth
        self._documents: list[Any] = []  # those that ended, and the open one
        self._open: list[Any] = [self._documents]  # and the containers that are open within
        self._key: str | None = None  # the last one of the open document
        self._events = ijson.sendable_list()
        self._parser = ijson.basic_parse_coro(self._events, multiple_values=True)

    def __del__(self) -> None:
        # Left to itself, the pure Python backend complains of a document that is still open.
        with suppress(Exception):
            self._parser.close()

    @property
    def depth(self) -> int:
        """How many objects and arrays are open; 0 between documents."""
        return len(self._open) - 1

    @property
    def open_containers(self) -> list[Any]:
        """The objects and arrays that are open, as far as they have come, the outermost first."""
        return self._open[1:]

    @property
    def has_just_begun(self) -> bool:
        """Whether there is nothing yet of the open document but its first bracket."""
        return self.depth == 1 and self._key is None and not self._open[1]

    def feed(self, data: bytes) -> Iterator[Any]:
        """Parse some more bytes.

        Yields:
            The documents that ended in them.

        Raises:
            DecodeError: They are not JSON, or are nested deeper than ``max_depth``, or have a
                number that Python does not convert. The documents before were yielded.
        """
        for start in range(0, len(data), _SLICE_BYTES):
            failure = self._parse(data[start : start + _SLICE_BYTES])
            failure = self._build() or failure
            done = len(self._documents) - (self.depth > 0)
            documents, self._documents[:done] = self._documents[:done], []
            self.count += done
            yield from documents
            if failure is not None:
                raise DecodeError(failure)

    def _parse(self, data: bytes) -> str | None:
        """Turn bytes into events; tell what is wrong, if anything."""
        try:
            self._parser.send(data)
        except SystemError:
            # Python refuses to convert an int of thousands of digits. The C backend does not
            # notice, and its last event has a hole that must not be looked into.
            del self._events[-1]
            return "an integer has more digits than Python converts"
        except (ijson.JSONError, ValueError, ArithmeticError) as error:
            return f"expected JSON: {_reason(error)}"
        return None

    def _build(self) -> str | None:
        """Turn events into documents; tell what is wrong, if anything."""
        parents, key = self._open, self._key
        for name, value in self._events:
            if name == "map_key":
                key = value
                continue
            parent = parents[-1]
            if value is None and name != "null":
                if name in ("end_map", "end_array"):
                    parents.pop()
                    if len(parents) == 1:
                        key = None
                    continue
                value = {} if name == "start_map" else []
                parents.append(value)
                if len(parents) > self._max_depth + 1:
                    return f"a document is nested deeper than {self._max_depth} levels"
            elif type(value) is Decimal:
                value = float(value)
            if type(parent) is dict:
                parent[key] = value
            else:
                parent.append(value)
        self._events.clear()
        self._key = key
        return None


def _reason(error: Exception) -> str:
    """Say what is wrong in yajl's words, without the bytes that it quotes: they may be secret."""
    text = error.args[0] if error.args else ""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    line = str(text).partition("\n")[0].strip()
    return line if line.startswith(("lexical error:", "parse error:")) else "malformed or cut short"
