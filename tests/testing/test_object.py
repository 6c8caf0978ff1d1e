"""`kwatch.testing._object`: merge patches and names."""

from typing import Any

import pytest

from kwatch.testing._object import merged, suffix


@pytest.mark.parametrize(
    ("value", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_rfc_7386(value: Any, patch: Any, expected: Any) -> None:
    before = repr(value)
    assert merged(value, patch) == expected
    assert repr(value) == before


def test_the_end_of_a_name_is_made_of_the_letters_of_kubernetes() -> None:
    ends = {suffix() for _ in range(100)}
    assert len(ends) > 90
    assert set("".join(ends)) <= set("bcdfghjklmnpqrstvwxz2456789")
    assert {len(end) for end in ends} == {5}
