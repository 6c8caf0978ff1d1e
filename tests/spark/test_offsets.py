"""Offsets as Spark keeps them."""

import json
from typing import Any

import pytest

from kwatch.spark._errors import OffsetError
from kwatch.spark._offsets import check_comparable, from_json, to_json
from kwatch.spark._part import Part

PARTS = [
    Part(cluster, namespace, number, 11)
    for cluster in ("west", "east")
    for namespace in ("shop", "back")
    for number in range(11)
]


def test_the_same_offsets_are_the_same_text() -> None:
    there = {part: str(number + 1) for number, part in enumerate(PARTS)}
    back = dict(reversed(there.items()))
    assert json.dumps(to_json(there)) == json.dumps(to_json(back))
    assert list(to_json(there)["east"]["back"])[:3] == ["0/11", "1/11", "2/11"]


def test_there_and_back() -> None:
    offsets = {part: str(number or "") for number, part in enumerate(PARTS)}
    assert from_json(json.loads(json.dumps(to_json(offsets))), PARTS) == offsets


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"east": {"": {"0/2": "1"}}}, "Expected east in 2 shards, got east in 1 shard"),
        ({"east": {"": {"0/4": "1", "1/4": "1"}}}, "cannot change"),
        ({"west": {"": {"0/2": "1", "1/2": "1"}}}, "got west in 2 shards"),
        ({"east": {"shop": {"0/2": "1", "1/2": "1"}}}, "got east/shop in 2 shards"),
        ({}, "got nothing"),
        ({"east": {"": {"0/2": 1, "1/2": 1}}}, "of another source"),
        ({"east": "1"}, "of another source"),
        (None, "of another source"),
        ({"east": {"": {"0/2": "a", "1/2": "1"}}}, "decimal numbers, got 'a'"),
    ],
)
def test_offsets_of_another_query(value: Any, message: str) -> None:
    with pytest.raises(OffsetError, match=message):
        from_json(value, [Part("east", None, number, 2) for number in range(2)])


def test_an_error_is_short_whatever_the_checkpoint_has() -> None:
    many = {f"cluster-{number}": {"": {"0/1": "1"}} for number in range(100)}
    with pytest.raises(OffsetError, match=r"cluster-1 .* and 90 more") as caught:
        from_json(many, [Part("east", None, 0, 1)])
    assert len(str(caught.value)) < 800


@pytest.mark.parametrize("version", ["", "0", "01", "a1", "-1", "1.5", "²"])
def test_versions_that_cannot_be_compared(version: str) -> None:
    with pytest.raises(OffsetError, match="decimal numbers"):
        check_comparable(version or "x", "cluster east")
