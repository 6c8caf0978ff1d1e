"""Batches of changes: each change in one of them, and the same when they are read again."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kwatch.testing import FakeAPIServer, faults
from kwatch.testing._watch import Watch
from tests.spark.driving import Query, briefs, query, versions


def change(server: FakeAPIServer, *names: str, label: str = "1") -> None:
    for name in names:
        server.patch("Pod", name, labels={"n": label})


def watches(server: FakeAPIServer) -> list[dict[str, str]]:
    return [request.params for request in server.requests if "watch" in request.params]


def test_each_change_is_in_one_batch(tmp_path: Path, server: FakeAPIServer) -> None:
    server.create("Pod", "old")
    with query(tmp_path, server) as run:
        assert run.latest() == run.at == {"east": {"": {"0/1": server.resource_version}}}
        server.create("Pod", "a")
        change(server, "old")
        first = run.batch(server)
        server.delete("Pod", "a")
        second = run.batch(server)
    assert briefs(first) == ["created a", "modified old"]
    assert briefs(second) == ["deleted a"]
    assert second[0].resource_version == server.resource_version


def test_what_a_row_holds(tmp_path: Path, server: FakeAPIServer) -> None:
    with query(tmp_path, server) as run:
        run.latest()
        pod = server.create("Pod", "a", "shop", spec={"nodeName": "é"})
        end = run.until(server)
        (partition,) = run.reader.partitions(run.at, end)
        before = datetime.now(UTC)
        (row,) = run.reader.read(partition)
    metadata = pod["metadata"]
    seen = row[6]
    assert before <= seen <= datetime.now(UTC)
    expected = ("east", "created", "shop", "a", metadata["uid"], metadata["resourceVersion"], seen)
    assert row[:7] == expected
    assert json.loads(row[7] or "") == pod
    assert type(row[1]) is str


def test_an_empty_batch_asks_nothing(tmp_path: Path, server: FakeAPIServer) -> None:
    with query(tmp_path, server, shards="2") as run:
        run.settle(server)
        asked = len(server.requests)
        assert run.latest() == run.at
        assert run.reader.partitions(run.at, run.at) == []
        assert len(server.requests) == asked


def test_a_batch_that_ends_with_an_event_waits_for_nothing(
    tmp_path: Path, server: FakeAPIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kwatch.spark._reading.CONNECTION_SECONDS", 3600)
    with query(tmp_path, server) as run:
        run.latest()
        server.create("Pod", "a")
        end = run.until(server)
        assert briefs(run.read(run.at, end)) == ["created a"]
        server.create("Pod", "b")  # newer than the end
        assert briefs(run.read(run.at, end)) == ["created a"]
        server.create("Namespace", "shop")
        end["east"][""]["0/1"] = str(int(server.resource_version) - 1)  # nothing has that version
        server.create("Pod", "c")
        end["east"][""]["0/1"] = str(int(server.resource_version) - 1)
        assert briefs(run.read(run.at, end)) == ["created a", "created b"]


def test_a_batch_that_ends_with_nothing_ends_with_a_bookmark(
    tmp_path: Path, server: FakeAPIServer
) -> None:
    with query(tmp_path, server) as before:
        server.create("Pod", "a")
        server.create("Namespace", "shop")
    with query(tmp_path, server, at=before.at) as run:
        end = run.latest()
        assert versions(end) == {server.resource_version}
        assert briefs(run.read(run.at, end)) == ["created a"]


@pytest.mark.parametrize("sharding", [False, True])
def test_a_batch_that_ends_with_an_event_of_another_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sharding: bool
) -> None:
    with FakeAPIServer(sharding=sharding) as server:
        with query(tmp_path, server, shards="2") as before:
            for number in range(8):
                server.create("Pod", f"pod-{number}")
        with query(tmp_path, server, at=before.at, shards="2") as run:
            end = run.latest()  # the version of a pod that is in one of them
            run.reader.stop()
            monkeypatch.setattr(Watch, "_next_bookmark", lambda self, now, deadline: deadline)
            rows = run.read(before.at, end)
    assert sorted(briefs(rows)) == [f"created pod-{number}" for number in range(8)]


def test_a_batch_that_is_read_again_is_the_same(tmp_path: Path, server: FakeAPIServer) -> None:
    with query(tmp_path, server) as run:
        run.latest()
        for name in "abc":
            server.create("Pod", name)
        server.delete("Pod", "b")
        start, end = run.at, run.until(server)
        rows = run.read(start, end)
        change(server, "a")
        server.delete("Pod", "c")
        server.create("Pod", "d")
        assert run.read(start, end) == rows
    with query(tmp_path, server, at=start) as later:
        assert later.read(start, end) == rows
        later.at = end
        assert briefs(later.batch(server)) == ["modified a", "deleted c", "created d"]


def test_the_shards_together_are_the_whole(tmp_path: Path, server: FakeAPIServer) -> None:
    with query(tmp_path, server, shards="3") as parts:
        parts.settle(server)
        whole = Query({**parts.source.options, "shards": "1"})
        names = [f"pod-{number}" for number in range(30)]
        for name in names:
            server.create("Pod", name)
        change(server, *names[::2])
        for name in names[::3]:
            server.delete("Pod", name)
        expected, found = whole.batch(server), parts.batch(server)
        whole.reader.stop()
    assert len(found) == len(expected) == 55
    assert sorted(found, key=lambda row: int(row.resource_version)) == expected
    assert len(set(parts.at["east"][""].values())) == 3  # each shard ends with an event of its own


def test_only_the_shards_with_events_are_read(tmp_path: Path, server: FakeAPIServer) -> None:
    with query(tmp_path, server, shards="4") as run:
        run.settle(server)
        server.create("Pod", "a")
        end = run.until(server)
        assert len(run.reader.partitions(run.at, end)) == 1


def test_a_bookmark_moves_the_offset_and_nothing_is_read(tmp_path: Path) -> None:
    with (
        FakeAPIServer(bookmark_interval=0.02) as server,
        query(tmp_path, server, shards="2", label_selector="app=web") as run,
    ):
        run.settle(server)
        server.create("Pod", "other")
        end = run.until(server)
        assert end != run.at
        assert run.reader.partitions(run.at, end) == []
        with query(
            tmp_path, server, at=run.at, shards="2", label_selector="app=web"
        ) as later:  # which does not know that the range is quiet
            assert len(later.reader.partitions(run.at, end)) == 2
            assert later.read(run.at, end) == []


def test_several_clusters_and_namespaces(tmp_path: Path) -> None:
    with FakeAPIServer() as east, FakeAPIServer() as west:
        servers = {"east": east, "west": west}
        with query(tmp_path, servers, contexts="west, east", namespaces="shop,back") as run:
            run.latest()
            for server in servers.values():
                for namespace in ("shop", "back", "other"):
                    server.create("Pod", "a", namespace)
            end = run.latest()
            while len(run.reader.partitions(run.at, end)) < 4:
                end = run.latest()
            rows = run.read(run.at, end)
    assert {(row.cluster, row.namespace) for row in rows} == {
        (cluster, namespace) for cluster in servers for namespace in ("shop", "back")
    }
    assert len(rows) == 4
    assert list(end) == ["east", "west"]


def test_metadata_alone(tmp_path: Path, server: FakeAPIServer) -> None:
    with query(tmp_path, server, metadata_only="true") as run:
        run.latest()
        server.create("Pod", "a", spec={"nodeName": "node-1"})
        (row,) = run.batch(server)
    assert row.object is not None
    assert json.loads(row.object).keys() == {"apiVersion", "kind", "metadata"}


def test_a_cluster_wide_kind_and_a_path(tmp_path: Path, server: FakeAPIServer) -> None:
    ways: list[dict[str, Any]] = [
        {"kind": "ns"},
        {"kind": "", "resource_path": "/api/v1/namespaces"},
    ]
    for options in ways:
        with query(tmp_path, server, **options) as run:
            run.latest()
            name = f"shop-{len(options)}"
            server.create("Namespace", name)
            (row,) = run.batch(server)
            assert (row.namespace, row.name) == (None, name)


def test_connections_that_break_lose_nothing(tmp_path: Path, server: FakeAPIServer) -> None:
    with query(tmp_path, server) as run:
        run.latest()
        for name in "abcdef":
            server.create("Pod", name)
        end = run.until(server)
        server.script(faults.cut(after=1500), faults.healthy())
        rows = run.read(run.at, end)
        assert briefs(rows) == [f"created {name}" for name in "abcdef"]
        assert server.unmet == 0 or watches(server)


def test_a_task_asks_again_where_its_first_request_fails(
    tmp_path: Path, server: FakeAPIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    with query(tmp_path, server) as run:
        run.latest()
        server.create("Pod", "a")
        end = run.until(server)
        monkeypatch.setattr("kwatch.spark._reading.time.sleep", slept.append)
        server.script(faults.http(500), faults.http(403), faults.reset(after=0))
        assert briefs(run.read(run.at, end)) == ["created a"]
        assert server.unmet == 0
    assert len(slept) >= 2


def test_a_task_does_not_ask_for_ever(
    tmp_path: Path, server: FakeAPIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kwatch.spark._source.PATIENCE_SECONDS", 0.0)
    with query(tmp_path, server) as run:
        run.latest()
        server.create("Pod", "a")
        end = run.until(server)
        server.script(faults.http(403))
        with pytest.raises(Exception, match="403"):
            run.read(run.at, end)
