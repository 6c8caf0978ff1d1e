"""The show of `benchmarks.pipeline`, shortened: a query that is killed, on two fake servers."""

import os
import subprocess
import sys
from pathlib import Path

from kwatch.testing import DEFAULT_RESOURCES, FakeAPIServer, Resource
from tests.spark.java import ROOT, needs_java

WIDGETS = Resource("example.com/v1", "Widget")


@needs_java
def test_each_change_is_there_once_though_the_driver_is_killed(tmp_path: Path) -> None:
    resources = (*DEFAULT_RESOURCES, WIDGETS)
    with (
        FakeAPIServer(resources=resources) as east,
        FakeAPIServer(resources=resources, sharding=True) as west,
    ):
        for name, server in {"east": east, "west": west}.items():
            (tmp_path / name).write_text(server.kubeconfig())
        command = [sys.executable, "-m", "benchmarks.pipeline", "--kubeconfigs"]
        command += [str(tmp_path / "east"), str(tmp_path / "west"), "--backlog", "0"]
        command += ["--changes", "150", "--rate", "30", "--kills", "1"]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | {"PYSPARK_PYTHON": sys.executable},
            capture_output=True,
            text=True,
            timeout=400,
        )
    figures = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines() if "  " in line)
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]
    found = [figures[name] for name in ("changes", "kills of the driver", "rows")]
    assert found == ["150", "1", "150"]
    problems = ("lost", "repeated", "never written", "gap rows")
    assert [figures[name] for name in problems] == ["0"] * 4
