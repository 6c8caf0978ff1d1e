"""See whether a watcher that fails again and again has the right state in the end.

Needs an API server::

    python benchmarks/supervised.py --kubeconfig FILE

A supervised watcher mirrors custom resources in a dict, which each of its lives begins anew with
``send_initial_events=True``. Its handler raises by chance, while a thread creates, modifies and
deletes the objects. In the end, once nothing comes any more, the dict must equal the server's list;
and once more, after one more object and a failure at that. A command given by ``--restart``, which
returns when the server is there again, is run at half time; the handler does not raise then, for a
watcher that begins while the server is away fails at once. Exit status: 0 if state and list are
equal both times and the supervisor held, and 1 otherwise.
"""

import argparse
import logging
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests are no part of the package

from kwatch import AsyncWatcher, KubeConfig, NoReply, Ok, Watcher, WatcherFailed
from tests.e2e.live import Box, serve_widgets
from tests.worlds import World, world

PATIENCE_SECONDS = 60.0
QUIET_SECONDS = 3.0

State = dict[str, tuple[str, Any]]
"""The resource version and the spec of each object, by name."""


class HandlerError(Exception):
    """What the handler raises."""


@dataclass
class Journal:
    """What all lives of the watcher have in common."""

    chance: random.Random
    probability: float
    is_calm: bool = False  # whether the handler raises nothing
    is_due: bool = False  # whether it raises at the next event
    begun: list[float] = field(default_factory=list)  # when each life has
    events: int = 0
    raised: int = 0
    last_event: float = 0.0

    def handle(self, event_type: Any, obj: dict[str, Any], state: State) -> NoReply[State]:
        """Fold an event over the state, or raise."""
        self.events += 1
        self.last_event = time.monotonic()
        if self.is_due or (not self.is_calm and self.chance.random() < self.probability):
            self.is_due = False
            self.raised += 1
            raise HandlerError(f"number {self.raised}")
        name = obj["metadata"]["name"]
        if event_type == "deleted":
            del state[name]
        else:
            state[name] = fields(obj)
        return NoReply(state)

    def most_within(self, seconds: float) -> int:
        """Give the highest number of restarts within so many seconds."""
        restarts = self.begun[1:]
        return max((sum(0 <= t - u <= seconds for u in restarts) for t in restarts), default=0)


class _Mirror:
    """Begins each life with an empty state."""

    journal: Journal

    def init(self, init_arg: Journal) -> Ok[State]:
        self.journal = init_arg
        self.journal.begun.append(time.monotonic())
        return Ok({})


class Mirror(_Mirror, Watcher[State]):
    """In a thread."""

    def handle_event(self, event_type: Any, obj: Any, state: State) -> NoReply[State]:
        """Handle an event."""
        return self.journal.handle(event_type, obj, state)


class AsyncMirror(_Mirror, AsyncWatcher[State]):
    """In a task."""

    async def handle_event(self, event_type: Any, obj: Any, state: State) -> NoReply[State]:
        """Handle an event."""
        return self.journal.handle(event_type, obj, state)


class Widgets(Box):
    """The objects of this run."""

    def listed(self) -> State:
        """Give what the server has."""
        listed = self._answer(self._client.get(self._path, params={"labelSelector": self.selector}))
        return {obj["metadata"]["name"]: fields(obj) for obj in listed["items"]}


class Writer:
    """Creates, modifies and deletes objects by chance, in a thread, until the context ends."""

    def __init__(self, box: Widgets, objects: int, rate: float, seed: int) -> None:
        self.changes = self.failures = 0
        self._box = box
        self._objects = objects
        self._seconds = 1 / rate
        self._chance = random.Random(seed)
        self._alive: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._over.wait(self._seconds):
            try:
                self._turn(f"w-{self._chance.randrange(self._objects)}")
            except httpx.HTTPError:  # the server is away, or has done before what was asked
                self.failures += 1
                self._look()

    def _turn(self, name: str) -> None:
        spec = {"change": self.changes, "text": "x" * self._chance.choice((10, 1_000, 5_000))}
        if name not in self._alive:
            self._box.create(name, spec)
            self._alive.add(name)
        elif self._chance.random() < 0.7:
            self._box.patch(name, {"spec": spec})
        else:
            self._box.delete(name)
            self._alive.remove(name)
        self.changes += 1

    def _look(self) -> None:
        """Find out what is there, as soon as the server tells."""
        while not self._over.wait(0.1):
            try:
                prefix = f"{self._box.key}-"
                self._alive = {name.removeprefix(prefix) for name in self._box.listed()}
            except httpx.HTTPError:
                continue
            return


def fields(obj: dict[str, Any]) -> tuple[str, Any]:
    """Give what is compared of an object."""
    return obj["metadata"]["resourceVersion"], obj.get("spec")


