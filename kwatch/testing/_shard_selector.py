"""Shard selectors: which part of a collection a client wants, by the hash of a field."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from kwatch.testing._shard_expression import Call, Expression, Field, expression, refused

_FIELDS = {"object.metadata.uid": "uid", "object.metadata.namespace": "namespace"}
_DIGITS = frozenset("0123456789abcdef")
_WIDTH = 16
_END = "0x1" + "0" * _WIDTH


@dataclass(frozen=True, slots=True)
class ShardRange:
    """The objects whose field hashes to a number from ``start`` up to, but not including, ``end``.

    The numbers are as they are written: ``"0x8000000000000000"``.
    """

    field: str
    start: str
    end: str

    def __str__(self) -> str:
        return f"shardRange({self.field}, '{self.start}', '{self.end}')"

    def holds(self, hashed: int) -> bool:
        """Whether a hash is in the range."""
        return int(self.start, 16) <= hashed < int(self.end, 16)


@dataclass(frozen=True, slots=True)
class ShardSelector:
    """``shardRange(object.metadata.uid, '0x0000000000000000', '0x8000000000000000') || ...``.

    As a string it is what the server says of it in a list: in its own spaces and quotes.

    Attributes:
        ranges: What is wanted, all by the same field; an object is in one of them at least.
    """

    ranges: tuple[ShardRange, ...]

    def __str__(self) -> str:
        return " || ".join(map(str, self.ranges))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a selector, which is an expression in CEL.

        Raises:
            APIError: 500, the server cannot make anything of it, and blames itself.
        """
        if not text.strip():
            why = "empty shard selector is not allowed; omit the parameter for unfiltered lists"
            raise refused(why)
        ranges = tuple(_range(each) for each in _alternatives(expression(text)))
        for each in ranges:
            if each.field != ranges[0].field:
                fields = f'"{ranges[0].field}" and "{each.field}"'
                raise refused(f"all shard ranges must use the same field, got {fields}")
        return cls(ranges)

    def selects(self, obj: Mapping[str, Any]) -> bool:
        """Whether an object is in the shard."""
        field = _FIELDS[self.ranges[0].field]
        hashed = hash_of(obj["metadata"].get(field, ""))
        return any(each.holds(hashed) for each in self.ranges)


def hash_of(value: str) -> int:
    """The FNV-1a hash of a text in UTF-8, in 64 bits.

    Example:
        >>> f"{hash_of('foobar'):x}"
        '85944171f73967e8'
    """
    hashed = 0xCBF29CE484222325
    for byte in value.encode():
        hashed = (hashed ^ byte) * 0x100000001B3 % 2**64
    return hashed


def _alternatives(found: Expression) -> tuple[Expression, ...]:
    """What stands between the ``||``; nothing else is allowed around a range."""
    alternatives = found.arguments if isinstance(found, Call) and found.name == "_||_" else ()
    return tuple(inner for each in alternatives for inner in _alternatives(each)) or (found,)


def _range(found: Expression) -> ShardRange:
    if not isinstance(found, Call):
        expected = "expected shardRange() call or || operator"
        raise refused(f"unexpected expression kind {found.kind}; {expected}")
    if found.name != "shardRange":
        allowed = "only shardRange() and || are allowed"
        raise refused(f'unsupported function "{found.name}"; {allowed}')
    if len(found.arguments) != 3:
        counted = f"exactly 3 arguments, got {len(found.arguments)}"
        raise refused(f"shardRange() requires {counted}")
    field, start, end = found.arguments
    made = ShardRange(_field(field), _number("hexStart", start), _number("hexEnd", end))
    if int(made.start, 16) >= int(made.end, 16):
        raise refused(f"shard range start {made.start} must be less than end {made.end}")
    return made


def _field(found: Expression) -> str:
    if not isinstance(found, Field):
        expected = "expected field path (e.g. object.metadata.uid)"
        raise refused(f"shardRange() first argument: {expected}, got expression kind {found.kind}")
    if found.path not in _FIELDS:
        supported = ", ".join(_FIELDS)
        raise refused(f'unsupported field path "{found.path}"; supported: {supported}')
    return found.path


def _number(name: str, found: Expression) -> str:
    """A limit, as it is written: ``0x`` and 16 lower-case digits, or 2**64."""
    if isinstance(found, Call | Field):
        why = f"must be a string literal (e.g. '0xff'), got expression kind {found.kind}"
        raise refused(f"{name} {why}")
    if found.type != "string":
        raise refused(f"{name} must be a string literal, got {found.type}")
    text, digits = found.text, found.text[2:]
    said = text.replace("\\", "\\\\").replace('"', '\\"')
    if not text.startswith("0x"):
        raise refused(f"{name} must have '0x' prefix, got \"{said}\"")
    if not digits:
        raise refused(f"{name}: hex value is required after '0x'")
    if (size := len(digits.encode())) > _WIDTH + 1:
        raise refused(f'{name}: hex value too long ({size} chars, max 17): "{said[2:]}"')
    for digit in digits:
        if digit not in _DIGITS:
            raise refused(f'{name}: invalid hex character "{digit}" in "{said}"')
    if size > _WIDTH and text != _END:
        raise refused(f"{name}: 17-digit hex value must be '{_END}' (2^64), got \"{said}\"")
    if size < _WIDTH:
        why = f'0x-prefixed 16-digit hex value, got "{said}" (did you mean "0x{digits:0>16}"?)'
        raise refused(f"{name} must be a {why}")
    return text
