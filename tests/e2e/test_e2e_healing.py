"""Gaps, silence, several namespaces and killed programs, on a server: nothing is lost."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from kwatch import Backoff, ExpiredError, KubeConfig, WatchStatus, watch

from .live import Box, Front, Object, Proxy, Run, gap, leave, wait_for

pytestmark = pytest.mark.e2e

SOON = Backoff(initial=0.05, maximum=0.1)


# Gaps


def make_a_gap(run: Run, box: Box, proxy: Proxy) -> None:
    """Change objects while a watch is cut off, whose cursor then is too old."""
    with gap(run, box, proxy):
        box.patch("changed", {"spec": {"number": 2}})
        box.delete("gone")
        box.delete("again")
        box.create("again", {"number": 2})
        box.create("new")
        box.create("brief")
        box.delete("brief")


@pytest.mark.parametrize("initial", [False, True], ids=["from-now", "initial"])
def test_s35_s39_s40_a_gap_is_healed_by_the_difference(
    front: Front, box: Box, proxy: Proxy, initial: bool
) -> None:
    """What was created, modified, deleted and recreated comes, and nothing that stayed as it was.

    With an object that came and went in the gap: of that nobody knows.
    """
    first = {name: box.create(name) for name in ("again", "changed", "gone", "same")}
    options: Object = {"send_initial_events": initial, "backoff": SOON}
    with front.start(box=box, client={"base_url": proxy.url}, **options) as run:
        run.wait_until_synced()
        told = run.take(len(first) if initial else 0, quiet=0.05)
        assert sorted(told) == ([("created", name) for name in first] if initial else [])
        run.events.clear()
        make_a_gap(run, box, proxy)
        changes = run.take(5)
        box.create("after")
        assert run.take(6, quiet=0.05)[5:] == [("created", "after")]
    assert sorted(changes) == [
        ("created", "again"),
        ("created", "new"),
        ("deleted", "again"),
        ("deleted", "gone"),
        ("modified", "changed"),
    ]
    assert changes.index(("deleted", "again")) + 1 == changes.index(("created", "again"))
    gone = run.events[changes.index(("deleted", "gone"))].obj
    known = ("name", "namespace", "uid", "resourceVersion")
    assert gone == {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {key: first["gone"]["metadata"][key] for key in known},
    }
    changed = run.events[changes.index(("modified", "changed"))].obj
    assert changed["spec"] == {"number": 2}
    assert run.status.relists == 1
    assert run.cursor >= int(run.events[-1].resource_version)


def test_a_relist_asks_for_no_less_than_the_cursor(front: Front, box: Box, proxy: Proxy) -> None:
    """The gap is healed by a list that has reached the cursor, and watched on from there."""
    box.create("a")
    with front.start(box=box, client={"base_url": proxy.url}, backoff=SOON) as run:
        run.wait_until_open()
        box.patch("a", {"spec": {"number": 1}})
        run.take(1)
        with gap(run, box, proxy):
            cursor = run.status.resource_version
            box.delete("a")
        assert run.take(2)[1:] == [("deleted", "a")]
        run.wait_for(lambda: run.status.relists == 1)
    relist = run.lists[-1]
    assert relist == {
        "labelSelector": box.selector,
        "limit": "500",
        "resourceVersion": cursor,
        "resourceVersionMatch": "NotOlderThan",
    }
    assert run.cursor > int(cursor or 0)


def test_a_relist_of_several_pages_tells_the_difference_alone(
    front: Front, many: Box, proxy: Proxy
) -> None:
    """Of more objects than a page has, those that did not change are not repeated."""
    with front.start(box=many, client={"base_url": proxy.url}, backoff=SOON) as run:
        run.wait_until_open()
        with gap(run, many, proxy):
            many.patch("m-000", {"spec": {"gap": front.name}})
            many.patch("m-501", {"spec": {"gap": front.name}})
        changes = run.take(2, quiet=0.3)
    assert sorted(changes) == [("modified", "m-000"), ("modified", "m-501")]
    assert [params["limit"] for params in run.lists] == ["500"] * 4
    assert "continue" in run.lists[3]


def test_gaps_again_and_again(front: Front, box: Box, proxy: Proxy) -> None:
    """Each one is healed: the changes fold to what the server has."""
    with front.start(box=box, client={"base_url": proxy.url}, backoff=SOON) as run:
        run.wait_until_open()
        for number in range(3):
            with gap(run, box, proxy):
                box.create(f"n-{number}")
                if number:
                    box.delete(f"n-{number - 1}")
            run.wait_for(lambda count=number + 1: run.status.relists == count)  # type: ignore[misc]
        changes = run.take(5, quiet=0.05)
    assert sorted(changes) == [
        *(("created", f"n-{number}") for number in range(3)),
        *(("deleted", f"n-{number}") for number in range(2)),
    ]


def test_the_bookmark_after_a_relist(front: Front, box: Box, proxy: Proxy) -> None:
    """On request the end of what exists is marked, and so is that of each relist."""
    options: Object = {"allow_bookmarks": True, "send_initial_events": True, "backoff": SOON}
    with front.start(box=box, client={"base_url": proxy.url}, **options) as run:
        assert run.take(1) == [("bookmark", "")]
        with gap(run, box, proxy):
            box.create("a")
        run.wait_for(lambda: run.status.relists == 1)
        run.take(3, quiet=0.05)
    ends = {"k8s.io/initial-events-end": "true"}
    told = [  # the regular bookmarks apart
        (str(event_type), obj["metadata"].get("annotations"))
        for event_type, obj in run.events
        if event_type != "bookmark" or "annotations" in obj["metadata"]
    ]
    assert told == [("bookmark", ends), ("created", None), ("bookmark", ends)]


def test_a_gap_after_a_stored_cursor_is_an_error(front: Front, box: Box, proxy: Proxy) -> None:
    """What existed before a given cursor is not known: an ExpiredError that says what to do."""
    options: Object = {"resource_version": box.version(), "backoff": SOON}
    with front.start(box=box, client={"base_url": proxy.url}, **options) as run:
        run.wait_until_open()
        box.create("a")
        run.take(1)
        with gap(run, box, proxy):
            pass
        error = run.failure()
    assert isinstance(error, ExpiredError)
    assert "send_initial_events=True" in error.message
    assert run.changes == [("created", "a")]


# Silence


def test_s51_s53_half_open_connection_is_noticed_by_the_bookmarks_interval(
    fronts: list[Front], box: Box, others: Box, proxy: Proxy
) -> None:
    """Silence of 2.5 times the interval of the bookmarks ends a connection that has no end.

    The server sends one 2 s before the end of a watch, so that with 3 s the interval is 1 s, and
    known for one on the second connection: if something happens, for it sends none otherwise. The
    read timeout would be 33 s.
    """
    options: Object = {"allow_bookmarks": True, "timeout_seconds": 3, "backoff": SOON}
    with ExitStack() as stack:
        runs = [
            stack.enter_context(front.start(box=box, client={"base_url": proxy.url}, **options))
            for front in fronts
        ]
        for run in runs:
            run.wait_until_open()
        box.create("before")
        for number in range(100):
            if all(len(run.events) >= 3 for run in runs):
                break
            others.create(f"w{number}")
            time.sleep(0.1)
        for run in runs:
            assert run.changes[:3] == [("created", "before"), ("bookmark", ""), ("bookmark", "")]
        connects = [run.status.connects for run in runs]
        proxy.freeze()
        began = time.monotonic()
        box.create("meanwhile")
        for run, connected in zip(runs, connects, strict=True):
            run.wait_for(lambda run=run: ("created", "meanwhile") in run.changes)  # type: ignore[misc]
            assert run.status.connects == connected + 1
        assert 1 < time.monotonic() - began < 6
    for run in runs:
        assert isinstance(run.status.last_error, httpx.ReadTimeout)
        assert [change for change in run.changes if change[0] != "bookmark"] == [
            ("created", "before"),
            ("created", "meanwhile"),
        ]


def test_s51_half_open_connection_without_bookmarks_is_noticed_by_the_read_timeout(
    fronts: list[Front], box: Box, proxy: Proxy
) -> None:
    """It is what the server was asked for and 30 s: here a client makes 2 s of that."""
    asked: list[float] = []

    def hurry(request: httpx.Request) -> None:
        if "watch" in request.url.params:
            asked.append(request.extensions["timeout"]["read"])
            request.extensions["timeout"]["read"] = 2.0

    def hide_the_socket(response: httpx.Response) -> None:
        response.extensions.pop("network_stream")  # where there is none, httpx's timeout counts

    with ExitStack() as stack:
        runs = [
            stack.enter_context(
                front.start(
                    box=box,
                    client={"base_url": proxy.url},
                    change=hurry,
                    change_response=hide_the_socket,
                    backoff=SOON,
                    timeout_seconds=60,
                )
            )
            for front in fronts
        ]
        for run in runs:
            run.wait_until_open()
        proxy.freeze()
        began = time.monotonic()
        box.create("meanwhile")
        for run in runs:
            assert run.take(1) == [("created", "meanwhile")]
        assert 1 < time.monotonic() - began < 6
    assert set(asked) == {90.0}
    for run in runs:
        assert isinstance(run.status.last_error, httpx.ReadTimeout)


# Several namespaces


def both(box: Box, two_namespaces: tuple[str, str]) -> tuple[Box, Box]:
    one, two = two_namespaces
    return box.elsewhere(one), box.elsewhere(two)


@pytest.mark.parametrize("initial", [False, True], ids=["from-now", "initial"])
def test_several_namespaces_are_one_stream(
    front: Front, box: Box, two_namespaces: tuple[str, str], initial: bool
) -> None:
    """The changes of each come, in its order, and none of another one; each has a cursor."""
    one, two = both(box, two_namespaces)
    box.create("elsewhere")
    one.create("a")
    two.create("b")
    options: Object = {"namespace": list(two_namespaces), "send_initial_events": initial}
    with front.start(box=box, **options) as run:
        run.wait_until_synced(connects=2)
        existing = [("created", "a"), ("created", "b")] if initial else []
        assert sorted(run.take(len(existing), quiet=0.05)) == existing
        run.events.clear()
        versions: dict[str, list[str]] = {one.namespace: [], two.namespace: []}
        for number in range(5):
            for place in (one, two):
                obj = place.create(f"n-{number}")
                versions[place.namespace].append(obj["metadata"]["resourceVersion"])
            box.create(f"n-{number}")
        run.take(10, quiet=0.05)
        parts = run.status.namespaces
        cursors = {name: int(part.resource_version or 0) for name, part in parts.items()}
        assert run.cursor == min(cursors.values())
    found: dict[str, list[str]] = {}
    for event in run.events:
        found.setdefault(event.obj["metadata"]["namespace"], []).append(event.resource_version)
    assert found == versions
    assert all(cursors[namespace] >= int(versions[namespace][-1]) for namespace in versions)
    assert run.status.events == 10 + len(existing)


def test_s34_several_namespaces_go_on_from_their_cursors(
    front: Front, box: Box, two_namespaces: tuple[str, str]
) -> None:
    """A watch that is given `status.namespaces`' cursors goes on with the next event of each.

    One in which nothing happened has the cursor of the start.
    """
    one, two = both(box, two_namespaces)
    with front.start(box=box, namespace=two_namespaces) as run:
        run.wait_until_synced(connects=2)
        run.wait_for(lambda: run.status.resource_version is not None)
        one.create("a")
        run.take(1)
        cursors = {name: part.resource_version for name, part in run.status.namespaces.items()}
    one.delete("a")
    two.create("c")
    with front.start(box=box, namespace=two_namespaces, resource_version=cursors) as run:
        assert sorted(run.take(2, quiet=0.05)) == [("created", "c"), ("deleted", "a")]


def test_a_gap_in_one_of_several_namespaces(
    front: Front, box: Box, two_namespaces: tuple[str, str], proxy: Proxy
) -> None:
    """It is healed there, and the other one goes on."""
    one, two = both(box, two_namespaces)
    one.create("a")
    two.create("b")
    options: Object = {"namespace": two_namespaces, "backoff": SOON}
    with front.start(box=box, client={"base_url": proxy.url}, **options) as run:
        run.wait_until_synced(connects=2)

        with gap(run, one, proxy, f"/{two.namespace}/"):
            one.delete("a")
            two.delete("b")
        assert sorted(run.take(2, quiet=0.05)) == [("deleted", "a"), ("deleted", "b")]
    relists = {name: part.relists for name, part in run.status.namespaces.items()}
    assert relists == {one.namespace: 0, two.namespace: 1}
    assert run.status.relists == 1


@pytest.mark.parametrize("initial", [False, True], ids=["from-now", "initial"])
def test_a_namespace_without_rights_does_not_stop_the_other(
    front: Front, box: Box, two_namespaces: tuple[str, str], nobody: KubeConfig, initial: bool
) -> None:
    """It is followed as soon as it is allowed."""
    one, two = both(box, two_namespaces)
    one.create("a")
    two.create("b")

    def forbid(request: httpx.Request) -> None:
        """Ask for one of the namespaces in the name of one who has no rights."""
        if f"/{two.namespace}/" in request.url.path:
            assert nobody.auth is not None
            del request.headers["Authorization"]
            next(nobody.auth.auth_flow(request))

    options: Object = {"namespace": two_namespaces, "backoff": SOON, "change": forbid}
    with front.start(box=box, send_initial_events=initial, **options) as run:
        run.wait_until_open()
        one.create("c")
        told = run.take(2 if initial else 1, quiet=0.5)
        assert told == [("created", "a"), ("created", "c")][not initial :]
        allowed, forbidden = (run.status.namespaces[name] for name in two_namespaces)
        assert (allowed.synced, forbidden.synced, run.status.synced) == (True, False, False)
        assert (allowed.state, forbidden.connects) == ("watching", 0)
        assert getattr(forbidden.last_error, "code", None) == 403
        assert forbidden.resource_version is None
        assert allowed.last_error is None
        run.change = leave
        run.wait_until_synced(connects=2)
        two.create("d")
        more = [("created", "b"), ("created", "d")][not initial :]
        assert run.take(len(told) + len(more), quiet=0.05)[len(told) :] == more


def test_s11_no_rights_in_any_namespace(
    front: Front, two_namespaces: tuple[str, str], nobody: KubeConfig
) -> None:
    """Where each namespace is forbidden, the watch says so."""
    error: Any = Front(front.name, nobody).fails(
        kind=None,
        resource_path="/apis/example.com/v1/namespaces/{namespace}/widgets",
        namespace=two_namespaces,
        backoff=SOON,
    )
    assert error.code == 403


def threads() -> set[threading.Thread]:
    """Give the threads of this process, but for those of a fake server."""
    return {each for each in threading.enumerate() if "process_request" not in each.name}


def test_s56_several_namespaces_stop_promptly(
    front: Front, box: Box, two_namespaces: tuple[str, str]
) -> None:
    """Each connection ends, and each thread."""
    before = threads()
    with front.start(box=box, namespace=two_namespaces) as run:
        run.wait_until_synced(connects=2)
        time.sleep(0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 0.5
    assert run.error is None
    assert run.status.state == "ended"
    wait_for(lambda: threads() <= before, seconds=0.2)


def test_a_closed_watch_of_several_namespaces_leaves_no_thread(
    config: KubeConfig, box: Box, two_namespaces: tuple[str, str]
) -> None:
    """Closing the generator ends what waits for the namespaces, without a stop event."""
    one, _ = both(box, two_namespaces)
    one.create("a")
    with config.client() as client:
        before = threads()
        status = WatchStatus()
        options: Object = {"namespace": two_namespaces, "send_initial_events": True}
        events = watch(client, "Widget", label_selector=box.selector, status=status, **options)
        next(events)
        wait_for(lambda: status.connects == 2)  # one that waits for its answer may leave a thread
        assert threads() > before
        closing = threading.Thread(target=events.close, daemon=True)
        closing.start()
        closing.join(1)
        assert threads() <= before


# Killed programs

PROGRAM = """
import json, sys
from contextlib import aclosing
from pathlib import Path
import anyio
from kwatch import KubeConfig, WatchStatus, awatch, watch

