"""The driver's side: what its trackers do when something goes wrong."""

import threading
from pathlib import Path

import pytest

from kwatch.spark._errors import ClusterError, OffsetError
from kwatch.testing import FakeAPIServer, faults
from tests.spark.driving import Query, briefs, query
from tests.spark.kubeconfigs import write


def test_a_cluster_that_is_away_holds_nothing_up(tmp_path: Path) -> None:
    with FakeAPIServer() as east, FakeAPIServer() as west:
        servers = {"east": east, "west": west}
        with query(tmp_path, servers, contexts="east,west") as run:
            run.latest()
            west.create("Pod", "w1")
            run.until(west)
            west.stop()
            for number in range(3):
                east.create("Pod", f"e{number}")
                end = run.until(east)
            assert end["west"][""]["0/1"] == west.resource_version
            west.start()
            west.create("Pod", "w2")
            rows = run.batch(east, west)
    assert sorted(briefs(rows)) == sorted(
        ["created w1", "created w2", "created e0", "created e1", "created e2"]
    )


@pytest.mark.parametrize("on_gap", ["snapshot", "fail"])
def test_the_first_batch_is_empty_whatever_is_asked_for_first(
    tmp_path: Path, server: FakeAPIServer, on_gap: str
) -> None:
    """Spark asks for its end, then for its start; and for another start, after a crash."""
    with query(tmp_path, server, at={}, on_gap=on_gap) as run:
        end = run.latest()
        server.create("Pod", "a")
        start = run.reader.initialOffset()
        assert (start, run.read(start, end)) == (end, [])
    server.create("Pod", "b")
    with query(tmp_path, server, at=end, on_gap=on_gap) as again:
        start = again.reader.initialOffset()
        assert start != end
        assert again.read(start, end) == []
        assert briefs(again.batch(server)) == ["created a", "created b"]


def test_the_start_fails_at_once(tmp_path: Path) -> None:
    with FakeAPIServer() as east, FakeAPIServer() as west:
        servers = {"east": east, "west": west}
        path = write(tmp_path / "kubeconfig", servers)
    options = {"kind": "Pod", "kubeconfig": path, "contexts": "east,west"}
    with pytest.raises(ClusterError, match=r"cluster east: ConnectError"):
        Query(options)
    with pytest.raises(ClusterError, match=r"cluster east: ConnectError"):
        Query(options, at={}).latest()
    with pytest.raises(Exception, match="context 'north'"):
        Query({**options, "contexts": "north"})


def test_a_wrong_kind_shows_itself(tmp_path: Path, server: FakeAPIServer) -> None:
    with (
        pytest.raises(ClusterError, match=r"cluster east: UnknownKindError: .*Podd"),
        query(tmp_path, server, kind="Podd"),
    ):
        pass
    with (
        pytest.raises(ClusterError, match=r"cluster east, namespace shop: ValueError"),
        query(tmp_path, server, kind="Node", namespaces="shop"),
    ):
        pass


def test_a_namespace_that_is_forbidden_is_named(tmp_path: Path, server: FakeAPIServer) -> None:
    server.script(faults.healthy(), faults.http(403), on="list")
    with query(tmp_path, server, namespaces="shop,back", send_initial_events="true") as run:
        with pytest.raises(ClusterError, match=r"cluster east, namespace (shop|back): .*403"):
            run.latest()
        assert run.latest()  # and can be asked again


def test_a_watch_that_is_forbidden_fails_the_query(tmp_path: Path, server: FakeAPIServer) -> None:
    server.script(faults.http(403))
    with query(tmp_path, server) as run:
        run.latest()
        for tracker in run.reader._driver()._trackers.values():
            tracker.join()
        with pytest.raises(ClusterError, match=r"cluster east: .*403"):
            run.latest()


def test_a_tracker_gets_over_failures_at_its_beginning(
    tmp_path: Path, server: FakeAPIServer
) -> None:
    server.script(faults.http(500), faults.reset(after=0))
    with query(tmp_path, server) as run:
        run.latest()
        server.create("Pod", "a")
        assert briefs(run.batch(server)) == ["created a"]


def test_a_checkpoint_of_other_options(tmp_path: Path, server: FakeAPIServer) -> None:
    with query(tmp_path, server) as run:
        start = run.at
    with (
        query(tmp_path, server, at=start, shards="2") as other,
        pytest.raises(OffsetError, match="Expected east in 2 shards, got east in 1 shard"),
    ):
        other.reader.partitions(start, other.latest())


def test_versions_that_are_no_numbers(
    tmp_path: Path, server: FakeAPIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kwatch.spark._place.version_of", lambda _: "v1")
    with (
        pytest.raises(ClusterError, match=r"cluster east: .*decimal numbers, got 'v1'"),
        query(tmp_path, server),
    ):
        pass


def test_stop_ends_the_threads(tmp_path: Path, server: FakeAPIServer) -> None:
    before = set(threading.enumerate())
    with query(tmp_path, server, namespaces="a,b,c") as run:
        run.latest()
        named = {thread.name for thread in set(threading.enumerate()) - before}
        assert {f"kwatch cluster east, namespace {name}" for name in "abc"} <= named
    left = {thread for thread in threading.enumerate() if thread.name.startswith("kwatch cluster")}
    assert left - before == set()
