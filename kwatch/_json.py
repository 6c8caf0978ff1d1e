"""JSON, exactly: what a watch yields may be more than `json` can read or write."""

import json
import math
from decimal import Decimal
from typing import Any

from kwatch._decoder import Decoder
from kwatch._errors import DecodeError


def loads(line: bytes) -> Any:
    """Decode one line with one document, as `watch` does by default.

    Raises:
        DecodeError: It is no JSON, or anything else than one whole document.

    >>> loads(b'{"a": [1, 100000000000000000000]}')
    {'a': [1, 100000000000000000000]}
    """
    decoder = Decoder()
    decoder.receive_data(line if line.endswith(b"\n") else line + b"\n")
    documents = list(decoder.documents())
    if len(documents) != 1 or decoder.incomplete:
        raise DecodeError(f"expected one JSON document in a line, got {len(documents)} whole ones")
    return documents[0]


def dumps(value: Any) -> str:
    """Write a value as compact JSON, any character as it is.

    What `json.dumps` refuses is written too: nesting of any depth, and integers of any length. It
    is always JSON: a number that was too large for a float is ``1e999``, which most readers take
    for infinity again, and NaN, which no JSON can have brought, is ``null``.

    >>> dumps({"a": [1, float("-inf"), "\N{LATIN SMALL LETTER E WITH ACUTE}"]})
    '{"a":[1,-1e999,"\N{LATIN SMALL LETTER E WITH ACUTE}"]}'
    """
    try:
        return _dumps(value)
    except (ValueError, RecursionError):
        return "".join(_written(value))


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class _Written(str):
    """A piece of the output, as opposed to a string that is still to be written."""

    __slots__ = ()


def _written(value: Any) -> list[str]:
    """Write a value without recursion."""
    done: list[str] = []
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, _Written):
            done.append(item)
        elif isinstance(item, dict | list):
            todo += reversed(_parts(item))
        else:
            done.append(_scalar(item))
    return done


def _parts(container: dict[str, Any] | list[Any]) -> list[Any]:
    """Take one level apart: what is written of it, and in between what is not yet."""
    parts: list[Any] = []
    if isinstance(container, dict):
        for key, item in container.items():
            parts += [_Written(","), _Written(f"{_dumps(key)}:"), item]
        brackets = "{}"
    else:
        for item in container:
            parts += [_Written(","), item]
        brackets = "[]"
    return [_Written(brackets[0]), *parts[1:], _Written(brackets[1])]


def _scalar(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "null" if math.isnan(value) else "1e999" if value > 0 else "-1e999"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{Decimal(value):f}"  # str() has a limit, see sys.set_int_max_str_digits
    return _dumps(value)
