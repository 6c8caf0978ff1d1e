"""A stream reader, driven as Spark drives it: one batch after the other."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from kwatch.spark import KubernetesDataSource
from kwatch.spark._rows import SCHEMA
from kwatch.spark._source import KubernetesStreamReader
from kwatch.testing import FakeAPIServer
from tests.spark.kubeconfigs import write

Offset = dict[str, dict[str, dict[str, str]]]


class Told(NamedTuple):
    """A row, without the time."""

    cluster: str
    event_type: str
    namespace: str | None
    name: str | None
    uid: str | None
    resource_version: str
    object: str | None

    @property
    def brief(self) -> str:
        return f"{self.event_type} {self.name}"


class Query:
    """One run of a streaming query, which may go on from the offset of an earlier one."""

    def __init__(self, options: Mapping[str, str], at: Offset | None = None) -> None:
        self.source = KubernetesDataSource(dict(options))
        self.reader: KubernetesStreamReader = self.source.streamReader(SCHEMA)
        self.at = at if at is not None else _through_json(self.reader.initialOffset())

    def latest(self) -> Offset:
        return _through_json(self.reader.latestOffset())

    def read(self, start: Offset, end: Offset) -> list[Told]:
        return [
            told(row)
            for partition in self.reader.partitions(start, end)
            for row in self.reader.read(partition)
        ]

    def settle(self, server: FakeAPIServer) -> None:
        """Wait until the driver is told what changes; read up to there."""
        self.latest()
        server.create("Pod", "settled")
        server.delete("Pod", "settled")
        self.batch(server)

    def batch(self, *servers: FakeAPIServer) -> list[Told]:
        """Read up to the present version of each server, which some event or bookmark has."""
        end = self.until(*servers)
        rows = self.read(self.at, end)
        self.at = end
        return rows

    def batch_of_one(self, server: FakeAPIServer) -> set[int]:
        """Read a batch with one pod; tell of which shard it was."""
        pod = server.create("Pod", {"metadata": {"generateName": "one-"}})
        end = self.until(server)
        partitions = self.reader.partitions(self.at, end)
        rows = [told(row) for partition in partitions for row in self.reader.read(partition)]
        assert briefs(rows) == [f"created {pod['metadata']['name']}"]
        self.at = end
        return {partition.part.number for partition in partitions}

    def until(self, *servers: FakeAPIServer) -> Offset:
        """Wait until the offset is at the present version of each server."""
        wanted = {server.resource_version for server in servers}
        deadline = time.monotonic() + 10
        while not wanted <= versions(end := self.latest()):
            assert time.monotonic() < deadline, f"expected {wanted}, got {end}"
            time.sleep(0.005)
        return end


def versions(offset: Offset) -> set[str]:
    return {
        version
        for namespaces in offset.values()
        for shards in namespaces.values()
        for version in shards.values()
    }


def told(row: tuple[Any, ...]) -> Told:
    cluster, event_type, namespace, name, uid, version, _, obj = row
    return Told(cluster, event_type, namespace, name, uid, version, obj)


def briefs(rows: list[Told]) -> list[str]:
    return [row.brief for row in rows]


@contextmanager
def query(
    folder: Path,
    servers: FakeAPIServer | Mapping[str, FakeAPIServer],
    at: Offset | None = None,
    **options: str,
) -> Iterator[Query]:
    """Run a query on fake servers."""
    if isinstance(servers, FakeAPIServer):
        servers = {"east": servers}
    path = write(folder / "kubeconfig", servers)
    given = {"kind": "Pod", "kubeconfig": path, **options}
    query = Query({name: value for name, value in given.items() if value}, at)
    try:
        yield query
    finally:
        query.reader.stop()


def _through_json(offset: Any) -> Offset:
    """Do to an offset what a checkpoint does."""
    result: Offset = json.loads(json.dumps(offset))
    return result
