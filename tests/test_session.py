"""The scenarios of the watch's life, on scripted answers, for both front ends.

Each is named after its number in the project's list of what a watch must survive.
"""

import itertools
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

import kwatch
from kwatch import (
    Backoff,
    DecodeError,
    ExpiredError,
    ProtocolError,
    StatusError,
    StreamError,
    UnknownKindError,
    WatchStatus,
)
from kwatch import _cursor as cursor_module
from kwatch import _session as session_module
from kwatch._parts import parts
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

# Faults before the first event


@pytest.mark.parametrize(
    ("at", "code"),
    [
        *(("list", code) for code in (400, 401, 403, 404, 422, 500, 503)),
        *(("watch", code) for code in (400, 401, 403, 404, 422)),
    ],
)
def test_s11_a_refusal_at_the_start_is_raised_at_once(front: Front, code: int, at: str) -> None:
    answers = [refusal(code, "Why")] if at == "list" else [listed("5"), refusal(code, "Why")]
    run = front.run(Script(*answers))
    failure = run.raised()
    assert isinstance(failure, StatusError)
    assert (failure.code, failure.reason, run.sleeps) == (code, "Why", [])
    assert "GET /api/v1/pods" in str(failure)
    assert run.status.last_error is failure


def test_an_unreachable_server_at_the_start_is_raised_at_once(front: Front) -> None:
    run = front.run(Script(REFUSED))
    assert run.raised() is REFUSED
    assert run.status.last_error is REFUSED


def test_an_unreachable_server_after_the_list_is_asked_again(front: Front) -> None:
    """It was reached once: that its address and credentials are right has shown itself."""
    run = front.run(Script(listed("5"), REFUSED, watched(added("6"))), limit=1)
    assert run.changes == [("created", "web", "6")]


@pytest.mark.parametrize("version", [None, "", "0", "5\n"])
def test_s06_a_list_without_a_resource_version_is_an_error_and_no_loop(
    front: Front, version: str | None
) -> None:
    run = front.run(Script(listed(version)))
    assert isinstance(run.raised(), ProtocolError)
    assert len(run.script.requests) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"", b'{"metadata": 1}', b'{"metadata'])
def test_a_list_that_is_none_is_an_error_before_the_first_event(front: Front, body: bytes) -> None:
    assert isinstance(front.run(Script(Answer([body]))).raised(), StreamError)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([b"<html>oops</html>"], DecodeError),
        ([b'{"type":"ADDED",,}'], DecodeError),
        ([b'{"type":"PUSHED","object":{}}\n'], ProtocolError),
        ([b"[1]\n"], ProtocolError),
        ([frame("ADDED", {"kind": "Pod", "metadata": {"name": "x"}})], ProtocolError),
        ([frame("ADDED", status(403, "Forbidden"))], ProtocolError),
        ([json.dumps(status(403, "Forbidden")).encode()], StatusError),
        ([error(403, "Forbidden")], StatusError),
    ],
)
def test_nonsense_instead_of_the_first_event_is_raised_at_once(
    front: Front, parts: list[bytes], expected: type[Exception]
) -> None:
    run = front.run(Script(listed("5"), watched(*parts)))
    assert isinstance(run.raised(), expected)
    assert (run.events, run.sleeps, len(run.script.requests)) == ([], [], 2)


def test_a_page_of_html_with_status_200_is_no_watch(front: Front) -> None:
    answer = Answer([b"<html>sign in</html>"], 200, {"content-type": "text/html"})
    run = front.run(Script(listed("5"), answer))
    assert isinstance(run.raised(), ProtocolError)
    assert "'text/html'" in str(run.raised())


def test_s57_identity_is_asked_for_and_a_compressed_watch_is_refused(front: Front) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    run = front.run(Script(listed("5"), Answer([b""], 200, headers)))
    assert run.script.requests[1].headers["accept-encoding"] == "identity"
    assert "identity" in str(run.raised())
    assert isinstance(run.raised(), ProtocolError)


def test_a_server_that_is_busy_for_long_shows_itself_at_once(front: Front) -> None:
    run = front.run(Script(refusal(429, retry_after="3600")))
    assert isinstance(run.raised(), StatusError)
    assert run.sleeps == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "application/JSON"},
        {"content-type": "application/json;stream=watch"},
        {"content-encoding": ""},
        {"content-encoding": "Identity"},
        {"content-encoding": "identity, identity"},
    ],
)
def test_heads_of_a_watch_that_are_right(front: Front, headers: dict[str, str]) -> None:
    run = front.run(Script(listed("5"), Answer([added("6")], 200, headers)), limit=1)
    assert run.changes == [("created", "web", "6")]


@pytest.mark.parametrize("coding", ["gzip", "gzip, identity", "identity,br", "x"])
def test_s57_a_watch_in_another_coding_is_refused(front: Front, coding: str) -> None:
    answer = Answer([b"?"], 200, {"content-encoding": coding})
    run = front.run(Script(listed("5"), answer))
    assert isinstance(run.raised(), ProtocolError)
    assert repr(coding) in str(run.raised())


def test_a_busy_server_at_the_start_is_asked_again_but_not_for_ever(front: Front) -> None:
    run = front.run(Script(*[refusal(429, retry_after="3") for _ in range(11)]))
    failure = run.raised()
    assert isinstance(failure, StatusError)
    assert failure.code == 429
    assert len(run.sleeps) == 10
    assert min(run.sleeps) >= 3


