"""The chunks of an HTTP/1.1 body: the same bytes in fewer and larger ones. No I/O."""

import re
from typing import Final

READ_BYTES: Final = 65_536
"""So much is asked for by a read, as httpx does it,"""

FULL_READ_BYTES: Final = 262_144
"""and so much by the one after a read that brought `READ_BYTES` or more."""

LARGE_BYTES: Final = 32_768
"""Chunks of that length are left as they are: to copy them would cost more than it brings."""

_END: Final = b"}\n\r\n"
"""An event, the newline after it, and the end of the chunk."""

_SIZE: Final = rb"([0-9A-Fa-f]{1,8})"
_head: Final = re.compile(_SIZE + rb"\r\n").match
_head_of_event: Final = re.compile(_SIZE + rb'\r\n\{"type":').match
_is_begun_head: Final = re.compile(rb"(%b\r?)?" % _SIZE).fullmatch


class Chunks:
    r"""The body of one response, as it is read.

    The server sends each event as a chunk of its own, and what httpx, httpcore and h11 do for a
    chunk takes longer than to decode a small event. So those that a read has brought whole are made
    one. What it has brought of the next one is held back until the next read has brought something,
    whatever that is, but no event that is whole is. ``benchmarks/README.rst`` has the figures.

    Where the chunks are in the middle of a body is known where one ends with an event and the next
    one begins with one, as in ``}\n`` CRLF ``1f4`` CRLF ``{"type":``: JSON has no such bytes in an
    object, and a watch nothing but objects. From there on, one leads to the next, until a chunk is
    large, or takes more than two reads, or is none. Until the next such place, all stays as it is.

    Args:
        merging: Whether it comes in chunks, and these may be merged.

    Attributes:
        read_bytes: How much to ask for at the next read.

    >>> chunks = Chunks(merging=True)
    >>> chunks.receive_data(b'ue": 1}\n\r\n8\r\n{"type":\r\n5\r\n "a"}\r\n8\r\n{"typ')
    b'ue": 1}\n\r\nd\r\n{"type": "a"}\r\n'
    >>> chunks.receive_data(b'e":\r\n0\r\n\r\n')
    b'8\r\n{"type":\r\n0\r\n\r\n'
    """

    def __init__(self, *, merging: bool) -> None:
        self.read_bytes = READ_BYTES
        self._merging = merging
        self._begun: bytes | None = None  # what came of the next chunk; None: it is not known where

    def receive_data(self, data: bytes) -> bytes:
        """Take what a read has brought, b"" at the end; give what httpx is to see of it.

        Returns:
            Something, if the read has brought something, or it would be taken for the end.
        """
        if not self._merging:
            return data
        self.read_bytes = READ_BYTES if len(data) < READ_BYTES else FULL_READ_BYTES
        begun, self._begun = self._begun, None
        if begun is None:
            first = _first_chunk(data)
            if first is None:
                return data
        elif data:
            data, first = begun + data, 0
        else:
            return begun
        payloads, at = _whole_chunks(data, first)
        if not payloads:
            return data
        rest = data[at:]
        if _is_begun(rest):
            self._begun, rest = rest, b""
        size = b"%x\r\n" % sum(map(len, payloads))
        return b"".join((data[:first], size, *payloads, b"\r\n", rest))


def _first_chunk(data: bytes) -> int | None:
    """Find where a chunk begins; None if that cannot be told."""
    newline = data.find(b"\n")
    while newline >= 0:
        if data.startswith(_END, newline - 1):
            first = newline - 1 + len(_END)
            return first if _head_of_event(data, first) else None
        newline = data.find(b"\n", newline + 1)
    return None


def _whole_chunks(data: bytes, at: int) -> tuple[list[bytes], int]:
    """Give what is in the chunks that are whole and not large, and where they end."""
    payloads = []
    while head := _head(data, at):
        begin, end = head.end(), head.end() + int(head[1], 16)
        if begin == end or end - begin >= LARGE_BYTES or not data.startswith(b"\r\n", end):
            break
        payloads.append(data[begin:end])
        at = end + 2
    return payloads, at


def _is_begun(rest: bytes) -> bool:
    """Whether it may be the beginning of a small chunk, in which no event has ended so far."""
    head = _head(rest)
    if head is None:
        return _is_begun_head(rest) is not None
    return 0 < int(head[1], 16) < LARGE_BYTES and rest.find(b"\n", head.end()) < 0
