"""`kwatch.cli._rows`: which rows there are, and which of them are shown."""

from typing import Any

import pytest

from kwatch import Event, EventType
from kwatch.cli._rows import FRESH_SECONDS, RATE_SECONDS, Row, Rows


class Clock:
    """Unix time that stands still."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rows(clock: Clock) -> Rows:
    return Rows(clock)


def event(event_type: str, name: str = "a", namespace: str = "x", **obj: Any) -> Event:
    metadata = {"namespace": namespace, "name": name, "resourceVersion": "7"}
    return Event(EventType(event_type), {"kind": "Pod", "metadata": metadata, **obj})


def names(rows: list[Row]) -> list[str]:
    return [row.name for row in rows]


def test_what_was_deleted_stays_for_a_moment(rows: Rows, clock: Clock) -> None:
    rows.take(event("created", status={"phase": "Running"}))
    rows.take(event("deleted"))
    assert len(rows) == 0
    [row] = rows.visible(9)
    assert (row.event_type, row.status) == ("deleted", "Running")
    clock.now += FRESH_SECONDS
    assert rows.visible(9) == []
    assert rows.namespaces == 0


def test_what_comes_back_in_that_moment_stays(rows: Rows, clock: Clock) -> None:
    for event_type in ("created", "deleted", "created"):
        rows.take(event(event_type))
    clock.now += FRESH_SECONDS
    assert names(rows.visible(9)) == ["a"]
    assert (len(rows), rows.namespaces) == (1, 1)


def test_what_was_never_there_can_be_deleted(rows: Rows, clock: Clock) -> None:
    rows.take(event("deleted"))
    assert (len(rows), names(rows.visible(9))) == (0, ["a"])
    clock.now += FRESH_SECONDS
    assert (len(rows), rows.visible(9)) == (0, [])


def test_twice_deleted_is_deleted(rows: Rows, clock: Clock) -> None:
    for _ in range(2):
        rows.take(event("deleted"))
        clock.now += 1
    clock.now += FRESH_SECONDS
    assert (len(rows), rows.visible(9)) == (0, [])


@pytest.mark.parametrize("metadata", [{}, {"name": None, "namespace": 7}, {"name": ["a"]}])
def test_objects_of_any_shape_have_a_row(rows: Rows, metadata: dict[str, Any]) -> None:
    rows.take(Event(EventType.CREATED, {"metadata": metadata}))
    [row] = rows.visible(9)
    assert row.namespace == ""
    assert row.name


def test_they_come_by_namespace_and_name(rows: Rows) -> None:
    for namespace, name in (("y", "a"), ("x", "b"), ("x", "a")):
        rows.take(event("created", name, namespace))
    assert [(row.namespace, row.name) for row in rows.visible(9)] == [
        ("x", "a"),
        ("x", "b"),
        ("y", "a"),
    ]
    assert rows.namespaces == 2


def test_of_too_many_the_ones_that_changed_last_are_shown(rows: Rows) -> None:
    for name in "abcdef":
        rows.take(event("created", name))
    rows.take(event("modified", "b"))
    assert names(rows.visible(3)) == ["b", "e", "f"]
    assert rows.visible(0) == rows.visible(-1) == []


def test_of_too_many_that_exist_the_first_are_shown(rows: Rows) -> None:
    for name in "abcdef":
        rows.take(event("created", name), is_initial=True)
    assert names(rows.visible(3)) == ["a", "b", "c"]
    rows.take(event("modified", "f"))
    assert names(rows.visible(3)) == ["a", "b", "f"]


def test_what_exists_has_not_changed(rows: Rows) -> None:
    rows.take(event("created"), is_initial=True)
    [row] = rows.visible(9)
    assert row.changed is None
    assert not rows.is_fresh(row)
    assert rows.rate() == 0


def test_a_change_is_fresh_for_a_moment(rows: Rows, clock: Clock) -> None:
    rows.take(event("modified"))
    [row] = rows.visible(9)
    clock.now += FRESH_SECONDS - 0.1
    assert rows.is_fresh(row)
    clock.now += 0.1
    assert not rows.is_fresh(row)


def test_the_rate_is_of_the_last_seconds(rows: Rows, clock: Clock) -> None:
    for _ in range(5):
        rows.take(event("modified"))
    assert rows.rate() == 5
    clock.now += RATE_SECONDS - 1
    rows.take(event("modified"))
    assert rows.rate() == pytest.approx(6 / (RATE_SECONDS - 1))
    clock.now += 1
    assert rows.rate() == pytest.approx(1 / RATE_SECONDS)
    clock.now += RATE_SECONDS
    assert rows.rate() == 0
