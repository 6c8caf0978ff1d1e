"""`kwatch.cli._diff` and `kwatch.cli._changes`: what is shown of a change, and what never is."""

import random
import re
import sys
from typing import Any

import pytest

from kwatch import Event, EventType
from kwatch._redaction import LAST_APPLIED
from kwatch.cli._changes import ABSENT, changes
from kwatch.cli._diff import Diff
from kwatch.cli._style import Style

PLAIN = Style(colour=False)
DEPTH = 9_000
"""Deeper than any recursion goes."""


def pod(version: int, name: str = "a", **fields: Any) -> dict[str, Any]:
    metadata = {"namespace": "default", "name": name, "resourceVersion": str(version)}
    metadata |= fields.pop("metadata", {})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, **fields}


def modified(obj: dict[str, Any]) -> Event:
    return Event(EventType.MODIFIED, obj)


def after_created(before: dict[str, Any], after: dict[str, Any], style: Style = PLAIN) -> list[str]:
    """The lines of what is modified right after it was created."""
    diff = Diff(style)
    diff(Event(EventType.CREATED, before))
    return diff(modified(after)).split("\n")


def body(before: Any, after: Any, **fields: Any) -> list[str]:
    """What is shown of the change of a ``spec``."""
    return after_created(pod(1, spec=before, **fields), pod(2, spec=after, **fields))[1:]


def nested(depth: int, value: Any) -> Any:
    for _ in range(depth):
        value = {"a": value}
    return value


# Secrets


def secret(version: int, **fields: Any) -> dict[str, Any]:
    return {**pod(version, **fields), "kind": "Secret"}


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_the_data_of_a_secret_is_never_shown(field: str) -> None:
    before = secret(1, **{field: {"same": "s3cr3t0", "old": "s3cr3t1", "gone": "s3cr3t2"}})
    after = secret(2, **{field: {"same": "s3cr3t0", "old": "s3cr3t3", "new": "s3cr3t4"}})
    assert after_created(before, after)[1:] == [
        f"  ~ {field}.old: (changed)",
        f"  - {field}.gone: (hidden)",
        f"  + {field}.new: (hidden)",
    ]


@pytest.mark.parametrize("data", ["s3cr3t", ["s3cr3t"], {"a": {"b": ["s3cr3t"]}}, {"a": "s3cr3t"}])
@pytest.mark.parametrize("is_new", [True, False])
def test_the_data_of_a_secret_is_not_shown_whatever_it_is(data: Any, is_new: bool) -> None:
    states = [secret(1), secret(2, data=data)]
    text = "\n".join(after_created(*(states if is_new else reversed(states))))
    assert "s3cr3t" not in text
    assert "(hidden)" in text


@pytest.mark.parametrize("kind", ["Secret", "PartialObjectMetadata"])
@pytest.mark.parametrize("is_known", [True, False])
def test_what_was_last_applied_to_a_secret_is_not_shown(is_known: bool, kind: str) -> None:
    notes = [{LAST_APPLIED: f's3cr3t{it}"'} for it in range(2)]
    before = secret(1, metadata={"annotations": notes[0]} if is_known else {})
    after = secret(2, metadata={"annotations": notes[1]})
    text = "\n".join(after_created({**before, "kind": kind}, {**after, "kind": kind}))
    assert f'metadata.annotations["{LAST_APPLIED}"]' in text
    assert "s3cr3t" not in text


def test_other_kinds_may_have_data() -> None:
    before, after = ({**pod(it, data={"a": f"v{it}"}), "kind": "ConfigMap"} for it in (1, 2))
    assert after_created(before, after)[1:] == ["  - data.a: v1", "  + data.a: v2"]


# Objects that are more than they should be


@pytest.mark.parametrize("states", [(1, 2), (1, None), (None, 1)])
def test_deep_objects_do_not_overflow(states: tuple[Any, Any]) -> None:
    before, after = ({} if it is None else nested(DEPTH, it) for it in states)
    lines = body(before, after)
    assert len(lines) == sum(it is not None for it in states)
    assert [line[:3] for line in lines] == [
        mark for mark, state in zip(("  -", "  +"), states, strict=True) if state is not None
    ]
    assert lines[0].count(".a") >= DEPTH - 60


