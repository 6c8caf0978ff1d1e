"""`Shard`: which objects are in which, and what a watch does whatever the server makes of it."""

import logging
import re
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwatch import ProtocolError
from kwatch._shard import Shard, Sieve, check_list, hash_of, index_of
from tests.frames import added, bookmark, deleted, initial_end, listed, modified, obj, watched
from tests.front import Front, Script

MINE, OTHERS = (0, 2), (1, 2)


def uid_in(shard: tuple[int, int], number: int = 0) -> str:
    """A uid in a shard, as the server makes them."""
    found = (str(uuid.uuid5(uuid.NAMESPACE_OID, f"{number}-{i}")) for i in range(1000))
    return next(uid for uid in found if index_of(uid, shard[1]) == shard[0])


HERE, THERE = uid_in(MINE), uid_in(OTHERS)


@pytest.mark.parametrize(
    ("uid", "expected"),
    [
        ("", 0xCBF29CE484222325),
        ("a", 0xAF63DC4C8601EC8C),
        ("foobar", 0x85944171F73967E8),
        ("f9d2a3b0-4a0d-4f0e-9a39-6a3f0b2f3c11", None),
    ],
)
def test_the_hash_is_fnv_1a(uid: str, expected: int | None) -> None:
    """By its published test vectors."""
    value = 14695981039346656037
    for byte in uid.encode():
        value = (value ^ byte) * 1099511628211 % 2**64
    assert hash_of(uid) == value
    assert expected in (None, value)


@given(st.integers(1, 1_000_000), st.data())
def test_ranges_of_hashes_meet_without_a_gap_or_an_overlap(count: int, data: Any) -> None:
    """What is asked of the server is what is told here, at each edge too."""
    index = data.draw(st.integers(0, count - 1))
    start, end = edges(Shard(index, count))
    assert (index == 0) == (start == 0)
    assert (index == count - 1) == (end == 2**64)
    if index:
        assert edges(Shard(index - 1, count))[1] == start
    for value in {start, end - 1} if start < end else ():
        assert (value * count) >> 64 == index
    for value in (start - 1, end):
        assert (value * count) >> 64 != index


def edges(shard: Shard) -> tuple[int, int]:
    prefix, *values = shard.selector.removesuffix("')").split(", '0x")
    start, end = (value.removesuffix("'") for value in values)
    assert prefix == "shardRange(object.metadata.uid"
    assert len(start) == 16
    assert len(end) == 16 or end == "10000000000000000"
    return int(start, 16), int(end, 16)


@given(st.text(), st.integers(1, 100))
def test_each_object_is_in_exactly_one_shard(uid: str, count: int) -> None:
    body = {"metadata": {"uid": uid}}
    assert [Shard(index, count).has(body) for index in range(count)].count(True) == 1


def test_objects_without_a_uid_are_in_one_shard() -> None:
    assert [Shard(index, 3).has({"metadata": {}}) for index in range(3)].count(True) == 1


@pytest.mark.parametrize("shard", [(0,), (0, 1, 2), "01", 3, (0.0, 2), (True, 2), (None, 2)])
def test_what_is_no_shard(front: Front, shard: Any) -> None:
    with pytest.raises(TypeError, match=r"expected shard as \(index, count\), such as"):
        front.run(Script(), shard=shard)


@pytest.mark.parametrize("shard", [(2, 2), (-1, 2), (0, 0), (0, 1_000_001)])
def test_a_shard_that_there_is_not(front: Front, shard: Any) -> None:
    with pytest.raises(ValueError, match=r"0 <= index < count <= 1000000, got \("):
        front.run(Script(), shard=shard)


def test_s64_each_request_asks_for_the_shard(front: Front) -> None:
    """Pages after the first too, and what heals a gap."""
    script = Script(
        listed("10", obj("1", "a", uid=HERE), token="more"),
        listed("10", obj("2", "b", uid=HERE)),
        watched(bookmark("11")),
    )
    front.run(script, shard=MINE)
    asked = [request.url.params["shardSelector"] for request in script.requests]
    assert asked == [Shard(*MINE).selector] * 3
    assert front.runs[-1].status.skipped == 0


def test_without_shards_none_is_asked_for(front: Front) -> None:
    script = Script(listed("10"), watched(bookmark("11")))
    front.run(script)
    assert all("shardSelector" not in request.url.params for request in script.requests)


