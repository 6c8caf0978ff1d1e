"""Bytes in, JSON documents out, by ijson, which decodes them as they come: `Decoder`.

It is driven like this, knows no I/O, and takes the bytes in chunks of any size::

    decoder.receive_data(chunk)
    for document in decoder.documents():
        ...

The server ends each document with a newline and puts none inside. `Decoder` does not need that
to find a document's end, but uses it to notice one that was cut short: ijson alone would take
the next document for a value of the broken one, and wait for the rest for ever.
"""

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import ijson

from kwatch._builder import Builder
from kwatch._errors import DecodeError
from kwatch._nesting import Nesting, count

MAX_DEPTH: Final = 10_010
"""Levels of nesting: what the server's own decoder takes (10,000), and the event around it.

Source: maxNestingDepth in Go's encoding/json.
"""

MAX_DOCUMENT_BYTES: Final = 256 * 2**20
"""No object in etcd comes near it: what is larger is no document but a stream gone wrong."""

_HAS_FAST_BACKEND = ijson.backend == "yajl2_c"

FAST_BYTES: Final = 128 * 2**20
"""How much memory ``ijson.items`` may need for its paths before `Builder` is used instead."""

_UNIT_BYTES: Final = 8_192
"""Short documents are decoded so many bytes at a time."""

_FEW_ARRAYS: Final = 400
"""With no more arrays than that, no short document is too deep: an object takes four bytes, as
``{"":`` does, and the paths of 400 + 8,192 / 4 levels fit into `FAST_BYTES`."""

_LONG_BYTES: Final = 65_536
"""In documents below that, brackets are counted before it is looked how they nest."""

_PROBE: Final = b"null "
"""A document of our own: if it comes out, the one before it has ended."""


class Decoder:
    """Decodes a stream of JSON documents by ijson, each as soon as its last byte is there.

    Documents come out as ``json.loads`` would give them, with ints beyond 64 bits and floats as
    float. (Half a surrogate pair, which no server sends, may become another character.)

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
        self._decoding: Iterator[Any] = iter(())
        self._failed = False
        self._restart()

    @property
    def incomplete(self) -> bool:
        """Whether an object or array has begun and not ended: at the end, it was cut short."""
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
        start = 0
        while start < len(data):
            some_lines = data.rfind(b"\n", start, start + _UNIT_BYTES) + 1
            end = some_lines or data.find(b"\n", start) + 1 or len(data)
            self._units.append(data[start:end])
            start = end

    def receive_eof(self) -> None:
        """Take the end of the stream. What is `incomplete` then never becomes a document."""

    def documents(self) -> Iterator[Any]:
        """Decode what was received.

        Yields:
            Each whole document, at once; what has begun of the next one waits for more data. One
            may stop in the middle: the next call goes on from there.

        Raises:
            DecodeError: The bytes are not JSON, or a document was cut short, is nested deeper
                than `MAX_DEPTH` or longer than `MAX_DOCUMENT_BYTES`. All documents before it
                were yielded; the decoder is of no use after it, and raises again.
        """
        if self._failed:
            raise DecodeError("nothing can be decoded after what was no JSON")
        try:
            while True:
                for document in self._decoding:  # noqa: UP028 - it outlives this generator
                    yield document
                if not self._units:
                    break
                self._decoding = self._decode(self._units.popleft())
        except DecodeError:
            self._failed = True
            raise

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
        self._bytes = 0  # how many they are,
        self._given = 0  # and how many documents of them were given
        self._nesting: Nesting | None = None

    def _decode(self, unit: bytes) -> Iterator[Any]:
        """Decode bytes that either end with a newline or have none."""
        if self._builder is not None:
            return self._exact(self._builder, unit)
        self._kept.append(unit)
        self._bytes += len(unit)
        self._check_size()
        return self._fast(unit) if self._is_shallow(unit) else self._replay()

    def _is_shallow(self, unit: bytes) -> bool:
        """Whether the fast path can take what is kept, of which ``unit`` is the last."""
        size = self._bytes
        if len(self._kept) == 1 and size < _LONG_BYTES:  # longer ones have too many as a rule
            arrays = count(b"[", unit)
            if size <= _UNIT_BYTES and arrays <= _FEW_ARRAYS:
                return True
            if _fits(arrays + count(b"{", unit), size):  # each begins one level
                return True
        elif _fits(size, size):
            return True
        if self._nesting is None:
            self._nesting = Nesting()
            unit = b"".join(self._kept)
        self._nesting.feed(unit)
        return _fits(self._nesting.depth, size)

    def _fast(self, unit: bytes) -> Iterator[Any]:
        reader, probing = self._reader, unit.endswith(b"\n")
        reader.unread = [_PROBE, unit] if probing else [unit]
        try:
            for document in self._items:
                if probing and not reader.unread:
                    self._forget()
                    return
                self._given += 1
                yield document
        except BlockingIOError:
            if not probing:
                return
        except (ijson.JSONError, UnicodeError):
            pass
        yield from self._replay()

    def _replay(self) -> Iterator[Any]:
        """Go back to where the document began, and decode it exactly."""
        data, given = b"".join(self._kept), self._given
        self._forget()
        self._builder = Builder(MAX_DEPTH)
        return islice(self._exact(self._builder, data), given, None)

    def _exact(self, builder: Builder, data: bytes) -> Iterator[Any]:
        """Decode line by line; go back to the fast path where data ends between two documents."""
        for line in _lines(data):
            yield from builder.feed(line)
            self._bytes += len(line)
            self._check_size()
            if line.endswith(b"\n"):
                if builder.depth:
                    self._check_newline(builder)
                else:
                    self._bytes = 0
        if _HAS_FAST_BACKEND and not builder.depth and data.endswith(b"\n"):
            self._restart()

    def _check_newline(self, builder: Builder) -> None:
        """Tell a pretty-printed document, which begins ``{`` newline, from one cut short."""
        if builder.has_just_begun:
            self._pretty_document = builder.count
        elif self._pretty_document != builder.count:
            raise DecodeError("a document was cut short: a line ends in the middle of it")

    def _check_size(self) -> None:
        if self._bytes > MAX_DOCUMENT_BYTES:
            raise DecodeError(f"a document is longer than {MAX_DOCUMENT_BYTES} bytes")


class _Reader:
    """The file that ``ijson.items`` reads: raises where a pipe would block."""

    unread: list[bytes]
    """What is still to be read, from the last to the first."""

    def read(self, size: int) -> bytes:
        if size and not self.unread:
            raise BlockingIOError
        return self.unread.pop() if size else b""  # ijson asks first whether it gets bytes or text


def _fits(depth: int, size: int) -> bool:
    """Whether the paths that ``items`` holds for so many levels fit into `FAST_BYTES`.

    The path of a level is no longer than the document so far, but for ``.item`` for each array
    around it; and each character takes four bytes where one of them is an emoji.
    """
    return 4 * depth * (size + 2 * depth) <= FAST_BYTES


def _lines(data: bytes) -> list[bytes]:
    """Split after each newline, and nowhere else (``splitlines`` does at a carriage return)."""
    *lines, rest = data.split(b"\n")
    whole = [line + b"\n" for line in lines]
    return [*whole, rest] if rest else whole