@contextmanager
def supervised(
    where: World, options: argparse.Namespace, box: Widgets, journal: Journal
) -> Iterator[Any]:
    """Have a supervisor with one watcher."""
    config = KubeConfig.load(options.kubeconfig)
    mirror: Any = AsyncMirror if where.is_async else Mirror
    client = where.call(config.async_client if where.is_async else config.client)
    try:
        spec = mirror.child_spec(
            client,
            "Widget",
            init_arg=journal,
            namespace=box.namespace,
            label_selector=box.selector,
            send_initial_events=True,
        )
        limits = {"max_restarts": options.max_restarts, "max_seconds": options.max_seconds}
        with where.supervisor([spec], **limits) as supervisor:
            yield supervisor
    finally:
        where.call(client.aclose if where.is_async else client.close)


def watching(supervisor: Any) -> Any:
    """Wait until the watcher has seen what exists; give its handle."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        supervisor.join(0.0)  # raises what it has ended of
        [(_, handle, _)] = supervisor.which_children()
        if handle is not None and handle.is_alive() and handle.status.synced:
            return handle
        time.sleep(0.01)
    raise TimeoutError(f"the watcher has not begun in {PATIENCE_SECONDS} s")


def wait_for_quiet(journal: Journal) -> None:
    """Wait until no event has come for a while, nor is one due."""
    until = time.monotonic() + PATIENCE_SECONDS
    while journal.is_due or time.monotonic() < journal.last_event + QUIET_SECONDS:
        if time.monotonic() > until:
            raise TimeoutError(f"it is not as it should be within {PATIENCE_SECONDS} s")
        time.sleep(0.05)


def let_fail(supervisor: Any, options: argparse.Namespace, journal: Journal) -> None:
    """Let time pass, and restart the server in the middle of it, if that is asked for."""
    began = time.monotonic()
    if options.restart:
        time.sleep(options.seconds / 2)
        journal.is_calm = True
        watching(supervisor)
        subprocess.run(options.restart, shell=True, check=True)
        journal.is_calm = False
    while supervisor.is_alive() and time.monotonic() < began + options.seconds:
        time.sleep(0.1)


def compare(supervisor: Any, box: Widgets, journal: Journal) -> int:
    """Wait until it is quiet; print what differs; give how many objects do."""
    wait_for_quiet(journal)
    state, server = watching(supervisor).state, box.listed()
    names = sorted(state.keys() | server.keys())
    different = [name for name in names if state.get(name) != server.get(name)]
    for name in different:
        print(f"{name}: watcher {state.get(name)!r:.200}, server {server.get(name)!r:.200}")
    return len(different)


def run(options: argparse.Namespace, box: Widgets) -> bool:
    """Do all of it; print figures; tell if all was well."""
    journal = Journal(random.Random(options.seed), options.probability)
    writer = Writer(box, options.objects, options.rate, options.seed)
    with (
        world("asyncio" if options.is_async else "threads") as where,
        supervised(where, options, box, journal) as supervisor,
    ):
        with writer:
            let_fail(supervisor, options, journal)
        different = compare(supervisor, box, journal)
        journal.is_calm = journal.is_due = True
        box.create("last", {"text": "the last"})
        different_then = compare(supervisor, box, journal)
    most, limit = journal.most_within(options.max_seconds), options.max_restarts
    figures = {
        "changes written": writer.changes + 1,
        "requests of the writer that failed": writer.failures,
        "events": journal.events,
        "raised by the handler": journal.raised,
        "restarts": len(journal.begun) - 1,
        f"most restarts within {options.max_seconds:g} s, of {limit}": most,
        "objects in the end": len(box.listed()),
        "objects that differ": different,
        "and after one more failure": different_then,
    }
    for what, figure in figures.items():
        print(f"{what:40}{figure:8,}")
    return different == different_then == 0 and journal.raised > 1


def main() -> int:
    """Run it, and delete the objects."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--async", action="store_true", dest="is_async", help="on asyncio")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--restart", metavar="CMD", help="restarts the server, at half time")
    parser.add_argument("--objects", type=int, default=50)
    parser.add_argument("--rate", type=float, default=200.0, help="changes per second, at most")
    parser.add_argument("--probability", type=float, default=0.005, help="that an event raises")
    parser.add_argument("--max-restarts", type=int, default=20)
    parser.add_argument("--max-seconds", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="log each failure and restart")
    options = parser.parse_args()
    logging.getLogger("kwatch").setLevel("WARNING" if options.verbose else "CRITICAL")
    with KubeConfig.load(options.kubeconfig).client(timeout=10.0) as client:
        serve_widgets(client)
        box = Widgets(client)
        try:
            good = run(options, box)
        except (WatcherFailed, RuntimeError, TimeoutError) as error:
            print(error)
            good = False
        finally:
            box.clean_up()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