def test_a_kind_that_the_server_does_not_know_is_raised_at_once(front: Front) -> None:
    core = {"kind": "APIResourceList", "groupVersion": "v1", "resources": []}
    run = front.run(Script(Answer([json.dumps(core).encode()])), kind="Pod", api_version="v1")
    assert isinstance(run.raised(), UnknownKindError)


def test_discovery_that_is_throttled_begins_again(front: Front) -> None:
    pods = {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": ["list", "watch"]}
    core = {"kind": "APIResourceList", "groupVersion": "v1", "resources": [pods]}
    found = Answer([json.dumps(core).encode()])
    script = Script(refusal(429, retry_after="2"), found, listed("5"), watched(added("6")))
    run = front.run(script, limit=1, kind="pods", api_version="v1", namespace="shop")
    assert [r.url.path for r in script.requests] == [
        "/api/v1",
        "/api/v1",
        "/api/v1/namespaces/shop/pods",
        "/api/v1/namespaces/shop/pods",
    ]
    assert run.sleeps == [2.0]
    assert run.changes == [("created", "web", "6")]


def test_a_namespace_for_a_cluster_scoped_kind_is_a_value_error(front: Front) -> None:
    nodes = {"name": "nodes", "kind": "Node", "namespaced": False, "verbs": ["list", "watch"]}
    core = {"kind": "APIResourceList", "groupVersion": "v1", "resources": [nodes]}
    script = Script(Answer([json.dumps(core).encode()]))
    run = front.run(script, kind="nodes", api_version="v1", namespace="shop")
    assert isinstance(run.raised(), ValueError)
    assert "'shop'" in str(run.raised())


@pytest.mark.parametrize("bad", [refusal(503), watched(error(504, "Timeout"))])
def test_an_error_of_the_server_after_a_good_list_is_retried(front: Front, bad: Answer) -> None:
    run = front.run(Script(listed("5"), bad, watched(added("6"))), limit=1)
    assert run.changes == [("created", "web", "6")]


# The start


def test_s12_the_watch_opens_with_exactly_the_resource_version_of_the_list(front: Front) -> None:
    run = front.run(Script(listed("0042x"), watched(QUIET)))
    assert run.script.lists[0]["limit"] == "500"
    assert "resourceVersion" not in run.script.lists[0]
    assert run.script.watches[0]["resourceVersion"] == "0042x"
    assert run.script.watches[0]["allowWatchBookmarks"] == "true"
    assert run.status.resource_version == "0042x"
    assert run.status.synced


def test_s34_a_given_resource_version_is_watched_from_without_a_list(front: Front) -> None:
    run = front.run(Script(watched(added("8"))), resource_version="7", limit=1)
    assert run.script.lists == []
    assert run.script.watches[0]["resourceVersion"] == "7"
    assert run.changes == [("created", "web", "8")]


def test_selectors_are_in_each_request_and_the_name_is_one(front: Front) -> None:
    script = Script(listed("5"), watched(QUIET))
    front.run(script, label_selector={"app": "web"}, name="a", field_selector="spec.x=1")
    for params in (*script.lists, *script.watches):
        assert params["labelSelector"] == "app=web"
        assert params["fieldSelector"] == "metadata.name=a,spec.x=1"


def test_metadata_alone_is_asked_for_with_the_whole_as_a_fallback(front: Front) -> None:
    script = Script(listed("5"), watched(QUIET))
    front.run(script, metadata_only=True)
    accept = script.requests[1].headers["accept"]
    assert accept == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, "180"), (0.5, "205"), (0.9999, "229")])
def test_s52_the_life_of_a_connection_is_sent_and_random(
    front: Front, chance: float, seconds: str
) -> None:
    script = Script(watched(QUIET))
    front.run(script, chance=chance, resource_version="5")
    assert script.watches[0]["timeoutSeconds"] == seconds
    timeout = script.requests[0].extensions["timeout"]
    assert timeout["read"] == int(seconds) + 30


def test_a_given_life_of_a_connection_is_sent_as_it_is(front: Front) -> None:
    script = Script(watched(QUIET))
    front.run(script, timeout_seconds=7, resource_version="5")
    assert script.watches[0]["timeoutSeconds"] == "7"


# Cursor and resume


def test_s23_a_bookmark_moves_the_cursor_and_yields_nothing(front: Front) -> None:
    run = front.run(Script(listed("5"), watched(bookmark("9"), QUIET), watched(QUIET)))
    assert run.events == []
    assert run.script.watches[1]["resourceVersion"] == "9"
    assert run.status.resource_version == "9"


def test_s23_bookmarks_are_yielded_on_request(front: Front) -> None:
    script = Script(listed("5"), watched(bookmark("9"), added("10")))
    run = front.run(script, allow_bookmarks=True)
    assert run.changes == [("bookmark", "", "9"), ("created", "web", "10")]
    assert run.status.events == 1


def test_s24_clean_close_resumes_at_last_rv(front: Front) -> None:
    script = Script(
        listed("5"), watched(added("6"), added("7", "db")), watched(modified("8")), watched()
    )
    run = front.run(script)
    assert [w["resourceVersion"] for w in script.watches] == ["5", "7", "8"]
    assert len(script.lists) == 1
    assert run.sleeps[:-1] == []
    assert run.changes == [
        ("created", "web", "6"),
        ("created", "db", "7"),
        ("modified", "web", "8"),
    ]


def test_s25_a_server_timeout_without_events_reopens_at_the_same_rv(front: Front) -> None:
    run = front.run(Script(listed("5"), watched(Lasts(1.5)), watched(Lasts(1.5)), watched()))
    assert [w["resourceVersion"] for w in run.script.watches] == ["5", "5", "5"]
    assert run.sleeps == [0.8]  # only the last one ended at once


