"""How deep JSON nests, by its bytes alone: much faster than parsing it."""

from typing import Final

_OTHERS: Final = bytes(set(range(256)) - set(b'{}[]"'))
_MAX_ROUNDS: Final = 32


class Nesting:
    """Bytes in, a bound for their depth out: never too low, and close for what real objects have.

    Attributes:
        depth: How many objects and arrays were open within each other, at most.

    >>> nesting = Nesting()
    >>> nesting.feed(b'{"type": "ADDED", "object": {"data": "{{{{{{{{ ')
    >>> nesting.feed(b'[[[[", "list": [[')
    >>> nesting.depth
    4
    """

    def __init__(self) -> None:
        self.depth = 0
        self._open = 0
        self._carry = b""  # the quote that the bytes so far are in, and the backslash at their end

    def feed(self, data: bytes) -> None:
        """Count some more bytes. In what is not JSON, all up to the first error counts."""
        data = self._carry + data
        backslash = b""
        if b"\\" in data:
            data = data.replace(b"\\\\", b"")
            backslash = data[-1:] if data.endswith(b"\\") else b""
            data = data.replace(b'\\"', b"")
        data = data.translate(None, _OTHERS)
        if 2 * data.count(b'""') == data.count(b'"'):  # no string has brackets in it
            self._carry = b""
            brackets = data.translate(None, b'"')
        else:
            parts = data.replace(b'""', b"").split(b'"')  # outside a string, inside one, ...
            self._carry = b"" if len(parts) % 2 else b'"' + backslash
            brackets = b"".join(parts[::2])
        levels = 0
        for _ in range(_MAX_ROUNDS):
            fewer = brackets.replace(b"{}", b"").replace(b"[]", b"")
            if len(fewer) == len(brackets):
                break
            brackets = fewer
            levels += 2  # each of the two took one level away
        begun = brackets.count(b"{") + brackets.count(b"[")
        self.depth = max(self.depth, self._open + begun + levels)
        self._open += begun - (len(brackets) - begun)


def count(byte: bytes, data: bytes) -> int:
    """Count a byte, like ``data.count(byte)``, which takes four times as long where it is rare.

    That one looks at each byte in turn, where ``replace`` jumps from one to the next.
    """
    return len(data) - len(data.replace(byte, b""))
