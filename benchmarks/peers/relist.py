"""What a gap costs: 50,000 pods are known, 10 have changed, and the server has forgotten how.

A watch that has been quiet for a while is told 410 (Expired), as is each that begins where it did.
What exists by then differs in 10 pods: 4 are modified, 3 are deleted, 3 are new. The relist ends
when the consumer was handed the last object that a client gives for that, which is followed by an
event that marks the end.

kwatch hands over the 10 changes, and SharedInformer them and each pod that has not changed. With
all others, the consumer gets all pods that exist once more, and has to find out itself what was
deleted. kopf lists again by itself; lightkube raises an error, after which what its documentation
says is done: list again, and watch from there. Others that raise one do not take part where that
takes them minutes: what they do then is what `benchmarks.peers.initial` measures.
"""

import asyncio
import inspect
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.request import urlopen

from benchmarks.peers.initial import (
    PODS_COUNT,
    VERSION,
    Initial,
    State,
    added,
    wants_existing,
)
from benchmarks.peers.kinds import FIRST_VERSION, KINDS, PODS, Kind
from benchmarks.peers.measurement import Measurement, Metric
from benchmarks.peers.memory import peak, reset_peak, resident
from benchmarks.peers.peer import Watching
from benchmarks.peers.server import Exchange, chunk

QUIET_SECONDS = 3.0
"""So long the first watch brings nothing, once what exists has come."""

SETTLE_SECONDS = 1.5
"""After so much of it, the memory is what it was before the relist."""

ATTEMPTS = 2
"""So often a client is asked for all, which raises an error when it is told 410."""

