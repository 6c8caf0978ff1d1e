"""Where a watch is, moved by events and bookmarks alone."""

from typing import Any

import pytest

from kwatch import Event, EventType
from kwatch import _cursor as cursor_module
from kwatch._cursor import Cursor, Place


def event(kind: EventType, version: str, uid: str | None = "u") -> Event:
    metadata: dict[str, Any] = {"name": "web", "namespace": "shop", "resourceVersion": version}
    return Event(kind, {"metadata": metadata | ({"uid": uid} if uid else {})})


CREATED, MODIFIED, DELETED, BOOKMARK = EventType


@pytest.mark.parametrize("begin_at", ["", "0"])
def test_what_exists_moves_nothing_until_something_comes_in_order(begin_at: str) -> None:
    cursor = Cursor(begin_at)
    assert cursor.take(event(CREATED, "90", "a"), 1) is Place.NEXT
    assert (cursor.resource_version, cursor.ordered) == (None, False)
    assert cursor.take(event(MODIFIED, "95", "a"), 1) is Place.NEXT
    assert (cursor.resource_version, cursor.ordered) == ("95", True)
    assert cursor.take(event(CREATED, "96", "b"), 1) is Place.NEXT
    assert cursor.resource_version == "96"


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("9", "10", Place.NEXT),
        ("10", "9", Place.BACK),
        ("10", "10", Place.REPEATED),
        ("9" * 30, "1" + "0" * 30, Place.NEXT),
        ("1" + "0" * 30, "9" * 30, Place.BACK),
        ("b", "a", Place.NEXT),
        ("a", "a", Place.REPEATED),
        ("10", "x", Place.NEXT),
        ("10", "010", Place.NEXT),
    ],
)
def test_a_bookmark_leads_on_or_tells_that_the_server_went_back(
    old: str, new: str, place: Place
) -> None:
    cursor = Cursor(old)
    assert cursor.take(event(BOOKMARK, new), 1) is place
    assert cursor.resource_version == (new if place is Place.NEXT else old)


@pytest.mark.parametrize(
    ("kind", "place"),
    [(CREATED, Place.BACK), (MODIFIED, Place.BACK), (DELETED, Place.LATE)],
)
def test_an_older_event_that_never_came_tells_that_the_server_went_back(
    kind: EventType, place: Place
) -> None:
    """But for a deletion, which some servers send with the version of the last change."""
    cursor = Cursor("10")
    assert cursor.take(event(kind, "9"), 1) is place
    assert cursor.resource_version == "10"


def test_a_restart_forgets_what_came_before() -> None:
    cursor = Cursor("5")
    cursor.take(event(CREATED, "9"), 1)
    cursor.restart("7")
    assert (cursor.resource_version, cursor.ordered) == ("7", True)
    assert cursor.take(event(CREATED, "9"), 2) is Place.NEXT


def test_a_bookmark_of_an_earlier_connection_is_repeated() -> None:
    cursor = Cursor("5")
    for version in ("6", "7"):
        cursor.take(event(BOOKMARK, version, None), 1)
    assert cursor.take(event(BOOKMARK, "6", None), 2) is Place.REPEATED
    assert cursor.resource_version == "7"


def test_an_event_is_repeated_by_a_later_connection_only() -> None:
    cursor = Cursor("5")
    assert cursor.take(event(CREATED, "6"), 1) is Place.NEXT
    assert cursor.take(event(CREATED, "6"), 1) is Place.NEXT
    assert cursor.take(event(CREATED, "6"), 2) is Place.REPEATED
    assert cursor.take(event(CREATED, "6"), 3) is Place.REPEATED


def test_type_object_and_version_make_an_event() -> None:
    cursor = Cursor("5")
    assert cursor.take(event(CREATED, "6"), 1) is Place.NEXT
    assert cursor.take(event(DELETED, "6"), 2) is Place.NEXT
    assert cursor.take(event(CREATED, "6", "v"), 2) is Place.NEXT
    assert cursor.take(event(CREATED, "7"), 2) is Place.NEXT


def test_an_object_without_a_uid_is_known_by_its_name() -> None:
    cursor = Cursor("5")
    assert cursor.take(event(CREATED, "6", None), 1) is Place.NEXT
    assert cursor.take(event(CREATED, "6", None), 2) is Place.REPEATED


def test_a_repetition_does_not_move_the_cursor() -> None:
    cursor = Cursor("5")
    for version in ("6", "7"):
        cursor.take(event(MODIFIED, version), 1)
    assert cursor.take(event(MODIFIED, "6"), 2) is Place.REPEATED
    assert cursor.resource_version == "7"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursor_module, "RECENT_EVENTS", 2)
    cursor = Cursor("5")
    for version in ("v6", "v7", "v8"):
        cursor.take(event(MODIFIED, version), 1)
    assert cursor.take(event(MODIFIED, "v6"), 2) is Place.NEXT
    assert cursor.take(event(MODIFIED, "v8"), 2) is Place.REPEATED
    assert len(cursor._recent) + len(cursor._earlier) == 2