@pytest.mark.parametrize("cut", [1, 40, len(added("7", "db")) - 2])
@pytest.mark.parametrize("how", ["failure", "end"])
def test_s26_a_cut_drops_the_partial_event_and_resumes_at_the_last_whole_one(
    front: Front, cut: int, how: str
) -> None:
    end = [CUT] if how == "failure" else []
    first = watched(added("6"), added("7", "db")[:cut], *end)
    script = Script(listed("5"), first, watched(added("7", "db")))
    run = front.run(script)
    assert [w["resourceVersion"] for w in script.watches] == ["5", "6"]
    assert run.changes == [("created", "web", "6"), ("created", "db", "7")]
    assert run.sleeps[0] == 0.8


def test_s26_a_cut_before_the_first_event_is_no_error_either(front: Front) -> None:
    run = front.run(Script(listed("5"), watched(added("6")[:30], CUT), watched(added("6"))))
    assert run.changes == [("created", "web", "6")]


def test_s27_a_cut_after_a_bookmark_resumes_at_the_bookmark(front: Front) -> None:
    script = Script(listed("5"), watched(added("6"), bookmark("20"), CUT), watched(QUIET))
    front.run(script)
    assert script.watches[1]["resourceVersion"] == "20"


def test_s28_refused_on_reopen_waits_and_keeps_the_cursor(front: Front) -> None:
    script = Script(
        listed("5"), watched(added("6"), CUT), REFUSED, REFUSED, REFUSED, watched(added("7"))
    )
    run = front.run(script, limit=2)
    assert run.sleeps == [0.8, 1.6, 3.2, 6.4]
    assert [w["resourceVersion"] for w in script.watches] == ["5", "6", "6", "6", "6"]
    assert len(script.lists) == 1


def test_s29_a_repeated_event_is_not_yielded_twice(front: Front) -> None:
    script = Script(
        listed("5"),
        watched(added("6"), modified("7"), CUT),
        watched(added("6"), modified("7"), modified("8"), CUT),
        watched(QUIET),
    )
    run = front.run(script)
    assert run.changes == [
        ("created", "web", "6"),
        ("modified", "web", "7"),
        ("modified", "web", "8"),
    ]
    assert script.watches[2]["resourceVersion"] == "8"


def test_s29_the_same_version_of_another_object_is_no_repetition(front: Front) -> None:
    run = front.run(Script(listed("5"), watched(added("6", "a"), added("6", "b"), QUIET)))
    assert run.changes == [("created", "a", "6"), ("created", "b", "6")]


def test_s29_one_connection_repeats_nothing(front: Front) -> None:
    """Some servers send a deletion with the version of the last change, and use versions again."""
    parts = [added("6"), deleted("6"), added("6"), deleted("7")]
    run = front.run(Script(listed("5"), watched(*parts, CUT), watched(*parts[2:], QUIET)))
    assert run.changes == [
        ("created", "web", "6"),
        ("deleted", "web", "6"),
        ("created", "web", "6"),
        ("deleted", "web", "7"),
    ]


@pytest.mark.parametrize(
    ("cursor", "version", "moved"),
    [("7", "60", "60"), ("60", "60", "60"), ("b", "a", "a"), ("60", "07", "07")],
)
def test_a_bookmark_moves_the_cursor_where_it_leads_on(
    front: Front, cursor: str, version: str, moved: str
) -> None:
    script = Script(watched(added(cursor), bookmark(version), QUIET), watched(QUIET))
    run = front.run(script, resource_version="5")
    assert run.error is None
    assert script.watches[1]["resourceVersion"] == moved


def test_s30_the_version_of_a_deletion_moves_the_cursor(front: Front) -> None:
    script = Script(listed("5"), watched(deleted("9")), watched(QUIET))
    run = front.run(script)
    assert run.changes == [("deleted", "web", "9")]
    assert script.watches[1]["resourceVersion"] == "9"


def test_s31_an_event_without_a_version_is_a_gap_never_an_empty_cursor(front: Front) -> None:
    bad = frame("MODIFIED", {"kind": "Pod", "metadata": {"name": "x", "resourceVersion": ""}})
    run = front.run(Script(watched(added("6"), bad)), resource_version="5")
    assert isinstance(run.raised(), ExpiredError)
    assert "name 'x'" in str(run.raised())
    assert "resource version 6" in str(run.raised())
    assert run.changes == [("created", "web", "6")]


@pytest.mark.parametrize("version", ["9" * 60, "calico/12:34", "ff-ee", "007"])
def test_s32_a_long_or_odd_version_survives_unmodified(front: Front, version: str) -> None:
    script = Script(listed(version), watched(added(version + "1")), watched(QUIET))
    run = front.run(script)
    assert [w["resourceVersion"] for w in script.watches] == [version, version + "1"]
    assert run.cursors == [version + "1"]


@pytest.mark.parametrize("begin", ["", "0"])
def test_s33_what_exists_gives_no_cursor_but_what_follows_does(front: Front, begin: str) -> None:
    parts = [added("90", "a"), added("20", "b"), bookmark("95"), added("96", "c")]
    script = Script(watched(*parts), watched(QUIET))
    run = front.run(script, resource_version=begin)
    assert script.watches[0].get("resourceVersion", "") == begin
    assert run.cursors == [None, None, "96"]
    assert script.watches[1]["resourceVersion"] == "96"


