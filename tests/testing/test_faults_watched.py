"""What a watch makes of each fault: nothing is lost, and nothing comes twice."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest

from kwatch import Backoff, Event, KubeConfig
from kwatch.testing import DEFAULT_RESOURCES, FakeAPIServer, faults
from kwatch.testing.faults import Fault
from tests.e2e.live import Front, Run, wait_for
from tests.front import FRONTS

Change = tuple[str, str, str]

PODS = DEFAULT_RESOURCES[0]
CODES = (401, 403, 404, 429, 500, 502, 503, 504)
FAST = Backoff(initial=0.01, maximum=0.05)
PATIENCE_SECONDS = 0.07  # that a watch is left alone before it is cut, for the next fault to strike
BEGIN = faults.cut(after=300)  # in the second object: whatever comes next is not the first failure


def middle(make: Any, **more: Any) -> list[Fault]:
    """A fault among the objects that exist; at the beginning of a resumed watch; later in it."""
    return [BEGIN, make(700, **more), faults.healthy(), make(0, **more), make(350, **more)]


def errors(*codes: int, **more: Any) -> list[Fault]:
    """Each as an ERROR, as the first event and as the third."""
    return [faults.error(code, after, **more) for code in codes for after in (0, 2)]


def twice(fault: Fault) -> list[Fault]:
    """A fault of a whole answer: before what exists, and before the watch is resumed."""
    return [BEGIN, fault, faults.healthy(), fault]


SCRIPTS = {
    "cut": middle(faults.cut),
    "reset": middle(faults.reset),
    "stall": middle(faults.stall, seconds=0.05),
    "drip": twice(faults.drip(size=200, interval=0.001)),
    "refuse": twice(faults.refuse(seconds=0.1)),
    "http": [BEGIN, faults.http(503), faults.healthy(), *map(faults.http, CODES)],
    "http-403": twice(faults.http(403)),
    "http-429": twice(faults.http(429, retry_after=0)),
    "error": [BEGIN, faults.error(500, 3), faults.healthy(), *errors(429), *errors(500, 504)],
    "no-end-bookmark": [faults.no_end_bookmark(), faults.healthy(), faults.no_end_bookmark()],
    "repeat": [BEGIN, faults.repeat(3), faults.healthy(), faults.repeat(1), faults.repeat(20)],
    "gzip": twice(faults.gzip()),
    "hold-headers": [*twice(faults.hold_headers()), faults.hold_headers(seconds=0.03)],
    "truncate": [
        BEGIN,
        faults.truncate(3),
        faults.healthy(),
        faults.truncate(),
        faults.truncate(2),
    ],
    "bad-day": [
        *(faults.cut(400), faults.healthy(), faults.reset(), faults.refuse(0.05), faults.http(503)),
        *(faults.healthy(), faults.healthy()),  # of which the second sees at least 5 events
        *(faults.repeat(5), faults.http(401), faults.truncate(1), faults.gzip(), faults.cut(100)),
    ],
}
"""What goes wrong without a gap."""

GAPS = {
    "http-410": twice(faults.http(410)),
    "error-410": [BEGIN, faults.error(410, 3), faults.healthy(), *errors(410)],
    "corrupt": [faults.healthy(), *errors(500, reason="StorageReadError")],
    "bad-day": [faults.healthy(), faults.error(410, 1), faults.http(410), faults.cut(100)],
}
"""What goes wrong with one."""

LISTS = {
    "cut": [faults.cut(0), faults.cut(500)],
    "reset": [faults.reset(0), faults.reset(500)],
    "stall": [faults.stall(500, seconds=0.05)],
    "drip": [faults.drip(size=300, interval=0.001)],
    "refuse": [faults.refuse(seconds=0.1)],
    "http": [faults.http(code) for code in CODES],
    "gzip": [faults.gzip()],
    "hold-headers": [faults.hold_headers(seconds=0.05)],
}
"""What goes wrong with the list that heals a gap."""


@dataclass
class History:
    """Pods that come, change and go, one step at a time."""

    server: FakeAPIServer
    changes: list[Change] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def steps(self, number: int) -> None:
        for _ in range(number):
            self.step()

    def step(self) -> None:
        """Create two pods and change both; then one of them goes, and comes back."""
        number = next(self.numbers)
        turn, name = divmod(number, 6)
        match name:
            case 0 | 1:
                self._note("created", self.server.create("Pod", f"p{turn}-{name}"))
            case 2 | 3:
                status = {"phase": f"step {number}"}
                pod = self.server.patch("Pod", f"p{turn}-{name - 2}", status=status)
                self._note("modified", pod)
            case 4:
                self._note("deleted", self.server.delete("Pod", f"p{turn}-0"))
            case _:
                self._note("created", self.server.create("Pod", f"p{turn}-0"))

    def _note(self, event_type: str, obj: dict[str, Any]) -> None:
        metadata = obj["metadata"]
        self.changes.append((event_type, metadata["name"], metadata["resourceVersion"]))


def changes(events: list[Event]) -> list[Change]:
    return [
        (str(event_type), obj["metadata"]["name"], obj["metadata"]["resourceVersion"])
        for event_type, obj in events
    ]


def folded(events: list[Event]) -> dict[str, Any]:
    """What is there, as the events tell it."""
    state: dict[str, Any] = {}
    for event_type, obj in list(events):
        name = obj["metadata"]["name"]
        if event_type == "deleted":
            state.pop(name, None)
        else:
            state[name] = {key: obj[key] for key in ("metadata", "status") if key in obj}
    return state


def present(server: FakeAPIServer) -> dict[str, Any]:
    """What is there."""
    objects = server.save().objects.get(PODS, {})
    return {
        obj["metadata"]["name"]: {key: obj[key] for key in ("metadata", "status") if key in obj}
        for obj in objects.values()
    }


def meet_all(history: History, run: Run) -> int:
    """Let time go by until each fault has struck; how many changes were made until all was there.

    Where a watch is well, it is cut, so that the next fault strikes.
    """
    server, synced = history.server, len(history.changes)
    until = time.monotonic() + 10
    cut_at = time.monotonic() + PATIENCE_SECONDS
    while server.unmet or not run.status.synced:
        history.step()
        time.sleep(0.005)
        if run.error is not None:
            raise run.error
        assert time.monotonic() < until, f"{server.unmet} faults unmet"
        if not run.status.synced:
            synced = len(history.changes)
        if time.monotonic() > cut_at:
            server.disconnect()
            cut_at = time.monotonic() + PATIENCE_SECONDS
    return synced + 1


@pytest.fixture
def server() -> Iterator[FakeAPIServer]:
    with FakeAPIServer(bookmark_interval=0.1) as server:
        yield server


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest, server: FakeAPIServer, tmp_path: Path) -> Front:
    path = tmp_path / "config"
    path.write_text(server.kubeconfig())
    return Front(request.param, KubeConfig.load(path))


@contextmanager
def watching(front: Front, **options: Any) -> Iterator[Run]:
    with front.start("Pod", send_initial_events=True, backoff=FAST, **options) as run:
        yield run


def end(history: History, run: Run, relists: int = 0) -> None:
    """Some more steps, then wait for the watch to know all."""
    history.steps(8)
    run.wait_for(lambda: run.status.relists >= relists)
    run.wait_for(lambda: folded(run.events) == present(history.server))


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_each_change_comes_once(front: Front, server: FakeAPIServer, script: list[Fault]) -> None:
    """In the server's order, from the moment on when all that existed was there."""
    history = History(server)
    history.steps(8)
    server.script(*script)
    with watching(front) as run:
        synced = meet_all(history, run)
        end(history, run)
    seen = changes(run.events)
    assert run.status.relists == 0
    assert len(set(seen)) == len(seen)
    later = history.changes[synced:]
    assert len(later) >= 8
    assert seen[-len(later) :] == later


