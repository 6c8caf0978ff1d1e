"""Gaps, and how they are healed; order and silence; what is logged.

Scenarios 7, 8, 10, 29, 31, 35 to 42, 51, 53, and their kin.
"""

import itertools
import json
import logging

import httpx
import pytest

from kwatch import Backoff, ExpiredError, ProtocolError
from kwatch._liveness import Liveness
from tests.frames import (
    CUT,
    QUIET,
    REFUSED,
    added,
    bookmark,
    deleted,
    error,
    frame,
    initial_end,
    listed,
    modified,
    obj,
    refusal,
    status,
    watched,
)
from tests.front import Answer, Front, Lasts, Script
from tests.recorded import load

NO_VERSION = frame("MODIFIED", {"kind": "Pod", "metadata": {"name": "x", "resourceVersion": ""}})
TOO_LARGE = refusal(504, "Timeout", message="Too large resource version: 9, current: 7")
BEFORE = listed("9", obj("5", "same"), obj("6", "changed"), obj("7", "gone"), obj("8", "again"))
AFTER = listed(
    "20", obj("5", "same"), obj("16", "changed"), obj("17", "new"), obj("18", "again", uid="u2")
)
DIFFERENCE = [
    ("modified", "changed", "16"),
    ("created", "new", "17"),
    ("deleted", "again", "8"),
    ("created", "again", "18"),
    ("deleted", "gone", "7"),
]
GAPS = {
    "s35-expired": [watched(error(410, "Expired"))],
    "s35-gone": [watched(error(410, "Gone"))],
    "s35-unknown": [watched(error(410, "SomethingNew"))],
    "s35-no-code": [watched(frame("ERROR", {**status(410, "Expired"), "code": 0}))],
    "s36-http": [refusal(410, "Gone")],
    "s36-http-html": [Answer([b"<html>"], 410, {"content-type": "text/html"})],
    "s37-empty": [watched()] * 5,
    "s42-store-read": [watched(error(500, "StoreReadError"))],
    "s42-storage-read": [watched(error(500, "StorageReadError"))],
    "s31-no-version": [watched(bookmark("9"), NO_VERSION)],
    "back-by-bookmark": [watched(bookmark("4"))],
    "back-by-event": [watched(added("4", "restored"))],
}


@pytest.mark.parametrize("gap", GAPS.values(), ids=GAPS)
def test_s39_s40_a_gap_is_healed_by_what_differs_and_nothing_else(
    front: Front, gap: list[Answer]
) -> None:
    """An object of another uid was deleted, and created again."""
    script = Script(BEFORE, *gap, AFTER, watched(added("21", "next"), QUIET))
    run = front.run(script)
    assert run.changes == [*DIFFERENCE, ("created", "next", "21")]
    assert run.events[2].obj["metadata"]["uid"] == "uid-again"
    assert run.events[3].obj["metadata"]["uid"] == "u2"
    assert script.watches[-1]["resourceVersion"] == "20"
    assert run.status.relists == 1
    assert run.status.resource_version == "21"


@pytest.mark.parametrize("gap", GAPS.values(), ids=GAPS)
def test_a_gap_after_what_exists_was_streamed_is_healed_too(
    front: Front, gap: list[Answer]
) -> None:
    data = added("5", "same") + added("6", "changed") + added("7", "gone") + added("8", "again")
    script = Script(watched(data, initial_end("9"), CUT), *gap, AFTER, watched(QUIET))
    run = front.run(script, send_initial_events=True)
    assert run.changes[4:] == DIFFERENCE
    assert sum("sendInitialEvents" in params for params in script.watches) == 1


@pytest.mark.parametrize("gap", GAPS.values(), ids=GAPS)
def test_a_gap_where_a_cursor_was_given_is_an_error(front: Front, gap: list[Answer]) -> None:
    run = front.run(Script(watched(bookmark("9"), CUT), *gap), resource_version="5")
    assert isinstance(run.raised(), ExpiredError)
    assert "send_initial_events=True" in str(run.raised())


def test_s39_changes_of_the_watch_are_known_to_the_relist(front: Front) -> None:
    changes = added("10", "new") + modified("11", "changed") + deleted("12", "gone")
    script = Script(
        BEFORE,
        watched(changes, error(410)),
        listed("20", obj("5", "same"), obj("8", "again"), obj("10", "new"), obj("11", "changed")),
        watched(QUIET),
    )
    run = front.run(script)
    assert len(run.events) == 3
    assert run.status.resource_version == "20"


