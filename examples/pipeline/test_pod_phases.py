"""A test of the pipeline: on two servers, killed in the middle."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from kwatch.testing import FakeAPIServer

HAS_SPARK = find_spec("pyspark") is not None
HAS_JAVA = bool(shutil.which("java") or os.environ.get("JAVA_HOME"))

PROJECT = Path(__file__).parent
PATIENCE_SECONDS = 120.0

Counts = Counter[tuple[str, str, str]]
"""The changes by cluster, namespace and phase."""


class Clusters:
    """Two servers, and what was written to them."""

    def __init__(self, **servers: FakeAPIServer) -> None:
        self.servers = servers
        self.written: Counts = Counter()

    def kubeconfig(self, path: Path) -> str:
        """Write one with a context for each server."""
        merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
        for name, server in self.servers.items():
            config = yaml.safe_load(server.kubeconfig())
            for kind in ("clusters", "users", "contexts"):
                config[kind][0]["name"] = name
                merged.setdefault(kind, []).extend(config[kind])
            config["contexts"][0]["context"].update(cluster=name, user=name)
        path.write_text(yaml.safe_dump(merged))
        return str(path)

    def write(self, names: str, count: int) -> None:
        """Have so many pods in each cluster begin, run and go."""
        for number in range(count):
            for cluster, server in self.servers.items():
                pod, namespace = f"{names}-{number}", ("shop", "blog")[number % 2]
                server.create("Pod", pod, namespace, status={"phase": "Pending"})
                server.patch("Pod", pod, namespace, status={"phase": "Running"})
                server.delete("Pod", pod, namespace)
                self.written.update(
                    (cluster, namespace, phase) for phase in ("Pending", "Running", "Deleted")
                )
            time.sleep(0.02)


@contextmanager
def pipeline(folder: Path, kubeconfig: str) -> Iterator[None]:
    """Run it, and kill it in the end, with all that it has started: nothing is said goodbye to."""
    command = [sys.executable, "-m", "pod_phases", "--contexts", "east,west"]
    command += ["--kubeconfig", kubeconfig, "--output", str(folder / "phases")]
    command += ["--checkpoint", str(folder / "checkpoint"), "--trigger-seconds", "0.2"]
    command += ["--window-seconds", "2", "--late-seconds", "0"]
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            command, cwd=PROJECT, stderr=log, env=os.environ | LOCAL, start_new_session=True
        )
        try:
            yield
            assert process.poll() is None
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            print((folder / "log").read_text()[-2000:])  # noqa: T201 - pytest shows it on a failure


LOCAL = {
    "PYSPARK_PYTHON": sys.executable,
    "SPARK_LOCAL_IP": "127.0.0.1",
    "PYSPARK_SUBMIT_ARGS": "--master local[2] --conf spark.ui.enabled=false pyspark-shell",
}


def rows(folder: Path) -> list[dict[str, Any]]:
    """Read what is in the output: the files that Spark's log of it names, as Spark does."""
    from pyarrow import parquet

    entries = [
        json.loads(line)
        for log in (folder / "phases" / "_spark_metadata").glob("[0-9]*")
        for line in log.read_text().splitlines()[1:]
    ]
    files = {unquote(urlsplit(entry["path"]).path) for entry in entries}
    tables = [parquet.ParquetFile(file).read() for file in files]
    return [row for table in tables for row in table.to_pylist()]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until something is true, as when Spark has started."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s"
        time.sleep(0.2)


def wait_for(folder: Path, clusters: Clusters) -> None:
    """Wait until all is in the output; a minute is there when a pod changes after it."""

    def is_there() -> bool:
        clusters.servers["east"].create("Pod", f"later-{time.monotonic_ns()}", "later")
        return counted(rows(folder)) >= clusters.written

    wait_until(is_there)


def counted(found: list[dict[str, Any]]) -> Counts:
    """Sum up the minutes."""
    counts: Counts = Counter()
    for row in found:
        if row["namespace"] != "later":
            counts[row["cluster"], row["namespace"], row["phase"]] += row["changes"]
    return counts


@pytest.mark.skipif(not HAS_SPARK, reason="needs pyspark")
@pytest.mark.skipif(not HAS_JAVA, reason="needs Java")
def test_counts_each_change_once_though_it_is_killed(tmp_path: Path) -> None:
    with FakeAPIServer() as east, FakeAPIServer() as west:
        clusters = Clusters(east=east, west=west)
        kubeconfig = clusters.kubeconfig(tmp_path / "kubeconfig")
        with pipeline(tmp_path, kubeconfig):
            wait_until((tmp_path / "checkpoint" / "commits" / "0").exists)
            clusters.write("before", 20)
            wait_until((tmp_path / "checkpoint" / "commits" / "1").exists)
            clusters.write("middle", 20)  # some are read before the kill, some after
        clusters.write("meanwhile", 10)
        with pipeline(tmp_path, kubeconfig):
            clusters.write("after", 10)
            wait_for(tmp_path, clusters)
        found = rows(tmp_path)
    assert counted(found) == clusters.written
    keys = [(row["cluster"], row["namespace"], row["minute"], row["phase"]) for row in found]
    assert len(keys) == len(set(keys))
    assert all(row["pods"] == row["changes"] for row in found)
