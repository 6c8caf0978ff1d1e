"""`Stream`: the events of one connection, seen against the cursor and what is known."""

import json
from collections.abc import Iterable, Iterator

import pytest

from kwatch import DecodeError, Decoder, Event, EventType, ExpiredError, ProtocolError, StatusError
from kwatch._cursor import Cursor
from kwatch._events import NoVersionError
from kwatch._known import Known
from kwatch._line_decoder import LineDecoder
from kwatch._snapshot import INITIAL_EVENTS_END
from kwatch._stream import BackInTimeError, Stream
from tests.frames import added, bookmark, deleted, error, frame, initial_end, modified, obj
from tests.recorded import load

Change = tuple[str, str, str]


def changes(events: Iterable[Event]) -> list[Change]:
    return [
        (str(e.event_type), e.obj["metadata"].get("name", ""), e.resource_version) for e in events
    ]


def knowing(*objects: dict[str, object]) -> Known:
    known = Known()
    for body in objects:
        known.take(Event(EventType.CREATED, body))
    return known


def starting(known: Known | None = None) -> tuple[Stream, Cursor, Known]:
    """A connection that begins with what exists."""
    cursor, known = Cursor(None), known or Known()
    return Stream(1, Decoder(), cursor, known, initial=True), cursor, known


def going_on(version: str, known: Known | None = None) -> tuple[Stream, Cursor]:
    """A connection that goes on from a resource version."""
    cursor = Cursor(version)
    return Stream(1, Decoder(), cursor, known, initial=False), cursor


def take(stream: Stream, *frames: bytes) -> list[Change]:
    return changes(stream.receive_data(b"".join(frames)))


def before_error(
    stream: Stream, kind: type[Exception], *frames: bytes
) -> tuple[list[Change], Exception]:
    """Take bytes that end in an error; give what came before it."""
    found: list[Event] = []
    with pytest.raises(kind) as caught:  # noqa: PT012
        for event in stream.receive_data(b"".join(frames)):
            found.append(event)  # noqa: PERF402 - those before an error count
    return changes(found), caught.value


# Errors


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (error(410, "Expired"), ExpiredError),
        (error(500, "StoreReadError"), StatusError),
        (b"<p>", DecodeError),
        (b'{"type":"ADDED"}\n', ProtocolError),
        (frame("MOVED", obj("9")), ProtocolError),
        (frame("ADDED", {"metadata": {}}), NoVersionError),
        (frame("BOOKMARK", {"metadata": {}}), NoVersionError),
    ],
)
@pytest.mark.parametrize("initial", [False, True])
def test_events_come_before_the_error_that_follows_them(
    data: bytes, kind: type[Exception], *, initial: bool
) -> None:
    cursor, known = Cursor(None if initial else "5"), Known()
    stream = Stream(1, Decoder(), cursor, known, initial=initial)
    found, _ = before_error(stream, kind, added("6"), data, added("7", "late"))
    assert found == [("created", "web", "6")]
    assert cursor.resource_version == (None if initial else "6")
    assert stream.frames == 1


def test_the_end_of_what_exists_without_a_place_to_go_on_from() -> None:
    stream, cursor, known = starting(knowing(obj("3", "gone")))
    _, problem = before_error(stream, ProtocolError, added("6"), initial_end("0"))
    assert "expected metadata.resourceVersion in the BOOKMARK event" in str(problem)
    assert (stream.initial, cursor.resource_version) == (True, None)
    assert len(known) == 2  # nothing vanished


def test_a_server_that_went_back_in_time() -> None:
    stream, cursor = going_on("100", known := knowing(obj("90", "a")))
    found, problem = before_error(
        stream, BackInTimeError, modified("101", "a"), modified("40", "a")
    )
    assert found == [("modified", "a", "101")]
    assert "after resource version 101 came 40" in str(problem)
    assert isinstance(problem, StatusError)
    assert cursor.resource_version == "101"
    assert known.has(obj("101", "a"))


def test_a_bookmark_that_went_back_in_time() -> None:
    stream, cursor = going_on("100")
    found, _ = before_error(stream, BackInTimeError, bookmark("101"), bookmark("40"))
    assert found == [("bookmark", "", "101")]
    assert cursor.resource_version == "101"


# What exists


