"""What each library costs to install and to import: `benchmarks.imports`, as a section."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.imports import LIBRARIES, Times, installed
from benchmarks.imports import measure as measure_times
from benchmarks.peers.machine import machine, today
from benchmarks.peers.measurement import Metric
from benchmarks.peers.results import Run, Section

CASE = "installed"
METRICS = (
    Metric("distributions", "packages", lower_is_better=True),
    Metric("megabytes", "MB installed", lower_is_better=True),
    Metric("import", "ms to import", lower_is_better=True),
)


def measure(names: Sequence[str], rounds: int, tell: Callable[[str], None]) -> Section:
    """Install each into an environment of its own, and import it so many times, interleaved."""
    tell(f"imports: pip installs {', '.join(names)}, each on its own")
    with installed(names, tell) as (made, failed):
        tell(f"imports: {rounds} rounds of {', '.join(made) or 'nothing'}")
        times = measure_times(made, rounds)
        sizes = {name: environment.size() for name, environment in made.items()}
    return Section(
        name="imports",
        title="Installing and importing",
        date=today(),
        machine=machine(),
        versions={LIBRARIES[name].distribution: version for name, (version, _) in sizes.items()},
        rounds=rounds,
        cases=(CASE,),
        metrics=METRICS,
        absent=failed,
        runs=tuple(_runs({name: asdict(size) for name, (_, size) in sizes.items()}, times)),
    )


def _runs(sizes: dict[str, dict[str, Any]], times: Times) -> Iterator[Run]:
    for (name, what), took in times.items():
        if what == "import":
            for count, milliseconds in enumerate(took):
                figures = {metric.key: sizes[name].get(metric.key, 0) for metric in METRICS}
                yield Run(count, CASE, name, figures | {what: milliseconds})
