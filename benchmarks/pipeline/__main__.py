"""Stream two clusters into Parquet with Spark, kill it, and account for every single change.

Needs two API servers, Java, and the extra ``kwatch-stream[spark]``::

    python -m benchmarks.pipeline --kubeconfigs A B --restart "CMD"

Writers create, change and delete custom resources on both servers, and log what was acknowledged.
Meanwhile a query of the source ``kubernetes`` writes what it is told into Parquet files. Its
driver, with all that it has started, is killed by SIGKILL at random, and another one goes on from
its checkpoint. A command restarts the first of the servers, which forgets what has happened, once
what was written to it is in the files; the writers of the other one go on. In the end each change
must be in the files once, and nothing else. Then it is measured how fast a backlog is read, and
what a query costs that has nothing to do.

Exit status: 0 if nothing was lost, repeated or wrong, and 1 otherwise.
"""

import argparse
import random
import shlex
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.pipeline.account import Account
from benchmarks.pipeline.cluster import MARKER, Change, Cluster, Writer, combine, writers, written
from benchmarks.pipeline.query import Driver, Output, wait_until
from benchmarks.pipeline.speed import Figures, begin, measured
from kwatch import KubeConfig

QUIET_SECONDS = 30.0
"""What has not come so long after the last row is lost."""


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks.pipeline", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--kubeconfigs", nargs=2, required=True, metavar="FILE", help="of two API servers")
    add("--namespace", default="default")
    add("--changes", type=int, default=20_000)
    add("--writers", type=int, default=4)
    add("--rate", type=float, default=100.0, help="changes a second, of all writers together")
    add("--kills", type=int, default=2)
    add("--restart", default="", metavar="CMD", help="kills the first server and starts it again")
    add("--no-settle", action="store_true", help="restart it without waiting: gaps hide changes")
    add("--shards", type=int, default=2)
    add("--backlog", type=int, default=None, help="changes (default: half of --changes)")
    add("--seed", type=int, default=0)
    add("--forget", action="store_true", help="drop a row and repeat one: it has to be noticed")
    return parser.parse_args()


class Trial:
    """One run.

    Args:
        options: What was asked for.
        folder: For all files.
        clusters: The servers.
        source: The options of the source.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        folder: Path,
        clusters: list[Cluster],
        source: dict[str, str],
    ) -> None:
        self.output = Output(folder / "trial")
        self.driver = Driver(folder / "log")
        self.triggers: dict[str, dict[str, Any]] = {}
        self.kills = self.restarts = 0
        self._looked = 0.0
        self._limit = options.changes
        self._held: Cluster | None = None
        self._log = folder / "log"
        self._options = options
        self._clusters = clusters
        self._source = source
        self._chance = random.Random(options.seed)
        self._writers: list[Writer] = []

    def run(self) -> list[Change]:
        """Write, kill and restart; give what was written once it came out, or will not."""
        options = self._options
        begin(self.driver, self.output, self._source, self._clusters)
        self._writers = writers(
            self._clusters, "w", options.changes, options.writers, options.rate, options.seed
        )
        threading.Thread(target=self._hold, daemon=True).start()
        plan = self._plan()
        for (at, harm), (limit, _) in pairwise([*plan, (options.changes, None)]):
            self._limit = max(limit, at + 1)
            self._wait(lambda at=at: len(self._written()) >= at, "the writers")  # type: ignore[misc]
            harm()
            self._held = None
        self._limit = options.changes + 1
        for writer in self._writers:
            while writer.is_alive():
                self._look()
                writer.join(1.0)
        self._drain()
        return self._written()

    def _plan(self) -> list[tuple[int, Any]]:
        """Spread what is to happen over the changes, by chance."""
        harms: list[Any] = [self._kill] * self._options.kills
        if self._options.restart:
            harms.insert(self._chance.randint(min(1, len(harms)), len(harms)), self._restart)
        part = self._options.changes / max(1, len(harms))
        return [
            (int(part * (index + self._chance.uniform(0.1, 0.6))), harm)
            for index, harm in enumerate(harms)
        ]

    def _kill(self) -> None:
        """Kill the driver in the middle of whatever it does, and go on with another one."""
        time.sleep(self._chance.uniform(0.0, 1.0))
        self.driver.kill()
        self.kills += 1
        self._say("killed")
        self.driver = Driver(self._log)
        self.driver.ask("start", self._source, str(self.output.folder), 100)
        known = self._written()
        self._wait(lambda: self._is_past(known), "what was written meanwhile")
        self._say("caught up")

    def _restart(self) -> None:
        """Restart the first server, while nobody writes to it."""
        first = self._clusters[0]
        mine = [writer for writer in self._writers if writer.cluster is first]
        self._held = first
        self._wait(lambda: all(writer.is_idle for writer in mine), "the writers")
        if not self._options.no_settle:
            self._wait(lambda: self._is_past(written(mine)), "what was written")
        subprocess.run(
            shlex.split(self._options.restart), check=True, timeout=120.0, capture_output=True
        )
        self.restarts += 1
        self._say("restarted the first server")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        def is_true() -> bool:
            self._look()
            return condition()

        wait_until(is_true, what, 600.0)

    def _hold(self) -> None:
        """Let the writers write, but for those of a server that is being restarted.

        Where Spark needs long to come back, they wait before what is to happen next.
        """
        while True:
            is_over = len(self._written()) >= self._limit
            for cluster in self._clusters:
                if is_over or cluster is self._held:
                    cluster.flows.clear()
                else:
                    cluster.flows.set()
            time.sleep(0.02)

    def _is_past(self, changes: list[Change]) -> bool:
        """Whether changes came; where gaps may hide some, that cannot be told by counting."""
        gaps = self._options.no_settle and any(
            row.event_type == "gap" for row in self.output.rows()
        )
        return gaps or self._has(changes)

    def _has(self, changes: list[Change]) -> bool:
        """Whether so many events of the changes' clusters came as there are changes."""
        names = {change.cluster for change in changes}
        rows = [row for row in self.output.rows() if row.cluster in names and row.number != 0]
        return sum(row.event_type not in ("gap", "snapshot") for row in rows) >= len(changes)

    def _drain(self) -> None:
        """Wait for the last change, and a moment for what should not come."""
        until, count = time.monotonic() + QUIET_SECONDS, 0
        while not self._has(self._written()) and time.monotonic() < until:
            time.sleep(0.5)
            self._look()
            if len(self.output.rows()) > count:
                until, count = time.monotonic() + QUIET_SECONDS, len(self.output.rows())
        time.sleep(3.0)
        self._look()

    def _look(self) -> None:
        """Note what the query has done, before it is killed; seldom, as it takes its time."""
        if time.monotonic() < self._looked + 2.0:
            return
        self._looked = time.monotonic()
        self.triggers |= {one["timestamp"]: one for one in self.driver.triggers()}

    def _written(self) -> list[Change]:
        return written(self._writers)

    def _say(self, what: str) -> None:
        rows, changes = len(self.output.rows()), len(self._written())
        print(f"{what}; {changes:,} changes written, {rows:,} rows", file=sys.stderr, flush=True)