MODIFIED = range(0, PODS_COUNT, PODS_COUNT // 4)[:4]
DELETED = range(1, PODS_COUNT, PODS_COUNT // 3)[:3]
CREATED = range(PODS_COUNT, PODS_COUNT + 3)
TOLD = {VERSION + 1 + number for number in range(len(MODIFIED) + len(CREATED))}
"""The resource versions of what is modified, and of what is new."""

GONE = {FIRST_VERSION + number for number in DELETED}
UNCHANGED = PODS_COUNT - len(MODIFIED) - len(DELETED)
NEW_VERSION = max(TOLD) + 1


class Relist(Initial):
    """Forgets what happened before, once a watch has been quiet for a while."""

    def __init__(self) -> None:
        super().__init__()
        items, events = dict(self.items), dict(self.events)
        for number in DELETED:
            del items[number], events[number]
        for version, number in zip(sorted(TOLD), (*MODIFIED, *CREATED), strict=True):
            items[number] = PODS.item(number, version=version)
            events[number] = added(number, version=version)
        self._states = (self.state, State(NEW_VERSION, items, events))
        self._begin()

    def _begin(self) -> None:
        self.state = self._states[0]
        self._watched = threading.Event()
        self._expired_at = 0

    def other(self, path: str) -> Any:
        """Begin anew, for another client; or wait until there is a watch that is quiet."""
        if path == "/begin":
            self._begin()
        elif path == "/watched":
            self._watched.wait()
        return {"path": path}

    def watch(self, exchange: Exchange, kind: Kind) -> None:
        """Send what exists where that is asked for; then 410, or the mark."""
        assert kind is PODS
        state = self.state
        if wants_existing(exchange):
            state.send_events(exchange)
        else:
            exchange.begin_chunks()
            if exchange.query["resourceVersion"] != str(NEW_VERSION):
                state = self._states[0]
        if state is self._states[0]:
            self._expire(exchange)
        else:
            exchange.send_chunks(chunk(PODS.event(0, version=self._expired_at)))
            exchange.wait_for_hangup()

    def _expire(self, exchange: Exchange) -> None:
        if self.state is self._states[0]:
            self._watched.set()
            if exchange.wait_for_hangup(QUIET_SECONDS):
                return
            self.state = self._states[1]
            self._expired_at = time.monotonic_ns()
        exchange.send_chunks(chunk(_EXPIRED))
        exchange.end_chunks()


_EXPIRED = (
    b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",'
    b'"message":"too old resource version","reason":"Expired","code":410}}\n'
)


class Consumer:
    """What sees the objects.

    Attributes:
        before: The memory before the relist, in MB.
        seconds: How long the relist took.
        handed: How many objects were handed over in it.
    """

    def __init__(self, version_of: Callable[[Any], str]) -> None:
        self._version_of = version_of
        self._seen = bytearray(PODS_COUNT)  # how often, by what their versions were at first
        self._first = 0  # how many came before the relist
        self._told: list[int] = []
        self._last = 0
        self.before = self.seconds = 0.0
        self.handed = 0

    def take(self, obj: object) -> bool:
        """Take one; tell whether it is the mark."""
        now = time.monotonic_ns()
        version = int(self._version_of(obj))
        if version > NEW_VERSION:
            self.seconds = (self._last - version) / 1e9
            return True
        if version < VERSION:
            self._seen[version - FIRST_VERSION] += 1
        else:
            self._told.append(version)
        if self._first < PODS_COUNT:
            self._first += 1
        else:
            self.handed += 1
            self._last = now
        return False

    def attend(self, url: str) -> None:
        """Note the memory, when the first watch is quiet."""
        urlopen(f"{url}/watched").close()
        time.sleep(SETTLE_SECONDS)
        if self._first == PODS_COUNT and not self.handed:
            reset_peak()
            self.before = resident()

    def check(self) -> None:
        """Fail unless all came that was to come, and nothing else."""
        assert self.before, "the memory was not noted between what existed and the relist"
        assert sorted(self._told) == sorted(TOLD), f"changes came as {self._told}"
        again = bytes(seen - 1 for seen in self._seen)
        unchanged = again.count(1) - sum(again[version - FIRST_VERSION] for version in GONE)
        deleted = sum(again[version - FIRST_VERSION] for version in GONE)
        assert deleted in (0, len(GONE)), f"{deleted} deletions"
        assert unchanged in (0, UNCHANGED), f"{unchanged} unchanged pods"
        assert deleted or unchanged, "nothing tells what was deleted"
        assert self.handed == len(TOLD) + deleted + unchanged, f"{self.handed} objects"


def measure(watching: type[Watching], url: str, case: str) -> dict[str, float]:
    """Give seconds since the server told of the gap, MB beyond what it was, and objects."""
    assert KINDS[case] is PODS
    urlopen(f"{url}/begin").close()
    consumer = Consumer(watching.version_of)
    threading.Thread(target=consumer.attend, args=(url,), daemon=True).start()
    if inspect.iscoroutinefunction(watching.watch):
        asyncio.run(_watch_async(watching, url, consumer))
    else:
        _watch(watching, url, consumer)
    growth = peak() - consumer.before
    consumer.check()
    return {"seconds": consumer.seconds, "memory": growth, "handed": consumer.handed}


def _watch(watching: type[Watching], url: str, consumer: Consumer) -> None:
    client = watching(url)
    for _ in range(ATTEMPTS):  # not within `except`, where the error would keep what the first held
        try:
            client.watch(PODS, None, consumer.take)
            break
        except Exception as error:
            if not _is_expired(error):
                raise


async def _watch_async(watching: type[Watching], url: str, consumer: Consumer) -> None:
    client = watching(url)
    for _ in range(ATTEMPTS):
        watch = client.watch(PODS, None, consumer.take)
        assert watch is not None
        try:
            await watch
            break
        except Exception as error:
            if not _is_expired(error):
                raise


def _is_expired(error: Exception) -> bool:
    """Tell whether an error is a 410, of one of the clients that raise such."""
    status = getattr(error, "status", None)
    return getattr(status, "code", status) == 410


MEASUREMENT = Measurement(
    name="relist",
    title=f"Relist of {PODS_COUNT:,} known pods, 10 of which have changed",
    world=Relist,
    cases=(PODS.plural,),
    metrics=(
        Metric("seconds", "s from the 410 to the last object", lower_is_better=True),
        Metric("memory", "MB above what it was before", lower_is_better=True),
        Metric("handed", "objects handed over", lower_is_better=True),
    ),
    seconds=300.0,
    skipped={
        "httpx, bytes": "no client: it has no answer to 410",
        "httpx + ijson.items": "no client: it has no answer to 410",
        "httpx + split + orjson": "no client: it has no answer to 410",
        **dict.fromkeys(
            ("kubernetes Watch, models", "kubernetes DynamicClient", "kubernetes_asyncio"),
            "raises an error: what follows is another list by hand, as in the initial state",
        ),
        "kubernetes Watch, raw": "raises KeyError: 'raw_object' when it is told 410",
        "kr8s": "asks for the version that is gone again and again, without an end",
    },
)