front, kubeconfig, context, selector, path = sys.argv[1:]
config, log, status = KubeConfig.load(kubeconfig, context or None), Path(path), WatchStatus()
stored = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
cursors = [line["cursor"] for line in stored if line.get("cursor")]
if cursors:
    begin = {"resource_version": cursors[-1]}
else:
    begin = {"send_initial_events": True}
    log.write_text("")  # without a cursor, what was stored is worth nothing
options = {"label_selector": selector, "allow_bookmarks": True, "status": status, **begin}
out = log.open("ab", buffering=0)

def store(line):
    out.write(json.dumps(line).encode() + b"\\n")

def take(event):
    if event.event_type != "bookmark":
        store({"type": event.event_type, "name": event.obj["metadata"]["name"]})
    store({"cursor": status.resource_version})

async def run():
    async with config.async_client() as client:
        async with aclosing(awatch(client, "Widget", **options)) as events:
            async for event in events:
                take(event)

store({"start": begin})
if front == "watch":
    with config.client() as client:
        for event in watch(client, "Widget", **options):
            take(event)
else:
    anyio.run(run, backend=front.partition("-")[2])
"""

Change = tuple[str, str]


class Killed:
    """A program that stores each event and then its cursor, and is killed again and again."""

    def __init__(self, front: str, kubeconfig: str, box: Box, log: Path) -> None:
        context = os.environ.get("KWATCH_E2E_CONTEXT", "")
        arguments = [front, kubeconfig, context, box.selector, str(log)]
        self._command = [sys.executable, "-c", PROGRAM, *arguments]
        self._log = log
        self._chance = random.Random(front)
        self.kills = 0

    def kill(self, times: int) -> None:
        """Start it and kill it at a random moment, so many times."""
        for _ in range(times):
            enough = len(self._lines) + 3  # it has begun, and stored something
            self._run_until(lambda enough=enough: len(self._lines) >= enough)  # type: ignore[misc]
            self.kills += 1

    def finish(self, last: Change) -> None:
        """Let it run until it has stored this change."""
        self._run_until(lambda: last in self.replay()[1])

    def _run_until(self, condition: Callable[[], bool]) -> None:
        with subprocess.Popen(self._command) as process:
            try:
                wait_for(condition)
                time.sleep(self._chance.uniform(0.0, 0.2))
                assert process.poll() is None, "it ended by itself"
            finally:
                process.kill()

    @property
    def _lines(self) -> list[Object]:
        text = self._log.read_text() if self._log.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n"]

    def replay(self) -> tuple[list[Change], list[Change]]:
        """Give what existed at the first cursor, and the changes since.

        An event that was the last one before a kill, and without its cursor, may come again.
        """
        initial: list[Change] = []
        changes: list[Change] = []
        taken, lines = initial, self._lines
        for at, line in enumerate(lines):
            again = at > 1 and "start" in lines[at - 1] and lines[at - 2] == line
            if "type" in line and not again:
                taken.append((line["type"], line["name"]))
            elif line.get("cursor"):
                taken = changes
        return initial, changes


def write(box: Box, number: int) -> list[Change]:
    """Create an object, modify one and delete one; give the changes."""
    box.create(f"n-{number}")
    box.patch(f"n-{number}", {"spec": {"number": number}})
    box.delete(f"n-{number - 5}")
    names = [box.name(f"n-{at}") for at in (number, number - 5)]
    return [("created", names[0]), ("modified", names[0]), ("deleted", names[1])]


def test_s34_a_program_that_is_killed_misses_nothing(
    fronts: list[Front], box: Box, kubeconfig: str, tmp_path: Path
) -> None:
    """Killed by ``kill -9`` 5 times, it goes on from the cursor that it stored."""
    written: list[Change] = []
    for number in range(5):
        box.create(f"n-{number}")
        written.append(("created", box.name(f"n-{number}")))
    programs = [Killed(front.name, kubeconfig, box, tmp_path / front.name) for front in fronts]
    with ThreadPoolExecutor(len(programs)) as pool:
        killing = [pool.submit(program.kill, 5) for program in programs]
        for number in count(5):
            if all(future.done() for future in killing):
                break
            written += write(box, number)
            time.sleep(0.02)
        for future in killing:
            future.result()
        list(pool.map(lambda program: program.finish(written[-1]), programs))
    for program in programs:
        initial, changes = program.replay()
        before = len(written) - len(changes)
        assert changes == written[before:]
        existed: set[str] = set()
        for event_type, name in written[:before]:
            (existed.discard if event_type == "deleted" else existed.add)(name)
        assert sorted(initial) == [("created", name) for name in sorted(existed)]
        assert program.kills == 5
