"""A program that streams the changes of two clusters into files, and prints what came of it.

Spark has a process of its own here: its warnings and threads are not the tests'.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from kwatch.spark import KubernetesDataSource
from kwatch.testing import FakeAPIServer
from tests.spark.kubeconfigs import write

TIMEOUT_SECONDS = 90

Change = tuple[str, str, str, str]


def session() -> SparkSession:
    """Give a small Spark."""
    builder: Any = SparkSession.builder
    settings = {
        "spark.master": "local[2]",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark: SparkSession = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    spark.dataSource.register(KubernetesDataSource)
    return spark


class Program:
    """Two clusters, a Spark, and what was done and is expected."""

    def __init__(self, folder: Path, servers: dict[str, FakeAPIServer]) -> None:
        self.folder = folder
        self.servers = servers
        self.kubeconfig = write(folder / "kubeconfig", servers)
        self.spark = session()
        self.done: list[Change] = []

    def options(self, **others: str) -> dict[str, str]:
        return {
            "Kind": "Pod",
            "contexts": "east,west",
            "kubeconfig": self.kubeconfig,
            "shards": "2",
            **others,
        }

    def change(self, prefix: str, count: int) -> None:
        """Make so many pods in each cluster, change each of them, and delete every other."""
        for name, server in self.servers.items():
            for number in range(count):
                pod = f"{prefix}-{number}"
                self._did(name, "created", server.create("Pod", pod))
                self._did(name, "modified", server.patch("Pod", pod, labels={"n": "1"}))
                if number % 2:
                    self._did(name, "deleted", server.delete("Pod", pod))

    def _did(self, cluster: str, event_type: str, obj: dict[str, Any]) -> None:
        metadata = obj["metadata"]
        self.done.append((cluster, event_type, metadata["name"], metadata["resourceVersion"]))

    def start(self) -> StreamingQuery:
        changes = self.spark.readStream.format("kubernetes").options(**self.options()).load()
        writer = changes.writeStream.format("parquet").trigger(processingTime="100 milliseconds")
        return writer.option("checkpointLocation", str(self.folder / "checkpoint")).start(
            str(self.folder / "rows")
        )

    def wait(self, query: StreamingQuery) -> None:
        """Wait until all that was done is in the files."""
        latest = {name: server.resource_version for name, server in self.servers.items()}
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            query.processAllAvailable()
            ends: list[Any] = [
                source["endOffset"]
                for progress in query.recentProgress[-1:]
                for source in json.loads(progress.json)["sources"]
            ]
            if ends and all(latest[name] in ends[0][name][""].values() for name in latest):
                return
            time.sleep(0.05)
        raise TimeoutError(f"expected {latest}, got {ends}")

    def rows(self) -> list[Any]:
        return self.spark.read.parquet(str(self.folder / "rows")).collect()

    def table(self) -> list[Any]:
        reader = self.spark.read.format("kubernetes").options(**self.options())
        return reader.load().select("cluster", "name", "event_type").collect()


def run(folder: Path) -> dict[str, Any]:
    """Stop a query in the middle, and let another one go on."""
    with FakeAPIServer() as east, FakeAPIServer() as west:
        program = Program(folder, {"east": east, "west": west})
        query = program.start()
        while not query.recentProgress:
            time.sleep(0.05)
        program.change("first", 15)
        program.wait(query)
        program.change("middle", 15)  # some of it may be read by this query, some by the next
        query.stop()
        program.change("meanwhile", 15)
        query = program.start()
        program.change("last", 15)
        program.wait(query)
        query.stop()
        rows = program.rows()
        found = Counter(
            (row.cluster, row.event_type, row.name, row.resource_version) for row in rows
        )
        expected = Counter(program.done)
        bad = program.spark.read.format("kubernetes").option("kind", "Pod").option("shard", "2")
        try:
            bad.load()
            refusal = ""
        except Exception as error:
            refusal = str(error)
        result = {
            "changes": len(program.done),
            "missing": sorted((expected - found).elements()),
            "surplus": sorted((found - expected).elements()),
            "seconds": sorted({round(time.time() - row.observed_at.timestamp()) for row in rows}),
            "kinds": sorted({json.loads(row.object)["kind"] for row in rows}),
            "table": Counter(f"{row.cluster} {row.event_type}" for row in program.table()),
            "refusal": refusal,
        }
        program.spark.stop()
        return result


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(Path(sys.argv[1]))))