def test_a_deep_object_that_stays_the_same_is_no_change() -> None:
    assert not list(changes(nested(DEPTH, []), nested(DEPTH, [])))


def test_nothing_steers_the_terminal_or_breaks_lines() -> None:
    lines = body({"a\x1b[2J\n": "b"}, {"a\x1b[2J\n": "\x9b\u202e\r\n\ud800 c"})
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


def test_what_stdout_cannot_encode_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ascii:
        encoding = "ascii"

    monkeypatch.setattr(sys, "stdout", Ascii())
    head, line = after_created(pod(1), pod(2, spec="\u00e9"))
    assert head.endswith("(1 -> 2)")
    assert line == r"  + spec: \xe9"


@pytest.mark.parametrize(
    "obj",
    [
        pod(2, metadata={"annotations": None, "labels": [], "uid": 7, "managedFields": 1}),
        {"metadata": {"resourceVersion": "2"}},
        {**pod(2), "kind": ["Secret"], "data": 1},
        {**secret(2), "metadata": {"resourceVersion": "2", "annotations": "a"}},
    ],
)
def test_objects_of_any_shape_will_do(obj: dict[str, Any]) -> None:
    assert after_created(obj, obj)[1:] == ["  nothing but its resource version or managed fields"]


# The head


def test_created_and_deleted_are_one_line_each() -> None:
    diff = Diff(PLAIN)
    for event_type in ("created", "deleted", "bookmark"):
        text = diff(Event(EventType(event_type), pod(1, spec={"a": 1})))
        assert re.fullmatch(rf"\d\d:\d\d:\d\d  {event_type} +default/a", text)


def test_modified_tells_the_versions() -> None:
    head = after_created(pod(12), pod(15, spec=1))[0]
    assert re.fullmatch(r"\d\d:\d\d:\d\d  modified  default/a  \(12 → 15\)", head)


def test_what_was_never_seen_has_nothing_to_compare_with() -> None:
    diff = Diff(PLAIN)
    assert diff(modified(pod(1))).endswith("default/a  (nothing is known to compare it with)")
    assert diff(modified(pod(2, spec=1))).endswith("  + spec: 1")


def test_what_was_deleted_is_forgotten() -> None:
    diff = Diff(PLAIN)
    for event_type in (EventType.CREATED, EventType.DELETED):
        diff(Event(event_type, pod(1)))
    assert diff(modified(pod(2))).endswith("(nothing is known to compare it with)")
    assert not Diff(PLAIN)._known


def test_one_that_was_recreated_is_another_one() -> None:
    diff = Diff(PLAIN)
    diff(Event(EventType.CREATED, pod(1, metadata={"uid": "u1"})))
    assert "nothing is known" in diff(modified(pod(2, metadata={"uid": "u2"})))


def test_the_managed_fields_and_the_version_are_no_change() -> None:
    before, after = (pod(it, metadata={"managedFields": [{"time": it}]}) for it in (1, 2))
    head, line = after_created(before, after)
    assert head.endswith("(1 → 2)")
    assert line == "  nothing but its resource version or managed fields"


# Paths


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b"),
        ({"a.b/c": 1}, {"a.b/c": 2}, '["a.b/c"]'),
        ({"a": {"": 1}}, {"a": {"": 2}}, 'a[""]'),
        ([{"name": "x", "v": 1}], [{"name": "x", "v": 2}], "[x].v"),
        ([{"name": "x ]", "v": 1}], [{"name": "x ]", "v": 2}], '["x ]"].v'),
        ([{"type": "Ready", "v": 1}], [{"type": "Ready", "v": 2}], "[Ready].v"),
        ([{"ip": "::1", "v": 1}], [{"ip": "::1", "v": 2}], "[::1].v"),
        ([{"v": 1}], [{"v": 2}], "[0].v"),
        ([0, 1], [0, 2], "[1]"),
        (
            [{"containerPort": 53, "protocol": it, "v": 1} for it in ("TCP", "UDP")],
            [
                {"containerPort": 53, "protocol": it, "v": int(it == "UDP") + 1}
                for it in ("UDP", "TCP")
            ],
            "[53/UDP].v",
        ),
    ],
)
def test_paths(before: Any, after: Any, path: str) -> None:
    found = [change for change in changes(before, after) if "order" not in change.path]
    assert [(path, 1, 2)] == found


