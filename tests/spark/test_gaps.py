"""Events that are gone for good: told, and never silent."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kwatch.spark._errors import GapError
from kwatch.spark._partition import Partition
from kwatch.testing import FakeAPIServer, faults
from tests.spark.driving import Offset, Query, Told, briefs, query, told


def sorted_briefs(rows: list[Told]) -> list[str]:
    return sorted(briefs(rows))


def test_a_gap_is_told_and_what_exists_follows(tmp_path: Path, server: FakeAPIServer) -> None:
    server.create("Pod", "stays")
    server.create("Pod", "vanishes")
    with query(tmp_path, server) as run:
        start = run.at
    server.delete("Pod", "vanishes")
    server.create("Pod", "new")
    server.compact()
    with query(tmp_path, server, at=start) as run:
        gap, *rows = run.batch(server)
        end = run.at["east"][""]["0/1"]
        assert gap == Told("east", "gap", None, None, None, end, None)
        assert sorted_briefs(rows) == ["snapshot new", "snapshot stays"]
        assert {row.object and json.loads(row.object)["kind"] for row in rows} == {"Pod"}
        server.create("Pod", "next")
        assert briefs(run.batch(server)) == ["created next"]


def test_a_gap_is_of_a_namespace_and_a_shard(tmp_path: Path, server: FakeAPIServer) -> None:
    options: dict[str, Any] = {"namespaces": "shop,back", "shards": "2"}
    with query(tmp_path, server, **options) as run:
        start = run.at
    for number in range(10):
        server.create("Pod", f"pod-{number}", "shop")
    server.create("Pod", "other", "default")
    server.compact()
    with query(tmp_path, server, at=start, **options) as run:
        rows = run.batch(server)
    gaps = [row.namespace for row in rows if row.event_type == "gap"]
    assert gaps == ["shop", "shop", "back", "back"]
    found = sorted_briefs([row for row in rows if row.event_type != "gap"])
    assert found == [f"snapshot pod-{number}" for number in range(10)]


def test_what_changed_since_does_not_seem_to_have_vanished(
    tmp_path: Path, server: FakeAPIServer
) -> None:
    server.create("Pod", "stays")
    with query(tmp_path, server) as run:
        start = run.at
    server.create("Pod", "new")
    server.compact()
    with query(tmp_path, server, at=start) as run:
        end = run.latest()
        server.patch("Pod", "stays", labels={"n": "1"})
        server.delete("Pod", "new")
        rows = run.read(start, end)
        assert briefs(rows) == ["gap None", "snapshot stays"]
        run.at = end
        again = run.batch(server)
        assert briefs(again) == ["modified stays", "deleted new"]
        assert again[0][2:] == rows[1][2:]  # the same state, so that it does no harm


def test_a_gap_fails_the_query_where_it_is_to(tmp_path: Path, server: FakeAPIServer) -> None:
    with query(tmp_path, server) as run:
        start = run.at
    server.create("Pod", "new")
    server.compact()
    with query(tmp_path, server, at=start, on_gap="fail") as run:
        end = run.latest()
        before, after = start["east"][""]["0/1"], end["east"][""]["0/1"]
        with pytest.raises(GapError) as caught:
            run.read(start, end)
    message = str(caught.value)
    where = "shard 0/1 of all namespaces in cluster east"
    assert re.match(
        rf"{where}: what happened after resource version {before}, up to {after},", message
    )
    assert "Begin with a new checkpoint, or set the option on_gap to 'snapshot'" in message


def test_a_gap_in_the_middle_of_a_batch(tmp_path: Path, server: FakeAPIServer) -> None:
    with query(tmp_path, server) as run:
        run.latest()
        for name in "abc":
            server.create("Pod", name)
        end = run.until(server)
        server.script(faults.error(410, after=1))
        rows = run.read(run.at, end)
        assert briefs(rows[:2]) == ["created a", "gap None"]
        assert sorted_briefs(rows[2:]) == ["snapshot a", "snapshot b", "snapshot c"]
        assert briefs(run.read(run.at, end)) == ["created a", "created b", "created c"]


def test_a_server_that_forgot_while_it_was_away_is_a_gap_in_each_shard(
    tmp_path: Path, server: FakeAPIServer
) -> None:
    for number in range(8):
        server.create("Pod", f"pod-{number}")
    with query(tmp_path, server, shards="4") as run:
        run.settle(server)
        server.stop()
        server.delete("Pod", "pod-3")
        server.compact()
        server.start()
        rows = run.batch(server)
        assert briefs(rows).count("gap None") == 4
        kept = sorted_briefs([row for row in rows if row.event_type != "gap"])
        assert kept == [f"snapshot pod-{number}" for number in range(8) if number != 3]
        server.create("Pod", "next")
        assert briefs(run.batch(server)) == ["created next"]


@pytest.mark.parametrize("forgets", [True, False])
def test_what_came_and_went_while_the_server_was_away(
    tmp_path: Path, server: FakeAPIServer, forgets: bool
) -> None:
    """It leaves no trace in what exists. Another server may still know of it."""
    server.create("Pod", "old")
    with query(tmp_path, server, on_gap="fail") as run:
        run.settle(server)
        server.stop()
        server.create("Pod", "short")
        server.delete("Pod", "short")
        if forgets:
            server.compact()
        server.script(faults.error(410))  # for whoever follows, in the driver
        server.start()
        end = run.until(server)
        if forgets:
            with pytest.raises(GapError):
                run.read(run.at, end)
        else:
            assert briefs(run.read(run.at, end)) == ["created short", "deleted short"]


def test_what_changed_while_the_server_was_away_is_read_in_order(
    tmp_path: Path, server: FakeAPIServer
) -> None:
    """What exists comes by name: it tells nothing of what happened first, in which shard."""
    names = [f"pod-{number}" for number in range(8)]
    for name in names:
        server.create("Pod", name)
    with query(tmp_path, server, on_gap="fail", shards="2") as run:
        run.settle(server)
        server.stop()
        for name in reversed(names):
            server.patch("Pod", name, labels={"n": "1"})
        server.script(faults.error(410))
        server.start()
        assert sorted_briefs(run.batch(server)) == [f"modified {name}" for name in names]


def test_a_quiet_shard_goes_on_where_the_server_begins_to_know(
    tmp_path: Path, server: FakeAPIServer
) -> None:
    with query(tmp_path, server, shards="2", on_gap="fail") as run:
        run.settle(server)
        for _ in range(3):
            seen: set[int] = set()
            while len(seen) < 2:
                seen |= run.batch_of_one(server)
            server.compact()


def test_a_server_that_was_restored_is_a_gap(tmp_path: Path, server: FakeAPIServer) -> None:
    server.create("Pod", "old")
    with query(tmp_path, server) as run:
        run.settle(server)
        for name in "abc":
            server.create("Pod", name)
        run.batch(server)
        server.script(faults.back_in_time(3))
        server.close_watches()
        while server.unmet:
            pass
        for number in range(6):  # past where it was
            server.create("Pod", f"z{number}")
        rows = run.read(run.at, end := back(run))
        assert int(end["east"][""]["0/1"]) < int(run.at["east"][""]["0/1"])
        assert briefs(rows)[0] == "gap None"
        assert sorted_briefs(rows)[1:] == ["snapshot old", *(f"snapshot z{n}" for n in range(6))]
        run.at = end
        server.create("Pod", "next")
        found = briefs(run.batch(server))  # or some of them once more
        assert found == [*(f"created z{n}" for n in range(6)), "created next"][-len(found) :]


def back(run: Query) -> Offset:
    """Wait until the offset goes back."""
    while (end := run.latest()) == run.at:
        pass
    return end


def test_a_checkpoint_that_is_ahead_of_the_server_is_a_gap(
    tmp_path: Path, server: FakeAPIServer
) -> None:
    server.create("Pod", "old")
    with query(tmp_path, server, at={"east": {"": {"0/1": "999"}}}) as run:
        assert briefs(run.batch(server)) == ["gap None", "snapshot old"]
    with (
        query(tmp_path, server, at={"east": {"": {"0/1": "999"}}}, on_gap="fail") as run,
        pytest.raises(GapError, match="gone back in time, from resource version 999 to 2"),
    ):
        run.batch(server)


def test_a_checkpoint_of_which_a_part_is_ahead_of_the_server(
    tmp_path: Path, server: FakeAPIServer
) -> None:
    """The other part is not, but what happened to it since may have been undone as well."""
    server.create("Pod", "old")
    start = {"east": {"": {"0/2": "999", "1/2": "1"}}}
    with query(tmp_path, server, at=start, shards="2") as run:
        rows = run.batch(server)
    assert sorted_briefs(rows) == ["gap None", "gap None", "snapshot old"]


def test_an_end_that_the_server_no_longer_has_is_a_gap(
    tmp_path: Path, server: FakeAPIServer
) -> None:
    server.create("Pod", "old")
    with query(tmp_path, server) as run:
        start = run.at
        server.create("Pod", "new")
        end = {"east": {"": {"0/1": "999"}}}
        rows = run.read(start, end)
        (partition,) = run.reader.partitions(start, end)
        assert isinstance(partition, Partition)
        late = [told(row) for row in run.reader.read(replace(partition, ends_with_event=True))]
    assert briefs(rows)[0] == "gap None"
    assert briefs(late)[:2] == ["created new", "gap None"]
    for found in rows[1:], late[2:]:
        assert sorted_briefs(found) == ["snapshot new", "snapshot old"]