def test_s14_what_exists_comes_in_no_order_and_then_its_end() -> None:
    stream, cursor, known = starting()
    assert take(stream, added("8467", "a"), added("5726", "b")) == [
        ("created", "a", "8467"),
        ("created", "b", "5726"),
    ]
    assert (stream.initial, cursor.resource_version) == (True, None)
    assert take(stream, initial_end("10245")) == [("bookmark", "", "10245")]
    assert (stream.initial, cursor.resource_version, cursor.ordered) == (False, "10245", True)
    assert len(known) == 2
    assert (stream.frames, stream.news, stream.created, stream.bookmarks) == (3, 3, 2, 0)


def test_s22_nothing_exists() -> None:
    stream, cursor, known = starting(knowing(obj("3", "a")))
    assert take(stream, initial_end("9")) == [("deleted", "a", "3"), ("bookmark", "", "9")]
    assert (stream.initial, cursor.resource_version, len(known)) == (False, "9", 0)


@pytest.mark.parametrize(
    "annotations",
    [
        None,
        {},
        [],
        "true",
        {INITIAL_EVENTS_END: "false"},
        {INITIAL_EVENTS_END: True},
        {"x": "true"},
    ],
)
def test_s15_other_bookmarks_end_nothing(annotations: object) -> None:
    stream, cursor, known = starting(knowing(obj("3", "a")))
    assert take(stream, bookmark("9", annotations=annotations)) == [("bookmark", "", "9")]
    assert (stream.initial, cursor.resource_version, len(known)) == (True, None, 1)
    assert take(stream, added("3", "a")) == []
    assert (stream.frames, stream.news) == (2, 1)


def test_s16_changes_in_the_initial_phase_are_applied() -> None:
    stream, _, known = starting()
    told = take(
        stream,
        added("5", "a"),
        modified("6", "a"),
        deleted("7", "a"),
        deleted("7", "a"),
        deleted("8", "never-was"),
        modified("9", "b"),
        initial_end("10"),
    )
    assert told == [
        ("created", "a", "5"),
        ("modified", "a", "6"),
        ("deleted", "a", "7"),
        ("created", "b", "9"),
        ("bookmark", "", "10"),
    ]
    assert len(known) == 1


def test_s19_an_attempt_that_died_leaves_nothing_behind() -> None:
    stream, cursor, known = starting()
    take(stream, added("5", "a"), added("6", "b"))
    again = Stream(2, Decoder(), cursor, known, initial=True)
    assert take(again, added("6", "b"), initial_end("9")) == [
        ("deleted", "a", "5"),
        ("bookmark", "", "9"),
    ]
    assert len(known) == 1


def test_what_exists_is_compared_with_what_is_known() -> None:
    known = knowing(obj("1", "same"), obj("2", "old"), obj("3", "other", "u1"), obj("4", "gone"))
    stream, _, _ = starting(known)
    other = frame("ADDED", obj("9", "other", "u2"))
    assert take(stream, added("1", "same"), added("8", "old"), other, initial_end("10")) == [
        ("modified", "old", "8"),
        ("deleted", "other", "3"),
        ("created", "other", "9"),
        ("deleted", "gone", "4"),
        ("bookmark", "", "10"),
    ]


def test_what_vanished_has_the_kind_of_the_bookmark() -> None:
    stream, _, _ = starting(knowing(obj("3", "a")))
    gone, _ = stream.receive_data(initial_end("9"))
    assert (gone.obj["apiVersion"], gone.obj["kind"]) == ("v1", "Pod")


def test_after_its_end_the_same_connection_goes_on() -> None:
    stream, cursor, known = starting()
    told = take(stream, added("9", "a"), initial_end("10"), modified("11", "a"), deleted("12", "a"))
    assert told[2:] == [("modified", "a", "11"), ("deleted", "a", "12")]
    assert (cursor.resource_version, len(known)) == ("12", 0)
    found, _ = before_error(stream, BackInTimeError, modified("5", "b"))
    assert found == []


# Changes


def test_a_second_end_is_a_bookmark_like_others_but_at_no_regular_time() -> None:
    stream, cursor = going_on("5", knowing(obj("3", "a")))
    assert take(stream, initial_end("9"), bookmark("10")) == [
        ("bookmark", "", "9"),
        ("bookmark", "", "10"),
    ]
    assert (stream.bookmarks, stream.news, cursor.resource_version) == (1, 2, "10")


def test_s23_bookmarks_lead_on() -> None:
    stream, cursor = going_on("5")
    assert take(stream, bookmark("5"), bookmark("9")) == [
        ("bookmark", "", "5"),
        ("bookmark", "", "9"),
    ]
    assert (stream.frames, stream.news, stream.bookmarks) == (2, 1, 2)
    assert cursor.resource_version == "9"