def figures(trial: Trial, changes: list[Change], account: Account) -> Figures:
    """Give what the table tells of the trial."""
    busy = [one for one in trial.triggers.values() if one["numInputRows"]]
    rows = sum(one["numInputRows"] for one in busy)
    took = sum(one["durationMs"]["triggerExecution"] for one in busy)
    return {
        "changes": len(changes),
        "kills of the driver": trial.kills,
        "restarts of a server": trial.restarts,
        "micro-batches": trial.output.batches,
        "rows": len(account.events),
        "lost": len(account.lost),
        "repeated": len(account.repeated),
        "never written": len(account.never_written),
        "objects that differ in the end": len(account.differing),
        "gap rows": len(account.gap_rows),
        "snapshot rows": len(account.snapshots),
        "hidden in gaps": len(account.hidden),
        "rows per second in busy triggers": round(rows / took * 1_000) if took else "-",
    }


def show(found: Figures) -> None:
    """Print a part of the table."""
    for label, value in found.items():
        print(label.ljust(40), f"{value:,}" if isinstance(value, int) else value, flush=True)


def explain(account: Account) -> None:
    """Print the first problems."""
    for label in ("lost", "repeated", "never_written", "differing"):
        for problem in getattr(account, label)[:5]:
            print(f"{label.replace('_', ' ')}: {problem}")


def run(options: argparse.Namespace, folder: Path, clusters: list[Cluster], name: str) -> bool:
    """Run it all, and print what came of it."""
    combine(dict(zip(("east", "west"), options.kubeconfigs, strict=True)), folder / "kubeconfig")
    source = {
        "kind": "Widget",
        "api_version": "example.com/v1",
        "label_selector": f"pipeline={name}",
        "contexts": "east,west",
        "kubeconfig": str(folder / "kubeconfig"),
        "shards": str(options.shards),
    }
    trial = Trial(options, folder, clusters, source)
    try:
        changes = trial.run()
    finally:
        trial.driver.kill()
    rows = trial.output.rows()
    if options.forget:
        counted = [row for row in rows if row.number != MARKER]
        rows = [*(row for row in rows if row is not counted[0]), counted[-1]]
    listed = {cluster.name: cluster.list() for cluster in clusters}
    account = Account(changes, rows, trial.output.offsets(), listed)
    count = options.changes // 2 if options.backlog is None else options.backlog
    show(figures(trial, changes, account))
    explain(account)
    if count:
        show(measured(folder, source, clusters, count))
    return account.is_well


def main() -> int:
    """Run, and tell whether all was well."""
    options, name = parse(), f"p-{uuid.uuid4().hex[:8]}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        clusters = [
            Cluster(context, KubeConfig.load(path), options.namespace, name)
            for context, path in zip(("east", "west"), options.kubeconfigs, strict=True)
        ]
        for cluster in clusters:
            cluster.prepare()
            stack.callback(cluster.clean_up)
        return int(not run(options, folder, clusters, name))


if __name__ == "__main__":
    sys.exit(main())
