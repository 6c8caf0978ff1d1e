"""The rounds of a measurement: each peer in turn, each run in a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from math import isfinite
from pathlib import Path

from benchmarks.peers.machine import machine, today, versions
from benchmarks.peers.measurement import Measurement, Metric
from benchmarks.peers.number import number
from benchmarks.peers.peer import Peer
from benchmarks.peers.results import Run, Section
from benchmarks.peers.server import serving

ROOT = Path(__file__).parents[2]

Tell = Callable[[str], None]
"""Is told of each run, in a line."""


def find(name: str) -> Measurement:
    """Give the measurement of that name."""
    found = import_module(f"benchmarks.peers.{name}").MEASUREMENT
    assert isinstance(found, Measurement)
    return found


def measure(measurement: Measurement, peers: Sequence[Peer], rounds: int, tell: Tell) -> Section:
    """Run all of them so many times, interleaved, each round beginning with another one."""
    absent = {peer.name: why for peer in peers if (why := _what_lacks(peer))}
    for what, why in absent.items():
        tell(f"{measurement.name}: without {what}, since {why}")
    present = [peer for peer in peers if peer.name not in absent]
    turns = list(_turns(measurement, present, rounds))
    runs = []
    given_up: dict[tuple[str, str], str] = {}
    with serving(measurement.world) as url:
        for count, (turn, case, peer) in enumerate(turns, 1):
            done = _run(measurement, turn, case, peer, url, given_up)
            what = done.failure or describe(done, measurement.metrics)
            place = f"{measurement.name}, {case}, round {turn + 1}/{rounds}"
            tell(f"[{count}/{len(turns)}] {place}: {peer.name}: {what}")
            runs.append(done)
    names = {peer.name for peer in peers}
    skipped = {
        what: why
        for what, why in measurement.skipped.items()
        if any(what in (name, f"{name}, {case}") for name in names for case in measurement.cases)
    }
    return Section(
        name=measurement.name,
        title=measurement.title,
        date=today(),
        machine=machine(),
        versions=versions(name for peer in present for name in peer.distributions),
        rounds=rounds,
        cases=measurement.cases,
        metrics=measurement.metrics,
        absent=skipped | absent,
        runs=tuple(runs),
    )


def describe(run: Run, metrics: Sequence[Metric]) -> str:
    """Write the figures of a run in a line."""
    return "; ".join(f"{number(run.figures[metric.key])} {metric.label}" for metric in metrics)


def _turns(
    measurement: Measurement, peers: Sequence[Peer], rounds: int
) -> Iterator[tuple[int, str, Peer]]:
    order = deque(peers)
    for turn in range(rounds):
        for case in measurement.cases:
            for peer in order:
                if not measurement.why_not(peer.name, case):
                    yield turn, case, peer
        order.rotate(-1)


def _what_lacks(peer: Peer) -> str:
    """Say what is not installed; "" if all is."""
    lacks = [name for name in peer.distributions if not versions([name])]
    return f"{' and '.join(lacks)} {'is' if len(lacks) == 1 else 'are'} not installed" * bool(lacks)


def _run(
    measurement: Measurement,
    turn: int,
    case: str,
    peer: Peer,
    url: str,
    given_up: dict[tuple[str, str], str],
) -> Run:
    """Run a peer, unless it took too long before."""
    if failure := given_up.get((case, peer.name)):
        return Run(turn, case, peer.name, {}, failure=failure)
    module = "benchmarks.peers.run"
    command = [sys.executable, "-m", module, measurement.name, case, peer.name, url]
    try:
        figures = _figures(_output(command, measurement.seconds), measurement.metrics)
    except TimeoutError as error:
        given_up[case, peer.name] = str(error)
        return Run(turn, case, peer.name, {}, failure=str(error))
    except ChildProcessError as error:
        return Run(turn, case, peer.name, {}, failure=str(error))
    return Run(turn, case, peer.name, figures)


def _figures(text: str, metrics: Sequence[Metric]) -> dict[str, float]:
    try:
        found = json.loads(text)
        figures = {metric.key: float(found[metric.key]) for metric in metrics}
    except (KeyError, TypeError, ValueError):
        figures = {}
    if not figures or not all(map(isfinite, figures.values())):
        raise ChildProcessError(f"gave no figures, but {text[:80]!r}")
    return figures


def _output(command: Sequence[str], seconds: float) -> str:
    """Give the last line that it prints; the last one of its errors is why it failed."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={key: it for key, it in os.environ.items() if not key.lower().endswith("_proxy")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"took more than {seconds:g} s") from None
        finally:
            _kill(process)
    if process.returncode:
        lines = err.strip().splitlines()
        raise ChildProcessError(lines[-1] if lines else f"exit status {process.returncode}")
    return out.strip().rpartition("\n")[2]


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill it with all that it has started, unless it has ended."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
