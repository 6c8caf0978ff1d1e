"""How fast the pipeline of `benchmarks.pipeline` is: with a backlog, and with nothing to do."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import psutil  # type: ignore[import-untyped]

from benchmarks.pipeline.cluster import Cluster, writers, written
from benchmarks.pipeline.query import Driver, Output, wait_until

IDLE_SECONDS = 20.0
"""So long is looked at a query that has nothing to do."""

Figures = dict[str, object]


def begin(driver: Driver, output: Output, source: dict[str, str], clusters: list[Cluster]) -> None:
    """Start a query, and wait until its first batch is done: from there on it forgets nothing."""
    driver.ask("start", source, str(output.folder), 100)

    def has_begun() -> bool:
        for cluster in clusters:
            cluster.mark()
        time.sleep(1.0)
        return driver.triggers() is not None and output.batches > 0

    wait_until(has_begun, "the first batch")


def backlog(
    driver: Driver, output: Output, source: dict[str, str], clusters: list[Cluster], changes: int
) -> Figures:
    """Have much written while the query is stopped, and see how long it takes to read it."""
    begin(driver, output, source, clusters)
    driver.ask("stop")
    before = len(output.rows())
    began = time.monotonic()
    made = writers(clusters, "backlog-", changes, 4, 0.0, 0)
    for writer in made:
        writer.join()
    count = len(written(made))
    wrote = time.monotonic() - began
    driver.ask("start", source, str(output.folder), 100)
    wait_until(lambda: len(output.rows()) >= before + count, "the backlog")
    time.sleep(2.0)  # Spark tells of a batch some time after it is in the output
    batch = max(driver.triggers(), key=lambda trigger: trigger["numInputRows"])
    driver.ask("stop")
    rows, took = batch["numInputRows"], batch["durationMs"]
    return {
        "backlog, changes": count,
        "written per second": round(count / wrote),
        "rows in the largest batch": rows,
        "it took, s": round(took["triggerExecution"] / 1_000, 2),
        "rows per second, whole trigger": round(rows / took["triggerExecution"] * 1_000),
        "rows per second, reading alone": round(rows / took["addBatch"] * 1_000),
    }


def idle(
    driver: Driver, output: Output, source: dict[str, str], clusters: list[Cluster], trigger: int
) -> Figures:
    """See what a query costs that has nothing to do."""
    driver.ask("start", source, str(output.folder), trigger, "every")
    wait_until(lambda: len(driver.triggers()) > 1, "the first triggers")
    time.sleep(5.0)
    known = driver.triggers()[-1]["timestamp"]
    requests, busy = _requests(clusters), _busy(driver)
    time.sleep(IDLE_SECONDS)
    more, busier = _requests(clusters), _busy(driver)
    triggers = [one for one in driver.triggers() if one["timestamp"] > known]
    driver.ask("stop")
    empty = [one["durationMs"] for one in triggers if "addBatch" not in one["durationMs"]]
    batches = [one["durationMs"] for one in triggers if "addBatch" in one["durationMs"]]
    spent = sum(seconds - busy.get(pid, 0.0) for pid, seconds in busier.items())
    name = f"every {trigger:,} ms: "
    return {
        f"{name}empty triggers": len(empty),
        f"{name}latestOffset, ms": _median(empty, "latestOffset"),
        f"{name}triggerExecution, ms": _median(empty, "triggerExecution"),
        f"{name}batches of a bookmark": len(batches),
        f"{name}one of them, ms": _median(batches, "triggerExecution"),
        f"{name}requests": more - requests,
        f"{name}processor, % of a core": round(100 * spent / IDLE_SECONDS, 1),
    }


def measured(
    folder: Path, source: dict[str, str], clusters: list[Cluster], changes: int
) -> Figures:
    """Measure all of it, with one driver."""
    measure: list[Callable[[Driver, Output], Figures]] = [
        lambda driver, output: backlog(driver, output, source, clusters, changes),
        lambda driver, output: idle(driver, output, source, clusters, 100),
        lambda driver, output: idle(driver, output, source, clusters, 1_000),
    ]
    figures: Figures = {}
    output = Output(folder / "speed")
    with Driver(folder / "log") as driver:
        for one in measure:
            figures |= one(driver, output)
    return figures


def _requests(clusters: list[Cluster]) -> int:
    return sum(cluster.requests() for cluster in clusters)


def _busy(driver: Driver) -> dict[int, float]:
    """Give the seconds of processor time of each process."""
    found = {}
    for process in driver.processes():
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        found[process.pid] = times.user + times.system
    return found


def _median(took: list[dict[str, int]], name: str) -> object:
    return median(one.get(name, 0) for one in took) if took else "-"