@pytest.mark.parametrize("follow", [modified, deleted])
def test_s33_a_change_ends_the_unordered_beginning(
    front: Front, follow: Callable[..., bytes]
) -> None:
    script = Script(watched(added("90", "a"), follow("95", "a"), added("96", "b")))
    run = front.run(script, resource_version="0", limit=3)
    assert run.cursors == [None, "95", "96"]


def test_s21_the_annotated_bookmark_is_not_yielded_and_sets_the_cursor(front: Front) -> None:
    end = bookmark("95", annotations={"k8s.io/initial-events-end": "true"})
    run = front.run(Script(watched(added("90"), end, QUIET)), resource_version="0")
    assert run.changes == [("created", "web", "90")]
    assert run.status.resource_version == "95"
    assert run.status.synced


@pytest.mark.parametrize("end", [[CUT], []])
def test_a_connection_lost_before_there_is_a_cursor_is_a_gap(
    front: Front, end: list[Exception]
) -> None:
    run = front.run(Script(watched(added("90"), *end)), resource_version="0")
    assert isinstance(run.raised(), ExpiredError)
    assert run.changes == [("created", "web", "90")]


def test_a_gap_is_one_even_if_nobody_has_handled_what_was_read(front: Front) -> None:
    """Where events are handled in another thread, the status lags behind the session."""
    part = parts(WatchStatus(), [None])[None]
    run = front.run(Script(watched(added("90"), CUT)), resource_version="0", status=part)
    assert part.events == 0
    assert isinstance(run.raised(), ExpiredError)


def test_s38_empty_closes_without_a_cursor_are_spaced_out(front: Front) -> None:
    run = front.run(Script(*[watched()] * 8), resource_version="0", backoff=Backoff(jitter=0))
    assert run.error is None
    assert run.sleeps == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]


# 410 and other errors


@pytest.mark.parametrize("reason", ["Expired", "Gone", "SomethingNew"])
@pytest.mark.parametrize("after", [[], [added("6")]])
def test_s35_410_in_the_stream_is_a_gap(front: Front, reason: str, after: list[bytes]) -> None:
    gone = error(410, reason, "too old resource version: 5 (12)")
    run = front.run(Script(watched(*after, gone)), resource_version="5")
    failure = run.raised()
    assert isinstance(failure, ExpiredError)
    assert (failure.code, failure.reason) == (410, reason)
    assert "too old resource version: 5 (12)" in str(failure)
    assert "send_initial_events=True" in str(failure)
    assert len(run.events) == len(after)


def test_s35_as_a_real_server_sends_it(front: Front) -> None:
    recorded = load("widgets-watch-expired-1.36")
    run = front.run(Script(Answer([recorded.body], 200, recorded.headers)), resource_version="2")
    assert isinstance(run.raised(), ExpiredError)
    assert "resource version 2" in str(run.raised())


def test_s36_410_at_open_is_a_gap(front: Front) -> None:
    script = Script(watched(added("6"), CUT), refusal(410, "Gone"))
    run = front.run(script, resource_version="5")
    assert isinstance(run.raised(), ExpiredError)


def test_s37_empty_closes_again_and_again_are_a_gap(front: Front) -> None:
    run = front.run(Script(*[watched()] * 5), resource_version="5")
    failure = run.raised()
    assert isinstance(failure, ExpiredError)
    assert failure.code == 410
    assert run.sleeps == [0.8, 1.6, 3.2, 6.4]


def test_s41_429_in_the_stream_waits_as_long_as_asked_and_resumes(front: Front) -> None:
    busy = error(429, "TooManyRequests", retryAfterSeconds=7)
    script = Script(listed("5"), watched(added("6"), busy), watched(modified("7")))
    run = front.run(script, limit=2)
    assert run.sleeps == [7.0]
    assert script.watches[1]["resourceVersion"] == "6"
    assert len(script.lists) == 1


@pytest.mark.parametrize("reason", ["StorageReadError", "StoreReadError"])
def test_s42_a_corrupt_object_in_the_store_is_a_gap(front: Front, reason: str) -> None:
    script = Script(watched(added("6"), error(500, reason, "corrupt")))
    run = front.run(script, resource_version="5")
    assert isinstance(run.raised(), ExpiredError)
    assert "corrupt" in str(run.raised())


@pytest.mark.parametrize("code", [500, 503, 504])
def test_s43_a_server_error_in_the_stream_waits_and_resumes(front: Front, code: int) -> None:
    script = Script(listed("5"), watched(added("6"), error(code, "Timeout")), watched(added("7")))
    run = front.run(script, limit=2)
    assert run.sleeps == [0.8]
    assert script.watches[1]["resourceVersion"] == "6"