def test_s39_the_deleted_holds_what_is_known(front: Front) -> None:
    run = front.run(Script(listed("9", obj("5")), watched(error(410)), listed("20")))
    assert run.events[0].obj == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web", "namespace": "default", "uid": "uid-web", "resourceVersion": "5",
        },
    }  # fmt: skip


def test_a_relist_is_of_whole_objects_unless_metadata_is_wanted(front: Front) -> None:
    for wanted in (False, True):
        script = Script(listed("9"), watched(error(410)), listed("20", obj("15")), watched(QUIET))
        run = front.run(script, metadata_only=wanted)
        asks = [r.headers["accept"].startswith("application/json;as=") for r in script.requests]
        assert asks == [True, wanted, wanted, wanted]
        assert run.events[0].obj["kind"] == ("PartialObjectMetadata" if wanted else "Pod")


def test_a_relist_asks_for_no_less_than_the_cursor(front: Front) -> None:
    script = Script(listed("9"), watched(added("12"), error(410)), listed("20"), watched(QUIET))
    front.run(script, label_selector="app=web")
    assert dict(script.lists[1]) == {
        "labelSelector": "app=web",
        "limit": "500",
        "resourceVersion": "12",
        "resourceVersionMatch": "NotOlderThan",
    }


@pytest.mark.parametrize("answer", ["s07", "s08", "recorded"])
def test_s07_s08_a_version_that_the_list_cannot_have_is_left_out_at_once(
    front: Front, answer: str
) -> None:
    recorded = load("watch-future-rv-1.36")
    refused = {
        "s07": TOO_LARGE,
        "s08": refusal(410, "Expired"),
        "recorded": Answer([recorded.body], recorded.code, recorded.headers),
    }[answer]
    script = Script(BEFORE, watched(error(410)), refused, AFTER, watched(QUIET))
    run = front.run(script)
    assert run.changes == DIFFERENCE
    assert run.sleeps == []
    assert "resourceVersion" in script.lists[1]
    assert dict(script.lists[2]) == {"limit": "500"}


def test_a_504_of_a_list_that_asked_for_no_version_is_waited_for(front: Front) -> None:
    script = Script(BEFORE, watched(error(410)), TOO_LARGE, TOO_LARGE, AFTER, watched(QUIET))
    run = front.run(script)
    assert run.sleeps == [0.8]
    assert run.changes == DIFFERENCE


def test_s10_5xx_of_the_relist_again_and_again(front: Front) -> None:
    """A page that came whole is a success, if it brought something."""
    script = Script(
        BEFORE, watched(error(410)), refusal(500), refusal(503), REFUSED,
        listed("20", obj("5", "same"), token="t"), refusal(500), CUT, refusal(500),
        listed("20"), watched(QUIET),
    )  # fmt: skip
    run = front.run(script)
    assert run.sleeps == [0.8, 1.6, 3.2, 0.8, 1.6, 3.2]
    assert [kind for kind, _, _ in run.changes] == ["deleted"] * 3


def test_s10_lists_that_come_do_not_forgive_the_watches_that_fail(front: Front) -> None:
    rounds = [(refusal(404), watched(error(410)), BEFORE) for _ in range(8)]
    run = front.run(Script(BEFORE, watched(bookmark("9"), QUIET), *itertools.chain(*rounds)))
    assert sum(run.sleeps) > 150


def test_a_token_that_expires_while_a_gap_is_healed(front: Front) -> None:
    script = Script(
        BEFORE, watched(error(410)),
        listed("15", obj("5", "same"), obj("12", "short-lived"), token="t"), refusal(410),
        AFTER, watched(QUIET),
    )  # fmt: skip
    run = front.run(script)
    assert run.changes[0] == ("created", "short-lived", "12")
    assert sorted(run.changes[1:]) == sorted([*DIFFERENCE, ("deleted", "short-lived", "12")])
    assert dict(script.lists[3]) == {"limit": "500"}


def test_the_cursor_stays_where_the_gap_began_until_it_is_healed(front: Front) -> None:
    """A program that is killed in between and starts from there is told of the gap again."""
    script = Script(BEFORE, watched(error(410)), AFTER, watched(added("21", "next"), QUIET))
    run = front.run(script)
    assert run.cursors == ["9"] * 5 + ["21"]
    assert run.status.synced


def test_each_relist_ends_with_a_bookmark_on_request(front: Front) -> None:
    script = Script(BEFORE, watched(error(410)), AFTER, watched(QUIET))
    run = front.run(script, allow_bookmarks=True)
    assert run.changes == [*DIFFERENCE, ("bookmark", "", "20")]
    assert run.events[-1].obj == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "resourceVersion": "20", "annotations": {"k8s.io/initial-events-end": "true"},
        },
    }  # fmt: skip
    assert run.cursors[-1] == "20"


