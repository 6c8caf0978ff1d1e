"""A streaming query of `benchmarks.pipeline`: its process, and what it has written."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import unquote, urlsplit

import psutil  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]

from benchmarks.pipeline.driver import ANSWER

START_SECONDS = 180.0
"""So long Spark may take to start, and a query to its next batch."""


class Row(NamedTuple):
    """What the pipeline has written of one event."""

    cluster: str
    event_type: str
    uid: str | None
    resource_version: str
    number: int | None


class Driver:
    """A Spark driver in a process of its own.

    Args:
        log: Where it writes what it has to say.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        environment = os.environ | {"PYSPARK_PYTHON": sys.executable}
        with log.open("a") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.pipeline.driver"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                text=True,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def ask(self, command: str, *arguments: object) -> Any:
        """Have something done, and give the answer.

        Raises:
            RuntimeError: It has died.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([command, *arguments]) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith(ANSWER):
                return json.loads(line.removeprefix(ANSWER))
        raise RuntimeError(f"the driver has died: {self._log.read_text()[-3_000:]}")

    def triggers(self) -> list[dict[str, Any]]:
        """Give what each trigger of the query has done.

        Raises:
            RuntimeError: The query has failed.
        """
        answer = self.ask("progress")
        if answer["error"]:
            raise RuntimeError(f"the query has failed: {answer['error'][:3_000]}")
        triggers: list[dict[str, Any]] = answer["triggers"]
        return triggers

    def processes(self) -> list[psutil.Process]:
        """Give it, and all that it has started."""
        try:
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """Kill all of it at once, as when the machine dies."""
        for process in self.processes():
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        self._process.wait()


class Output:
    """The files of a query.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, list[Row]] = {}

    @property
    def batches(self) -> int:
        """How many batches were done."""
        return sum(1 for _ in _numbered(self.folder / "checkpoint" / "commits"))

    def rows(self) -> list[Row]:
        """Give all rows that were committed: those of the files that Spark's log of them names."""
        for file in self._files():
            if file not in self._known:
                table = pyarrow.parquet.ParquetFile(file).read()
                self._known[file] = [Row(**row) for row in table.to_pylist()]
        return [row for rows in self._known.values() for row in rows]

    def offsets(self) -> list[dict[tuple[str, str], int]]:
        """Give where each batch ended, by cluster and shard."""
        found = []
        for path in sorted(_numbered(self.folder / "checkpoint" / "offsets"), key=_number):
            clusters = json.loads(path.read_text().splitlines()[-1])
            found.append(
                {
                    (cluster, shard): int(version or 0)
                    for cluster, namespaces in clusters.items()
                    for shards in namespaces.values()
                    for shard, version in shards.items()
                }
            )
        return found

    def _files(self) -> set[str]:
        entries = [
            json.loads(line)
            for log in _numbered(self.folder / "rows" / "_spark_metadata")
            for line in log.read_text().splitlines()[1:]
        ]
        return {unquote(urlsplit(entry["path"]).path) for entry in entries}


def wait_until(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Wait until something is true.

    Raises:
        TimeoutError: It never was.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.1)


def _numbered(folder: Path) -> Iterator[Path]:
    """Give the files that are called by a number, as logs of Spark are."""
    return folder.glob("[0-9]*")


def _number(path: Path) -> int:
    return int(path.name.partition(".")[0])