@pytest.mark.parametrize(
    "bad",
    [
        frame("ERROR", {"kind": "Pod", "metadata": {"name": "x", "resourceVersion": "9"}}),
        frame("PUSHED", obj("9")),
        frame("ADDED", status(200)),
        b'{"type":"ADDED"}\n',
        b'{"object":{"metadata":{"resourceVersion":"9"}}}\n',
        b"[]\n",
        b"<html>\n",
        added("9")[:40] + b"\n",
        added("9")[:40] + added("9", "db"),
    ],
    ids=["s44-error", "s45-type", "status", "no-object", "no-type", "list", "html", "s69", "s69b"],
)
class TestABrokenContract:
    """Scenarios 44, 45, 69 and their kin: never an object, never passed, never a tight loop."""

    def test_is_asked_again_from_before_it(self, front: Front, bad: bytes) -> None:
        script = Script(listed("5"), watched(added("6"), bad), watched(added("9", "z")))
        run = front.run(script, limit=2)
        assert run.changes == [("created", "web", "6"), ("created", "z", "9")]
        assert script.watches[1]["resourceVersion"] == "6"
        assert run.sleeps == [0.8]

    def test_is_raised_when_it_lasts(self, front: Front, bad: bytes) -> None:
        script = Script(listed("5"), watched(added("6"), bad), *[watched(bad)] * 5)
        run = front.run(script)
        assert isinstance(run.raised(), StreamError)
        assert run.sleeps == [0.8, 1.6, 3.2, 6.4, 12.8]
        assert run.changes == [("created", "web", "6")]

    def test_is_raised_when_it_lasts_though_each_connection_does(
        self, front: Front, bad: bytes
    ) -> None:
        script = Script(listed("5"), watched(added("6")), *[watched(Lasts(60), bad)] * 7)
        run = front.run(script)
        assert isinstance(run.raised(), StreamError)
        assert len(script.watches) == 7

    def test_is_not_raised_as_long_as_events_come(self, front: Front, bad: bytes) -> None:
        answers = [watched(added(str(n), f"web-{n}"), bad) for n in range(10, 22)]
        run = front.run(Script(listed("5"), *answers))
        assert run.error is None
        assert len(run.events) == 12


def test_s46_a_pretty_printed_status_is_one_error(front: Front) -> None:
    body = json.dumps(status(403, "Forbidden", "not yours"), indent=2).encode()
    run = front.run(Script(listed("5"), Answer([body[:20], body[20:]], 403)))
    failure = run.raised()
    assert isinstance(failure, StatusError)
    assert (failure.code, failure.message) == (403, "not yours")


def test_s09_429_of_a_real_server_after_its_restart_is_waited_for(front: Front) -> None:
    recorded = load("widgets-watch-429-pretty-1.36")
    busy = Answer([recorded.body], recorded.code, recorded.headers)
    script = Script(busy, listed("5"), watched(added("6"), CUT), busy, watched(added("7")))
    run = front.run(script, limit=2)
    assert run.sleeps == [1.0, 1.6, 3.2]
    assert script.watches[-1]["resourceVersion"] == "6"
    assert len(script.lists) == 2


def test_s09_a_date_in_retry_after_counts_from_the_clock(front: Front) -> None:
    # 1,800,001,000 is the scripted clock's beginning: Fri, 15 Jan 2027 08:16:40 GMT
    at = "Fri, 15 Jan 2027 08:17:10 GMT"
    script = Script(refusal(429, retry_after=at), listed("5"), watched(QUIET))
    assert front.run(script).sleeps == [30.0]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("soon", 1.6), ("-5", 1.6), ("", 1.6), ("1e9", 1.6), ("99999999999999999999", 86_400.0)],
)
def test_s09_an_odd_retry_after_does_no_harm(front: Front, value: str, seconds: float) -> None:
    script = Script(listed("5"), watched(added("6"), CUT), refusal(503, retry_after=value))
    run = front.run(script)
    assert run.sleeps[1] == seconds


def test_s47_a_502_page_of_a_proxy_is_a_transient_status_502(front: Front) -> None:
    page = Answer([b"<html>Bad Gateway</html>"], 502, {"content-type": "text/html"})
    script = Script(listed("5"), watched(added("6"), CUT), page, watched(added("7")))
    run = front.run(script, limit=2)
    failure = run.status.last_error
    assert isinstance(failure, StatusError)
    assert failure.code == 502
    assert "text/html" in failure.message
    assert run.sleeps == [0.8, 1.6]


@pytest.mark.parametrize("code", [401, 403, 404, 408, 429, 500, 502, 503])
def test_s48_a_refusal_in_mid_life_is_retried_from_the_cursor(front: Front, code: int) -> None:
    script = Script(listed("5"), watched(added("6"), CUT), refusal(code), watched(added("7")))
    run = front.run(script, limit=2)
    assert [w["resourceVersion"] for w in script.watches] == ["5", "6", "6"]
    assert run.sleeps == [0.8, 1.6]


@pytest.mark.parametrize("code", [400, 405, 422])
def test_a_refusal_that_no_wait_mends_is_raised_in_mid_life(front: Front, code: int) -> None:
    run = front.run(Script(listed("5"), watched(added("6"), CUT), refusal(code)))
    assert isinstance(run.raised(), StatusError)


def test_s48_a_quiet_watch_that_was_cut_is_opened_again_whatever_is_answered(front: Front) -> None:
    script = Script(listed("5"), watched(QUIET, CUT), refusal(503), watched(added("6")))
    assert front.run(script, limit=1).changes == [("created", "web", "6")]


def test_s49_404_in_mid_life_is_retried_without_a_log_storm(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="kwatch")
    answers = [refusal(404, "NotFound") for _ in range(50)]
    script = Script(listed("5"), watched(added("6"), CUT), *answers, watched(added("7")))
    chances = itertools.cycle([0.0, 0.3, 0.6])
    run = front.run(script, limit=2, chance=lambda: next(chances), backoff=Backoff(jitter=0))
    assert len(run.events) == 2
    assert sorted(run.sleeps)[-40:] == [30.0] * 40
    assert len({w["timeoutSeconds"] for w in script.watches}) == 3
    levels = [r.levelname for r in caplog.records if r.name == "kwatch"]
    assert levels == ["INFO", "WARNING"]


# Liveness