def test_an_older_list_than_was_asked_for_is_listed_again(front: Front) -> None:
    """As of a server that knows no resourceVersionMatch, and lags behind."""
    script = Script(
        BEFORE, watched(error(410)),
        listed("8", obj("5", "same"), obj("6", "changed"), obj("8", "again")),
        AFTER, watched(QUIET),
    )  # fmt: skip
    run = front.run(script)
    assert run.changes == DIFFERENCE
    assert "resourceVersion" not in script.lists[2]
    assert run.status.relists == 1


def test_s37_the_relist_after_empty_closes_comes_after_a_backoff(front: Front) -> None:
    run = front.run(Script(listed("9"), *[watched()] * 5, listed("9"), watched(QUIET)))
    assert run.sleeps == [0.8, 1.6, 3.2, 6.4]


@pytest.mark.parametrize("gap", GAPS.values(), ids=GAPS)
def test_gaps_without_an_end_are_no_storm(front: Front, gap: list[Answer]) -> None:
    script = Script(BEFORE, *[answer for _ in range(60) for answer in (*gap, BEFORE)])
    front.run(script, backoff=Backoff(jitter=0))
    assert len(script.requests) == len(script.bodies) > 100
    times = script.times
    for start in times:
        assert sum(start <= t < start + 60 for t in times) <= 30


def test_gaps_that_are_far_apart_are_healed_at_once(front: Front) -> None:
    rounds = [(watched(Lasts(100), error(410)), BEFORE) for _ in range(10)]
    run = front.run(Script(BEFORE, *itertools.chain(*rounds)))
    assert run.sleeps == []
    assert run.status.relists == 10


def test_nonsense_as_the_first_thing_of_a_watch_from_now_is_raised_at_once(front: Front) -> None:
    run = front.run(Script(listed("9"), watched(NO_VERSION)))
    assert isinstance(run.raised(), ProtocolError)


def test_a_version_that_is_none_is_a_gap(front: Front) -> None:
    """``"0"`` asks for whatever there is: no object has it, and it must not become the cursor."""
    script = Script(BEFORE, watched(bookmark("9"), bookmark("0")), AFTER, watched(QUIET))
    run = front.run(script)
    assert run.changes == DIFFERENCE
    assert [params["resourceVersion"] for params in script.watches] == ["9", "20"]


def test_an_old_server_that_lists_the_very_version_is_asked_for_the_latest(front: Front) -> None:
    """Where resourceVersionMatch is not known, a limit and a version mean exactly that version."""
    script = Script(BEFORE, watched(error(410)), BEFORE, watched(error(410)), AFTER, watched(QUIET))
    run = front.run(script)
    assert run.changes == DIFFERENCE
    assert ["resourceVersion" in params for params in script.lists] == [False, True, False]


@pytest.mark.parametrize("code", [400, 422])
def test_a_relist_that_is_refused_for_what_it_asks_asks_for_less(front: Front, code: int) -> None:
    script = Script(BEFORE, watched(error(410)), refusal(code), AFTER, watched(QUIET))
    run = front.run(script)
    assert run.changes == DIFFERENCE
    assert dict(script.lists[2]) == {"limit": "500"}


def test_a_token_that_is_refused_begins_the_list_again(front: Front) -> None:
    half = listed("20", obj("5", "same"), token="t")
    script = Script(BEFORE, watched(error(410)), half, refusal(400), AFTER, watched(QUIET))
    assert front.run(script).changes == DIFFERENCE


def test_410_to_a_list_that_asks_for_nothing_is_waited_for(front: Front) -> None:
    refused = [refusal(410)] * 4
    script = Script(BEFORE, watched(error(410)), *refused, AFTER, watched(QUIET))
    run = front.run(script)
    assert run.changes == DIFFERENCE
    assert len(run.sleeps) == 3


def test_the_kind_of_the_deleted_is_that_of_the_objects(front: Front) -> None:
    """And not what the list is called, which is the author's choice for a custom resource."""
    widget = {**obj("5", "kept"), "apiVersion": "example.com/v1", "kind": "Widget"}
    body = {"kind": "WidgetCollection", "items": [widget], "metadata": {"resourceVersion": "20"}}
    answer = Answer([json.dumps(body | {"apiVersion": "example.com/v1"}).encode()])
    run = front.run(Script(BEFORE, watched(error(410)), answer), allow_bookmarks=True)
    assert {event.obj["kind"] for event in run.events if event.event_type != "created"} == {
        "Widget"
    }


