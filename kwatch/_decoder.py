"""Bytes in, JSON documents out: `Decoder` (ijson, incremental) and `LineDecoder` (a callable).

Both are driven alike, know no I/O, and take the bytes in chunks of any size::

    decoder.receive_data(chunk)
    for document in decoder.documents():
        ...

The server ends each document with a newline and puts none inside. `Decoder` does not need that
to find a document's end, but uses it to notice one that was cut short: ijson alone would take
the next document for a value of the broken one, and wait for the rest for ever.
"""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

import ijson

from kwatch._builder import Builder
from kwatch._errors import DecodeError

MAX_DEPTH: Final = 10_010
"""Levels of nesting: what the server's own decoder takes (10,000), and the event around it.

Source: maxNestingDepth in Go's encoding/json.
"""

MAX_DOCUMENT_BYTES: Final = 256 * 2**20
"""No object in etcd comes near it: what is larger is no document but a stream gone wrong."""

_HAS_FAST_BACKEND = ijson.backend_name == "yajl2_c"

FAST_BYTES: Final = 128 * 2**20
"""How much memory ``ijson.items`` may need for its paths before `Builder` is used instead."""


class Decoder:
    """Decodes a stream of JSON documents by ijson, each as soon as its last byte is there.

    Documents come out as ``json.loads`` would give them: ints of any size, floats as float.

    The fast path is the C backend's ``items``, pulling from a reader that raises
    `BlockingIOError` when it has nothing; the iterator survives that. Bytes are kept until they
    are known to end a document, so that what the fast path cannot take (integers beyond 64 bits,
    numbers like ``1e400``, deep nesting) is given to the exact `Builder` from the document's
    start. Without the C backend everything goes there.

    >>> decoder = Decoder()
    >>> decoder.receive_data(b'{"type": "ADDED", "object": {"big": 100000000000000')
    >>> list(decoder.documents())
    []
    >>> decoder.receive_data(b'000000}}')
    >>> list(decoder.documents())
    [{'type': 'ADDED', 'object': {'big': 100000000000000000000}}]
    """

    def __init__(self) -> None:
        self._units: deque[bytes] = deque()
        self._restart()

    @property
    def incomplete(self) -> bool:
        """Whether a document has begun and not ended: at the stream's end, it was cut short."""
        if self._builder is not None:
            return self._builder.depth > 0
        builder = Builder(MAX_DEPTH)
        try:
            deque(builder.feed(b"".join(self._kept)), maxlen=0)
        except DecodeError:
            return True
        return builder.depth > 0

    def receive_data(self, data: bytes) -> None:
        """Take some more bytes of the stream; `documents` decodes them."""
        end = data.rfind(b"\n") + 1
        self._units.extend(part for part in (data[:end], data[end:]) if part)

    def receive_eof(self) -> None:
        """Take the end of the stream. What is `incomplete` then never becomes a document."""

    def documents(self) -> Iterator[Any]:
        """Decode what was received.

        Yields:
            Each whole document, at once; what has begun of the next one waits for more data.

        Raises:
            DecodeError: The bytes are not JSON, or a document was cut short, is nested deeper
                than `MAX_DEPTH` or longer than `MAX_DOCUMENT_BYTES`. All documents before it
                were yielded; the decoder is of no use after it.
        """
        while self._units:
            unit = self._units.popleft()
            if self._builder is not None:
                yield from self._exact(self._builder, unit)
            elif self._admit(unit):
                yield from self._fast(unit)
            elif unit.count(b"\n") > 1:
                self._units.extendleft(reversed(_lines(unit)))
            else:
                yield from self._replay(unit)

    def _restart(self) -> None:
        """Begin between two documents, with a new parser."""
        self._pretty_document = -1  # which of the builder's documents is pretty-printed
        self._builder: Builder | None = None
        if _HAS_FAST_BACKEND:
            self._reader = _Reader()
            self._items = ijson.items(self._reader, "", multiple_values=True, use_float=True)
        else:
            self._builder = Builder(MAX_DEPTH)
        self._forget()

    def _forget(self) -> None:
        """Count anew, from a point known to be between two documents."""
        self._kept: list[bytes] = []  # all bytes since that point,
        self._bytes = self._braces = 0  # how many they are,
        self._given = self._newlines = 0  # and the documents and newlines in them

    def _admit(self, unit: bytes) -> bool:
        """Keep the bytes for the fast path, if that can take them within `FAST_BYTES`.

        It holds a dotted path for each open level. A level costs a brace, and its path is made
        of bytes of the document (or of ``.item``, for an array), so that this is a bound.
        """
        braces = self._braces + unit.count(b"{") + unit.count(b"[")
        size = self._bytes + len(unit)
        if braces * (size + 5 * braces) > 2 * FAST_BYTES:
            return False
        self._kept.append(unit)
        self._bytes, self._braces = size, braces
        self._check_size()
        return True

    def _fast(self, unit: bytes) -> Iterator[Any]:
        """Decode bytes that either end with a newline or have none."""
        self._reader.data = unit
        try:
            for document in self._items:
                self._given += 1
                yield document
        except BlockingIOError:
            pass
        except ijson.JSONError:
            yield from self._replay()
            return
        if unit.endswith(b"\n"):
            self._newlines += unit.count(b"\n")
            whole = unit if len(self._kept) == 1 else b"".join(self._kept)
            if self._given == self._newlines and b"}{" not in whole:
                self._forget()
            else:
                yield from self._replay()

    def _replay(self, unit: bytes = b"") -> Iterator[Any]:
        """Go back to where the document began, and decode it exactly."""
        data = b"".join([*self._kept, unit])
        given = self._given
        self._forget()
        self._builder = Builder(MAX_DEPTH)
        yield from islice(self._exact(self._builder, data), given, None)

    def _exact(self, builder: Builder, data: bytes) -> Iterator[Any]:
        """Decode line by line; go back to the fast path where data ends between two documents."""
        for line in _lines(data):
            yield from builder.feed(line)
            self._bytes = self._bytes + len(line) if builder.depth else 0
            self._check_size()
            if builder.depth and line.endswith(b"\n"):
                self._check_newline(builder)
        if _HAS_FAST_BACKEND and not builder.depth and data.endswith(b"\n"):
            self._restart()

    def _check_newline(self, builder: Builder) -> None:
        """Tell a pretty-printed document, which begins ``{`` newline, from one cut short."""
        if builder.depth == 1 and not builder.keys:
            self._pretty_document = builder.count
        elif self._pretty_document != builder.count:
            raise DecodeError("a document was cut short: a line ends in the middle of it")

    def _check_size(self) -> None:
        if self._bytes > MAX_DOCUMENT_BYTES:
            raise DecodeError(f"a document is longer than {MAX_DOCUMENT_BYTES} bytes")