def test_s50_a_read_timeout_of_a_quiet_watch_is_no_error(front: Front) -> None:
    timeout = httpx.ReadTimeout("timed out")
    script = Script(listed("5"), watched(Lasts(260), timeout), watched(added("6")))
    run = front.run(script, limit=1)
    assert run.changes == [("created", "web", "6")]
    assert run.sleeps == [0.8]


def test_s54_the_backoff_resets_after_sustained_success_only(front: Front) -> None:
    script = Script(
        listed("5"),
        watched(added("6"), CUT),  # 0.8
        REFUSED,  # 1.6
        watched(added("7"), CUT),  # 3.2: it gave an event, but did not last
        watched(Lasts(3.0), CUT),  # 6.4: shorter than the wait before it
        watched(Lasts(7.0), CUT),  # 0.8: sustained
        watched(),
    )
    run = front.run(script)
    assert run.sleeps[:5] == [0.8, 1.6, 3.2, 6.4, 0.8]


@pytest.mark.parametrize("bad", [error(500), b"<html>"])
def test_s54_an_error_in_the_stream_after_sustained_success_begins_the_backoff_anew(
    front: Front, bad: bytes
) -> None:
    answers: list[Answer | Exception] = [REFUSED] * 3
    answers.append(watched(added("7"), Lasts(60), bad))
    run = front.run(Script(listed("5"), watched(added("6"), CUT), *answers))
    assert run.sleeps == [0.8, 1.6, 3.2, 6.4, 0.8]


def test_s54_a_failure_is_logged_again_after_sustained_success(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="kwatch")
    front.run(Script(listed("5"), *[watched(Lasts(60), CUT)] * 3))
    assert [r.levelname for r in caplog.records if r.name == "kwatch"] == ["INFO"] * 3


def test_s54_a_connection_that_brings_news_for_a_while_is_sustained_success(front: Front) -> None:
    """Cuts every few seconds must not add up to minutes of silence."""
    answers = [watched(added(str(n)), Lasts(3.0), CUT) for n in range(10, 30)]
    run = front.run(Script(listed("5"), watched(CUT), REFUSED, REFUSED, REFUSED, *answers))
    assert run.sleeps == [0.8, 1.6, 3.2, 6.4, *[0.8] * 20]


def test_s65_quiet_watches_whose_heads_come_late_are_no_empty_ones(front: Front) -> None:
    """The life of a connection counts from when it was asked for."""

    class Late(Script):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = super().handle_request(request)
            self.clock.now += 180
            return response

    script = Late(*[item for n in range(8) for item in (watched(), listed(str(n + 5)))])
    assert front.run(script, resource_version="5").error is None
    assert len(script.requests) == 16


def test_failures_far_apart_do_not_add_up(front: Front) -> None:
    answers: list[Answer] = []
    for _ in range(8):
        answers += [watched(b"<html>"), watched(Lasts(200.0), CUT), watched(), watched()]
    run = front.run(Script(listed("5"), watched(added("6")), *answers))
    assert run.error is None


def test_long_connections_forgive_short_ones(front: Front) -> None:
    """Nine short ones, and four empty ones, are all right again and again."""
    numbers = iter(range(10, 100))
    answers: list[Answer] = []
    for _ in range(3):
        answers += [watched(added(str(next(numbers)))) for _ in range(9)]
        answers += [watched(QUIET, bookmark(str(next(numbers))))]
    run = front.run(Script(listed("5"), *answers))
    assert run.sleeps == []
    empty = [watched()] * 4
    run = front.run(Script(listed("5"), *empty, watched(Lasts(3.0)), *empty, watched(added("6"))))
    assert run.changes == [("created", "web", "6")]


def test_an_event_forgives_empty_connections(front: Front) -> None:
    empty = [watched()] * 4
    run = front.run(Script(listed("5"), *empty, watched(added("6")), *empty, watched(added("7"))))
    assert run.error is None
    assert len(run.events) == 2


@pytest.mark.parametrize("bad", [error(503), b"<html>", frame("PUSHED", obj("9"))])
@pytest.mark.parametrize("first", [watched(QUIET), watched(QUIET, CUT)])
def test_after_a_quiet_connection_the_start_is_over(
    front: Front, first: Answer, bad: bytes
) -> None:
    script = Script(listed("5"), first, listed("5"), watched(bad), watched(added("6")))
    if len(list(first.parts)) == 2:  # a cut connection is not asked about
        script = Script(listed("5"), first, watched(bad), watched(added("6")))
    assert front.run(script, limit=1).changes == [("created", "web", "6")]


@pytest.mark.parametrize("bad", [error(503), error(429), b"<html>"])
def test_an_error_after_a_quiet_while_is_none_of_the_start(front: Front, bad: bytes) -> None:
    script = Script(listed("5"), watched(Lasts(50), bad), watched(added("6")))
    assert front.run(script, limit=1).changes == [("created", "web", "6")]


def test_s65_headers_that_come_with_the_first_event_are_no_failure(front: Front) -> None:
    """The read timeout, which bounds the wait for the head too, outlasts the connection's life."""
    script = Script(watched(added("6")))
    front.run(script, resource_version="5", timeout_seconds=100, limit=1)
    assert script.requests[0].extensions["timeout"]["read"] > 100


def test_a_silent_server_is_asked_whether_it_knows_the_cursor(front: Front) -> None:
    future = load("watch-future-rv-1.36")
    script = Script(watched(QUIET), Answer([future.body], future.code, future.headers))
    run = front.run(script, resource_version="99999999")
    assert script.lists[0]["resourceVersion"] == "99999999"
    assert script.lists[0]["resourceVersionMatch"] == "NotOlderThan"
    assert isinstance(run.raised(), ExpiredError)
    assert "99999999" in str(run.raised())


