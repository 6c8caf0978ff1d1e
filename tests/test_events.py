"""Documents of a watch, of every shape, become events or errors."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwatch import (
    Event,
    EventType,
    ExpiredError,
    KwatchError,
    ProtocolError,
    StatusError,
    parse_event,
)

POD = {"kind": "Pod", "metadata": {"name": "web", "resourceVersion": "7"}}
STATUS = {"kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden"}


@pytest.mark.parametrize(
    "document",
    [
        None, True, 1, "ADDED", [], [POD], {},
        {"type": "ADDED"}, {"object": POD}, POD,
        {"type": "PUSHED", "object": POD}, {"type": "added", "object": POD},
        {"type": ["ADDED"], "object": POD}, {"type": None, "object": POD},
        {"type": "ADDED", "object": None}, {"type": "ADDED", "object": [POD]},
        {"type": "ADDED", "object": STATUS}, {"type": "ERROR", "object": POD},
        {"type": "ERROR", "object": None}, {"type": "ERROR"},
    ],
)  # fmt: skip
def test_s44_s45_what_is_no_event_is_a_protocol_error(document: Any) -> None:
    with pytest.raises(ProtocolError, match="expected"):
        parse_event(document)


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        [],
        "x",
        {},
        {"resourceVersion": ""},
        {"resourceVersion": 7},
        {"resourceVersion": "\ud800"},
    ],
)
@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"])
def test_s31_an_object_without_a_version_is_a_protocol_error(kind: str, metadata: Any) -> None:
    with pytest.raises(ProtocolError, match=r"metadata\.resourceVersion"):
        parse_event({"type": kind, "object": {"kind": "Pod", "metadata": metadata}})


@pytest.mark.parametrize("document", [{"type": "ERROR", "object": STATUS}, STATUS])
def test_a_status_is_raised_in_an_error_event_or_bare(document: Any) -> None:
    with pytest.raises(StatusError) as caught:
        parse_event(document)
    assert (caught.value.code, caught.value.reason) == (403, "Forbidden")
    assert caught.value.status == STATUS


def test_s35_a_status_410_is_an_expired_error() -> None:
    with pytest.raises(ExpiredError):
        parse_event({"type": "ERROR", "object": {**STATUS, "code": 410}})


def test_a_resource_of_kind_status_is_an_object_unless_it_is_one() -> None:
    """A custom resource may be called Status; a Status of the API has a field ``status``."""
    own = {"kind": "Status", "metadata": {"resourceVersion": "7"}}
    assert parse_event({"type": "ADDED", "object": own}).obj is own


@pytest.mark.parametrize(
    "document",
    [
        {"type": "ADDED", "object": {"data": {"password": "SECRET"}}},
        {"type": "SECRET" * 100, "object": {}},
        {"password": "SECRET"},
        ["SECRET"],
    ],
)
def test_no_content_is_in_a_message(document: Any) -> None:
    with pytest.raises(KwatchError) as caught:
        parse_event(document)
    assert str(caught.value).count("SECRET") <= 13  # a type is named, up to 80 characters


def test_an_event_is_a_tuple() -> None:
    event = parse_event({"type": "MODIFIED", "object": POD})
    event_type, obj = event
    assert event == (event_type, obj)
    assert event_type == "modified"
    assert event_type is EventType.MODIFIED
    assert obj is POD
    assert event.resource_version == "7"
    assert isinstance(event, Event)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("ADDED", "created"),
        ("MODIFIED", "modified"),
        ("DELETED", "deleted"),
        ("BOOKMARK", "bookmark"),
    ],
)
def test_each_type_has_its_name(kind: str, expected: str) -> None:
    assert parse_event({"type": kind, "object": POD}).event_type == expected


@pytest.mark.parametrize("status", [{}, {"phase": "Up"}, "Failure"])
def test_a_custom_resource_of_kind_status(status: Any) -> None:
    metadata = {"resourceVersion": "7"}
    own = {"apiVersion": "a.io/v1", "kind": "Status", "metadata": metadata, "status": status}
    assert parse_event({"type": "MODIFIED", "object": own}).obj is own
    with pytest.raises(ProtocolError):
        parse_event({"type": "ERROR", "object": own})


KEYS = st.sampled_from(["type", "object", "kind", "metadata", "resourceVersion", "name", "status"])
JSON = st.recursive(
    st.none()
    | st.integers()
    | st.text(max_size=200)
    | st.sampled_from(["ADDED", "ERROR", "Status"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS | st.text(), inner),
    max_leaves=12,
)


@settings(derandomize=True, deadline=None)
@given(document=JSON)
def test_a_document_of_any_shape_is_an_event_or_one_of_our_errors(document: Any) -> None:
    try:
        event = parse_event(document)
    except ProtocolError as error:
        assert len(str(error)) < 4_000  # noqa: PT017 - either is fine
    except StatusError as error:
        str(error)
    else:
        assert event.resource_version


def test_a_status_is_no_object_and_an_event_is_no_status() -> None:
    status = {**STATUS, "metadata": {"resourceVersion": "7"}}
    with pytest.raises(ProtocolError, match="expected an object in the ADDED event"):
        parse_event({"type": "ADDED", "object": status})
    assert parse_event({**STATUS, "type": "ADDED", "object": POD}).obj is POD


def test_names_in_a_message_are_cut() -> None:
    for document in ({"k" * 10_000: 1}, {"type": "t" * 10_000}, {"type": "ADDED", "k" * 10_000: 1}):
        with pytest.raises(ProtocolError) as caught:
            parse_event(document)
        assert len(str(caught.value)) < 250
