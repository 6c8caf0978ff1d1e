"""Watch through many random histories of a simulated server.

They are shared by several processes::

    python benchmarks/model.py --histories 100000

What the server does is in ``tests/model.py``, and what must hold in ``tests/test_model.py``. The
same seed gives the same histories. For each failure its seed is printed, with the shortest history
found that fails. Exit status: 0 if all was as promised, and 1 otherwise.
"""

import argparse
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests are no part of the package

from tests.front import FRONTS
from tests.model_history import CHOICES, VERBS, History, Step
from tests.test_model import trial

BATCH = 200  # histories for a process at a time
MAX_STEPS = 40  # before and after what comes again and again
MAX_TRIALS = 3000  # to shorten one history
MAX_SHORTENED = 3  # failures of a batch


@dataclass
class Figures:
    """What some histories came to."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Figures") -> None:
        """Take those of another process."""
        self.counts += other.counts
        self.faults += other.faults
        self.failures += other.failures


def history_of(seed: int) -> History:
    """Draw the history of a seed."""
    chance = random.Random(seed)

    def steps(most: int) -> list[Step]:
        count = int(most * chance.random() ** 2)
        return [Step(chance.choice(VERBS), chance.randrange(1000)) for _ in range(count)]

    again = steps(4) * chance.randrange(5, 40) if chance.random() < 0.5 else []
    drawn = {name: chance.choice(values) for name, values in CHOICES.items()}
    return History((*steps(MAX_STEPS), *again, *steps(MAX_STEPS)), **drawn)


def error_of(history: History, front: str) -> str:
    """Say why a history fails, "" if it does not."""
    try:
        trial(history, front)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return ""


def shorter(history: History) -> Iterator[History]:
    """Give histories that are a little simpler."""
    steps = history.steps
    for size in (32, 8, 2, 1):
        for at in range(0, len(steps), size):
            yield replace(history, steps=steps[:at] + steps[at + size :])
    for one in fields(history)[1:]:
        usual: dict[str, Any] = {one.name: one.default}
        if getattr(history, one.name) != one.default:
            yield replace(history, **usual)
    for at, (verb, number) in enumerate(steps):
        for less in {0, 1, number // 2, number - 1}:
            if 0 <= less < number:
                yield replace(history, steps=(*steps[:at], Step(verb, less), *steps[at + 1 :]))


def shortest(history: History, front: str, error: str) -> History:
    """Look for the shortest history that fails in the same way."""
    kind = error.partition("\n")[0][:40]
    trials = 0
    while True:
        for candidate in shorter(history):
            trials += 1
            if error_of(candidate, front).startswith(kind):
                history = candidate
                break
            if trials > MAX_TRIALS:
                return history
        else:
            return history


def batch(seeds: range) -> Figures:
    """Watch through the histories of some seeds."""
    logging.disable()
    figures = Figures()
    for seed in seeds:
        history = history_of(seed)
        front = FRONTS[0 if seed % 10 else 1 + seed // 10 % 2]
        try:
            server, run = trial(history, front)
        except Exception:
            error = error_of(history, front)
            if len(figures.failures) < MAX_SHORTENED:
                history = shortest(history, front, error)
            figures.failures.append(f"seed {seed}, {front}: {error}\n    {history!r}")
            continue
        finally:
            figures.counts["histories"] += 1
        figures.faults += server.faults
        figures.counts["requests"] += len(server.requests)
        figures.counts["events"] += run.status.events
        figures.counts["relists"] += run.status.relists
        figures.counts["raised"] += run.failure is not None
    return figures


def main() -> int:
    """Run, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--seed", type=int, help="the first; default: any")
    parser.add_argument("--processes", type=int, help="default: one for each processor")
    options = parser.parse_args()
    first = random.randrange(10**9) if options.seed is None else options.seed
    last = first + options.histories
    batches = [range(at, min(at + BATCH, last)) for at in range(first, last, BATCH)]
    figures, began = Figures(), time.monotonic()
    with ProcessPoolExecutor(options.processes) as pool:
        for some in pool.map(batch, batches):
            figures.add(some)
    print(f"seeds {first} to {last - 1}, {time.monotonic() - began:.0f} s")
    for name, count in (*figures.counts.items(), ("failures", len(figures.failures))):
        print(f"{name:22}{count:>12,}")
    print("faults and ends")
    for name, count in figures.faults.most_common():
        print(f"  {name:20}{count:>12,}")
    for failure in figures.failures[:20]:
        print(failure)
    return 1 if figures.failures else 0


if __name__ == "__main__":
    sys.exit(main())
