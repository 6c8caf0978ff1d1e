"""`kwatch._json`: whatever a watch can yield is read and written as JSON."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwatch import DecodeError, _json
from kwatch._json import dumps, loads

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize("opening", ['{"a":', "["])
def test_nesting_of_any_depth(opening: str) -> None:
    value: Any = 1
    for _ in range(50_000):
        value = [value] if opening == "[" else {"a": value}
    closing = "]" if opening == "[" else "}"
    assert dumps(value) == opening * 50_000 + "1" + closing * 50_000


def test_numbers_too_large_for_a_float_stay_json_and_stay_infinite() -> None:
    written = dumps([json.loads("1e999"), json.loads("-1e400"), 1.5])
    assert written == "[1e999,-1e999,1.5]"
    assert json.loads(written) == [float("inf"), float("-inf"), 1.5]


def test_nan_is_null() -> None:
    assert dumps([float("nan")]) == "[null]"


def test_integers_that_str_refuses() -> None:
    assert dumps([-(10**10_000)]) == "[-1" + "0" * 10_000 + "]"


def test_characters_stay_as_they_are() -> None:
    assert dumps({"é": "😀\ud800"}) == '{"é":"😀\ud800"}'


@given(JSON)
def test_the_long_way_writes_what_the_short_way_does(value: Any) -> None:
    long_way = "".join(_json._written([float("inf"), value]))
    assert json.loads(long_way) == [float("inf"), value]
    if "Infinity" not in json.dumps(value):
        assert long_way == f"[1e999,{dumps(value)}]"


@given(JSON)
def test_what_was_written_is_read(value: Any) -> None:
    text = dumps([value]).encode()
    assert loads(text) == loads(text + b"\n") == json.loads(text)


@pytest.mark.parametrize("text", ["5", "null", '"a"', " {} \r", "[1e999,-1e400]", f"[{10**4000}]"])
def test_one_document_is_read_with_and_without_a_newline(text: str) -> None:
    assert loads(text.encode()) == loads(text.encode() + b"\n") == json.loads(text)


def test_nesting_as_deep_as_the_server_takes_is_read() -> None:
    text = "[" * 10_000 + "]" * 10_000
    assert dumps(loads(text.encode())) == text


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"{", b"{}{\n", b"{} {}", b"{}\n[]\n", b"{\n", b"NaN", b'"\xff"', b"x"]
)
def test_what_is_not_one_document_is_refused(line: bytes) -> None:
    with pytest.raises(DecodeError):
        loads(line)
