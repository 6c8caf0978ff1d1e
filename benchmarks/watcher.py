"""Measure what a `Watcher` costs beyond a watch, and see whether it keeps its promises.

Needs no cluster: a server in a process of its own writes the events::

    python benchmarks/watcher.py

It looks at the events in a second next to a bare loop; at a handler that is 100 times slower than
the stream; at messages that are sent between the events; and at ``stop()`` in the middle of a read.
Exit status: 1 if an event or a message was lost, repeated or out of order, if a slow handler had
the memory grow by 20 MB, or if a stop took 100 ms or left a thread or a connection behind; else 0.
"""

import argparse
import gc
import json
import logging
import multiprocessing
import re
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import aclosing, closing, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import anyio
import httpx
import psutil  # type: ignore[import-untyped]
from werkzeug.wrappers import Request, Response

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests are no part of the package

from benchmarks.initial_state import Memory
from kwatch import AsyncWatcher, NoReply, Stop, Watcher, awatch, watch
from kwatch.testing import FakeAPIServer
from kwatch.testing._http import has_hung_up
from tests.worlds import WORLDS, world

LIMIT_MB = 20.0
LIMIT_MS = 100.0
SLOWER = 100
SMALL = 300  # bytes
SENDERS = 8
CHUNK = 65_536
PAUSE_SECONDS = 0.0005  # between the messages of a thread that sends slowly
READ_SECONDS = 0.003  # so long after the head, a watch is blocked in a read
FIRST = 2  # the resource version of the first event
NAMES = {
    "threads": ("watch", "Watcher"),
    "asyncio": ("awatch, asyncio", "AsyncWatcher, asyncio"),
    "trio": ("awatch, trio", "AsyncWatcher, trio"),
}


# The server, in a process of its own


def frame(number: int, size: int) -> bytes:
    """Make an event of so many bytes, or a few more."""
    metadata = {
        "name": f"pod-{number % 50}",
        "namespace": "default",
        "uid": f"{number % 50:032x}",
        "resourceVersion": str(FIRST + number),
    }
    env: list[dict[str, str]] = []
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    line = b""
    while len(line) < size:
        spec = {"number": number, "containers": [{"name": "main", "env": env}]}
        event = {"type": "MODIFIED", "object": obj | {"spec": spec}}
        line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
        env.append({"name": f"VARIABLE_{len(env)}", "value": f"{number * 31 + len(env):016x}"})
    return line


