"""`kwatch.testing._shard_selector`: parts of a collection, by the hash of a field."""

import pytest

from kwatch.testing import APIError
from kwatch.testing._shard_selector import ShardSelector, hash_of
from tests.testing.shards import END, HALF, HIGH, LOW, NAMESPACE, UID, ZERO, shard

FIELDS = f"{UID}, {NAMESPACE}"


@pytest.mark.parametrize(
    ("text", "hashed"),
    [
        ("", "cbf29ce484222325"),
        ("a", "af63dc4c8601ec8c"),
        ("foobar", "85944171f73967e8"),
    ],
)
def test_the_hash_is_fnv_1a(text: str, hashed: str) -> None:
    assert f"{hash_of(text):016x}" == hashed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (shard(), shard()),
        (f'shardRange( {UID},"{ZERO}","{HALF}")', shard()),
        (f"({LOW})||({HIGH}||{LOW})", f"{LOW} || {HIGH} || {LOW}"),
        (shard(field=NAMESPACE), shard(field=NAMESPACE)),
    ],
)
def test_the_server_writes_a_selector_in_its_own_way(text: str, said: str) -> None:
    assert str(ShardSelector.parse(text)) == said


@pytest.mark.parametrize(
    ("start", "end", "selected"),
    [
        ("0x85944171f73967e8", "0x85944171f73967e9", True),
        ("0x85944171f73967e7", "0x85944171f73967e8", False),
        ("0x85944171f73967e9", END, False),
        (ZERO, END, True),
        (ZERO, "0xffffffffffffffff", True),
    ],
)
def test_a_range_has_its_start_and_not_its_end(start: str, end: str, selected: bool) -> None:
    obj = {"metadata": {"uid": "foobar"}}
    assert ShardSelector.parse(shard(start, end)).selects(obj) is selected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" ", "empty shard selector is not allowed; omit the parameter for unfiltered lists"),
        ("x", "unexpected expression kind 3; expected shardRange() call or || operator"),
        (f"{LOW} || 1", "unexpected expression kind 5; expected shardRange() call or || operator"),
        (
            f"{LOW} && {HIGH}",
            'unsupported function "_&&_"; only shardRange() and || are allowed',
        ),
        (f"!{LOW}", 'unsupported function "!_"; only shardRange() and || are allowed'),
        (
            f"shardrange({UID}, '{ZERO}', '{HALF}')",
            'unsupported function "shardrange"; only shardRange() and || are allowed',
        ),
        ("shardRange()", "shardRange() requires exactly 3 arguments, got 0"),
        (f"shardRange(x, '{ZERO}')", "shardRange() requires exactly 3 arguments, got 2"),
        (
            f"shardRange('{UID}', '{ZERO}', '{HALF}')",
            "shardRange() first argument: expected field path (e.g. object.metadata.uid), got "
            "expression kind 5",
        ),
        (
            shard(field="object.metadata.name"),
            f'unsupported field path "object.metadata.name"; supported: {FIELDS}',
        ),
        (shard("0x0", field="uid"), f'unsupported field path "uid"; supported: {FIELDS}'),
        (
            f"{LOW} || {shard(field=NAMESPACE)}",
            f'all shard ranges must use the same field, got "{UID}" and "{NAMESPACE}"',
        ),
        (shard(HALF, HALF), f"shard range start {HALF} must be less than end {HALF}"),
        (shard(END, ZERO), f"shard range start {END} must be less than end {ZERO}"),
        (f"shardRange({UID}, 0, 1)", "hexStart must be a string literal, got int64"),
        (f"shardRange({UID}, '{ZERO}', true)", "hexEnd must be a string literal, got bool"),
        (
            f"shardRange({UID}, '{ZERO}', x)",
            "hexEnd must be a string literal (e.g. '0xff'), got expression kind 3",
        ),
        (shard(""), "hexStart must have '0x' prefix, got \"\""),
        (shard(ZERO[2:]), f"hexStart must have '0x' prefix, got \"{ZERO[2:]}\""),
        (shard(end=HALF.upper()), f"hexEnd must have '0x' prefix, got \"{HALF.upper()}\""),
        (shard('"'), 'hexStart must have \'0x\' prefix, got "\\""'),
        (shard("0x"), "hexStart: hex value is required after '0x'"),
        (
            shard("0x0"),
            'hexStart must be a 0x-prefixed 16-digit hex value, got "0x0" (did you mean '
            '"0x0000000000000000"?)',
        ),
        (
            shard(end="0x8"),
            'hexEnd must be a 0x-prefixed 16-digit hex value, got "0x8" (did you mean '
            '"0x0000000000000008"?)',
        ),
        (
            shard(end="0xFFFFFFFFFFFFFFFF"),
            'hexEnd: invalid hex character "F" in "0xFFFFFFFFFFFFFFFF"',
        ),
        (
            shard(end="0x20000000000000000"),
            f"hexEnd: 17-digit hex value must be '{END}' (2^64), got \"0x20000000000000000\"",
        ),
        (
            shard(end="0x010000000000000000"),
            'hexEnd: hex value too long (18 chars, max 17): "010000000000000000"',
        ),
        (
            f"shardRange({UID}, '{ZERO}', '{HALF}'",
            "CEL parse error: Syntax error: missing ')' at '<EOF>'",
        ),
        (f"shardRange({UID}, {ZERO}, {HALF})", "CEL parse error: invalid int literal"),
    ],
)
def test_what_cannot_be_parsed(text: str, said: str) -> None:
    """The words are those that a server 1.36 with the feature gate has answered with."""
    with pytest.raises(APIError) as caught:
        ShardSelector.parse(text)
    error = caught.value
    assert (error.code, error.reason) == (500, "")
    assert error.message == f"invalid shard selector: {said}"