class LineDecoder:
    """Decodes each newline-ended line by a callable such as ``orjson.loads``.

    Faster than `Decoder`, but not incremental: a document is out when its newline is there, or
    the stream ends, and a line is held as bytes and as an object at the same time.

    Args:
        loads: Takes the bytes of one document, gives the document, raises ValueError if it cannot.
    """

    def __init__(self, loads: Callable[[bytes], Any]) -> None:
        self._loads = loads
        self._lines: deque[bytes] = deque()
        self._rest: list[bytes] = []
        self._rest_bytes = 0

    @property
    def incomplete(self) -> bool:
        """Whether a line has begun and not ended: at the stream's end, it was cut short."""
        return any(part.strip() for part in self._rest)

    def receive_data(self, data: bytes) -> None:
        """Take some more bytes of the stream; `documents` decodes them."""
        for line in _lines(data):
            self._rest.append(line)
            self._rest_bytes += len(line)
            if line.endswith(b"\n"):
                self._lines.append(b"".join(self._rest))
                self._rest.clear()
                self._rest_bytes = 0

    def receive_eof(self) -> None:
        """Take the end of the stream: a last line without a newline counts if it is whole."""
        rest = b"".join(self._rest)
        try:
            self._loads(rest)
        except (ValueError, RecursionError):
            return
        self._lines.append(rest)
        self._rest.clear()

    def documents(self) -> Iterator[Any]:
        """Decode what was received; like `Decoder.documents`."""
        while self._lines:
            line = self._lines.popleft()
            if line.isspace():
                continue
            try:
                document = self._loads(line)
            except (ValueError, RecursionError) as error:
                raise DecodeError(
                    f"expected a line of JSON, got {len(line)} bytes that {self._loads!r} refused"
                ) from error
            yield document
        if self._rest_bytes > MAX_DOCUMENT_BYTES:
            raise DecodeError(f"a document is longer than {MAX_DOCUMENT_BYTES} bytes")


class _Reader:
    """The file that ``ijson.items`` reads: raises where a pipe would block."""

    data = b""

    def read(self, size: int) -> bytes:
        if not size:
            return b""  # ijson asks first whether bytes or text come
        if not self.data:
            raise BlockingIOError
        data, self.data = self.data, b""
        return data


def _lines(data: bytes) -> list[bytes]:
    """Split after each newline, and nowhere else (``splitlines`` does at a carriage return)."""
    *lines, rest = data.split(b"\n")
    whole = [line + b"\n" for line in lines]
    return [*whole, rest] if rest else whole