class Streams:
    """Answers ``/streams/SIZE-KEY`` with events of that size, as fast as they are read.

    After the last one, a stream stays open. ``/written/KEY`` tells how many events were written to
    those of that key.
    """

    def __init__(self, events: int, sizes: Iterable[int]) -> None:
        self._frames = {size: [frame(number, size) for number in range(events)] for size in sizes}
        self._written: Counter[str] = Counter()

    def answer(self, request: Request) -> Response:
        """Answer a request."""
        what = request.path.rpartition("/")[2]
        if "/written/" in request.path:
            return Response(str(self._written[what]))
        size, _, key = what.partition("-")
        begin = int(request.args["resourceVersion"]) + 1 - FIRST
        connection = request.environ["werkzeug.socket"]
        chunks = self._chunks(self._frames[int(size)][begin:], CHUNK // int(size), key, connection)
        return Response(chunks, content_type="application/json")

    def _chunks(
        self, frames: list[bytes], count: int, key: str, connection: Any
    ) -> Iterator[bytes]:
        yield b""  # the headers go out
        for first in range(0, len(frames), count):
            some = frames[first : first + count]
            yield b"".join(some)
            self._written[key] += len(some)
        while not has_hung_up(connection):
            time.sleep(0.05)


def serve(pipe: Connection, events: int, sizes: list[int]) -> None:
    """Be the server until told to end."""
    logging.getLogger("werkzeug").disabled = True
    streams = Streams(events, sizes)
    with FakeAPIServer() as server:
        path = re.compile("/(streams|written)/.*")
        server.http.expect_request(path).respond_with_handler(streams.answer)
        pipe.send(server.url)
        pipe.recv()


@contextmanager
def serving(events: int, sizes: list[int]) -> Iterator[str]:
    """Have a server; give its URL."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, events, sizes))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join()


@dataclass(frozen=True)
class Stream:
    """A stream of the server."""

    url: str
    events: int
    size: int
    key: str = "any"

    def options(self, after: int = 0) -> dict[str, Any]:
        """Give what to watch, from right after so many events."""
        path = f"/streams/{self.size}-{self.key}"
        return {"resource_path": path, "resource_version": str(FIRST + after - 1)}

    def written(self) -> int:
        """Ask how many events the server has written."""
        return int(httpx.get(f"{self.url}/written/{self.key}").text)


# The watchers


class _Tally:
    """Sees whether events and messages come once, in order; stops when all have come.

    Its state is the number of events.
    """

    def __init__(self, stream: Stream, *, delay: float = 0.0, messages: int = 0) -> None:
        self.stream = stream
        self.delay = delay
        self.messages = messages
        self.wrong = 0
        self.is_over = False  # whether the last event has come
        self.ahead = 0  # in the middle of the events, how many more the server has written
        self.flowing = threading.Event()
        self.sent: Counter[int] = Counter()  # by sender
        self.last_message = (0.0, 0)  # when it came, and after how many events

    def take(self, obj: dict[str, Any], state: int) -> NoReply[int] | Stop[int]:
        number = obj["spec"]["number"]
        self.wrong += number != state
        self.is_over = number == self.stream.events - 1
        self.flowing.set()
        if self.delay and state == self.stream.events // 2:
            self.ahead = self.stream.written() - state
        return self.next(state + 1)

    def handle_info(self, message: tuple[int, int], state: int) -> NoReply[int] | Stop[int]:
        sender, number = message
        self.wrong += self.sent[sender] != number
        self.sent[sender] += 1
        self.messages -= 1
        self.last_message = time.perf_counter(), state
        return self.next(state)

    def next(self, state: int) -> NoReply[int] | Stop[int]:
        if not self.is_over or self.messages > 0:
            return NoReply(state)
        return Stop("normal", state)


class Tally(_Tally, Watcher[int]):
    """In a thread."""

    def handle_event(self, _: Any, obj: Any, state: int) -> NoReply[int] | Stop[int]:
        """Take an event, and as long as it is told to."""
        if self.delay:
            time.sleep(self.delay)
        return self.take(obj, state)


class AsyncTally(_Tally, AsyncWatcher[int]):
    """In a task."""

    async def handle_event(self, _: Any, obj: Any, state: int) -> NoReply[int] | Stop[int]:
        """Take an event, and as long as it is told to."""
        if self.delay:
            await anyio.sleep(self.delay)
        return self.take(obj, state)


def tally(front: str, stream: Stream, **options: Any) -> Tally | AsyncTally:
    """Make a watcher."""
    return Tally(stream, **options) if front == "threads" else AsyncTally(stream, **options)


# Events per second


def bare(stream: Stream) -> int:
    """Loop over a stream; give how many events were wrong."""
    wrong = number = 0
    with (
        httpx.Client(base_url=stream.url) as client,
        closing(watch(client, **stream.options())) as events,
    ):
        for _, obj in events:
            wrong += obj["spec"]["number"] != number
            number += 1
            if obj["spec"]["number"] == stream.events - 1:
                break
    return wrong


async def abare(stream: Stream) -> int:
    """Be the twin of `bare`."""
    wrong = number = 0
    async with (
        httpx.AsyncClient(base_url=stream.url) as client,
        aclosing(awatch(client, **stream.options())) as events,
    ):
        async for _, obj in events:
            wrong += obj["spec"]["number"] != number
            number += 1
            if obj["spec"]["number"] == stream.events - 1:
                break
    return wrong


def folded(stream: Stream) -> int:
    """Have a watcher see a stream; give how many events were wrong."""
    watcher = Tally(stream)
    with httpx.Client(base_url=stream.url) as client:
        watcher.run(client, init_arg=0, **stream.options())
    return watcher.wrong


async def afolded(stream: Stream) -> int:
    """Be the twin of `folded`."""
    watcher = AsyncTally(stream)
    async with httpx.AsyncClient(base_url=stream.url) as client:
        await watcher.run(client, init_arg=0, **stream.options())
    return watcher.wrong


def timed(front: str, stream: Stream, *, is_bare: bool) -> tuple[float, int]:
    """Give the seconds that a stream takes, and how many events were wrong."""
    gc.collect()
    began = time.perf_counter()
    if front == "threads":
        wrong = bare(stream) if is_bare else folded(stream)
    else:
        wrong = anyio.run(abare if is_bare else afolded, stream, backend=front)
    return time.perf_counter() - began, wrong


def compare(stream: Stream, rounds: int) -> tuple[dict[str, float], bool]:
    """Print the events per second; give each loop's seconds per event; tell if all was well."""
    seconds: dict[tuple[str, bool], list[float]] = {}
    total = 0
    for _ in range(rounds):
        for front in WORLDS:
            for is_bare in (True, False):
                taken, wrong = timed(front, stream, is_bare=is_bare)
                seconds.setdefault((front, is_bare), []).append(taken)
                total += wrong
    bytes_each = len(frame(stream.events - 1, stream.size))
    print(f"\nEvents per second, of {bytes_each:,} bytes: median of {rounds} rounds")
    print(f"{'':18}{'loop':>9}{'watcher':>9}{'ratio':>7}")
    alone = {}
    for front in WORLDS:
        loops, watchers = seconds[front, True], seconds[front, False]
        alone[front] = statistics.median(loops) / stream.events
        rate = stream.events / statistics.median(watchers)
        ratio = statistics.median(a / b for a, b in zip(loops, watchers, strict=True))
        print(f"{NAMES[front][0]:18}{1 / alone[front]:9,.0f}{rate:9,.0f}{ratio:7.2f}", flush=True)
    if total:
        print(f"{total} events were wrong")
    return alone, total == 0


# A slow handler


@dataclass(frozen=True)
class Slow:
    """What one process does."""

    front: str
    stream: Stream
    delay: float  # seconds


@dataclass(frozen=True)
class SlowFigures:
    """What came of it."""

    handled: int
    wrong: int
    seconds: float
    growth: float  # MB
    ahead: int

    @property
    def is_good(self) -> bool:
        """Whether no event was wrong, and the memory did not grow."""
        return self.wrong == 0 and self.growth < LIMIT_MB


def handle_slowly(task: Slow) -> SlowFigures:
    """Have a watcher see a stream with a slow handler; the body of a process of its own."""
    watcher = tally(task.front, task.stream, delay=task.delay)
    with world(task.front) as where:
        client = where.client(task.stream.url)
        began = time.perf_counter()
        with Memory() as memory:
            options = task.stream.options()
            handle = where.call(watcher.start_link, client, init_arg=0, **options)
            handled = handle.result(600)
        seconds = time.perf_counter() - began
    return SlowFigures(handled, watcher.wrong, seconds, memory.growth, watcher.ahead)


def compare_slow(stream: Stream, alone: dict[str, float]) -> bool:
    """Have all fronts handle a stream slowly, side by side; print a table; tell if all was well."""
    tasks = [
        Slow(front, replace(stream, key=front), SLOWER * seconds)
        for front, seconds in alone.items()
    ]
    with ProcessPoolExecutor(len(tasks), multiprocessing.get_context("spawn")) as pool:
        results = list(pool.map(handle_slowly, tasks))
    each = len(frame(stream.events - 1, stream.size))
    print(f"\nA handler that is {SLOWER} times slower than the stream of {each:,} bytes")
    titles = f"{'ms each':>9}{'s':>8}{'handled':>9}{'wrong':>7}{'growth, MB':>12}{'ahead, MB':>11}"
    print(f"{'':22}{titles}")
    for task, got in zip(tasks, results, strict=True):
        line = f"{task.delay * 1e3:9.2f}{got.seconds:8.1f}{got.handled:9,}{got.wrong:7}"
        ahead = got.ahead * each / 1e6
        print(f"{NAMES[task.front][1]:22}{line}{got.growth:12.1f}{ahead:11.1f}", flush=True)
    return all(got.is_good and got.handled == stream.events for got in results)


# Messages


def send_all(handle: Any, messages: int, pause: float) -> None:
    """Send messages from several threads at once, each of them its own numbers."""

    def send(sender: int) -> None:
        for number in range(messages // SENDERS):
            handle.send((sender, number))
            if pause:
                time.sleep(pause)

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def exchange(front: str, stream: Stream, messages: int, pause: float) -> bool:
    """Send messages while events come; print a line of figures; tell if all was well."""
    watcher = tally(front, stream, messages=messages)
    with world(front) as where:
        client = where.client(stream.url)
        handle = where.call(watcher.start_link, client, init_arg=0, **stream.options())
        watcher.flowing.wait()
        began, before = time.perf_counter(), handle.state
        send_all(handle, messages, pause)
        sent = time.perf_counter() - began
        events = handle.result(60)
    until, after = watcher.last_message
    came = sum(watcher.sent.values())
    name = NAMES[front][1] + (", slowly" if pause else "")
    rates = f"{messages / sent:11,.0f}{messages / (until - began):11,.0f}"
    print(f"{name:30}{rates}{after - before:10,}{came:9,}{watcher.wrong:7}", flush=True)
    counts = dict.fromkeys(range(SENDERS), messages // SENDERS)
    return watcher.wrong == 0 and events == stream.events and watcher.sent == counts


def compare_messages(stream: Stream, messages: int) -> bool:
    """Send messages to each front; print a table; tell if all was well."""
    print(f"\n{messages:,} messages from {SENDERS} threads, while events come")
    print(f"{'':30}{'sent/s':>11}{'handled/s':>11}{'events':>10}{'came':>9}{'wrong':>7}")
    good = True
    for front in WORLDS:
        for pause in (0.0, PAUSE_SECONDS):
            good &= exchange(front, stream, messages, pause)
    return good


# Stops in the middle of a read


class Rest:
    """What must be gone after a stop."""

    def __init__(self, url: str) -> None:
        self._port = httpx.URL(url).port
        self._threads = set(threading.enumerate())
        self.connected = self.left = 0

    def connections(self) -> int:
        """Count the connections to the server."""
        found = psutil.Process().net_connections("tcp")
        peers = [c.raddr.port for c in found if c.raddr and c.status == psutil.CONN_ESTABLISHED]
        return peers.count(self._port)

    def see_open(self) -> None:
        """Count the connections that there are."""
        self.connected += self.connections()

    def see_closed(self) -> None:
        """Count the connections, and the threads that were not there before."""
        self.left += self.connections() + len(set(threading.enumerate()) - self._threads)


def stops(stream: Stream, count: int) -> tuple[list[float], Rest]:
    """Stop watchers that are blocked in a read; give the seconds, and what was left behind."""
    seconds = []
    rest = Rest(stream.url)
    with httpx.Client(base_url=stream.url) as client:
        for _ in range(count):
            options = stream.options(after=stream.events)
            handle = Tally(stream).start_link(client, init_arg=0, **options)
            while not handle.status.connects:
                time.sleep(READ_SECONDS)
            time.sleep(READ_SECONDS)
            rest.see_open()
            began = time.perf_counter()
            handle.stop()
            seconds.append(time.perf_counter() - began)
            rest.see_closed()
    return seconds, rest


async def astops(stream: Stream, count: int) -> tuple[list[float], Rest]:
    """Be the twin of `stops`."""
    seconds = []
    rest = Rest(stream.url)
    async with httpx.AsyncClient(base_url=stream.url) as client:
        for _ in range(count):
            options = stream.options(after=stream.events)
            handle = await AsyncTally(stream).start_link(client, init_arg=0, **options)
            while not handle.status.connects:  # noqa: ASYNC110 - it has no event
                await anyio.sleep(READ_SECONDS)
            await anyio.sleep(READ_SECONDS)
            rest.see_open()
            began = time.perf_counter()
            await handle.stop()
            seconds.append(time.perf_counter() - began)
            rest.see_closed()
    return seconds, rest


def compare_stops(stream: Stream, count: int) -> bool:
    """Stop watchers of each front; print a table; tell if all was well."""
    print(f"\n{count} times stop(), in the middle of a read")
    print(f"{'':22}{'median, ms':>12}{'worst, ms':>11}{'connected':>11}{'left':>6}")
    good = True
    for front in WORLDS:
        if front == "threads":
            seconds, rest = stops(stream, count)
        else:
            seconds, rest = anyio.run(astops, stream, count, backend=front)
        median, worst = statistics.median(seconds) * 1e3, max(seconds) * 1e3
        line = f"{median:12.2f}{worst:11.2f}{rest.connected:11}{rest.left:6}"
        print(f"{NAMES[front][1]:22}{line}", flush=True)
        good &= worst < LIMIT_MS and rest.connected == count and rest.left == 0
    return good


def main() -> int:
    """Measure all of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--bytes", type=int, default=2_000, help="of each event")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--stops", type=int, default=100)
    options = parser.parse_args()
    with serving(options.events, [SMALL, options.bytes]) as url:
        small = Stream(url, options.events, SMALL)
        large = Stream(url, options.events, options.bytes)
        _, good = compare(small, options.rounds)
        alone, is_good = compare(large, options.rounds)
        good &= is_good
        good &= compare_messages(large, options.messages)
        good &= compare_stops(large, options.stops)
        good &= compare_slow(large, alone)
    print("\nall is well" if good else "\nA CHECK HAS FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
