"""The start with what exists: by a streaming list, or by a list in pages.

Scenarios 1 to 6, 13 to 22, 63, and their kin.
"""

import json
import logging
from typing import Any

import httpx
import pytest

from kwatch import ProtocolError, StatusError, StreamError, WatchStatus
from kwatch._abilities import Abilities
from tests.frames import (
    CUT,
    QUIET,
    REFUSED,
    Json,
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
    watched,
)
from tests.front import Answer, Front, Lasts, Run, Script
from tests.recorded import load

NO_STREAMING = refusal(422, "Invalid")
STALLED = (Lasts(30), httpx.ReadTimeout("timed out"))

TRICKLE: tuple[bytes | Lasts, ...] = (Lasts(4), modified("6", "a"))


def start(front: Front, script: Script, **options: Any) -> Run:
    return front.run(script, send_initial_events=True, **options)


def lists(script: Script) -> list[dict[str, str]]:
    """The parameters of each list, without the limit."""
    assert all(params["limit"] == "500" for params in script.lists)
    return [{k: v for k, v in params.items() if k != "limit"} for params in script.lists]


def kinds(script: Script) -> list[str]:
    """What each request was: a streaming list, a watch from a version, or a list."""
    return [
        "stream" if "sendInitialEvents" in r.url.params
        else "watch" if "watch" in r.url.params
        else "list"
        for r in script.requests
    ]  # fmt: skip


# The streaming list


def test_what_follows_the_end_of_what_exists_at_once_is_watched(front: Front) -> None:
    parts = added("5", "a"), initial_end("6"), modified("7", "a"), modified("8", "a")
    script = Script(watched(b"".join(parts)))
    account = WatchStatus()
    states: list[str] = []

    def loads(line: bytes) -> Any:
        states.append(account.state)
        return json.loads(line)

    run = start(front, script, loads=loads, status=account, limit=3)
    assert len(run.events) == 3
    assert states == ["syncing", "syncing", "watching", "watching"]


def test_s13_what_a_streaming_list_asks_for(front: Front) -> None:
    script = Script(watched(initial_end("9"), QUIET))
    start(front, script, label_selector="app=web", timeout_seconds=60)
    assert dict(script.requests[0].url.params) == {
        "labelSelector": "app=web",
        "watch": "1",
        "allowWatchBookmarks": "true",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "timeoutSeconds": "60",
    }


def test_s14_unordered_objects_and_the_end_bookmark_give_the_cursor(front: Front) -> None:
    data = added("8467", "b") + added("5726", "a") + initial_end("10245") + added("10246", "c")
    run = start(front, Script(watched(data, QUIET)))
    assert run.changes == [
        ("created", "b", "8467"),
        ("created", "a", "5726"),
        ("created", "c", "10246"),
    ]
    assert run.cursors == [None, None, "10246"]
    assert run.status.synced


def test_s14_a_recorded_streaming_list(front: Front) -> None:
    recorded = load("pods-watchlist-1.36")
    run = start(front, Script(Answer([recorded.body, QUIET], 200, recorded.headers)))
    assert {kind for kind, _, _ in run.changes} == {"created"}
    assert (run.status.resource_version, run.status.synced) == ("246", True)


@pytest.mark.parametrize(
    "end",
    [
        bookmark("9"),
        bookmark("9", annotations={"k8s.io/initial-events-end": "false"}),
        bookmark("9", annotations={"k8s.io/initial-events-end": True}),
        bookmark("9", annotations={"k8s.io/initial-events": "true"}),
        bookmark("9", annotations=None),
        bookmark("9", annotations=["k8s.io/initial-events-end"]),
    ],
)
def test_s15_a_bookmark_without_the_annotation_is_no_end(front: Front, end: bytes) -> None:
    run = start(front, Script(watched(added("5"), end, CUT)))
    assert (run.status.resource_version, run.status.synced) == (None, False)
    assert run.status.state == "ended"