@pytest.mark.parametrize("initial", [False, True], ids=["list", "streaming-list"])
def test_s64_a_server_that_ignores_the_shard_is_noticed(
    front: Front, initial: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """What it sends of the others is left out, and counted; the cursor goes past it."""
    exist = [added("1", "a", uid=HERE), added("2", "b", uid=THERE)]
    script = Script(
        watched(*exist, initial_end("10"), added("11", "c", uid=THERE), modified_here("12"))
        if initial
        else listed("10", obj("1", "a", uid=HERE), obj("2", "b", uid=THERE)),
        *([] if initial else [watched(added("11", "c", uid=THERE), modified_here("12"))]),
        watched(deleted("13", "b", uid=THERE)),
    )
    with caplog.at_level(logging.INFO, "kwatch"):
        run = front.run(script, shard=MINE, send_initial_events=initial)
    assert run.changes == [("created", "a", "1")] * initial + [("modified", "a", "12")]
    assert run.status.resource_version == "13"
    assert run.status.skipped == 3
    assert len([line for line in caplog.messages if "other shards" in line]) == 1


def modified_here(version: str) -> bytes:
    return modified(version, "a").replace(b"uid-a", HERE.encode())


def test_a_recreated_object_may_move_to_another_shard(front: Front) -> None:
    """It is deleted in the one, by a list or by an event, and created in the other."""
    before = listed("10", obj("1", "a", uid=HERE))
    after = [deleted("11", "a", uid=HERE), added("12", "a", uid=THERE)]
    mine = front.run(Script(before, watched(*after)), shard=MINE)
    before = listed("10", obj("1", "a", uid=HERE))
    others = front.run(Script(before, watched(*after)), shard=OTHERS)
    assert mine.changes == [("deleted", "a", "11")]
    assert others.changes == [("created", "a", "12")]


def test_a_late_deletion_in_another_shard_is_left_out(front: Front) -> None:
    """Some servers give it the last version of the object."""
    frames = added("21", "a", uid=HERE), deleted("5", "b", uid=THERE), deleted("6", "c", uid=HERE)
    run = front.run(Script(watched(*frames)), shard=MINE, resource_version="20")
    assert run.changes == [("created", "a", "21"), ("deleted", "c", "6")]
    assert run.status.resource_version == "21"


def test_an_old_version_of_another_shard_is_no_gap(front: Front) -> None:
    """Some servers repeat what came before a resume; of other shards nobody knows what did."""
    repeated = added("15", "b", uid=THERE)
    script = Script(
        listed("10", obj("1", "a", uid=HERE)),
        watched(modified_here("20")),
        watched(repeated, modified_here("21")),
    )
    run = front.run(script, shard=MINE)
    assert [version for _, _, version in run.changes] == ["20", "21"]
    assert run.status.relists == 0


def test_many_pages_without_an_object_of_the_shard(front: Front) -> None:
    """They are followed at once: of a thousand shards, each has few of the objects."""
    pages = [listed("10", obj("1", f"x-{i}", uid=THERE), token=f"t{i}") for i in range(15)]
    script = Script(*pages, listed("10"), watched(bookmark("11")))
    run = front.run(script, shard=MINE)
    assert run.sleeps == []


def proven(selector: Any, *items: Any) -> Any:
    return listed("10", *items, shardInfo={"selector": selector})


def test_a_list_that_proves_its_shard(front: Front) -> None:
    """By the selector that was asked for, in the server's own writing."""
    for selector in (Shard(*MINE).selector, Shard(*MINE).selector.replace(", ", ",")):
        script = Script(proven(selector, obj("1", "a", uid=HERE)), watched(bookmark("11")))
        assert front.run(script, shard=MINE).error is None


@pytest.mark.parametrize(
    ("shard", "selector", "message"),
    [
        (MINE, Shard(*OTHERS).selector, r"list of shardRange.*, got one of shardRange"),
        (None, Shard(*MINE).selector, "expected a list of all objects, got one of shardRange"),
        (MINE, 7, "expected shardInfo with a selector in a list"),
        (MINE, Shard(*MINE).selector, "got 1 objects that are not in it: .* another hash"),
    ],
    ids=["of another shard", "unasked", "odd", "by another hash"],
)
def test_a_list_of_other_objects_than_were_asked_for(
    front: Front, shard: tuple[int, int] | None, selector: Any, message: str
) -> None:
    """Objects that would be in no shard are not lost in silence."""
    script = Script(proven(selector, obj("1", "a", uid=HERE), obj("2", "b", uid=THERE)))
    error = front.run(script, shard=shard).raised()
    assert isinstance(error, ProtocolError)
    assert re.search(message, str(error))


def test_a_sieve_counts_what_it_holds_back() -> None:
    sieve = Sieve(Shard(*MINE))
    assert [sieve.passes(obj("1", uid=uid)) for uid in (HERE, THERE, THERE)] == [True, False, False]
    assert sieve.skipped == 2


def test_a_shard_info_that_is_none() -> None:
    """A list as any server before 1.36 sends it proves nothing, and that is no error."""
    check_list({"metadata": {"shardInfo": None}}, Shard(*MINE), skipped=3)
