"""The targets, and whether what was measured reaches them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks.peers.measurement import Metric
from benchmarks.peers.results import LIMITS, OWN, Section

LIMIT_OF = {
    "kwatch": "httpx + ijson.items",
    "kwatch async": "httpx + ijson.items",
    "kwatch, orjson": "httpx + split + orjson",
    "kwatch async, orjson": "httpx + split + orjson",
}
"""The limit that has the same work to do."""

SYNC_OF = {"kwatch async": "kwatch", "kwatch async, orjson": "kwatch, orjson"}

LISTS_NOTHING = ("kr8s",)
"""The peers to which what exists comes by the watch itself; all others list it before."""

IDLE = 0.02
"""So much of a core, in %, for all watches together counts as none."""


@dataclass(frozen=True)
class Target:
    """What is to be reached: a figure, at least or at most; None if it could not be measured."""

    about: str
    text: str
    figure: float | None
    goal: float
    at_most: bool = False

    @property
    def is_reached(self) -> bool:
        """Tell whether it is."""
        if self.figure is None:
            return False
        return self.figure <= self.goal if self.at_most else self.figure >= self.goal


def targets(sections: Mapping[str, Section]) -> Iterator[Target]:
    """Give the targets of all sections that were measured."""
    judges = {
        "throughput": _throughput,
        "initial": _initial,
        "latency": _latency,
        "many": _many,
    }
    for name, judge in judges.items():
        if name in sections:
            for case in sections[name].cases:
                yield from judge(sections[name], case)


def _throughput(section: Section, case: str) -> Iterator[Target]:
    pairs = (
        ("kwatch", LIMIT_OF["kwatch"], 0.95),
        ("kwatch, orjson", LIMIT_OF["kwatch, orjson"], 0.9),
        *((ours, sync, 0.9) for ours, sync in SYNC_OF.items()),
    )
    metric = section.metric("rate")
    for ours, other, goal in pairs:
        yield from _against(section, case, metric, (ours, other), goal)
    if best := section.best(case, metric):
        yield from _against(section, case, metric, ("kwatch, orjson", best), 1.25)


def _initial(section: Section, case: str) -> Iterator[Target]:
    for key, goal in (("peak", 5.0), ("first", 10.0)):
        metric = section.metric(key)
        listing = (it for it in section.peers(case) if it not in OWN + LIMITS + LISTS_NOTHING)
        others = list(listing)
        for ours in OWN:
            yield from _nearest(section, case, metric, (ours, others), goal)


def _latency(section: Section, case: str) -> Iterator[Target]:
    metric = section.metric("p99")
    if best := section.best(case, metric):
        for ours in OWN:
            yield from _against(section, case, metric, (ours, best), 1.0)


def _many(section: Section, case: str) -> Iterator[Target]:
    metric = section.metric("idle")
    for ours in OWN:
        if ours in section.peers(case):
            figure = section.middle(case, metric, ours)
            yield Target(_about(section, case, metric), ours, figure, IDLE, at_most=True)


def _against(
    section: Section, case: str, metric: Metric, pair: tuple[str, str], goal: float
) -> Iterator[Target]:
    """Give the target of the ratio to another, where both took part."""
    if set(pair) <= set(section.peers(case)):
        best = " (the best peer)" * (pair[1] == section.best(case, metric))
        text = f"{pair[0]} / {pair[1]}{best}"
        yield Target(_about(section, case, metric), text, section.ratio(case, metric, *pair), goal)


def _nearest(
    section: Section,
    case: str,
    metric: Metric,
    sides: tuple[str, Iterable[str]],
    goal: float,
) -> Iterator[Target]:
    """Give the target of the ratio to whoever comes nearest."""
    ours, others = sides
    if ours not in section.peers(case):
        return
    ratios = {other: section.ratio(case, metric, ours, other) for other in others}
    found = {other: ratio for other, ratio in ratios.items() if ratio is not None}
    if ratios:
        nearest = min(found, key=found.__getitem__, default="")
        text = f"{ours} / {nearest} (the nearest of the {len(found)} that list)"
        yield Target(_about(section, case, metric), text, found.get(nearest), goal)


def _about(section: Section, case: str, metric: Metric) -> str:
    better = "less" if metric.lower_is_better else "more"
    return f"{section.heading(case)}: {metric.label} ({better} is better)"