def test_s16_changes_in_the_initial_phase_are_applied(front: Front) -> None:
    parts = [
        added("5", "a"), added("6", "b"), modified("7", "a"), deleted("8", "b"),
        deleted("9", "never-seen"), modified("10", "c"), initial_end("10"),
    ]  # fmt: skip
    run = start(front, Script(watched(*parts, QUIET)))
    assert run.changes == [
        ("created", "a", "5"),
        ("created", "b", "6"),
        ("modified", "a", "7"),
        ("deleted", "b", "8"),
        ("created", "c", "10"),
    ]


@pytest.mark.parametrize("code", [400, 403, 422])
def test_s17_a_server_without_streaming_lists_is_listed_in_the_same_call(
    front: Front, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="kwatch")
    script = Script(refusal(code), listed("9", obj("5", "a")), watched(added("10", "b"), QUIET))
    run = start(front, script)
    assert run.changes == [("created", "a", "5"), ("created", "b", "10")]
    assert run.sleeps == []
    assert lists(script) == [{}]
    assert script.watches[1]["resourceVersion"] == "9"
    assert "sendInitialEvents" not in script.watches[1]
    assert [r.levelname for r in caplog.records] == ["INFO"]


def test_s17_as_a_real_server_says_it(front: Front) -> None:
    recorded = load("pods-watchlist-1.20")
    refused = Answer([recorded.body], recorded.code, recorded.headers)
    run = start(front, Script(refused, listed("9", obj("5", "a")), watched(QUIET)))
    assert run.changes == [("created", "a", "5")]


def test_s17_what_a_server_cannot_do_is_remembered_for_the_resource(front: Front) -> None:
    abilities = Abilities()
    script = Script(NO_STREAMING, listed("9"), watched(QUIET))
    start(front, script, abilities=abilities, resource_path="/api/v1/namespaces/shop/pods")
    script = Script(listed("9"), watched(QUIET))
    start(front, script, abilities=abilities, resource_path="/api/v1/namespaces/other/pods")
    assert kinds(script) == ["list", "watch"]
    script = Script(watched(initial_end("9"), QUIET))
    start(front, script, abilities=abilities, resource_path="/api/v1/services")
    assert kinds(script) == ["stream"]


def test_s17_a_start_that_may_not_list_either_is_an_error(front: Front) -> None:
    run = start(front, Script(refusal(403, "Forbidden"), refusal(403, "Forbidden")))
    failure = run.raised()
    assert isinstance(failure, StatusError)
    assert failure.code == 403
    assert "watch=1" not in str(failure)


@pytest.mark.parametrize("code", [401, 404, 500])
def test_s11_other_refusals_of_a_streaming_list_are_raised_at_once(front: Front, code: int) -> None:
    run = start(front, Script(refusal(code)))
    assert isinstance(run.raised(), StatusError)
    assert len(run.script.requests) == 1


@pytest.mark.parametrize(
    "lost",
    [
        watched(added("5", "a")),
        watched(added("5", "a"), CUT),
        watched(added("5", "a"), *STALLED),
        watched(added("5", "a"), b"<html>"),
        watched(added("5", "a"), error(500)),
        watched(added("5", "a"), Lasts(200)),
        watched(added("5", "a"), *TRICKLE * 9),
    ],
    ids=["ends", "cut", "stalls", "garbage", "error", "lives out", "only changes"],
)  # fmt: skip
def test_s18_a_streaming_list_without_its_end_is_bounded(front: Front, lost: Answer) -> None:
    script = Script(lost, lost, lost, listed("9", obj("5", "a"), obj("8", "b")), watched(QUIET))
    run = start(front, script)
    assert kinds(script) == ["stream"] * 3 + ["list", "watch"]
    assert run.changes[0] == ("created", "a", "5")
    assert run.changes[-1] == ("created", "b", "8")
    assert sum(kind == "created" for kind, _, _ in run.changes) == 2
    assert run.status.resource_version == "9"
    assert len(run.sleeps) == 3


