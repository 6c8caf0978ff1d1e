"""Watch the oddest objects that a server takes, and say how much memory that costs.

A loopback server sends what a real API server sent: text with U+0085, U+2028 and an emoji,
integers beyond 64 bits, ``1e+300``, and objects nested 500, 5,000 and 9,000 deep::

    python benchmarks/odd_memory.py

Exit status: 0 if all objects came and the growth is below 256 MiB, and 1 otherwise.
"""

import multiprocessing
import resource
import socket
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import httpx

from kwatch import awatch, watch

FIXTURE = Path(__file__).parents[1] / "tests/fixtures/widgets-odd-objects-1.36.http"
PATH = "/apis/example.com/v1/widgets"
LIMIT_MIB = 256


class Seen(NamedTuple):
    """One object that was yielded."""

    name: str
    depth: int
    peak_mib: float  # how far the largest resident memory is above that of the start


def serve(listener: socket.socket, response: bytes) -> None:
    """Answer each connection's first request with the recording, and leave it open."""
    while True:
        connection, _ = listener.accept()
        while b"\r\n\r\n" not in connection.recv(65_536):
            pass
        connection.sendall(response)


def measure(front: str, url: str, count: int) -> list[Seen]:
    """Watch so many objects; the body of a process of its own."""
    seen: list[Seen] = []
    before = peak()

    def take(obj: dict[str, Any]) -> bool:
        seen.append(Seen(obj["metadata"]["name"], depth(obj), peak() - before))
        return len(seen) == count

    async def consume() -> None:
        async with httpx.AsyncClient(base_url=url) as client:
            events = awatch(client, resource_path=PATH, resource_version="1")
            async for _, obj in events:
                if take(obj):
                    break
            await events.aclose()

    if front == "watch":
        with httpx.Client(base_url=url) as client:
            for _, obj in watch(client, resource_path=PATH, resource_version="1"):
                if take(obj):
                    break
    else:
        anyio.run(consume)
    return seen


def peak() -> float:
    """Give the process's largest resident memory so far, MiB."""
    unit = 1 if sys.platform == "darwin" else 1_024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def depth(value: Any) -> int:
    """Give how deep an object is nested."""
    levels, level = 0, [value]
    while level := [
        inner
        for outer in level
        for inner in (outer.values() if isinstance(outer, dict) else outer)
        if isinstance(inner, dict | list)
    ]:
        levels += 1
    return levels


def main() -> int:
    """Measure both front ends, print a table."""
    response = FIXTURE.read_bytes()
    count = response.count(b'{"type":"ADDED"')
    print(f"{count} objects, {len(response):,} bytes")
    failed = False
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener, response), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for front in ("watch", "awatch"):
            # a process of its own, so that the largest resident memory is that of this watch
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                seen = pool.submit(measure, front, url, count).result(timeout=60)
            print(f"\n{front:10} {'depth':>6} {'peak above start, MiB':>22}")
            for one in seen:
                print(f"{one.name:10} {one.depth:6} {one.peak_mib:22.1f}")
            failed |= len(seen) != count or seen[-1].peak_mib > LIMIT_MIB
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