@pytest.mark.parametrize("answer", [listed("5"), refusal(403), refusal(410), refusal(500), CUT])
def test_a_silent_server_that_knows_the_cursor_or_does_not_tell_is_watched_on(
    front: Front, answer: Answer | Exception
) -> None:
    script = Script(watched(QUIET), answer, watched(added("6")))
    run = front.run(script, resource_version="5", limit=1)
    if answer is CUT:  # it is asked once more
        assert len(run.sleeps) == 1
    else:
        assert run.changes == [("created", "web", "6")]


def test_silence_adds_up_until_something_comes(front: Front) -> None:
    short = watched(Lasts(6.0))
    run = front.run(
        Script(listed("5"), short, watched(bookmark("6"), CUT), short, short, listed("6"))
    )
    assert [("watch" in r.url.params) for r in run.script.requests] == [
        False,
        True,
        True,
        True,
        True,
        False,
    ]


def test_a_silent_server_is_not_asked_about_a_cursor_that_there_is_not(front: Front) -> None:
    run = front.run(Script(*[watched(QUIET)] * 3), resource_version="0")
    assert run.script.lists == []


def test_bookmarks_are_contact_enough(front: Front) -> None:
    answers = [watched(bookmark(str(n)), QUIET) for n in range(10, 15)]
    run = front.run(Script(listed("5"), *answers))
    assert len(run.script.lists) == 1


# No tight loop, against anything


@pytest.mark.parametrize(
    "answer",
    [
        watched(),
        watched(b"{"),
        watched(b"<html>"),
        watched(b"\n\n"),
        watched(CUT),
        watched(added("6")),
        watched(bookmark("6")),
        watched(bookmark("6"), CUT),
        watched(error(500)),
        watched(error(429)),
        watched(frame("ERROR", {})),
        watched(added("7")[:50], b"\n"),
        refusal(401),
        refusal(429, retry_after="0"),
        refusal(503),
        Answer([b"<html>"], 200, {"content-type": "text/html"}),
        REFUSED,
        httpx.ReadTimeout("timed out"),
        httpx.DecodingError("not gzip"),
    ],
    ids=repr,
)
def test_no_server_can_make_a_tight_loop(front: Front, answer: Answer | Exception) -> None:
    """Whatever a server repeats, in no minute are there more than 25 requests."""
    run = front.run(Script(listed("5"), watched(added("6")), *[answer] * 200))
    assert run.error is None or isinstance(run.error, (ExpiredError, StreamError))
    times = run.script.times
    for start in times:
        assert sum(start <= t < start + 60 for t in times) <= 25


def test_connections_that_bring_news_but_do_not_last_are_slowed_down_a_little(
    front: Front,
) -> None:
    answers = [watched(added(str(n), f"web-{n}")) for n in range(10, 40)]
    run = front.run(Script(listed("5"), *answers))
    assert len(run.events) == 30
    assert run.sleeps == [0.8] * 20


# Order of things


def test_s60_events_come_before_the_error_that_follows_them(front: Front) -> None:
    data = added("6") + added("7", "db") + error(410, "Expired")
    run = front.run(Script(watched(data)), resource_version="5")
    assert [version for _, _, version in run.changes] == ["6", "7"]
    assert isinstance(run.raised(), ExpiredError)


def test_s61_one_object_absent_created_deleted_and_created_again(front: Front) -> None:
    parts = [added("6", uid="u1"), deleted("7", uid="u1"), added("8", uid="u2")]
    run = front.run(Script(listed("5"), watched(*parts, QUIET)), name="web")
    assert run.changes == [
        ("created", "web", "6"),
        ("deleted", "web", "7"),
        ("created", "web", "8"),
    ]


def test_s62_an_object_leaves_and_enters_the_selector(front: Front) -> None:
    parts = [added("6"), deleted("9"), added("12")]
    run = front.run(Script(listed("5"), watched(*parts, QUIET)), label_selector="app=web")
    assert [kind for kind, _, _ in run.changes] == ["created", "deleted", "created"]


@pytest.mark.parametrize("after", range(1, 5))
def test_a_stopped_watch_ends_as_if_exhausted(front: Front, after: int) -> None:
    """Not one event more is yielded, and nothing more is asked."""
    script = Script(listed("5"), watched(added("6"), added("7", "b") + added("8", "c")), watched())
    seen: list[str] = []

    def loads(line: bytes) -> Any:
        document = json.loads(line)
        seen.append(document["object"]["metadata"]["name"])
        return document

    run = front.run(script, loads=loads, stopped=lambda: len(seen) >= after)
    assert run.error is None
    assert len(run.events) == min(after, 4) - 1
    assert run.status.state == "ended"
    assert len(script.requests) == (2 if after < 4 else 3)


def test_a_watch_that_is_stopped_before_it_begins_asks_nothing(front: Front) -> None:
    run = front.run(Script(), stopped=lambda: True)
    assert (run.error, run.script.requests) == (None, [])


def test_loads_decodes_each_line_instead_of_ijson(front: Front) -> None:
    lines: list[bytes] = []

    def loads(line: bytes) -> Any:
        lines.append(line)
        return json.loads(line)

    data = added("6") + added("7", "db")
    script = Script(listed("5"), watched(data[:50], data[50:]), watched(added("8", "x")[:-1]))
    run = front.run(script, loads=loads)
    assert [name for _, name, _ in run.changes] == ["web", "db", "x"]
    assert lines[0] == added("6").rstrip()


