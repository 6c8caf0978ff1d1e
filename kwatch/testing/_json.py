"""JSON as the server reads and writes it, and the copies of objects that are made by way of it."""

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

DEPTH = 600
"""Levels that objects may have; the real server takes 10,000, more than Python can recurse."""

DIGITS = 308
"""Digits that a whole number may have: that is where a float of Go ends, and one of Python."""

_EXPECTED = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": (
        "looking for beginning of object key string"
    ),
    "Expecting ':' delimiter": "after object key",
    "Expecting ',' delimiter": "after object key:value pair",
    "Extra data": "after top-level value",
}
"""What Go says where Python says the other."""

_TOO_DEEP = "invalid character '{' exceeded max depth"


def encode(obj: Any, *, in_order: bool = False) -> bytes:
    """Compact JSON in UTF-8, as the server writes it; half of a surrogate pair becomes U+FFFD.

    ``in_order`` has all keys in alphabetical order.

    Raises:
        TypeError: There is something in it that JSON has no word for.
        ValueError: So it is with a number, or it contains itself.
    """
    text = json.dumps(
        obj, separators=(",", ":"), ensure_ascii=False, allow_nan=False, sort_keys=in_order
    )
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def decode(body: bytes, make: Callable[[list[tuple[str, Any]]], Any] = dict) -> Any:
    """What is in a body.

    ``make`` makes an object of its members.

    Raises:
        ValueError: It is no JSON, or too deep, in Go's words.
    """
    try:
        found = json.loads(
            body.decode(),
            object_pairs_hook=None if make is dict else make,
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_whole,
        )
    except UnicodeDecodeError as error:
        raise ValueError("invalid UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(_said(error)) from error
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    _check_depth(found, body)
    return found


def copied(obj: T, *, in_order: bool = False) -> T:
    """A copy that shares nothing with the original.

    Raises:
        TypeError: As ``encode``.
        ValueError: As ``encode`` and ``decode``.

    Example:
        >>> copied({"b": (1, 2), "a": {"d": None, "c": 0.5}}, in_order=True)
        {'a': {'c': 0.5, 'd': None}, 'b': [1, 2]}
    """
    body = encode(obj, in_order=in_order)
    copy: T = json.loads(body)
    _check_depth(copy, body)
    return copy


def _check_depth(value: Any, body: bytes) -> None:
    """Refuse what has too many levels; most objects do not have as many brackets."""
    if body.count(b"{") + body.count(b"[") <= DEPTH:
        return
    level = [value]
    for _ in range(DEPTH):
        inner = [each.values() if isinstance(each, dict) else each for each in level]
        level = [each for members in inner for each in members if isinstance(each, dict | list)]
    if level:
        raise ValueError(_TOO_DEEP)


def _finite(text: str) -> float:
    number = float(text)
    return _too_large(text) if math.isinf(number) else number


def _whole(text: str) -> int:
    return _too_large(text) if len(text) > DIGITS else int(text)


def _too_large(number: str) -> NoReturn:
    raise ValueError(f"json: cannot unmarshal number {number} into Go value of type float64")


def _refuse(constant: str) -> NoReturn:
    """Refuse what Python takes for JSON."""
    where = "in numeric literal" if constant[0] == "-" else "looking for beginning of value"
    raise ValueError(f"invalid character '{constant.lstrip('-')[0]}' {where}")


def _said(error: json.JSONDecodeError) -> str:
    """What is wrong, in Go's words."""
    if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated"):
        return "unexpected end of JSON input"
    expected = _EXPECTED.get(error.msg, "in string literal")
    return f"invalid character '{error.doc[error.pos]}' {expected}"