def test_elements_with_a_key_are_matched_by_it() -> None:
    before = [{"name": "a", "v": 1}, {"name": "b", "v": 1}]
    after = [{"name": "b", "v": 1}, {"name": "c", "v": 1}]
    assert list(changes(before, after)) == [
        ("[a]", {"name": "a", "v": 1}, ABSENT),
        ("[c]", ABSENT, {"name": "c", "v": 1}),
    ]


def test_another_order_of_the_same_elements_is_told() -> None:
    before = [{"name": "a"}, {"name": "b"}]
    assert list(changes({"x": before}, {"x": before[::-1]})) == [("x (order)", "a b", "b a")]


@pytest.mark.parametrize("twice", ["name", "type"])
def test_a_key_that_comes_twice_is_none(twice: str) -> None:
    before, after = ([{twice: "a"}, {twice: "a", "v": it}] for it in (1, 2))
    assert list(changes(before, after)) == [("[1].v", 1, 2)]


# Values


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Running", "Running"),
        ("registry.example/web:v1", "registry.example/web:v1"),
        ("10.0.5.80", "10.0.5.80"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("15", '"15"'),
        ("-1.5e3", '"-1.5e3"'),
        ("true", '"true"'),
        ("null", '"null"'),
        ("", '""'),
        ("a b", '"a b"'),
        (15, "15"),
        (True, "true"),
        (None, "null"),
        ({}, "{}"),
        ({"a": [1]}, '{"a":[1]}'),
    ],
)
def test_values(value: Any, shown: str) -> None:
    assert body({}, {"a": value}) == [f"  + a: {shown}".replace("a:", "spec.a:", 1)]


@pytest.mark.parametrize(("before", "after"), [(1, True), (0, False), (1, 1.0), (None, "null")])
def test_values_of_other_types_are_other_values(before: Any, after: Any) -> None:
    assert list(changes(before, after)) == [("", before, after)]


def test_what_is_long_and_new_or_gone_comes_as_its_leaves() -> None:
    long = {"a": "x" * 40, "b": {"c": "y" * 40, "d": []}}
    assert list(changes({}, {"s": long})) == [
        ("s.a", ABSENT, "x" * 40),
        ("s.b", ABSENT, {"c": "y" * 40, "d": []}),
    ]
    assert list(changes({"s": {**long, "e": "z" * 20}}, {"s": 1}))[-1] == ("s", ABSENT, 1)


def test_what_changed_tells_all_of_it() -> None:
    """Any two states differ in the changes, and in nothing else: applied, one becomes the other."""
    chance = random.Random(6)

    def drawn(depth: int) -> Any:
        kind = chance.randrange(4 if depth else 2)
        if kind == 3:
            return {chance.choice("abcd"): drawn(depth - 1) for _ in range(chance.randrange(4))}
        return "xyz"[: chance.randrange(4)] if kind else chance.randrange(3)

    for _ in range(500):
        before, after = ({"r": drawn(4)} for _ in range(2))
        assert bool(list(changes(before, after))) == (before != after)
        state = leaves(before)
        for path, was, now in changes(before, after):
            if was is not ABSENT:
                assert leaves(was, path).items() <= state.items()
                state = {it: value for it, value in state.items() if it not in leaves(was, path)}
            state |= {} if now is ABSENT else leaves(now, path)
        assert state == leaves(after)


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """The values by their paths; objects without any do not count."""
    if not isinstance(value, dict):
        return {path: value}
    found: dict[str, Any] = {}
    for key, item in value.items():
        found |= leaves(item, f"{path}.{key}".removeprefix("."))
    return found


# The terminal


def test_colours() -> None:
    head, removed, added = after_created(pod(1, spec=1), pod(2, spec=2), Style(colour=True))
    assert "\x1b[33mmodified" in head
    assert removed == "\x1b[31m  - spec: 1\x1b[0m"
    assert added == "\x1b[32m  + spec: 2\x1b[0m"


def test_long_lines_are_cut_on_a_terminal_only() -> None:
    states = pod(1), pod(2, spec="x" * 100)
    cut = after_created(*states, Style(colour=False, columns=lambda: 20))[1]
    assert cut == f"  + spec: {'x' * 9}…"
    assert after_created(*states)[1] == f"  + spec: {'x' * 100}"
