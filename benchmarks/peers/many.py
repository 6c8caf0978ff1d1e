"""What 200 watches in one process cost, of one client, while nothing happens and when much does.

A synchronous client has a thread for each watch, with a stack of the default size; an asynchronous
one a task in one loop. SharedInformer has two threads: its own, and the one that waits for it.
What a client makes for each watch, such as a context for TLS, belongs to that watch.
"""

import asyncio
import inspect
import json
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

from benchmarks.peers.kinds import FIRST_VERSION, KINDS, LEASES, Kind
from benchmarks.peers.measurement import Measurement, Metric
from benchmarks.peers.memory import resident
from benchmarks.peers.peer import Watching
from benchmarks.peers.server import Exchange, World, chunk

WATCHES = 200
EVENTS = 500
"""So many events each watch is sent."""

OPEN_SECONDS = 60.0
"""So long it may take until all watches are open."""

SETTLE_SECONDS = 2.0
IDLE_SECONDS = 3.0
MAX_SECONDS = 5.0
"""After so long, the events that have come by then are counted."""

SINCE = str(FIRST_VERSION - 1)


class Gate:
    """What the watches of one run wait at."""

    def __init__(self) -> None:
        self.watches = 0
        self.is_open = threading.Event()


class Crowd(World):
    """Sends all events to all watches, once it is told ``/go``."""

    def __init__(self) -> None:
        self._events = b"".join(chunk(LEASES.event(number)) for number in range(EVENTS))
        self._lock = threading.Lock()
        self._gate = Gate()

    def watch(self, exchange: Exchange, kind: Kind) -> None:
        """Send them, of leases."""
        assert kind is LEASES
        exchange.begin_chunks()
        gate = self._gate
        with self._lock:
            gate.watches += 1
        gate.is_open.wait()
        exchange.send_chunks(self._events)
        exchange.wait_for_hangup()

    def other(self, path: str) -> Any:
        """Tell how many watches there are; ``/begin`` forgets them."""
        if path == "/go":
            self._gate.is_open.set()
        elif path == "/begin":
            self._gate.is_open.set()  # for those that a run has left
            self._gate = Gate()
        return {"watches": self._gate.watches}


class Count:
    """The events of one watch: each is to come once, in order."""

    def __init__(self, version_of: Callable[[Any], str]) -> None:
        self._version_of = version_of
        self.events = 0
        self.ended = 0.0
        self.error: Exception | None = None

    def take(self, obj: object) -> bool:
        """Count one; tell whether it is the last."""
        version = self._version_of(obj)
        if int(version) != FIRST_VERSION + self.events:
            self.error = ValueError(f"after {self.events} events comes version {version}")
        self.events += 1
        if self.events == EVENTS:
            self.ended = time.perf_counter()
        return self.events == EVENTS


class Run:
    """All watches of one process.

    Args:
        watching: The client.
        url: Where the server is.
    """

    def __init__(self, watching: type[Watching], url: str) -> None:
        self._watching = watching
        self._url = url
        self._counts = [Count(watching.version_of) for _ in range(WATCHES)]
        self._ask("begin")

    def in_threads(self) -> dict[str, float]:
        """Measure a synchronous client."""
        client = self._watching(self._url)
        before = resident()

        def follow(count: Count) -> None:
            try:
                client.watch(LEASES, SINCE, count.take)
            except Exception as error:
                count.error = error

        for count in self._counts:
            threading.Thread(target=follow, args=(count,), daemon=True).start()
        return self._attend(before)

    async def in_tasks(self) -> dict[str, float]:
        """Measure an asynchronous one."""
        client = self._watching(self._url)
        before = resident()

        async def follow(count: Count) -> None:
            watch = client.watch(LEASES, SINCE, count.take)
            assert watch is not None
            try:
                await watch
            except Exception as error:
                count.error = error

        tasks = [asyncio.create_task(follow(count)) for count in self._counts]
        figures = await asyncio.to_thread(self._attend, before)
        for task in tasks:
            task.cancel()
        return figures

    def _attend(self, before: float) -> dict[str, float]:
        """Wait for the watches, let them be idle, have them get the events."""
        self._wait(lambda: self._ask("count") == WATCHES, OPEN_SECONDS)
        assert self._ask("count") == WATCHES, f"{self._ask('count')} watches are open"
        time.sleep(SETTLE_SECONDS)
        kilobytes = (resident() - before) * 1000 / WATCHES
        busy = time.process_time()
        time.sleep(IDLE_SECONDS)
        idle = (time.process_time() - busy) / IDLE_SECONDS * 100
        assert not any(count.events for count in self._counts), "events before there are any"
        began = time.perf_counter()
        self._ask("go")
        self._wait(lambda: all(count.ended for count in self._counts), MAX_SECONDS)
        done = sum(count.events for count in self._counts)
        ended = [count.ended or time.perf_counter() for count in self._counts]
        self._check()
        assert done > 0, "no events"
        return {"memory": kilobytes, "idle": idle, "rate": done / (max(ended) - began)}

    def _wait(self, condition: Callable[[], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        while not condition() and time.monotonic() < until:
            self._check()
            time.sleep(0.02)

    def _check(self) -> None:
        for count in self._counts:
            if count.error is not None:
                raise count.error

    def _ask(self, what: str) -> int:
        with urlopen(f"{self._url}/{what}") as response:
            return int(json.load(response)["watches"])


def measure(watching: type[Watching], url: str, case: str) -> dict[str, float]:
    """Give kB per idle watch, % of a core for all of them, and events/s of all together."""
    assert KINDS[case] is LEASES
    run = Run(watching, url)
    if inspect.iscoroutinefunction(watching.watch):
        return asyncio.run(run.in_tasks())
    return run.in_threads()


MEASUREMENT = Measurement(
    name="many",
    title="200 watches in one process",
    world=Crowd,
    cases=(LEASES.plural,),
    metrics=(
        Metric("memory", "kB per idle watch", lower_is_better=True),
        Metric("idle", "% of a core for all, idle", lower_is_better=True),
        Metric("rate", "events/s of all together"),
    ),
    seconds=120.0,
    skipped={"httpx, bytes": "decodes nothing, so that it sees no order"},
)
