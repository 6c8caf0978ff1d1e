"""`kwatch.cli._formats`: whatever a watch yields is printed, and does no harm to who reads it."""

import io
import json
import re
import sys
import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kwatch import Event, EventType
from kwatch.cli._formats import FORMATS, Json, Line, Name, Yaml
from kwatch.cli._style import Style

HOSTILE = "\x1b[2J\n\r\x00\x7f\x9b\u202e\u2028\u200b\ud800"
"""Clears the screen, breaks lines, reverses text, is no Unicode."""

PLAIN, COLOURED = Style(colour=False), Style(colour=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def event(**metadata: Any) -> Event:
    return Event(EventType.CREATED, {"metadata": {"resourceVersion": "1", **metadata}})


def nested(depth: int) -> Any:
    value: Any = "end"
    for _ in range(depth):
        value = {"a": [value]}
    return value


def stdout_of(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("colour", [False, True])
def test_no_format_lets_a_character_through_that_steers_a_terminal(name: str, colour: bool) -> None:
    given = event(name=HOSTILE, namespace=HOSTILE, labels={HOSTILE: HOSTILE})
    given.obj.update(kind=HOSTILE, apiVersion=HOSTILE, status={"phase": HOSTILE}, spec=HOSTILE)
    text = FORMATS[name](Style(colour=colour), time.time)(given)
    assert all(map(str.isprintable, re.sub(r"\x1b\[\d+m", "", text).split("\n")))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "metadata",
    [{}, {"name": None}, {"name": ["a"], "namespace": 1}, {"labels": 1, "annotations": []}],
)
def test_every_format_takes_metadata_of_any_shape(name: str, metadata: dict[str, Any]) -> None:
    given = event(**metadata)
    given.obj.update(status=[], spec=None, kind=1, apiVersion={})
    assert FORMATS[name](PLAIN, time.time)(given)


# line


def name_in(line: str) -> str:
    found = re.fullmatch(r"\d\d:\d\d:\d\d  created   (.*)", line)
    assert found
    return found[1]


def test_characters_that_steer_a_terminal_are_escaped_in_a_line() -> None:
    line = Line(PLAIN)(event(name=f"a{HOSTILE}b"))
    assert name_in(line) == r"a\x1b[2J\n\r\x00\x7f\x9b\u202e\u2028\u200b\ud800b"


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", r"\xe9"), ("latin-1", "é")])
def test_characters_that_stdout_does_not_have_are_escaped_in_a_line(
    monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str
) -> None:
    stdout_of(encoding, monkeypatch)
    assert name_in(Line(PLAIN)(event(name="é"))) == shown


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({}, "?"),
        ({"name": "a", "namespace": None}, "a"),
        ({"name": "a", "namespace": ""}, "a"),
        ({"name": "a", "namespace": "b"}, "b/a"),
        ({"name": ["a"], "namespace": 1}, ""),
    ],
)
def test_a_line_needs_no_name_and_no_namespace(metadata: dict[str, Any], name: str) -> None:
    assert name_in(Line(PLAIN)(event(**metadata))) == name


def test_lines_are_aligned() -> None:
    line = Line(PLAIN)
    lines = [line(Event(it, event(name="a", namespace="b").obj)) for it in EventType]
    assert {line.index("b/a") for line in lines} == {20}


def test_the_type_is_coloured_and_aligned_all_the_same() -> None:
    line = Line(COLOURED)(event(name="a"))
    assert "\x1b[32mcreated \x1b[0m  a" in line


# json


def test_a_json_line_stays_one_line_for_every_reader() -> None:
    given = event(name=HOSTILE)
    text = Json()(given)
    assert text.isprintable()
    assert text.splitlines() == [text]
    assert json.loads(text) == {"type": "created", "object": given.obj}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-16"])
@pytest.mark.parametrize(("made", "read"), [(Json, json.loads), (Yaml, yaml.safe_load)])
def test_what_is_printed_can_be_encoded_and_stays_what_it_is(
    monkeypatch: pytest.MonkeyPatch, encoding: str, made: Any, read: Any
) -> None:
    stdout_of(encoding, monkeypatch)
    given = event(name="é€😀", other="\ud800" if made is Json else "\x9b")
    text = made()(given)
    text.encode(encoding)
    assert read(text) == {"type": "created", "object": given.obj}


def test_json_is_compact_and_shows_characters_as_they_are() -> None:
    assert Json()(Event(EventType.DELETED, {"a": ["é😀"]})) == (
        '{"type":"deleted","object":{"a":["é😀"]}}'
    )


# yaml


@given(VALUES)
def test_yaml_is_what_was_yielded(value: Any) -> None:
    given = Event(EventType.MODIFIED, {"metadata": {}, "value": value})
    text = Yaml()(given)
    assert text.startswith("---\ntype: modified\nobject:")
    assert not text.endswith("\n")
    assert yaml.safe_load(text) == {"type": "modified", "object": given.obj}


def test_an_object_that_is_nested_too_deep_for_yaml_is_json_in_a_document_of_its_own() -> None:
    deep = Event(EventType.CREATED, {"metadata": {"name": "a"}, "spec": nested(20_000)})
    text = Yaml()(deep)
    assert text == f"---\n{Json()(deep)}"
    shallow = Event(EventType.CREATED, {"metadata": {"name": "a"}, "spec": nested(200)})
    documents = list(yaml.safe_load_all(f"{Yaml()(shallow)}\n---\n{{}}"))
    assert documents == [{"type": "created", "object": shallow.obj}, {}]


def test_numbers_of_any_size_are_yaml() -> None:
    numbers = {"huge": 10**5_000, "inf": float("inf"), "small": -(2**70)}
    text = Yaml()(Event(EventType.CREATED, {"metadata": {}, **numbers}))
    assert f'"huge":1{"0" * 5_000},' in text
    text = Yaml()(Event(EventType.CREATED, {"metadata": {}, "inf": float("-inf"), "big": 2**70}))
    assert yaml.safe_load(text)["object"] == {"metadata": {}, "inf": float("-inf"), "big": 2**70}


def test_the_same_value_twice_is_no_alias() -> None:
    labels = {"app": "web"}
    text = Yaml()(Event(EventType.CREATED, {"metadata": {"labels": labels}, "spec": [labels]}))
    assert "&" not in text
    assert text.count("app: web") == 2


def test_texts_that_look_like_something_else_stay_texts() -> None:
    texts = ["yes", "1e3", "0x1F", "null", "---", "2026-11-25", "a: b", "# c", "", "=", "~"]
    text = Yaml()(Event(EventType.CREATED, {"metadata": {}, "spec": texts}))
    assert yaml.safe_load(text)["object"]["spec"] == texts


# name


@pytest.mark.parametrize(
    ("version", "kind", "name"),
    [
        ("v1", "Pod", "pod/a"),
        ("apps/v1", "Deployment", "deployment.apps/a"),
        ("meta.k8s.io/v1", "PartialObjectMetadata", "replicaset.apps/a"),
        (None, None, "/a"),
    ],
)
def test_names_are_those_of_kubectl(version: Any, kind: Any, name: str) -> None:
    given = Event(
        EventType.CREATED, {"apiVersion": version, "kind": kind, "metadata": {"name": "a"}}
    )
    assert Name(kind="ReplicaSet.apps")(given) == name
