"""How many events a second a watch gives that has more to read than it can take."""

from time import perf_counter

from benchmarks.peers.kinds import FIRST_VERSION, KINDS, LEASES, PODS, WORKFLOWS, Kind
from benchmarks.peers.measurement import Measurement, Metric
from benchmarks.peers.peer import Watching
from benchmarks.peers.run import drive
from benchmarks.peers.server import Exchange, World, chunk

EVENTS = {PODS.plural: 20_000, LEASES.plural: 150_000, WORKFLOWS.plural: 1_000}
"""So many there are of each kind: 120, 47 and 111 MB."""

OBJECTS = 1_000
"""So many objects they are of, modified in turn."""

MAX_SECONDS = 2.0
"""After so long, the rate is clear."""

LOOK = 64
"""How often the clock is read, in events."""

CASES = tuple(EVENTS)
SINCE = str(FIRST_VERSION - 1)


class Stream(World):
    """Sends all events at once to each watch, and then nothing."""

    def __init__(self) -> None:
        self._chunks = {name: _chunks(KINDS[name], count) for name, count in EVENTS.items()}

    def watch(self, exchange: Exchange, kind: Kind) -> None:
        """Send them."""
        exchange.begin_chunks()
        exchange.send_chunks(self._chunks[kind.plural])
        exchange.wait_for_hangup()


def _chunks(kind: Kind, count: int) -> bytes:
    events = (
        chunk(kind.event(number % OBJECTS, version=FIRST_VERSION + number))
        for number in range(count)
    )
    return b"".join(events)


def measure(watching: type[Watching], url: str, case: str) -> dict[str, float]:
    """Give the events per second, from the first one on."""
    last = EVENTS[case] - 1
    number = -1
    began = ended = 0.0

    def take(_: object) -> bool:
        nonlocal number, began, ended
        number += 1
        if number % LOOK and number < last:
            return False
        ended = perf_counter()
        began = began or ended
        return number == last or ended - began > MAX_SECONDS

    drive(watching, url, KINDS[case], SINCE, take)
    return {"rate": number / (ended - began)}


MEASUREMENT = Measurement(
    name="throughput",
    title="Throughput",
    world=Stream,
    cases=CASES,
    metrics=(Metric("rate", "events/s"),),
    skipped={"kubernetes SharedInformer, workflows": "has no objects without models"},
)
