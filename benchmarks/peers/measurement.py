"""What a measurement tells the command: its server, its cases, its figures and their units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.peers.server import World


@dataclass(frozen=True)
class Metric:
    """One figure of a run: its key in what `measure` gives, and its unit in words."""

    key: str
    label: str
    lower_is_better: bool = False


@dataclass(frozen=True)
class Measurement:
    """One section of the table. The world is made without arguments, once for all the runs."""

    name: str
    title: str
    world: type[World]
    cases: tuple[str, ...]
    metrics: tuple[Metric, ...]
    seconds: float = 120.0
    """A run that takes longer is given up, and so are the others of that peer."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Who does not take part, and why: a peer, by its name in PEERS; "PEER, CASE" in one case."""

    def why_not(self, peer: str, case: str) -> str:
        """Tell why a peer does not take part in a case; "" if it does."""
        return self.skipped.get(peer, "") or self.skipped.get(f"{peer}, {case}", "")