@pytest.mark.parametrize("allow_bookmarks", [True, False])
@pytest.mark.parametrize("kind", ["changes", "bookmarks", "repetitions", "existing"])
def test_whoever_handles_slowly_what_came_at_once_is_healthy(
    front: Front, kind: str, allow_bookmarks: bool
) -> None:
    frames = {
        "changes": [added(str(6 + n), str(n)) for n in range(9)],
        "bookmarks": [added("6"), *(bookmark(str(7 + n)) for n in range(8))],
        "repetitions": [added("6")] * 3,
        "existing": [added(str(6 + n), str(n)) for n in range(8)] + [initial_end("90")],
    }[kind]
    health: list[bool] = []

    def look() -> None:
        health.append(account.is_healthy(15))

    def loads(line: bytes) -> Any:
        look()
        script.clock.now += 10  # so long the event before was handled
        return json.loads(line)

    def parts() -> Iterator[bytes]:
        yield b"".join(frames)
        look()

    existing = kind == "existing"
    script = Script(*([] if existing else [listed("5")]), Answer(parts()))
    account = WatchStatus(_clock=script.clock, _wall_clock=script.clock.wall)
    arrived_at = script.clock.wall()
    front.run(
        script,
        loads=loads,
        status=account,
        allow_bookmarks=allow_bookmarks,
        send_initial_events=existing,
    )
    assert health == [True] * (len(frames) + 1)
    assert account.last_contact == arrived_at


def test_whoever_handles_a_list_slowly_is_healthy(front: Front) -> None:
    items = [obj(str(number), f"pod-{number}") for number in range(1, 10)]
    script = Script(refusal(422, "Invalid"), listed("90", *items))
    account = WatchStatus(_clock=script.clock, _wall_clock=script.clock.wall)
    health: list[bool] = []

    def stopped() -> bool:  # asked before each event
        if 0 < account.events < len(items):
            health.append(account.is_healthy(15))
            script.clock.now += 10
        return False

    run = front.run(script, status=account, stopped=stopped, send_initial_events=True)
    assert len(run.events) == len(items)
    assert health == [True] * (len(items) - 1)


def test_the_status_tells_what_the_watch_does(front: Front) -> None:
    script = Script(listed("5"), watched(added("6"), CUT), watched(added("7"), bookmark("9")))
    run = front.run(script, limit=2)
    account = run.status
    assert (account.events, account.connects, account.relists) == (2, 2, 0)
    assert isinstance(account.last_error, httpx.RemoteProtocolError)
    assert account.last_contact == script.clock.wall()
    assert not account.is_healthy(60)  # it has ended
    assert run.cursors == ["6", "7"]


def test_a_status_that_is_used_again_begins_anew() -> None:
    account = WatchStatus(resource_version="3", synced=True, events=5, last_error=ValueError())
    with httpx.Client(base_url="https://kube.test") as client:
        kwatch.watch(client, "Pod", resource_version="7", status=account)
        assert (account.resource_version, account.synced) == ("7", False)
        assert (account.events, account.last_error, account.state) == (0, None, "new")
        kwatch.watch(client, "Pod", status=account)
        assert account.resource_version is None


def test_repetitions_do_not_count_as_events(front: Front) -> None:
    run = front.run(Script(listed("5"), watched(added("6"), CUT), watched(added("6"), QUIET)))
    assert run.status.events == 1


def test_an_expired_error_tells_its_cause(front: Front) -> None:
    run = front.run(Script(watched(error(410, "Expired"))), resource_version="5")
    assert isinstance(run.raised().__cause__, StatusError)


def test_an_endless_answer_is_cut_off(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "MAX_REPLY_BYTES", 1000)
    run = front.run(Script(Answer([b"x" * 400] * 10)), kind="Pod")
    assert isinstance(run.raised(), ProtocolError)
    assert "1000 bytes" in str(run.raised())


def test_an_endless_error_is_an_error_all_the_same(front: Front) -> None:
    endless = Answer((b"x" * 10_000 for _ in itertools.count()), 503)
    run = front.run(Script(listed("5"), watched(added("6"), CUT), endless, watched(added("7"))))
    assert [version for _, _, version in run.changes] == ["6", "7"]


def test_the_head_of_what_is_no_watch_is_enough(front: Front) -> None:
    """Its body, which may never come, is not waited for."""
    never = (pytest.fail("the body was read") for _ in range(1))
    page = Answer(never, 200, {"content-type": "text/html"})
    run = front.run(Script(listed("5"), watched(added("6")), page, watched(added("7"))), limit=2)
    assert len(run.events) == 2


def test_an_error_in_the_stream_tells_where(front: Front) -> None:
    for bad in (error(403), b"<html>"):
        run = front.run(Script(listed("5"), watched(bad)))
        assert "GET /api/v1/pods?watch=1" in str(run.raised())


def test_what_is_remembered_of_events_is_bounded(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the existing objects are not known, and versions cannot be compared."""
    monkeypatch.setattr(cursor_module, "RECENT_EVENTS", 3)
    data = b"".join(added(f"v{n}", f"w{n}") for n in range(10, 20))
    again = added("v10", "w10") + added("v19", "w19")
    script = Script(watched(data, CUT), watched(again, QUIET))
    run = front.run(script, resource_version="v5")
    assert len(run.events) == 11  # the tenth before the last is forgotten
