"""Each transition of the state table, as `kwatch._policy` has it in its docstring."""

import json
import re
from typing import Any

import httpx
import pytest

from kwatch import ExpiredError, StatusError, WatchStatus, _policy
from tests.frames import (
    CUT,
    QUIET,
    added,
    bookmark,
    error,
    initial_end,
    listed,
    obj,
    refusal,
    watched,
)
from tests.front import Answer, Front, Lasts, Script

PODS = {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": ["list", "watch"]}
GROUP = {"kind": "APIResourceList", "groupVersion": "v1", "resources": [PODS]}
CORE = Answer([json.dumps(GROUP).encode()])
KIND = {"kind": "pods", "api_version": "v1"}
FROM_5: dict[str, Any] = {"resource_version": "5"}
INITIAL: dict[str, Any] = {"send_initial_events": True}
TOO_LARGE = refusal(504, "Timeout", message="Too large resource version: 9")
LAST = watched(Lasts(5), bookmark("30"), QUIET)

Case = tuple[dict[str, Any], list[Answer | Exception], str]

# A list that has ended is noted, and so is the request that follows: both are "watching".
CASES: dict[tuple[str, str], Case] = {
    ("DISCOVERING", "path known, a resource version was given"): (
        KIND | FROM_5, [CORE, LAST], "discovering watching"),
    ("DISCOVERING", "path known, what exists is wanted"): (
        KIND | INITIAL, [CORE, watched(initial_end("9"))], "discovering syncing watching"),
    ("DISCOVERING", "path known, else, or no streaming list"): (
        KIND, [CORE, listed("9"), LAST], "discovering listing watching"),
    ("SYNCING", "its end is marked"): (
        INITIAL, [watched(added("5"), initial_end("9"), QUIET)], "syncing watching"),
    ("SYNCING", "the server cannot do it"): (
        INITIAL, [refusal(422), listed("9"), LAST], "syncing listing watching"),
    ("SYNCING", "ends, breaks or stalls before"): (
        INITIAL, [watched(added("5")), watched(CUT), watched(b"<"), listed("9"), LAST],
        "syncing waiting syncing waiting syncing waiting listing watching"),
    ("LISTING", "the last page is whole"): (
        {}, [listed("9", token="t"), listed("9"), LAST], "listing listing watching"),
    ("LISTING", "the token or the version is gone"): (
        {}, [listed("9", token="t"), refusal(410), listed("9"), LAST],
        "listing listing listing watching"),
    ("LISTING", "a page breaks off"): (
        {}, [listed("9", token="t"), Answer([b'{"items": [', CUT]), listed("9"), LAST],
        "listing listing waiting listing watching"),
    ("WATCHING", "ends or breaks, and all was well"): (
        FROM_5, [watched(added("6"), QUIET), LAST], "watching watching"),
    ("WATCHING", "ends or breaks otherwise"): (
        FROM_5, [watched(added("6"), CUT), LAST], "watching waiting watching"),
    ("WATCHING", "ends after a silence without a bookmark"): (
        FROM_5, [watched(QUIET), listed("5"), LAST], "watching probing watching"),
    ("WATCHING", "tells of a gap"): (
        {}, [listed("9"), watched(error(410)), listed("20"), LAST],
        "listing watching watching listing watching"),
    ("PROBING", "it has, or does not tell"): (
        FROM_5, [watched(QUIET), refusal(500), LAST], "watching probing watching"),
    ("PROBING", "it has not: a gap"): (
        {}, [listed("9"), watched(QUIET), TOO_LARGE, listed("7"), LAST],
        "listing watching watching probing listing watching"),
    ("WAITING", "a `Delay`"): (
        FROM_5, [watched(error(503)), LAST], "watching"),
    ("ENDED", "stopped, closed, or failed."): (
        FROM_5, [refusal(403)], "watching"),
}  # fmt: skip


class States(WatchStatus):
    """Notes each state that a watch goes through."""

    def __init__(self, script: Script) -> None:
        self.states: list[str] = []
        super().__init__(_clock=script.clock, _wall_clock=script.clock.wall)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "state" and value != "new":
            self.states.append(str(value))


def rows() -> list[tuple[str, str]]:
    """The state and the condition of each row of the docstring's table."""
    found, state = [], ""
    for line in (_policy.__doc__ or "").splitlines():
        row = re.fullmatch(r"    ([A-Z]*) +(\S.*?)(?: +-> .*)?", line)
        if row is None:
            continue
        if row[1]:
            state = row[1]
        if "->" in line or state == "ENDED":
            found.append((state, row[2]))
    return found


def test_each_row_of_the_table_has_its_case() -> None:
    assert rows() == list(CASES)


@pytest.mark.parametrize("case", [c for c in CASES if c[0] not in ("WAITING", "ENDED")], ids=str)
def test_a_transition(front: Front, case: tuple[str, str]) -> None:
    options, answers, expected = CASES[case]
    script = Script(*answers)
    status = States(script)
    run = front.run(script, status=status, **options)
    assert run.error is None
    states = expected.split()
    assert status.states[: len(states)] == states
    assert status.states[-1] == "ended"


@pytest.mark.parametrize("before", ["syncing", "listing", "watching", "probing"])
def test_after_a_wait_comes_the_state_before(front: Front, before: str) -> None:
    answers: dict[str, list[Answer | Exception]] = {
        "syncing": [watched(added("5"), CUT), watched(initial_end("9"))],
        "listing": [refusal(429), listed("9")],
        "watching": [listed("9"), watched(CUT), LAST],
        "probing": [listed("9"), watched(QUIET), CUT, listed("9")],
    }
    script = Script(*answers[before])
    status = States(script)
    options = INITIAL if before == "syncing" else {}
    assert front.run(script, status=status, **options).error is None
    at = status.states.index("waiting")
    assert (status.states[at - 1], status.states[at + 1]) == (before, before)


def test_a_gap_is_an_error_where_a_version_was_given(front: Front) -> None:
    """Whether the watch tells of it, or the probe."""
    for answers in ([watched(error(410))], [watched(QUIET), TOO_LARGE]):
        run = front.run(Script(*answers), **FROM_5)
        assert isinstance(run.raised(), ExpiredError)
        assert run.status.state == "ended"


def test_it_ends_by_an_error_by_a_stop_and_by_closing(front: Front) -> None:
    assert isinstance(front.run(Script(refusal(403)), **FROM_5).raised(), StatusError)
    stops = iter([False, False, True, True, True])
    runs = [
        front.runs[0],
        front.run(Script(watched(added("6"), added("7"))), limit=1, **FROM_5),
        front.run(Script(watched(added("6"))), stopped=lambda: next(stops, True), **FROM_5),
    ]
    assert [run.status.state for run in runs] == ["ended"] * 3


def test_a_probe_that_gives_an_older_list_is_a_gap(front: Front) -> None:
    """As of a server that knows no resourceVersionMatch."""
    script = Script(listed("9", obj("5")), watched(QUIET), listed("7"), listed("7"), LAST)
    run = front.run(script)
    assert [kind for kind, _, _ in run.changes] == ["deleted"]
    assert "resourceVersion" not in script.lists[2]


def test_a_stalled_watch_is_no_reason_to_probe_without_a_cursor(front: Front) -> None:
    stalled = watched(Lasts(300), httpx.ReadTimeout("timed out"))
    run = front.run(Script(*[stalled] * 4), resource_version="0")
    assert run.script.lists == []


def test_a_probe_that_is_refused_for_asking_for_metadata_asks_again(front: Front) -> None:
    script = Script(watched(QUIET), refusal(406), TOO_LARGE)
    run = front.run(script, **FROM_5)
    assert isinstance(run.raised(), ExpiredError)
    assert [r.headers["accept"] for r in script.requests[2:]] == ["application/json"]


def test_a_probe_that_is_answered_by_too_much_tells_nothing(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kwatch._session.MAX_REPLY_BYTES", 1000)
    script = Script(watched(QUIET), Answer([b"x" * 400] * 5), watched(added("6")))
    assert front.run(script, limit=1, **FROM_5).changes == [("created", "web", "6")]


def test_quiet_watches_that_end_long_before_their_time_are_slowed_down(front: Front) -> None:
    answers = [answer for _ in range(50) for answer in [watched(Lasts(1.0))] * 11 + [listed("5")]]
    script = Script(*answers)
    front.run(script, **FROM_5)
    times = script.times[30:]
    assert all(sum(start <= t < start + 60 for t in times) <= 40 for start in times)
    script = Script(*[watched(Lasts(1.0))] * 9)
    assert front.run(script, timeout_seconds=1, **FROM_5).sleeps == []
