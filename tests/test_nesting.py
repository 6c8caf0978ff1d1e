import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwatch._nesting import Nesting, count
from tests.recorded import load

TEXT = st.text(st.sampled_from('{}[]"\\a\n'), max_size=6)
JSON = st.recursive(
    TEXT | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=25,
)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def measured(*chunks: bytes) -> int:
    nesting = Nesting()
    for chunk in chunks:
        nesting.feed(chunk)
    return nesting.depth


@settings(derandomize=True, deadline=None, max_examples=300)
@given(documents=st.lists(JSON, max_size=4), seed=st.integers(0, 2**32))
def test_the_bound_is_never_too_low(documents: list[Any], seed: int) -> None:
    data = b"\n".join(json.dumps(document).encode() for document in documents)
    deepest = max(map(depth, documents), default=0)
    cuts = sorted(random.Random(seed).choices(range(len(data) + 1), k=5))
    chunks = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert deepest <= measured(*chunks)
    assert deepest <= measured(data) <= 2 * deepest
    assert measured(*(data[at : at + 1] for at in range(len(data)))) == deepest


@pytest.mark.parametrize(
    ("opening", "levels"), [(b"[", 1), (b'{"a":', 1), (b'[{"]}":[1,', 3), (rb'{"\\\"}":[{},', 2)]
)
def test_what_is_not_closed_counts_in_full(opening: bytes, levels: int) -> None:
    data = opening * 1_000
    for at in range(20):
        assert levels * 1_000 <= measured(data[:at], data[at:]) <= levels * 1_000 + 4


@pytest.mark.parametrize("times", [10, 100, 10_000, 1_000_000])
def test_what_is_closed_counts_in_full_as_well(times: int) -> None:
    """In a time that is linear: it gives up to look for pairs after some rounds."""
    assert times <= measured(b"[" * times + b"]" * times) <= 2 * times


def test_what_is_no_json_counts_up_to_the_first_error() -> None:
    assert measured(b"[[[}}}]]]" + b"[" * 5) >= 3
    assert measured(b"]]]]", b"[[[") >= 0


def test_recorded() -> None:
    assert measured(load("pods-watch-1.36").body) <= 24
    deepest = max(load("widgets-odd-objects-1.36").body.split(b"\n"), key=len)
    assert 9_000 < measured(deepest) < 9_100


@given(data=st.binary())
def test_a_byte_is_counted(data: bytes) -> None:
    for byte in b"[", b"{", b"\x00":
        assert count(byte, data) == data.count(byte)