def test_s29_what_is_known_is_no_news() -> None:
    """As where a watch begins at a list of which it repeats the last change."""
    stream, cursor = going_on("5", knowing(obj("9", "a")))
    assert take(stream, added("9", "a")) == []
    assert cursor.resource_version == "9"
    assert take(stream, modified("10", "a")) == [("modified", "a", "10")]


def test_what_is_known_and_older_moves_nothing() -> None:
    stream, cursor = going_on("20", known := knowing(obj("9", "a")))
    assert take(stream, added("9", "a"), deleted("9", "never-was")) == []
    assert (cursor.resource_version, len(known), stream.news) == ("20", 1, 0)


def test_a_deletion_with_the_version_of_the_last_change() -> None:
    stream, cursor = going_on("20", known := knowing(obj("9", "a")))
    assert take(stream, deleted("9", "a")) == [("deleted", "a", "9")]
    assert (cursor.resource_version, len(known)) == ("20", 0)


def test_a_repetition_on_a_later_connection() -> None:
    cursor, known = Cursor("5"), Known()
    first = Stream(1, Decoder(), cursor, known, initial=False)
    frames = added("6", "a"), deleted("7", "a"), added("8", "b")
    assert len(take(first, *frames)) == 3
    second = Stream(2, Decoder(), cursor, known, initial=False)
    assert take(second, *frames) == []
    assert (second.frames, second.news) == (3, 0)
    assert (cursor.resource_version, len(known)) == ("8", 1)


def test_where_nothing_is_known_all_is_told() -> None:
    """As where a resource version was given: deletions of what never came, too."""
    stream, cursor = going_on("5")
    told = take(stream, deleted("6", "a"), modified("7", "b"), added("8", "c"))
    assert [name for _, name, _ in told] == ["a", "b", "c"]
    assert cursor.resource_version == "8"


def test_a_deletion_of_another_object_of_the_same_name() -> None:
    stream, _ = going_on("v5", known := knowing(obj("v4", "a", "new")))
    take(stream, frame("DELETED", obj("v6", "a", "old")))
    assert len(known) == 1


# Bytes


def singles(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


@pytest.mark.parametrize("loads", [False, True])
def test_s58_at_every_split(*, loads: bool) -> None:
    data = added("9", "a") + added("8", "b") + initial_end("10") + modified("11", "a")
    outcomes = []
    for chunks in ([data], singles(data), *([data[:at], data[at:]] for at in range(1, len(data)))):
        decoder = LineDecoder(json.loads) if loads else Decoder()
        stream = Stream(1, decoder, cursor := Cursor(None), Known(), initial=True)
        told = [change for chunk in chunks for change in take(stream, chunk)]
        outcomes.append((told, cursor.resource_version, stream.frames, stream.news))
    assert len(outcomes[0][0]) == 4
    assert all(outcome == outcomes[0] for outcome in outcomes)


def test_s60_an_event_is_there_with_its_last_byte() -> None:
    stream, _ = going_on("5")
    data = added("6", "a")
    assert take(stream, data[:-2]) == []
    assert stream.incomplete
    assert take(stream, data[-2:-1]) == [("created", "a", "6")]
    assert not stream.incomplete


def test_s26_an_event_that_is_cut_short_is_dropped() -> None:
    stream, cursor = going_on("5")
    take(stream, added("6", "a")[:-10])
    assert list(stream.receive_eof()) == []
    assert stream.incomplete
    assert (stream.frames, cursor.resource_version) == (0, "5")


def test_a_last_line_may_lack_its_newline() -> None:
    cursor = Cursor("5")
    stream = Stream(1, LineDecoder(json.loads), cursor, None, initial=False)
    assert take(stream, added("6", "a").rstrip()) == []
    assert changes(stream.receive_eof()) == [("created", "a", "6")]
    assert not stream.incomplete


def test_a_recorded_streaming_list() -> None:
    data = load("pods-watchlist-1.36").body
    stream, cursor, known = starting()
    told = [change for chunk in singles(data) for change in take(stream, chunk)]
    assert [kind for kind, _, _ in told] == ["created"] * 3 + ["bookmark"]
    assert cursor.resource_version == told[-1][2]
    assert len(known) == 3
    again = Stream(2, Decoder(), cursor, known, initial=True)
    assert changes(again.receive_data(data)) == told[-1:]
