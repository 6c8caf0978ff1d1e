"""The chunks of an HTTP/1.1 body: the same bytes in fewer and larger ones. No I/O."""

import re
from typing import Final

READ_BYTES: Final = 65_536
"""So much is asked for by a read, as httpx does it,"""

FULL_READ_BYTES: Final = 262_144
"""and so much by the one after a read that brought all that it asked for."""

LARGE_BYTES: Final = 32_768
"""Chunks of that length are left as they are: to copy them would cost more than it brings."""

_END: Final = b"}\n\r\n"
"""An event, the newline after it, and the end of the chunk."""

_HEAD: Final = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_HEAD_OF_EVENT: Final = re.compile(_HEAD.pattern + rb'\{"type":')


class Chunks:
    """The body of one response, as it is read.

    Args:
        merging: Whether it comes in chunks, and these may be merged.

    Attributes:
        read_bytes: How much to ask for at the next read.
    """

    def __init__(self, *, merging: bool) -> None:
        self.read_bytes = READ_BYTES
        self._merging = merging

    def receive_data(self, data: bytes) -> bytes:
        """Take what a read has brought; give what httpx is to see of it."""
        if not self._merging:
            return data
        fewer = merged(data)
        is_full = len(data) >= self.read_bytes
        self.read_bytes = FULL_READ_BYTES if is_full else READ_BYTES
        return fewer


def merged(data: bytes) -> bytes:
    r"""Make one chunk of those that a read of a watch has brought whole.

    The server sends each event as a chunk of its own, and what httpx, httpcore and h11 do for a
    chunk takes longer than to decode a small event. ``benchmarks/README.rst`` has the figures.

    Where the chunks are in the middle of a body is known where one ends with an event and the next
    one begins with one, as in ``}\n`` CRLF ``1f4`` CRLF ``{"type":``: JSON has no such bytes in an
    object, and a watch nothing but objects. The first chunk that is seen whole only shows that.
    What is not seen whole stays as it is, as does all after a large chunk, and each body in which
    no such place is found.

    >>> merged(b'ue": 1}\n\r\n8\r\n{"type":\r\n5\r\n "a"}\r\n8\r\n{"typ')
    b'ue": 1}\n\r\nd\r\n{"type": "a"}\r\n8\r\n{"typ'
    """
    first = data.find(_END) + len(_END)
    if first < len(_END) or not _HEAD_OF_EVENT.match(data, first):
        return data
    payloads = []
    at = first
    while head := _HEAD.match(data, at):
        begin, end = head.end(), head.end() + int(head[1], 16)
        if begin == end or end - begin >= LARGE_BYTES or data[end : end + 2] != b"\r\n":
            break
        payloads.append(data[begin:end])
        at = end + 2
    if len(payloads) < 2:
        return data
    payload = b"".join(payloads)
    return b"%b%x\r\n%b\r\n%b" % (data[:first], len(payload), payload, data[at:])
