"""Tests of the Spark source: they need pyspark."""

import pytest

pytest.importorskip("pyspark", reason="needs the extra kwatch-stream[spark]", exc_type=ImportError)

from kwatch.spark import _reading


@pytest.fixture(autouse=True)
def short_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a watch of a task live for a second, so that its bookmark comes after half of that."""
    monkeypatch.setattr(_reading, "CONNECTION_SECONDS", 1)
