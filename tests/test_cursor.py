"""Where a watch is, moved by events and bookmarks alone."""

from typing import Any

import pytest

from kwatch import Event, EventType
from kwatch import _cursor as cursor_module
from kwatch._cursor import Cursor


def event(kind: EventType, version: str, uid: str | None = "u") -> Event:
    metadata: dict[str, Any] = {"name": "web", "namespace": "shop", "resourceVersion": version}
    return Event(kind, {"metadata": metadata | ({"uid": uid} if uid else {})})


CREATED, MODIFIED, DELETED, BOOKMARK = EventType


@pytest.mark.parametrize("begin_at", ["", "0"])
def test_what_exists_moves_nothing_until_something_comes_in_order(begin_at: str) -> None:
    cursor = Cursor(begin_at)
    assert cursor.take(event(CREATED, "90", "a"), 1)
    assert (cursor.resource_version, cursor.ordered) == (None, False)
    assert cursor.take(event(MODIFIED, "95", "a"), 1)
    assert (cursor.resource_version, cursor.ordered) == ("95", True)
    assert cursor.take(event(CREATED, "96", "b"), 1)
    assert cursor.resource_version == "96"


@pytest.mark.parametrize(
    ("old", "new", "leads_on"),
    [
        ("9", "10", True),
        ("10", "9", False),
        ("10", "10", False),
        ("9" * 30, "1" + "0" * 30, True),
        ("b", "a", True),
        ("a", "a", False),
        ("10", "x", True),
        ("10", "010", True),
    ],
)
def test_a_bookmark_leads_on_and_never_back(old: str, new: str, leads_on: bool) -> None:
    cursor = Cursor(old)
    assert cursor.take(event(BOOKMARK, new), 1) is leads_on
    assert cursor.resource_version == (new if leads_on else old)


def test_an_event_is_repeated_by_a_later_connection_only() -> None:
    cursor = Cursor("5")
    assert cursor.take(event(CREATED, "6"), 1)
    assert cursor.take(event(CREATED, "6"), 1)
    assert not cursor.take(event(CREATED, "6"), 2)
    assert not cursor.take(event(CREATED, "6"), 3)


def test_type_object_and_version_make_an_event() -> None:
    cursor = Cursor("5")
    assert cursor.take(event(CREATED, "6"), 1)
    assert cursor.take(event(DELETED, "6"), 2)
    assert cursor.take(event(CREATED, "6", "v"), 2)
    assert cursor.take(event(CREATED, "7"), 2)


def test_an_object_without_a_uid_is_known_by_its_name() -> None:
    cursor = Cursor("5")
    assert cursor.take(event(CREATED, "6", None), 1)
    assert not cursor.take(event(CREATED, "6", None), 2)


def test_a_repetition_does_not_move_the_cursor() -> None:
    cursor = Cursor("5")
    for version in ("6", "7"):
        cursor.take(event(MODIFIED, version), 1)
    assert not cursor.take(event(MODIFIED, "6"), 2)
    assert cursor.resource_version == "7"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursor_module, "RECENT_EVENTS", 2)
    cursor = Cursor("5")
    for version in ("6", "7", "8"):
        cursor.take(event(MODIFIED, version), 1)
    assert cursor.take(event(MODIFIED, "6"), 2)
    assert not cursor.take(event(MODIFIED, "8"), 2)
    assert len(cursor._recent) == len(cursor._connections) == 2
