"""The show of `benchmarks.pipeline`, shortened: a query that is killed, on two fake servers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.pipeline.account import Account
from benchmarks.pipeline.cluster import Change
from benchmarks.pipeline.query import Row
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


# Its account


def account(*rows: Row, gap: int = 0) -> Account:
    """Two objects are created, and one is changed twice and deleted; the other one is there."""
    changes = [
        Change("east", "created", "a", 3, 1),
        Change("east", "created", "b", 4, 2),
        Change("east", "modified", "a", 5, 3),
        Change("east", "modified", "a", 7, 4),
        Change("east", "deleted", "a", 0, 5),
        Change("east", "modified", "b", 9, 6),
    ]
    offsets = [{("east", "0/1"): version} for version in (2, gap, 9)]
    return Account(changes, rows, offsets, {"east": {"b": 9}})


ROWS = (
    Row("east", "created", "a", "3", 1),
    Row("east", "created", "b", "4", 2),
    Row("east", "modified", "a", "5", 3),
    Row("east", "modified", "a", "7", 4),
    Row("east", "deleted", "a", "8", 4),
    Row("east", "modified", "b", "9", 6),
)


def test_an_account_of_each_change_once() -> None:
    found = account(*ROWS)
    assert found.is_well
    assert len(found.events) == 6


@pytest.mark.parametrize("missing", range(6))
def test_an_account_of_a_change_that_is_lost(missing: int) -> None:
    found = account(*ROWS[:missing], *ROWS[missing + 1 :])
    assert [change.number for change in found.lost] == [missing + 1]
    assert not found.is_well


@pytest.mark.parametrize("again", range(6))
def test_an_account_of_a_change_that_came_twice(again: int) -> None:
    assert account(*ROWS, ROWS[again]).repeated == [ROWS[again]]


def test_an_account_of_a_gap() -> None:
    """It hides what may have its versions; what its snapshot has not got has vanished."""
    gap = Row("east", "gap", None, "8", None)
    snapshot = Row("east", "snapshot", "b", "4", 2)
    found = account(gap, snapshot, ROWS[5], gap=8)
    assert found.is_well
    assert sorted(change.number for change in found.hidden) == [1, 2, 3, 4, 5]
    found = account(*ROWS[:2], gap, snapshot, ROWS[5], gap=8)
    assert found.is_well
    assert sorted(change.number for change in found.hidden) == [3, 4, 5]
    ghost = Row("east", "snapshot", "a", "7", 4)
    assert account(gap, snapshot, ghost, ROWS[5], gap=8).differing == ["east a: 7 is None"]
    found = account(gap, gap=8)
    assert [change.number for change in found.lost] == [6]
    assert found.differing == ["east b: None is 9"]