# Order and repetition


def test_a_server_that_went_back_in_time_is_told_and_healed(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    """Its versions are used again: what came before under one of them is another change."""
    caplog.set_level(logging.INFO, logger="kwatch")
    script = Script(
        listed("5", obj("5", "a")),
        watched(added("6", "b"), modified("7", "a"), bookmark("8"), CUT),
        watched(bookmark("6")),
        listed("6", obj("5", "a")),
        watched(added("7", "b", uid="u2"), modified("8", "a"), QUIET),
    )
    run = front.run(script)
    assert run.changes == [
        ("created", "b", "6"),
        ("modified", "a", "7"),
        ("modified", "a", "5"),
        ("deleted", "b", "6"),
        ("created", "b", "7"),
        ("modified", "a", "8"),
    ]
    assert run.status.resource_version == "8"
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert len(warnings) == 2
    assert "gone back in time" in warnings[0]
    assert "from resource version 8 to 6" in warnings[1]


def test_a_silent_server_that_has_not_reached_the_cursor_is_healed(front: Front) -> None:
    script = Script(
        BEFORE, watched(QUIET), TOO_LARGE, listed("7", obj("5", "same")), watched(QUIET, added("8"))
    )
    run = front.run(script)
    assert [kind for kind, _, _ in run.changes] == ["deleted"] * 3 + ["created"]
    assert "resourceVersion" not in script.lists[2]


def test_a_restored_server_that_repeats_an_old_bookmark_is_as_good_as_silent(
    front: Front,
) -> None:
    """It came before, so that it is no sign by itself; but no sign of life at the cursor either."""
    script = Script(
        BEFORE, watched(bookmark("10"), bookmark("11"), CUT),
        watched(bookmark("10"), QUIET), TOO_LARGE, listed("10"), watched(QUIET),
    )  # fmt: skip
    run = front.run(script)
    assert [kind for kind, _, _ in run.changes] == ["deleted"] * 4
    assert run.status.resource_version == "10"


def test_a_bookmark_at_the_cursor_is_a_sign_of_life(front: Front) -> None:
    quiet = [watched(bookmark("9"), QUIET) for _ in range(5)]
    assert len(front.run(Script(BEFORE, *quiet)).script.lists) == 1


@pytest.mark.parametrize(
    "answer", [TOO_LARGE, watched(error(504, message="Too large resource version"))]
)
def test_a_watch_that_is_ahead_of_the_server_is_asked_about(front: Front, answer: Answer) -> None:
    script = Script(BEFORE, watched(bookmark("9"), CUT), answer, TOO_LARGE, listed("7"))
    run = front.run(script)
    assert script.lists[1]["limit"] == "1"
    assert [kind for kind, _, _ in run.changes] == ["deleted"] * 4


def test_s29_a_resumed_watch_that_repeats_more_than_is_remembered(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kwatch._cursor.RECENT_EVENTS", 2)
    data = [added(str(n), f"w{n}") for n in range(10, 20)]
    run = front.run(Script(listed("9"), watched(*data, CUT), watched(*data, added("20", "w20"))))
    assert [name for _, name, _ in run.changes] == [f"w{n}" for n in range(10, 21)]


def test_s29_what_the_list_had_is_not_repeated_by_the_watch(front: Front) -> None:
    parts = [added("5", "same"), modified("6", "changed"), added("10", "new")]
    run = front.run(Script(BEFORE, watched(*parts, QUIET)))
    assert run.changes == [("created", "new", "10")]


def test_s29_a_repeated_bookmark_is_no_sign_of_a_restore(front: Front) -> None:
    data = [bookmark("10"), added("11", "b"), bookmark("12")]
    script = Script(listed("9"), watched(*data, CUT), watched(*data, added("13", "c"), QUIET))
    run = front.run(script)
    assert [name for _, name, _ in run.changes] == ["b", "c"]
    assert run.status.relists == 0


def test_s29_an_old_deletion_of_an_object_that_was_recreated(front: Front) -> None:
    gone = frame("DELETED", obj("11", uid="u1"))
    script = Script(
        listed("9"), watched(added("10", uid="u1"), gone, error(410)),
        listed("20", obj("15", uid="u2")), watched(gone, QUIET),
    )  # fmt: skip
    run = front.run(script)
    assert [kind for kind, _, _ in run.changes] == ["created", "deleted", "created"]


def test_opaque_versions_degrade_to_equality(front: Front) -> None:
    script = Script(
        listed("x9", obj("m", "a"), obj("z", "b")),
        watched(modified("b", "a"), CUT),
        watched(modified("b", "a"), modified("a", "b"), error(410)),
        listed("a1", obj("b", "a"), obj("c", "b")),
        watched(added("0x", "c"), QUIET),
    )
    run = front.run(script)
    assert run.changes == [
        ("modified", "a", "b"),
        ("modified", "b", "a"),
        ("modified", "b", "c"),
        ("created", "c", "0x"),
    ]
    assert run.status.relists == 1


# Liveness


def test_s53_silence_beyond_the_intervals_of_the_bookmarks_reconnects() -> None:
    liveness = Liveness()
    liveness.opened(0)
    assert liveness.patience(230) == 230
    for now in (60, 120, 178):
        liveness.bookmark(now)
    assert liveness.patience(230) == 150
    assert liveness.patience(100) == 100


def test_s53_the_bound_is_learned_and_outlives_the_connection(front: Front) -> None:
    script = Script(
        listed("9"),
        watched(Lasts(20), bookmark("10"), Lasts(20), bookmark("11"), Lasts(19), bookmark("12")),
        watched(bookmark("13"), Lasts(50), httpx.ReadTimeout("timed out")),
        watched(added("14")),
    )
    run = front.run(script, limit=1)
    assert run.changes == [("created", "web", "14")]
    assert script.watches[2]["resourceVersion"] == "13"


def test_s51_s53_two_silent_connections_in_a_row_are_asked_about(front: Front) -> None:
    silent = [watched(Lasts(n), httpx.ReadTimeout("timed out")) for n in (50, 100)]
    beat = watched(*[part for n in range(5) for part in (Lasts(20), bookmark(str(n + 10)))])
    script = Script(listed("9"), beat, *silent, listed("14"), watched(added("15")))
    run = front.run(script, limit=1)
    assert dict(script.lists[1]) == {
        "limit": "1", "resourceVersion": "14", "resourceVersionMatch": "NotOlderThan",
    }  # fmt: skip
    assert run.changes == [("created", "web", "15")]


def test_s55_bookmarks_that_waited_for_the_consumer_tell_no_interval(front: Front) -> None:
    """What was there when it came back says nothing of how often they come."""
    slow = watched(Lasts(60), bookmark("10"), Lasts(60), *[bookmark(str(n)) for n in range(11, 18)])
    silent = watched(Lasts(100), httpx.ReadTimeout("timed out"))
    script = Script(listed("9"), slow, silent, silent, silent, listed("17"))
    front.run(script, timeout_seconds=100)
    assert ["limit" in r.url.params for r in script.requests].count(True) == 1


def test_s65_an_interval_begins_when_the_watch_was_asked_for(front: Front) -> None:
    """And not when its head came, which a proxy may hold back until the first bookmark."""

    class Late(Script):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = super().handle_request(request)
            self.clock.now += 60
            return response

    beats = [watched(bookmark(str(n)), Lasts(10)) for n in range(10, 13)]
    silent = watched(Lasts(100), httpx.ReadTimeout("timed out"))
    run = front.run(Late(*beats, silent, silent, watched(added("20"))), resource_version="9")
    assert run.script.lists == []
    assert run.changes == [("created", "web", "20")]


# Logging


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "kwatch"]


def test_a_relist_and_its_reason_are_logged_once(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="kwatch")
    rounds = [(watched(error(410, "Expired", f"too old: {n}")), BEFORE) for n in range(20)]
    front.run(Script(BEFORE, *itertools.chain(*rounds)))
    messages = told(caplog)
    assert {level for level, _ in messages} == {"INFO"}
    assert len(messages) == 1
    assert "410 Expired" in messages[0][1]
    assert "to heal the gap after 9" in messages[0][1]


def test_nothing_secret_is_logged(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="kwatch")
    secret = {**obj("6"), "data": {"password": "hunter2"}}
    parts = [frame("ADDED", secret)[:-9] + b"\n", frame("PUSHED", secret), frame("ERROR", secret)]
    script = Script(
        listed("5"), watched(added("6")), *[watched(part) for part in parts],
        watched(error(410)), Answer([b'{"items":[{"password":"hunter2"}]}']), listed("9"),
    )  # fmt: skip
    run = front.run(script)
    assert run.error is None
    assert len(told(caplog)) > 3
    assert "hunter2" not in caplog.text
