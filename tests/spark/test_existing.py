"""What exists: at the beginning of a stream, and of `spark.read`."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from kwatch.spark import KubernetesDataSource
from kwatch.spark._partition import Partition
from kwatch.spark._rows import SCHEMA, row_of
from kwatch.testing import FakeAPIServer
from tests.frames import added, deleted, initial_end, modified
from tests.spark.driving import Told, briefs, query, told
from tests.spark.kubeconfigs import TOKEN, write

ENDED = (added("5", "a"), added("6", "b"), modified("7", "b"), deleted("8", "a"), initial_end("9"))
"""b changes and a vanishes before all that exists has come."""


def table(options: dict[str, str]) -> list[Told]:
    reader = KubernetesDataSource(options).reader(SCHEMA)
    return [told(row) for partition in reader.partitions() for row in reader.read(partition)]


def test_a_stream_begins_with_what_exists(tmp_path: Path, server: FakeAPIServer) -> None:
    server.create("Pod", "a")
    server.create("Pod", "b")
    with query(tmp_path, server, send_initial_events="true") as run:
        assert run.at == {"east": {"": {"0/1": ""}}}
        assert sorted(briefs(run.batch(server))) == ["created a", "created b"]
        server.delete("Pod", "a")
        assert briefs(run.batch(server)) == ["deleted a"]


def test_what_changes_meanwhile_comes_with_the_next_batch(
    tmp_path: Path, server: FakeAPIServer
) -> None:
    server.create("Pod", "a")
    server.create("Pod", "b")
    server.create("Pod", "c")
    with query(tmp_path, server, send_initial_events="true") as run:
        end = run.latest()
        server.patch("Pod", "a", labels={"n": "1"})
        server.delete("Pod", "b")
        server.create("Pod", "d")
        assert briefs(run.read(run.at, end)) == ["created c"]
        run.at = end
        assert briefs(run.batch(server)) == ["modified a", "deleted b", "created d"]


def test_what_vanishes_after_the_end_comes_with_the_next_batch(
    tmp_path: Path, server: FakeAPIServer
) -> None:
    """Though it came before the end of what exists."""
    server.http.expect_oneshot_request("/api/v1/pods", query_string=None).respond_with_data(
        b"".join(ENDED), content_type="application/json"
    )
    with query(tmp_path, server, send_initial_events="true") as run:
        end = {"east": {"": {"0/1": "6"}}}
        (partition,) = run.reader.partitions(run.at, end)
        assert sorted(briefs([told(row) for row in run.reader.read(partition)])) == [
            "created a",
            "created b",
        ]


def test_a_server_that_cannot_stream_lists(tmp_path: Path) -> None:
    with FakeAPIServer(watch_list=False) as server:
        server.create("Pod", "a")
        with query(tmp_path, server, send_initial_events="true", shards="2") as run:
            assert briefs(run.batch(server)) == ["created a"]


def test_a_table_of_what_exists(tmp_path: Path) -> None:
    with FakeAPIServer() as east, FakeAPIServer() as west:
        path = write(tmp_path / "kubeconfig", {"east": east, "west": west})
        for server in east, west:
            for number in range(10):
                server.create("Pod", f"pod-{number}", "shop" if number % 2 else "back")
            server.create("Pod", "other", "default")
        options = {"kind": "Pod", "kubeconfig": path, "shards": "3"}
        assert len(table(options)) == 11
        options |= {"contexts": "east,west", "namespaces": "shop,back"}
        rows = table(options)
        assert {row.event_type for row in rows} == {"created"}
        found = sorted((row.cluster, row.name) for row in rows)
        assert found == [(name, f"pod-{n}") for name in ("east", "west") for n in range(10)]


def test_a_table_of_something_unknown(tmp_path: Path, server: FakeAPIServer) -> None:
    path = write(tmp_path / "kubeconfig", {"east": server})
    with pytest.raises(Exception, match="Podd"):
        table({"kind": "Podd", "kubeconfig": path})


def test_a_pod_reads_its_own_cluster(
    tmp_path: Path, server: FakeAPIServer, monkeypatch: pytest.MonkeyPatch, nowhere: None
) -> None:
    class Config:
        context = ""

    monkeypatch.setattr("kwatch.spark._cluster.KubeConfig.load", lambda *_: Config)
    (partition,) = KubernetesDataSource({"kind": "Pod"}).reader(SCHEMA).partitions()
    assert isinstance(partition, Partition)
    assert (partition.cluster.name, partition.cluster.context) == ("in-cluster", None)


# What a row can hold


def raw(*objects: str) -> bytes:
    lines = [f'{{"type":"ADDED","object":{text}}}' for text in objects]
    end = (
        '{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"9",'
        '"annotations":{"k8s.io/initial-events-end":"true"}}}}'
    )
    return "".join(f"{line}\n" for line in [*lines, end]).encode()


@pytest.mark.parametrize(
    ("frames", "found"),
    [(ENDED, ["created b"]), (ENDED[:2], ["created c"])],
    ids=["changes before the end", "begins anew"],
)
def test_what_changes_until_all_has_come_is_there_once(
    tmp_path: Path, server: FakeAPIServer, frames: tuple[bytes, ...], found: list[str]
) -> None:
    """A real server streams what its cache has, and then what has happened since."""
    server.create("Pod", "c")
    server.http.expect_oneshot_request("/api/v1/pods", query_string=None).respond_with_data(
        b"".join(frames), content_type="application/json"
    )
    path = write(tmp_path / "kubeconfig", {"east": server})
    assert briefs(table({"resource_path": "/api/v1/pods", "kubeconfig": path})) == found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e400", float("inf")),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        (r'"é \u0000"', "é \0"),
        (r'"\ud83d\ude00"', "\U0001f600"),
        ("[" * 500 + "]" * 500, None),
    ],
)
def test_odd_objects(tmp_path: Path, server: FakeAPIServer, text: str, value: Any) -> None:
    metadata = '{"name":"a","uid":"u","resourceVersion":"5"}'
    body = raw(f'{{"kind":"Pod","metadata":{metadata},"spec":{{"odd":{text}}}}}')
    server.http.expect_oneshot_request("/api/v1/pods", query_string=None).respond_with_data(
        body, content_type="application/json"
    )
    path = write(tmp_path / "kubeconfig", {"east": server})
    (row,) = table({"resource_path": "/api/v1/pods", "kubeconfig": path})
    assert (row.name, row.namespace, row.uid) == ("a", None, "u")
    assert row.object is not None
    row.object.encode()
    if value is not None:
        assert json.loads(row.object)["spec"]["odd"] == value


def test_half_of_a_surrogate_pair_is_written_as_json_does() -> None:
    odd = {"metadata": {"name": "a\udc00", "resourceVersion": "5", "namespace": 7}, "é": "\ud800"}
    row = told(row_of("east", "created", odd))
    assert (row.name, row.namespace, row.uid) == (r"a\udc00", None, None)
    assert row.object is not None
    assert row.object.encode()
    assert json.loads(row.object) == odd


# What must not be told


def test_no_credential_is_in_what_is_sent(tmp_path: Path) -> None:
    options: dict[str, Any] = {"shards": "2", "send_initial_events": "true"}
    with FakeAPIServer(token=TOKEN) as server, query(tmp_path, server, **options) as run:
        server.create("Pod", "a")
        end = run.until(server)
        partitions = run.reader.partitions(run.at, end)
        assert briefs(run.read(run.at, end)) == ["created a"]
        sent = pickle.dumps([run.source, run.reader, *partitions])
        assert TOKEN.encode() not in sent
        assert server.url.encode() not in sent
        _, reader, *copies = pickle.loads(sent)
        assert copies == list(partitions)
        assert [row[3] for copy in copies for row in reader.read(copy)] == ["a"]
        assert TOKEN not in repr(partitions) + repr(end)


def test_no_credential_is_in_an_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with FakeAPIServer(token="another") as server:
        path = write(tmp_path / "kubeconfig", {"east": server})
        with pytest.raises(Exception, match="401") as caught:
            table({"kind": "Pod", "kubeconfig": path})
        assert TOKEN not in str(caught.value) + caplog.text
