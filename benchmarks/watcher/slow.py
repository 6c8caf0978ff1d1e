"""A slow handler, and the memory that it costs."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from benchmarks.initial_state import Memory
from benchmarks.watcher.server import Stream, frame
from benchmarks.watcher.tally import NAMES, tally
from tests.worlds import world

SLOWER = 100
"""So many times slower than the stream the handler is."""

LIMIT_MB = 20.0
"""The memory must grow by less."""


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
