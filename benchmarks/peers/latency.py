"""How long an event takes from the server's write to the consumer, at 100 events a second.

The resource version of each event is the time at which it is written, by the clock that all
processes of the machine have in common.
"""

import time

from benchmarks.peers.kinds import FIRST_VERSION, KINDS, PODS, Kind
from benchmarks.peers.measurement import Measurement, Metric
from benchmarks.peers.peer import Watching
from benchmarks.peers.run import drive
from benchmarks.peers.server import Exchange, World, chunk

INTERVAL_SECONDS = 0.01
WARM_UP = 100
"""So many events come first, and do not count."""

EVENTS = 500
"""So many count."""

OBJECTS = 100
"""So many objects they are of, modified in turn."""

SINCE = str(FIRST_VERSION - 1)
_TIME = 8_888_888_888_888_888


class Ticking(World):
    """Sends an event at each tick, and then nothing."""

    def __init__(self) -> None:
        text = str(_TIME).encode()
        events = [PODS.event(number, version=_TIME).split(text) for number in range(OBJECTS)]
        self._parts = [(before, after) for before, after in events]

    def watch(self, exchange: Exchange, kind: Kind) -> None:
        """Send them, of pods."""
        assert kind is PODS
        exchange.begin_chunks()
        tick = time.monotonic()
        for number in range(WARM_UP + EVENTS):
            tick += INTERVAL_SECONDS
            time.sleep(max(0.0, tick - time.monotonic()))
            before, after = self._parts[number % OBJECTS]
            exchange.send_chunks(chunk(b"%b%d%b" % (before, time.monotonic_ns(), after)))
        exchange.wait_for_hangup()


def measure(watching: type[Watching], url: str, case: str) -> dict[str, float]:
    """Give the latencies, in ms."""
    written: list[int] = []
    taken: list[int] = []

    def take(obj: object) -> bool:
        taken.append(time.monotonic_ns())
        written.append(int(watching.version_of(obj)))
        return len(taken) == WARM_UP + EVENTS

    drive(watching, url, KINDS[case], SINCE, take)
    assert len(taken) == WARM_UP + EVENTS, f"{len(taken)} events"
    assert written == sorted(set(written)), "events are repeated, or in another order"
    late = [(end - begin) / 1e6 for begin, end in zip(written, taken, strict=True)][WARM_UP:]
    late.sort()
    assert late[0] > 0, "the processes have no clock in common"
    return {"p50": late[EVENTS // 2], "p99": late[EVENTS * 99 // 100], "worst": late[-1]}


MEASUREMENT = Measurement(
    name="latency",
    title="Latency at 100 events a second",
    world=Ticking,
    cases=(PODS.plural,),
    metrics=(
        Metric("p50", "ms, median", lower_is_better=True),
        Metric("p99", "ms, p99", lower_is_better=True),
        Metric("worst", "ms, worst", lower_is_better=True),
    ),
    seconds=60.0,
    skipped={"httpx, bytes": "decodes nothing, so that it sees no time"},
)