@pytest.mark.parametrize("script", GAPS.values(), ids=GAPS)
def test_a_gap_is_healed(front: Front, server: FakeAPIServer, script: list[Fault]) -> None:
    """In the end the watch knows what is there, and no state of an object came twice."""
    history = History(server)
    history.steps(8)
    server.script(*script)
    with watching(front) as run:
        meet_all(history, run)
        end(history, run, relists=1)
    states = [change for change in changes(run.events) if change[0] != "deleted"]
    assert len(set(states)) == len(states)


@pytest.mark.parametrize("script", LISTS.values(), ids=LISTS)
def test_a_gap_is_healed_by_a_list_that_fails(
    front: Front, server: FakeAPIServer, script: list[Fault]
) -> None:
    history = History(server)
    history.steps(8)
    server.script(faults.healthy(), faults.error(410, after=1))
    server.script(*script, on="list")
    with watching(front) as run:
        meet_all(history, run)
        end(history, run, relists=1)
    states = [change for change in changes(run.events) if change[0] != "deleted"]
    assert run.status.relists == 1
    assert len(set(states)) == len(states)


def test_a_server_that_went_back_in_time_is_noticed(front: Front, server: FakeAPIServer) -> None:
    """What was undone is undone; states of before that get the same versions cannot be told."""
    names = (f"pod-{number}" for number in count())
    for name in islice(names, 20):
        server.create("Pod", name)
    with watching(front) as run:
        run.wait_for(lambda: folded(run.events) == present(server))
        server.script(faults.back_in_time(8))
        server.disconnect()
        wait_for(lambda: server.unmet == 0)
        server.create("Pod", next(names))
        run.wait_for(lambda: folded(run.events) == present(server))
        assert len(present(server)) == 13
        run.wait_for(lambda: run.status.relists == 1)


def test_a_watch_that_stalls_for_ever_is_noticed(front: Front, server: FakeAPIServer) -> None:
    """By its bookmarks, which come no more; nothing is lost."""
    history = History(server)
    history.steps(8)
    with watching(front) as run:
        run.wait_for(lambda: folded(run.events) == present(server))
        synced = len(history.changes)
        time.sleep(0.35)  # three bookmarks
        server.script(faults.stall(after=100))
        server.disconnect()
        end(history, run)
    assert server.unmet == 0
    assert changes(run.events)[-8:] == history.changes[synced:]
    assert run.status.relists == 0


@pytest.mark.parametrize("code", [401, 403, 404, 500, 502])
def test_the_first_failure_shows_itself(front: Front, server: FakeAPIServer, code: int) -> None:
    server.script(faults.http(code))
    server.script(faults.http(code), on="list")  # 403 may also mean that there is no streaming list
    with watching(front) as run:
        assert getattr(run.failure(), "code", None) == code
