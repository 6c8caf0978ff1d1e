"""What it costs to begin with what exists: 50,000 pods.

Each client gets it as its documentation says: by a list, and a watch from there, or by a watch
that begins with it.
"""

import json
import os
from collections.abc import Iterator
from time import perf_counter

from benchmarks.peers.kinds import FIRST_VERSION, KINDS, PODS, Kind
from benchmarks.peers.measurement import Measurement, Metric
from benchmarks.peers.memory import peak, reset_peak, resident
from benchmarks.peers.peer import Watching
from benchmarks.peers.run import drive
from benchmarks.peers.server import Exchange, World, chunk, page

PODS_COUNT = int(os.environ.get("KWATCH_BENCH_PODS", "50000"))
"""So many exist."""

VERSION = FIRST_VERSION + PODS_COUNT
"""That of the list."""

PER_CHUNK = 10
"""So many items of a list are in an HTTP chunk, and events in a write: 60 kB."""


class State:
    """What exists at some resource version, as items of a list and as events."""

    def __init__(self, version: int, items: dict[int, bytes], events: dict[int, bytes]) -> None:
        self.version = version
        self._items = list(items.values())
        self._events = list(events.values())

    def send_list(self, exchange: Exchange) -> None:
        """Answer a list: all of it, or the page that is asked for."""
        first = int(exchange.query.get("continue", 0))
        limit = int(exchange.query.get("limit", 0)) or len(self._items)
        end = min(first + limit, len(self._items))
        token = str(end) if end < len(self._items) else ""
        head = page(PODS, self.version, [], token).removesuffix(b"]}")
        exchange.begin_chunks()
        for items in _groups(self._items, first, end):
            exchange.send_chunks(chunk(head + b",".join(items)))
            head = b","
        exchange.send_chunks(chunk(b"]}" if end > first else head + b"]}"))
        exchange.end_chunks()

    def send_events(self, exchange: Exchange) -> None:
        """Begin a watch with what exists; a streaming list has a bookmark at its end."""
        exchange.begin_chunks()
        for events in _groups(self._events, 0, len(self._events)):
            exchange.send_chunks(b"".join(events))
        if exchange.query.get("sendInitialEvents") == "true":
            exchange.send_chunks(chunk(_bookmark(self.version)))


class Initial(World):
    """Has pods that never change."""

    def __init__(self) -> None:
        self.items = {number: PODS.item(number) for number in range(PODS_COUNT)}
        self.events = {number: added(number) for number in range(PODS_COUNT)}
        self.state = State(VERSION, self.items, self.events)

    def list(self, exchange: Exchange, kind: Kind) -> None:
        """List them."""
        assert kind is PODS
        self.state.send_list(exchange)

    def watch(self, exchange: Exchange, kind: Kind) -> None:
        """Send them, unless a list has, and then nothing."""
        assert kind is PODS
        if wants_existing(exchange):
            self.state.send_events(exchange)
        else:
            exchange.begin_chunks()
        exchange.wait_for_hangup()


def added(number: int, *, version: int = 0) -> bytes:
    """Give the HTTP chunk of an event that tells that a pod exists."""
    return chunk(PODS.event(number, frame_type="ADDED", version=version))


def wants_existing(exchange: Exchange) -> bool:
    """Tell whether a watch is to begin with what exists."""
    query = exchange.query
    return "sendInitialEvents" in query or query.get("resourceVersion", "0") in ("", "0")


def _groups(parts: list[bytes], first: int, end: int) -> Iterator[list[bytes]]:
    for start in range(first, end, PER_CHUNK):
        yield parts[start : min(start + PER_CHUNK, end)]


def _bookmark(version: int) -> bytes:
    annotations = {"k8s.io/initial-events-end": "true"}
    metadata = {"resourceVersion": str(version), "annotations": annotations}
    obj = {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": {"containers": None}}
    return json.dumps({"type": "BOOKMARK", "object": obj}).encode() + b"\n"


def measure(watching: type[Watching], url: str, case: str) -> dict[str, float]:
    """Give seconds, from before the client is made, and MB."""
    seen = bytearray(PODS_COUNT)
    count = 0
    first = last = 0.0

    def take(obj: object) -> bool:
        nonlocal count, first, last
        first = first or perf_counter()
        seen[int(watching.version_of(obj)) - FIRST_VERSION] += 1
        count += 1
        if count == PODS_COUNT:
            last = perf_counter()
        return count == PODS_COUNT

    reset_peak()
    before = resident()
    began = perf_counter()
    drive(watching, url, KINDS[case], None, take)
    assert seen == b"\x01" * PODS_COUNT, f"{PODS_COUNT - seen.count(1)} pods came not once"
    most = peak()
    return {"first": first - began, "all": last - began, "peak": most, "growth": most - before}


MEASUREMENT = Measurement(
    name="initial",
    title=f"Initial state of {PODS_COUNT:,} pods",
    world=Initial,
    cases=(PODS.plural,),
    metrics=(
        Metric("first", "s to the first event", lower_is_better=True),
        Metric("all", "s to all events", lower_is_better=True),
        Metric("peak", "MB at the peak", lower_is_better=True),
        Metric("growth", "MB above what it was before", lower_is_better=True),
    ),
    seconds=240.0,
    skipped={"httpx, bytes": "decodes nothing, so that it sees no pods"},
)
