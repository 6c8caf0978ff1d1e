"""How long the command takes to say something, next to an interpreter that does nothing.

Needs kwatch with its extra ``cli`` in the environment of this interpreter::

    python -m benchmarks.startup

*over* is what a run takes longer than the bare interpreter in the same round. The rounds are
interleaved, each beginning with another program, so that what else the machine does hits all of
them.
"""

import argparse
import subprocess
import sys
import sysconfig
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

BARE = "python -c pass"
SECONDS = 60.0  # for a program, at most


def programs() -> dict[str, Sequence[str]]:
    """Give what is measured; the entry point only where it is installed."""
    found: dict[str, Sequence[str]] = {
        BARE: [sys.executable, "-c", "pass"],
        "python -m kwatch --version": [sys.executable, "-m", "kwatch", "--version"],
        "python -c 'import kwatch'": [sys.executable, "-c", "import kwatch"],
        "python -c 'import httpx'": [sys.executable, "-c", "import httpx"],
    }
    entry_point = Path(sysconfig.get_path("scripts"), "kwatch")
    if entry_point.exists():
        found["kwatch --help"] = [str(entry_point), "--help"]
        found["kwatch pods --until 'a == `1`' --kubeconfig /nowhere"] = [
            *(str(entry_point), "pods", "--until", "a == `1`", "--kubeconfig", "/nowhere")
        ]
    return found


def milliseconds(command: Sequence[str]) -> float:
    """Measure one run."""
    begun = perf_counter()
    subprocess.run(command, capture_output=True, check=False, timeout=SECONDS)
    return (perf_counter() - begun) * 1000


def measure(measured: dict[str, Sequence[str]], rounds: int) -> dict[str, list[float]]:
    """Run all of them so many times."""
    times: dict[str, list[float]] = {name: [] for name in measured}
    order = deque(measured)
    for name in order:  # once, uncounted: compiled modules and warm caches
        milliseconds(measured[name])
    for _ in range(rounds):
        for name in order:
            times[name].append(milliseconds(measured[name]))
        order.rotate(1)
    return times


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    times = measure(programs(), options.rounds)
    print(f"Python {sys.version.split()[0]}, medians of {options.rounds} rounds, ms")
    print(f"{'':54}{'median':>8}{'over':>8}")
    for name, took in times.items():
        over = median(one - bare for one, bare in zip(took, times[BARE], strict=True))
        print(f"{name:54}{median(took):8.0f}{over:8.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
