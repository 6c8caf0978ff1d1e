"""Objects that a server takes and that break readers: made for real, delivered as they are."""

import json
from typing import Any

import orjson
import pytest

from .live import Box, Front

pytestmark = pytest.mark.e2e

TEXTS = {
    "next-line": "a\u0085b",
    "line-separators": "a\u2028b\u2029c",
    "other-separators": "a\x0b\x0c\x1c\x1d\x1e\rb\nc\r\nd",
    "emoji": "\U0001f469\u200d\U0001f680",
    "nul": "a\x00b",
    "json": '{"type":"ADDED"}\n{"type":"ADDED","object":{}}\n}{',
    "backslashes": '\\\\\\"\\u0000\\',
    "large": "x" * 1_000_000,
    "large-wide": "\u20ac" * 300_000,
}
NUMBERS = {
    "beyond-int64": "100000000000000000000",
    "least-int64": "-9223372036854775808",
    "above-int64": "9223372036854775808",
    "large-float": "1e300",
    "small-float": "5e-324",
    "float": "0.1",
    "int-as-float": "1.0",
    "negative-zero": "-0.0",
}

too_deep = pytest.mark.real_only("the fake server keeps dicts, which Python nests less deep")


@pytest.mark.parametrize("name", TEXTS)
def test_s66_text(front: Front, box: Box, name: str) -> None:
    """A string is delivered whole, whatever is in it."""
    with front.start(box=box) as run:
        run.wait_until_open()
        box.create(name, {"text": TEXTS[name], TEXTS[name][:20]: 1})
        box.create("next")
        assert run.take(2) == [("created", name), ("created", "next")]
    obj = run.events[0].obj
    assert obj["spec"]["text"] == TEXTS[name]
    assert obj == json.loads(box.get(name))


@pytest.mark.parametrize("name", NUMBERS)
def test_s67_numbers(front: Front, box: Box, name: str) -> None:
    """A number is what the server says it is: an int of any size, or a float."""
    with front.start(box=box) as run:
        run.wait_until_open()
        box.create_raw(name, f'{{"number":{NUMBERS[name]}}}')
        box.create("next")
        assert run.take(2) == [("created", name), ("created", "next")]
    expected = json.loads(box.get(name))
    obj = run.events[0].obj
    assert obj == expected
    assert type(obj["spec"]["number"]) is type(expected["spec"]["number"])


@pytest.mark.parametrize(
    "depth", [500, pytest.param(5_000, marks=too_deep), pytest.param(9_000, marks=too_deep)]
)
def test_s68_nesting(front: Front, box: Box, depth: int) -> None:
    """An object that is nested as deep as the server takes it, and the next one as well."""
    spec = '{"a":' * depth + "1" + "}" * depth
    with front.start(box=box) as run:
        run.wait_until_open()
        box.create_raw("deep", spec)
        box.create("next")
        assert run.take(2) == [("created", "deep"), ("created", "next")]
    value: Any = run.events[0].obj["spec"]
    levels = 0
    while isinstance(value, dict):
        assert list(value) == ["a"]
        value = value["a"]
        levels += 1
    assert (levels, value) == (depth, 1)
    assert spec.encode() in box.get("deep")


def test_all_together_with_orjson(front: Front, box: Box) -> None:
    """Another decoder gives the same objects, as far as it goes."""
    with front.start(box=box, loads=orjson.loads) as run:
        run.wait_until_open()
        for name, text in TEXTS.items():
            box.create(name, {"text": text})
        run.take(len(TEXTS))
    assert [obj["spec"]["text"] for _, obj in run.events] == list(TEXTS.values())
