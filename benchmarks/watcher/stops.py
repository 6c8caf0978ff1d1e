"""Stops in the middle of a read, and what they leave behind."""

import statistics
import threading
import time

import anyio
import httpx
import psutil  # type: ignore[import-untyped]

from benchmarks.watcher.server import Stream
from benchmarks.watcher.tally import NAMES, AsyncTally, Tally
from tests.worlds import WORLDS

READ_SECONDS = 0.003
"""So long after the head, a watch is blocked in a read."""

LIMIT_MS = 100.0
"""Each stop must take less."""


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
