"""The whole watch session, tested on servers that live through random histories.

`tests.model` is the server; what must hold whatever happens to it is in `examine`.
``benchmarks/model.py`` runs as many histories as one likes.
"""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from kwatch import Event, ExpiredError, KwatchError, StreamError
from tests.front import Front, Run
from tests.model import Server
from tests.model_history import (
    CHOICES,
    KEYS,
    VERBS,
    History,
    Json,
    Key,
    Step,
    is_in,
    metadata_of,
    state,
)

MAX_REQUESTS_A_MINUTE = 40
RAISED_AT_ONCE = {f"http{code}" for code in (401, 404, 500, 502, 503, 504)} | {"refused"}


def trial(history: History, name: str = "watch") -> tuple[Server, Run]:
    """Watch through a history, and see that all is as promised.

    The front itself sees that each response is closed.
    """
    front = Front(name)
    server = Server(history, lambda: front.runs[-1])
    start: dict[str, Any] = {}
    if history.start == "initial":
        start["send_initial_events"] = True
    elif history.start == "version":
        start["resource_version"] = server.begin_at
    run = front.run(
        server,  # type: ignore[arg-type]
        limit=100_000,
        loads=json.loads if history.by_line else None,
        allow_bookmarks=history.allow_bookmarks,
        metadata_only=history.metadata_only,
        shard=history.shard,
        **start,
    )
    examine(server, run)
    return server, run


def examine(server: Server, run: Run) -> None:
    examine_failure(server, run.error)
    examine_requests(server)
    Examination(server).of(run)


def examine_failure(server: Server, failure: Exception | None) -> None:
    """Before the first success an error is raised at once; after it, only that of a gap."""
    if server.troubled.get(1) in RAISED_AT_ONCE:
        assert failure is not None, "not raised"
        assert len(server.requests) == 1, "not raised at once"
    if failure is None:
        return
    gap = server.gaps or server.faults["empty"] >= 5
    if server.history.start == "version" and isinstance(failure, ExpiredError) and gap:
        return
    if isinstance(failure, StreamError) and server.faults["unversioned"] > 5:
        return  # what exists cannot be told by a server that does not tell its versions
    promised = isinstance(failure, KwatchError | httpx.RequestError)
    if server.proven or not server.history.rough or not promised:
        raise failure
    assert max(server.troubled, default=0) == len(server.requests), "raised without a reason"


def examine_requests(server: Server) -> None:
    """There are few in any minute, and few for each fault, those apart that bring news.

    News is an event, or a page that was not asked for before.
    """
    times, pages = [], set()
    for number, request in enumerate(server.requests, 1):
        token = request.url.params.get("continue")
        if number not in server.fruitful and (token is None or token in pages):
            times.append(server.times[number - 1])
        pages.add(token)
    for first, last in zip(times, times[MAX_REQUESTS_A_MINUTE:], strict=False):
        assert last - first > 60, "a storm of requests"
    assert len(times) <= 6 + 4 * sum(server.faults.values()), "requests without a reason"


