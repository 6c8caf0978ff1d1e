"""Events per second, of a bare loop and of a watcher."""

import gc
import statistics
import time
from contextlib import aclosing, closing

import anyio
import httpx

from benchmarks.watcher.server import Stream, frame
from benchmarks.watcher.tally import NAMES, AsyncTally, Tally
from kwatch import awatch, watch
from tests.worlds import WORLDS


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
