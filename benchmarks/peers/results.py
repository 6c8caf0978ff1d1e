"""What was measured: the figures of each run, and what belongs to them; kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.peers.kinds import KINDS
from benchmarks.peers.measurement import Metric
from benchmarks.peers.peer import PEERS

SECTIONS = ("throughput", "initial", "latency", "many", "relist", "imports")
"""What the suite measures, in the order of the table."""

OWN = tuple(peer.name for peer in PEERS if peer.is_own)
LIMITS = tuple(peer.name for peer in PEERS if peer.is_limit)


@dataclass(frozen=True)
class Run:
    """One run: its figures, or, if it failed, why."""

    round: int
    case: str
    peer: str
    figures: Mapping[str, float]
    failure: str = ""


@dataclass(frozen=True)
class Section:
    """All runs of a measurement, and where and when they were.

    Attributes:
        name: What the command calls it.
        title: What the table calls it.
        date: The day, in UTC.
        machine: The machine, its system and its Python.
        versions: The versions of what was measured, by distribution.
        rounds: How many there were.
        cases: What was measured in turn.
        metrics: What each run gives.
        absent: Who did not take part, or not in a case, and why.
        runs: The runs, as they came.
    """

    name: str
    title: str
    date: str
    machine: str
    versions: Mapping[str, str]
    rounds: int
    cases: tuple[str, ...]
    metrics: tuple[Metric, ...]
    absent: Mapping[str, str]
    runs: tuple[Run, ...]

    def peers(self, case: str) -> list[str]:
        """Give who was measured, in the order of the first round, failed or not."""
        return list(dict.fromkeys(run.peer for run in self.runs if run.case == case))

    def heading(self, case: str) -> str:
        """Give the title of a case."""
        return f"{self.title}, {label(case)}" if len(self.cases) > 1 else self.title

    def metric(self, key: str) -> Metric:
        """Give the metric of that key."""
        return {metric.key: metric for metric in self.metrics}[key]

    def figures(self, case: str, metric: Metric, peer: str) -> dict[int, float]:
        """Give the figure of each round that did not fail."""
        runs = (run for run in self.runs if (run.case, run.peer) == (case, peer))
        return {run.round: run.figures[metric.key] for run in runs if metric.key in run.figures}

    def middle(self, case: str, metric: Metric, peer: str) -> float | None:
        """Give the median of the rounds; None if there is none."""
        figures = self.figures(case, metric, peer)
        return median(figures.values()) if figures else None

    def best(self, case: str, metric: Metric) -> str | None:
        """Give the peer with the best median; neither kwatch nor a limit is a peer."""
        peers = (peer for peer in self.peers(case) if peer not in OWN + LIMITS)
        middles = {peer: self.middle(case, metric, peer) for peer in peers}
        found = {peer: middle for peer, middle in middles.items() if middle is not None}
        choose = min if metric.lower_is_better else max
        return choose(found, key=found.__getitem__) if found else None

    def ratio(self, case: str, metric: Metric, peer: str, other: str) -> float | None:
        """Give how many times better it is than another: the median of the ratio in each round."""
        ours = self.figures(case, metric, peer)
        theirs = self.figures(case, metric, other)
        ratios = [_ratio(ours[key], theirs[key], metric) for key in ours.keys() & theirs.keys()]
        return median(ratios) if ratios else None

    def failures(self, case: str) -> dict[str, list[str]]:
        """Give why runs failed, by peer."""
        found: dict[str, list[str]] = {}
        for run in self.runs:
            if run.case == case and run.failure:
                found.setdefault(run.peer, []).append(run.failure)
        return found


def label(case: str) -> str:
    """Write a case: a kind by its size, too."""
    return KINDS[case].label if case in KINDS else case


def load(path: Path) -> dict[str, Section]:
    """Read what was saved; nothing, if there is no such file."""
    if not path.exists():
        return {}
    return {name: _section(fields) for name, fields in json.loads(path.read_text()).items()}


def save(path: Path, sections: Iterable[Section]) -> dict[str, Section]:
    """Merge sections into what was saved, each as a whole; give what there is then."""
    merged = load(path) | {section.name: section for section in sections}
    ordered = {name: merged[name] for name in SECTIONS if name in merged}
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = {name: asdict(section) for name, section in ordered.items()}
    path.write_text(json.dumps(fields, indent=1) + "\n")
    return ordered


def _ratio(figure: float, other: float, metric: Metric) -> float:
    above, below = (other, figure) if metric.lower_is_better else (figure, other)
    if below == 0:
        return 1.0 if above == 0 else inf
    return above / below


def _section(fields: Mapping[str, Any]) -> Section:
    metrics = tuple(Metric(**metric) for metric in fields["metrics"])
    runs = tuple(Run(**run) for run in fields["runs"])
    changed = {"cases": tuple(fields["cases"]), "metrics": metrics, "runs": runs}
    return Section(**{**fields, **changed})
