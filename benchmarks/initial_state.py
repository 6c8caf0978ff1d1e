"""Have a watch begin with what exists, and say what that costs in memory and time.

Needs an API server::

    python benchmarks/initial_state.py --kubeconfig FILE

It creates custom resources there, and deletes them in the end. Each front end gets them by a list
in pages and by a streaming list, in a process of its own; it counts the events and drops them. The
growth is that of resident memory: the most while the watch ran, above what it was right before.
Exit status: 0 if all objects came and each growth is below 60 MB, and 1 otherwise.
"""

import argparse
import json
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import aclosing, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import psutil  # type: ignore[import-untyped]

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests are no part of the package

from kwatch import Event, KubeConfig, awatch, watch
from kwatch._snapshot import INITIAL_EVENTS_END
from tests.e2e.live import serve_widgets

LIMIT_MB = 60.0
THREADS = 16
PATH = "/apis/example.com/v1/namespaces/default/widgets"
LABEL = "initial-state"


@dataclass(frozen=True)
class Task:
    """What one process does."""

    front: str
    how: str
    kubeconfig: str
    size: int  # that of an object, which is its label as well


class Figures:
    """What the consumer of a watch sees."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.events = 0
        self.first = self.last = 0.0  # seconds until the first event, and until all had come
        self.growth = 0.0  # MB

    def take(self, event: Event) -> bool:
        """Count an event; tell whether it is the end of what exists."""
        if self.events == 0:
            self.first = time.monotonic() - self.began
        annotations = event.obj["metadata"].get("annotations") or {}
        if event.event_type == "bookmark":
            self.last = time.monotonic() - self.began
            return INITIAL_EVENTS_END in annotations
        self.events += 1
        return False


class Memory:
    """Watches the resident memory of this process, from a thread, 200 times a second."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._before = self._most = self._now()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def growth(self) -> float:
        """The most since the beginning, above that, in MB."""
        return (self._most - self._before) / 1e6

    def _now(self) -> int:
        resident: int = self._process.memory_info().rss
        return resident

    def _look(self) -> None:
        while not self._over.wait(0.005):
            self._most = max(self._most, self._now())


def measure(task: Task) -> Figures:
    """Take what exists; the body of a process of its own."""
    config = KubeConfig.load(task.kubeconfig)
    options: dict[str, Any] = {
        "label_selector": {LABEL: str(task.size)},
        "send_initial_events": True,
        "allow_bookmarks": True,
    }

    def refuse(request: httpx.Request) -> None:
        if task.how == "LIST":  # without this parameter the server refuses to stream a list
            request.url = request.url.copy_remove_param("resourceVersionMatch")

    async def refuse_async(request: httpx.Request) -> None:
        refuse(request)

    def run() -> Figures:
        with config.client(event_hooks={"request": [refuse]}) as client, Memory() as memory:
            figures = Figures()
            with closing(watch(client, "Widget", **options)) as events:
                any(figures.take(event) for event in events)
        figures.growth = memory.growth
        return figures

    async def run_async() -> Figures:
        hooks = {"request": [refuse_async]}
        async with config.async_client(event_hooks=hooks) as client:
            with Memory() as memory:
                figures = Figures()
                async with aclosing(awatch(client, "Widget", **options)) as events:
                    async for event in events:
                        if figures.take(event):
                            break
        figures.growth = memory.growth
        return figures

    return run() if task.front == "watch" else anyio.run(run_async)


def widget(number: int, size: int) -> bytes:
    """Make an object of about so many bytes, with a structure like that of a pod."""
    metadata = {"name": f"{LABEL}-{size}-{number}", "labels": {LABEL: str(size)}}
    env: list[dict[str, str]] = []
    obj = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata}
    body = b""
    while len(body) < size - 300:  # what the server adds
        value = f"{number * 31 + len(env):032x}"
        env += [{"name": f"VARIABLE_{len(env)}", "value": value} for _ in range(4)]
        body = json.dumps(obj | {"spec": {"containers": [{"name": "main", "env": env}]}}).encode()
    return body


def each(what: str, call: Callable[[int], httpx.Response], numbers: Iterable[int]) -> None:
    """Send many requests side by side; say how long that took."""
    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        for response in pool.map(call, numbers):
            if response.status_code not in (httpx.codes.CONFLICT, httpx.codes.NOT_FOUND):
                response.raise_for_status()
    print(f"{what} them: {time.monotonic() - began:.0f} s")


def compare(kubeconfig: str, size: int, count: int) -> bool:
    """Measure each front end, both ways; print a table; tell whether all was well."""
    print(f"\n{'':18}{'growth, MB':>12}{'first event, s':>16}{'all, s':>9}{'events':>9}")
    good = True
    for front in ("watch", "awatch"):
        for how in ("LIST", "streaming list"):
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                task = Task(front, how, kubeconfig, size)
                figures = pool.submit(measure, task).result(timeout=600)
            numbers = f"{figures.growth:12.1f}{figures.first:16.3f}{figures.last:9.1f}"
            print(f"{front + ', ' + how:22}{numbers}{figures.events:9,}", flush=True)
            good &= figures.events == count and figures.growth < LIMIT_MB
    return good


def main() -> int:
    """Create the objects, measure, and delete them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--objects", type=int, default=50_000)
    parser.add_argument("--bytes", type=int, default=5_000, help="of each object")
    parser.add_argument("--keep", action="store_true", help="leave the objects there")
    options = parser.parse_args()
    size, numbers = options.bytes, range(options.objects)
    headers = {"Content-Type": "application/json"}
    with KubeConfig.load(options.kubeconfig).client(timeout=60.0) as client:
        serve_widgets(client)
        try:
            each(
                f"{options.objects:,} objects: created",
                lambda n: client.post(PATH, content=widget(n, size), headers=headers),
                numbers,
            )
            stored = client.get(f"{PATH}/{LABEL}-{size}-0").raise_for_status().content
            print(f"an object: {len(stored):,} bytes")
            good = compare(options.kubeconfig, size, options.objects)
        finally:
            if not options.keep:
                each("deleted", lambda n: client.delete(f"{PATH}/{LABEL}-{size}-{n}"), numbers)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