@pytest.mark.parametrize("failure", ["no head", "refused"])
def test_s18_attempts_that_do_not_even_open_are_bounded(front: Front, failure: str) -> None:
    class Late(Script):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if "sendInitialEvents" in request.url.params:
                self.clock.now += request.extensions["timeout"]["read"]
            return super().handle_request(request)

    bad: Answer | Exception = httpx.ReadTimeout("no head")
    first: Answer | Exception = bad
    if failure == "refused":
        first, bad = watched(added("5", "a"), CUT), refusal(503)
    script = Late(first, bad, bad, listed("9", obj("5", "a")), watched(QUIET))
    run = start(front, script)
    assert run.changes == [("created", "a", "5")]
    assert kinds(script) == ["stream"] * 3 + ["list", "watch"]
    assert script.clock.now < 1000 + 110 + 200


def test_s18_a_server_that_never_ended_it_is_not_asked_again(front: Front) -> None:
    for end, remembered in ([], True), (STALLED, True), ([CUT], False):
        abilities = Abilities()
        start(front, Script(*[watched(*end)] * 3, listed("9")), abilities=abilities)
        assert abilities.no_streaming == ({"/api/v1/pods"} if remembered else set())


def test_s18_a_server_that_is_away_in_the_middle_has_not_failed_at_it(front: Front) -> None:
    script = Script(watched(added("5"), CUT), *[REFUSED] * 5, watched(added("5"), initial_end("9")))
    run = start(front, script)
    assert run.changes == [("created", "web", "5")]
    assert script.lists == []


def test_s18_410_in_a_streaming_list_is_a_list(front: Front) -> None:
    script = Script(watched(error(410, "Expired")), listed("9", obj("5")), watched(QUIET))
    run = start(front, script)
    assert run.changes == [("created", "web", "5")]
    assert kinds(script) == ["stream", "list", "watch"]


def test_s18_objects_that_come_slowly_are_waited_for(front: Front) -> None:
    parts = [part for n in range(10, 30) for part in (Lasts(20), added(str(n), f"w{n}"))]
    run = start(front, Script(watched(*parts, initial_end("30"), QUIET)))
    assert len(run.events) == 20
    assert run.status.connects == 1


def test_s55_a_consumer_that_is_slow_is_not_taken_for_a_server_that_stalls(front: Front) -> None:
    """The time that it takes is none that was waited."""
    script = Script()
    data = b"".join(added(str(n), f"w{n}") for n in range(10, 20))

    def loads(line: bytes) -> Any:
        script.clock.now += 60
        return json.loads(line)

    script.answers.append(watched(data, data, initial_end("30"), QUIET))
    run = start(front, script, loads=loads)
    assert run.status.connects == 1
    assert run.status.resource_version == "30"


def test_s19_a_retry_starts_clean(front: Front) -> None:
    first = watched(added("5", "gone"), added("6", "kept"), added("7", "changed"), CUT)
    again = watched(added("6", "kept"), added("9", "changed"), added("8", "new"), initial_end("9"))
    run = start(front, Script(first, again))
    assert run.changes == [
        ("created", "gone", "5"),
        ("created", "kept", "6"),
        ("created", "changed", "7"),
        ("modified", "changed", "9"),
        ("created", "new", "8"),
        ("deleted", "gone", "5"),
    ]
    assert run.cursors == [None] * 6
    assert run.status.resource_version == "9"
    assert run.events[-1].obj == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "gone", "namespace": "default", "uid": "uid-gone", "resourceVersion": "5",
        },
    }  # fmt: skip


def test_s19_an_object_that_was_recreated_between_attempts(front: Front) -> None:
    first = watched(added("5", "web", uid="u1"), CUT)
    again = watched(added("8", "web", uid="u2"), initial_end("9"))
    run = start(front, Script(first, again))
    assert run.changes == [
        ("created", "web", "5"),
        ("deleted", "web", "5"),
        ("created", "web", "8"),
    ]
    assert [event.obj["metadata"]["uid"] for event in run.events] == ["u1", "u1", "u2"]