class Examination:
    """Folds the events over a dict, and compares it with the store at each of them."""

    def __init__(self, server: Server) -> None:
        self._server, self._store = server, server.store
        self._view: Callable[[Json], Json] = (
            metadata_of if server.history.metadata_only else lambda obj: obj
        )
        self._fold = self._of_shard(server.base or {})
        self._changes = self._store.timelines[0]
        self._versions: set[tuple[str, str]] = set()
        self._ends = 0

    def of(self, run: Run) -> None:
        history, restored = self._server.history, False
        for number, (event, cursor) in enumerate(zip(run.events, run.cursors, strict=True)):
            if number == self._server.restored_at:
                restored, self._changes = True, self._store.changes
                self._versions.clear()
            self._take(event)
            if cursor and not (restored and cursor == self._server.restored_cursor):
                self._compare(self._store.revision_of(cursor))
        if run.failure is None:
            self._changes = self._store.changes
            assert self._fold == self._state(self._store.revision), "wrong in the end"
            lists = run.status.relists + (history.start == "initial")
            assert self._ends == (lists if history.allow_bookmarks else 0), "an end is not told"

    def _state(self, revision: int) -> dict[Key, Json]:
        return self._of_shard(state(self._changes, revision))

    def _of_shard(self, objects: dict[Key, Json]) -> dict[Key, Json]:
        shard = self._server.history.shard
        return {key: self._view(obj) for key, obj in objects.items() if is_in(shard, obj)}

    def _take(self, event: Event) -> None:
        metadata = event.obj["metadata"]
        version = metadata["resourceVersion"]
        if event.event_type == "bookmark":
            if "annotations" in metadata:
                self._ends += 1
                expected = self._state(self._store.revision_of(version))
                assert self._fold == expected, "wrong at the end of a list"
            return
        key, uid = (metadata["namespace"], metadata["name"]), metadata["uid"]
        assert is_in(self._server.history.shard, event.obj), "of another shard"
        if event.event_type == "created":
            assert key not in self._fold, "created, but it is there"
        else:
            assert key in self._fold, f"{event.event_type}, but it is not there"
            assert self._fold[key]["metadata"]["uid"] == uid, "another object of the name"
        if event.event_type == "deleted":
            del self._fold[key]
        else:
            assert (uid, version) not in self._versions, "yielded twice"
            self._versions.add((uid, version))
            self._fold[key] = event.obj

    def _compare(self, cursor: int) -> None:
        """See that the cursor has passed nothing that was not yielded; some may be ahead of it."""
        shard, at_cursor = self._server.history.shard, self._state(cursor)
        possible: dict[Key, list[Json | None]] = {key: [at_cursor.get(key)] for key in KEYS}
        for change in self._changes:
            if change.revision > cursor:
                is_there = change.kind != "DELETED" and is_in(shard, change.obj)
                obj = self._view(change.obj) if is_there else None
                possible[change.key].append(obj)
        for key in KEYS:
            assert self._fold.get(key) in possible[key], "the cursor has passed a change"


# Histories

STEP = st.builds(Step, st.sampled_from(VERBS), st.integers(0, 999))
AGAIN = st.builds(
    lambda steps, times: steps * times, st.lists(STEP, max_size=2), st.integers(5, 40)
)
STEPS = st.builds(
    lambda one, again, other: (*one, *again, *other),
    st.lists(STEP, max_size=20),
    st.one_of(st.just([]), st.just([]), AGAIN),
    st.lists(STEP, max_size=20),
)
HISTORIES = st.builds(
    History, STEPS, **{name: st.sampled_from(values) for name, values in CHOICES.items()}
)
# The same histories in each run, whatever is in a database or how slow the machine is: they are
# long, and a failure is shown by the shortest one, without an explanation, which takes minutes.
RANDOM = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)


@pytest.fixture(scope="module", autouse=True)
def no_log() -> Iterator[None]:
    """Keep thousands of lines out of a failure's report."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@settings(RANDOM, max_examples=1000)
@given(HISTORIES)
@example(History((Step("restore"),), partial=406, start="version"))
@example(History((Step("restore", 1), Step("send", 1), Step("write")), start="initial"))
@example(History((Step("cut"), Step("delete", 1)), start="initial", allow_bookmarks=True))
@example(History((Step("repeat"), Step("delete")), start="initial", allow_bookmarks=True))
def test_a_watch_through_a_random_history(history: History) -> None:
    trial(history)


@pytest.mark.parametrize("name", ["awatch-asyncio", "awatch-trio"])
@settings(RANDOM, max_examples=50)
@given(history=HISTORIES)
def test_an_async_watch_through_a_random_history(name: str, history: History) -> None:
    trial(history, name)


@settings(RANDOM, max_examples=300)
@given(HISTORIES, st.sampled_from([(0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]))
def test_s64_a_shard_through_a_random_history(history: History, shard: tuple[int, int]) -> None:
    """It is always the server's state, or what was there at the cursor, as far as in the shard.

    Each object is in exactly one shard, so that the union of all is what is not sharded.
    """
    trial(replace(history, shard=shard))
