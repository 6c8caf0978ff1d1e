"""How fast documents are decoded, next to bare ijson: ``python -m benchmarks.decoder``.

Each contestant gets the same bytes in the same chunks; the rounds are interleaved, so that what
else the machine does hits all of them. The ratio is the median of what each round gave.
"""

import argparse
import gc
import json
import platform
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from statistics import median
from time import perf_counter
from typing import Any

import ijson

from benchmarks.documents import custom_resources, large_pods, leases, recorded_pods
from kwatch._builder import Builder
from kwatch._decoder import MAX_DEPTH, Decoder
from kwatch._line_decoder import LineDecoder

CHUNK_BYTES = 65_536
TOTAL_BYTES = 4_000_000

Chunks = list[bytes]


DATA: dict[str, Callable[[], list[bytes]]] = {
    "pods as recorded": recorded_pods,
    "larger pods": large_pods,
    "small objects": leases,
    "custom resources": custom_resources,
}


def one_chunk_per_event(events: list[bytes]) -> Chunks:
    """Split as a server that has little to tell sends it."""
    return events


def chunks_of_64_kb(events: list[bytes]) -> Chunks:
    """Split as httpx gives what comes fast."""
    data = b"".join(events)
    return [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]


CHUNKINGS = (chunks_of_64_kb, one_chunk_per_event)


class Reader:
    """A file that gives one chunk at a time."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = iter(chunks)

    def read(self, size: int) -> bytes:
        """Give the next chunk, whatever is asked for."""
        return next(self._chunks, b"") if size else b""


def bare_items(chunks: Chunks) -> Iterator[Any]:
    """Pull documents out of ijson, which is what the others are measured by."""
    documents: Iterator[Any] = ijson.items(Reader(chunks), "", multiple_values=True, use_float=True)
    return documents


def driven(decoder: Decoder | LineDecoder, chunks: Chunks) -> Iterator[Any]:
    """Use a decoder of kwatch as a watch does."""
    for chunk in chunks:
        decoder.receive_data(chunk)
        yield from decoder.documents()


def bare_json(chunks: Chunks) -> Iterator[Any]:
    """Split at newlines and decode by the standard library."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from map(json.loads, lines)


def pushed_items(chunks: Chunks) -> Iterator[Any]:
    """Push chunks into ijson's own coroutine."""
    documents = ijson.sendable_list()
    parser = ijson.items_coro(documents, "", multiple_values=True, use_float=True)
    for chunk in chunks:
        parser.send(chunk)
        yield from documents
        documents.clear()


def built(chunks: Chunks) -> Iterator[Any]:
    """Use the exact path of `Decoder` alone."""
    builder = Builder(MAX_DEPTH)
    for chunk in chunks:
        yield from builder.feed(chunk)


def contestants() -> dict[str, Callable[[Chunks], Iterable[Any]]]:
    """Name all ways to decode; that by orjson only where it is installed."""
    found: dict[str, Callable[[Chunks], Iterable[Any]]] = {
        "ijson.items": bare_items,
        "kwatch Decoder": lambda chunks: driven(Decoder(), chunks),
        "kwatch Builder": built,
        "ijson.items_coro": pushed_items,
        "json.loads": bare_json,
    }
    try:
        import orjson
    except ImportError:
        return found
    return found | {"kwatch, loads=orjson.loads": lambda it: driven(LineDecoder(orjson.loads), it)}


def seconds(decode: Callable[[Chunks], Iterable[Any]], chunks: Chunks, events: int) -> float:
    """Measure one run, and check that no document is missing."""
    gc.collect()
    begun = perf_counter()
    documents = 0
    for _ in decode(chunks):
        documents += 1
    took = perf_counter() - begun
    assert documents == events, f"{documents} of {events} documents"
    return took


def compare(events: list[bytes], chunks: Chunks, rounds: int) -> None:
    """Print a line for each contestant."""
    names = contestants()
    times: dict[str, list[float]] = {name: [] for name in names}
    order = deque(names)
    for _ in range(rounds):
        for name in order:
            times[name].append(seconds(names[name], chunks, len(events)))
        order.rotate(1)
    size = sum(map(len, events))
    for name, took in times.items():
        ratio = median(bare / own for bare, own in zip(times["ijson.items"], took, strict=True))
        speed, rate = size / median(took) / 1e6, len(events) / median(took)
        print(f"  {name:<28}{speed:8.1f} MB/s{rate:11,.0f} events/s{ratio:8.2f}")


def main() -> None:
    """Print a table for each kind of data and each chunking."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    print(f"Python {platform.python_version()}, ijson {ijson.__version__} ({ijson.backend})")
    for name, make in DATA.items():
        kinds = make()
        times, mean = TOTAL_BYTES // sum(map(len, kinds)), sum(map(len, kinds)) / len(kinds)
        events = kinds * times
        for chunking in CHUNKINGS:
            how = chunking.__name__.replace("_", " ")
            print(f"\n{name} ({mean / 1000:.1f} kB each), {how}: medians, ratio to ijson.items")
            compare(events, chunking(events), rounds)


if __name__ == "__main__":
    main()
