"""Measures kwatch next to its peers, and writes a table and a picture.

Usage::

    python -m benchmarks.peers [MEASUREMENT ...] [--rounds 5] [--peers TEXT ...] [--results DIR]

Without a measurement, all of them are made: throughput, initial, latency, many, relist, imports.
The figures are merged into those in DIR, ``benchmarks/results`` by default: what was measured
replaces the same section there, and all others stay, each with its own date and versions. Progress
goes to the standard error. Exit status: 0 if all that was run gave figures, 1 if a run failed or a
section stayed empty, 2 if something is not installed that all of them need. A target that is missed
does not count.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.imports import LIBRARIES
from benchmarks.peers import libraries, rounds
from benchmarks.peers.peer import PEERS
from benchmarks.peers.results import SECTIONS, Section, load, save
from benchmarks.peers.table import table

RESULTS = Path(__file__).parents[1] / "results"
NEEDED = ("matplotlib", "psutil")


def main() -> int:
    """Measure, and write what came out."""
    options = _options()
    lacking = [name for name in NEEDED if find_spec(name) is None]
    if lacking:
        _tell(f"{' and '.join(lacking)} needed: pip install 'kwatch-stream[bench]'")
        return 2
    file = options.results / "peers.json"
    measured = []
    for name in options.measurements or SECTIONS:
        section = _measure(name, options.peers, options.rounds)
        measured.append(section)
        if any(run.figures for run in section.runs):
            save(file, [section])  # at once: what comes later may be interrupted
        else:
            _tell(f"{name}: nothing was measured, and nothing is changed")
    sections = load(file)
    if sections:
        _write(sections, options.results)
    failed = any(run.failure for section in measured for run in section.runs)
    return 1 if failed or not all(section.runs for section in measured) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("measurements", nargs="*", metavar="MEASUREMENT", help=", ".join(SECTIONS))
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument(
        "--peers", nargs="+", default=[""], metavar="TEXT", help="only those with this in the name"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR")
    options = parser.parse_args()
    if unknown := set(options.measurements) - set(SECTIONS):
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}")
    names = {peer.name for peer in PEERS} | LIBRARIES.keys()
    if idle := [text for text in options.peers if not any(text in name for name in names)]:
        parser.error(f"there is no peer {', '.join(idle)}")
    if options.rounds < 1:
        parser.error("there must be a round")
    return options


def _measure(name: str, texts: Sequence[str], count: int) -> Section:
    if name == "imports":
        found = [it for it in LIBRARIES if any(text in it for text in texts)]
        return libraries.measure(found, count, _tell)
    peers = [peer for peer in PEERS if any(text in peer.name for text in texts)]
    return rounds.measure(rounds.find(name), peers, count, _tell)


def _write(sections: Mapping[str, Section], folder: Path) -> None:
    from benchmarks.peers.picture import draw  # which needs matplotlib

    text = table(sections)
    print(text, end="")
    (folder / "peers.txt").write_text(text)
    draw(sections, folder / "peers.png")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