def test_s20_a_connection_that_dies_after_the_end_is_watched_on_from_the_cursor(
    front: Front,
) -> None:
    script = Script(watched(added("5"), initial_end("9"), CUT), watched(added("10", "b"), QUIET))
    run = start(front, script)
    assert "sendInitialEvents" not in script.watches[1]
    assert script.watches[1]["resourceVersion"] == "9"
    assert run.changes == [("created", "web", "5"), ("created", "b", "10")]


def test_s22_no_objects_and_the_bookmark_alone(front: Front) -> None:
    run = start(front, Script(watched(initial_end("9"), QUIET)))
    assert (run.events, run.status.synced, run.status.resource_version) == ([], True, "9")


def test_the_end_of_the_initial_state_is_a_bookmark_on_request(front: Front) -> None:
    for script in (
        Script(watched(added("5"), initial_end("9"), QUIET)),
        Script(NO_STREAMING, listed("9", obj("5")), watched(QUIET)),
    ):
        run = start(front, script, allow_bookmarks=True)
        assert run.changes == [("created", "web", "5"), ("bookmark", "", "9")]
        end = run.events[1].obj
        assert (end["apiVersion"], end["kind"]) == ("v1", "Pod")
        assert end["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert run.cursors == [None, "9"]
        assert run.status.events == 1


@pytest.mark.parametrize("version", ["0"])
def test_an_end_without_a_resource_version_is_a_broken_contract(front: Front, version: str) -> None:
    run = start(front, Script(*[watched(added("5"), initial_end(version))] * 3, listed("9")))
    assert run.changes == [("created", "web", "5"), ("deleted", "web", "5")]
    assert run.status.resource_version == "9"


def test_a_resource_version_and_what_exists_exclude_each_other(front: Front) -> None:
    with pytest.raises(ValueError, match="send_initial_events"):
        start(front, Script(), resource_version="5")


# The list in pages


def test_s01_later_pages_ask_for_limit_and_token_alone_and_the_cursor_is_the_lists(
    front: Front,
) -> None:
    script = Script(
        NO_STREAMING,
        listed("9", obj("11", "a"), token="t1"),
        listed("9", obj("3", "b"), token="t2"),
        listed("9", obj("4", "c")),
        watched(QUIET),
    )
    run = start(front, script, label_selector="app=web")
    assert lists(script) == [
        {"labelSelector": "app=web"},
        {"labelSelector": "app=web", "continue": "t1"},
        {"labelSelector": "app=web", "continue": "t2"},
    ]
    assert [name for _, name, _ in run.changes] == ["a", "b", "c"]
    assert run.cursors == [None] * 3
    assert script.watches[1]["resourceVersion"] == "9"


def test_s02_an_empty_page_with_a_token_is_not_the_last(front: Front) -> None:
    script = Script(NO_STREAMING, listed("9", token="t1"), listed("9", obj("5")), watched(QUIET))
    run = start(front, script)
    assert run.changes == [("created", "web", "5")]


def test_s02_pages_without_an_end_and_without_objects_are_slowed_down(front: Front) -> None:
    pages = [listed("9", token=f"t{n}") for n in range(100)]
    run = start(front, Script(NO_STREAMING, *pages))
    assert len(run.sleeps) == 90
    assert run.sleeps[-1] == 30.0


def test_s02_a_page_that_leads_to_itself_is_an_error(front: Front) -> None:
    pages = [listed("9", token="t")] * 7
    run = start(front, Script(NO_STREAMING, *pages))
    assert isinstance(run.raised(), ProtocolError)
    assert len(run.script.lists) == 7


@pytest.mark.parametrize("also", [0, 2])
def test_s03_an_expired_token_starts_the_list_again(front: Front, also: int) -> None:
    half = listed("9", obj("5", "a"), obj("6", "gone"), token="t1")
    script = Script(
        NO_STREAMING,
        half, refusal(410, "Expired"),
        *[half, refusal(410, "Expired")] * also,
        listed("20", obj("5", "a"), token="t2"),
        listed("20", obj("18", "b")),
        watched(QUIET),
    )  # fmt: skip
    run = start(front, script)
    assert run.changes == [
        ("created", "a", "5"),
        ("created", "gone", "6"),
        ("created", "b", "18"),
        ("deleted", "gone", "6"),
    ]
    assert lists(script)[-2:] == [{}, {"continue": "t2"}]
    assert len(run.sleeps) == also  # at once, the first time
    assert script.watches[-1]["resourceVersion"] == "20"


@pytest.mark.parametrize("order", ["kind metadata items", "items kind metadata"])
def test_s04_metadata_before_or_after_the_items(front: Front, order: str) -> None:
    fields = {
        "kind": "WidgetList",
        "metadata": {"resourceVersion": "9"},
        "items": [obj("5", "a"), obj("6", "b")],
    }
    body = json.dumps({name: fields[name] for name in order.split()}).encode()
    run = start(front, Script(NO_STREAMING, Answer([body[:50], body[50:]]), watched(QUIET)))
    assert [name for _, name, _ in run.changes] == ["a", "b"]
    assert run.script.watches[1]["resourceVersion"] == "9"


@pytest.mark.parametrize("items", [None, []])
def test_s05_no_items_are_an_empty_list(front: Front, items: object) -> None:
    body = json.dumps({"items": items, "metadata": {"resourceVersion": "9"}}).encode()
    run = start(front, Script(NO_STREAMING, Answer([body]), watched(QUIET)))
    assert (run.events, run.status.resource_version, run.status.synced) == ([], "9", True)


@pytest.mark.parametrize("version", [None, "", "0"])
def test_s06_a_list_without_a_version_is_an_error_and_no_loop(
    front: Front, version: str | None
) -> None:
    run = start(front, Script(NO_STREAMING, listed(version)))
    assert isinstance(run.raised(), ProtocolError)
    assert "resourceVersion" in str(run.raised())
    assert len(run.script.lists) == 1


def test_s10_5xx_of_a_list_that_has_begun_are_retried_with_growing_delays(front: Front) -> None:
    script = Script(
        NO_STREAMING,
        listed("9", obj("5"), token="t"),
        *[refusal(500) for _ in range(9)],
        listed("9", obj("6", "b")),
        watched(QUIET),
    )
    run = start(front, script)
    assert run.sleeps == [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 30.0]
    assert [name for _, name, _ in run.changes] == ["web", "b"]
    assert all(params.get("continue") == "t" for params in script.lists[1:])


@pytest.mark.parametrize("first", [refusal(500), refusal(403), refusal(404), REFUSED])
def test_s11_the_first_page_shows_what_is_wrong_at_once(
    front: Front, first: Answer | Exception
) -> None:
    run = front.run(Script(first))
    assert run.error is not None
    assert run.sleeps == []


def test_a_page_that_was_cut_is_asked_for_again(front: Front) -> None:
    page = listed("9", obj("5", "a"), obj("6", "b"), token="t1")
    (body,) = page.parts
    assert isinstance(body, bytes)
    for at in range(1, len(body), 7):
        script = Script(
            NO_STREAMING,
            Answer([body[:at], CUT]), page,
            Answer([body[:at].replace(b't1', b't2'), CUT]), listed("9", obj("7", "c")),
            watched(QUIET),
        )  # fmt: skip
        run = start(front, script)
        assert [name for _, name, _ in run.changes] == ["a", "b", "c"]
        assert [params.get("continue") for params in script.lists] == [None, None, "t1", "t1"]


def test_a_page_that_ends_too_soon_was_cut(front: Front) -> None:
    """However often; but at the start it shows itself at once."""
    page = listed("9", obj("5", "a"), token="t1")
    short = Answer([b'{"kind":"PodList","items":['])
    run = start(front, Script(NO_STREAMING, page, *[short] * 9, listed("9", obj("6", "b"))))
    assert [name for _, name, _ in run.changes] == ["a", "b"]
    assert isinstance(start(front, Script(NO_STREAMING, short)).raised(), StreamError)


def test_a_page_that_is_no_list_is_raised_when_it_lasts(front: Front) -> None:
    page = listed("9", obj("5", "a"), token="t1")
    run = start(front, Script(NO_STREAMING, page, *[Answer([b"<html>"])] * 7))
    assert isinstance(run.raised(), StreamError)
    assert len(run.script.lists) == 7


def test_items_are_yielded_before_the_page_ends(front: Front) -> None:
    page = listed("9", *[obj(str(n), f"w{n}") for n in range(10, 20)])
    (body,) = page.parts
    assert isinstance(body, bytes)

    run = start(front, Script(NO_STREAMING, Answer([body[:700], CUT])))
    assert run.changes[0] == ("created", "w10", "10")
    assert len(run.events) < 10


def test_items_of_built_in_kinds_are_given_kind_and_api_version(front: Front) -> None:
    for name, kind in (("pods-list-1.36", "Pod"), ("widgets-list-1.36", "Widget")):
        recorded = load(name)
        run = start(front, Script(NO_STREAMING, Answer([recorded.body], 200, recorded.headers)))
        assert {event.obj["kind"] for event in run.events} == {kind}
        assert {event.obj["apiVersion"] for event in run.events} <= {"v1", "example.com/v1"}


def test_a_start_from_now_lists_metadata_in_pages_and_yields_nothing(front: Front) -> None:
    script = Script(listed("9", obj("5", "a"), token="t"), listed("9"), watched(QUIET))
    run = front.run(script, allow_bookmarks=True)
    assert run.events == []
    assert lists(script) == [{}, {"continue": "t"}]
    for request in script.requests[:2]:
        accept = request.headers["accept"]
        assert accept.startswith("application/json;as=PartialObjectMetadataList;")


def test_a_start_from_now_that_begins_again_forgets_what_it_listed(front: Front) -> None:
    script = Script(
        listed("9", obj("5", "gone"), token="t"), refusal(410),
        listed("20", obj("15", "b")), watched(error(410)),
        listed("30", obj("15", "b")), watched(QUIET),
    )  # fmt: skip
    assert front.run(script).events == []


# Metadata alone


def partial(version: str, name: str = "web") -> Json:
    metadata = obj(version, name)["metadata"]
    return {
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata
    }  # fmt: skip


@pytest.mark.parametrize("at", ["list", "watch", "stream"])
def test_s63_a_server_that_answers_406_is_asked_for_the_whole(front: Front, at: str) -> None:
    abilities = Abilities()
    refused = refusal(406, "NotAcceptable")
    plain: list[Answer | Exception]
    if at == "list":
        plain = [NO_STREAMING, refused, listed("9", obj("5")), watched(added("10", "b"), QUIET)]
    elif at == "watch":
        plain = [NO_STREAMING, listed("9", obj("5")), refused, watched(added("10", "b"), QUIET)]
    else:
        plain = [refused, watched(added("5"), initial_end("9"), added("10", "b"), QUIET)]
    script = Script(*plain)
    run = start(front, script, metadata_only=True, abilities=abilities)
    assert [event.obj for event in run.events] == [partial("5"), partial("10", "b")]
    assert run.sleeps == []
    assert script.requests[-1].headers["accept"] == "application/json"
    assert abilities.no_metadata == {"/api/v1/pods"}


def test_s63_objects_of_a_server_that_sends_the_whole_are_cut_down(front: Front) -> None:
    script = Script(listed("5"), watched(added("6"), frame("MODIFIED", partial("7")), QUIET))
    run = front.run(script, metadata_only=True)
    assert [event.obj for event in run.events] == [partial("6"), partial("7")]


def test_s63_a_406_for_what_asks_for_no_metadata_is_an_error(front: Front) -> None:
    run = front.run(Script(refusal(406)), resource_version="5")
    assert isinstance(run.raised(), StatusError)
    assert len(run.script.requests) == 1
