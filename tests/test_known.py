"""`Known`: what differs from what was yielded before, by uid and resource version alone."""

import gc
import tracemalloc
import uuid
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwatch._events import Event, EventType, Object
from kwatch._known import Known
from tests.frames import Json, obj

CREATED, MODIFIED, DELETED, _ = EventType
KIND = {"apiVersion": "v1", "kind": "Pod"}
UUID = "5cd19b56-4e1b-4d75-9606-b869758345fc"
Change = tuple[str, str, str, str]


def changes(events: Iterable[Event]) -> list[Change]:
    """Each event as (type, name, uid, resource version)."""
    found = []
    for event_type, body in events:
        metadata = body["metadata"]
        found.append(
            (
                str(event_type),
                metadata.get("name", ""),
                metadata.get("uid", ""),
                metadata["resourceVersion"],
            )
        )
    return found


def snapshot(known: Known, *objects: Json) -> list[Change]:
    """Take a whole snapshot; give what differs."""
    known.begin()
    events = [event for body in objects for event in known.confirm(body)]
    return changes([*events, *known.vanished(KIND)])


def known_to_have(*objects: Json) -> Known:
    known = Known()
    snapshot(known, *objects)
    return known


# Objects of which the identity is odd

UIDS = [
    UUID,
    UUID.upper(),
    UUID[:-1] + "C",
    UUID.replace("-", ""),
    f"{{{UUID}}}",
    UUID + " ",
    UUID.replace("-", " "),
    "5cd19b564e1b4-d75-9606-b869758345fc",
    "0" * 32,
    "00000000-0000-0000-0000-000000000000",
    "ab----",
    "----",
    "a",
    "a ",
    "a\x00",
    "\x00a",
    "a\x00b",
    "\x00",
    "\x01" * 17,
    "\u00e9",
    "\u0663" * 32,
    "\ud800",
    "\udfff-\ud800",
    "\U0001f600",
    "u" * 5_000,
]


@pytest.mark.parametrize("uid", ["", *UIDS])
def test_any_uid_comes_back_as_it_was(uid: str) -> None:
    body = obj("5", "web")
    body["metadata"]["uid"] = uid
    known = known_to_have(body)
    assert snapshot(known, body) == []
    assert snapshot(known) == [("deleted", "web", uid, "5")]
    assert len(known) == 0


def test_no_two_uids_are_taken_for_one() -> None:
    for before in UIDS:
        for after in UIDS:
            known = known_to_have(obj("5", "web", before))
            told = snapshot(known, obj("6", "web", after))
            if before == after:
                assert told == [("modified", "web", after, "6")]
            else:
                gone = ("deleted", "web", before, "5")
                assert told == [gone, ("created", "web", after, "6")]


@pytest.mark.parametrize("uid", [None, "", 0, [], {}])
def test_without_a_uid_the_name_is_all(uid: object) -> None:
    before, after = obj("5", "web"), obj("6", "web")
    before["metadata"]["uid"] = uid
    del after["metadata"]["uid"]
    known = known_to_have(before)
    assert snapshot(known, after) == [("modified", "web", "", "6")]
    assert snapshot(known) == [("deleted", "web", "", "6")]


def test_a_uid_that_is_no_string_does_no_harm() -> None:
    body = obj("5", "web")
    body["metadata"]["uid"] = 7
    assert snapshot(known_to_have(body), body) == []


@pytest.mark.parametrize("name", ["system:node", "a b", "a/b", "\x00", "caf\u00e9", "\ud800", "."])
@pytest.mark.parametrize("namespace", ["shop", None, ""])
def test_any_name_comes_back_as_it_was(name: str, namespace: str | None) -> None:
    body = obj("5", name)
    body["metadata"]["namespace"] = namespace
    known = known_to_have(body)
    assert snapshot(known, body) == []
    known.begin()
    (gone,) = known.vanished({})
    metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": "5"}
    assert gone.obj == {"metadata": metadata | ({"namespace": namespace} if namespace else {})}


def test_objects_of_one_name_in_several_namespaces_are_several() -> None:
    one, other = obj("5"), obj("6")
    other["metadata"]["namespace"] = "shop"
    bare = obj("7")
    del bare["metadata"]["namespace"]
    known = known_to_have(one, other, bare)
    assert len(known) == 3
    assert snapshot(known, one, bare) == [("deleted", "web", "uid-web", "6")]


@pytest.mark.parametrize("version", ["9" * 60, "x" * 3_000, "a b", "~", "-1"])
def test_any_resource_version_comes_back_as_it_was(version: str) -> None:
    for uid in (UUID, "u"):
        known = known_to_have(obj(version, "web", uid))
        assert snapshot(known, obj(version, "web", uid)) == []
        assert snapshot(known) == [("deleted", "web", uid, version)]


# Snapshots that break off


def test_a_snapshot_that_broke_off_has_confirmed_nothing() -> None:
    known = known_to_have(obj("1", "a"), obj("2", "b"))
    known.begin()
    assert changes(known.confirm(obj("3", "a"))) == [("modified", "a", "uid-a", "3")]
    assert changes(known.confirm(obj("4", "c"))) == [("created", "c", "uid-c", "4")]
    assert known.confirmed == 2
    assert len(known) == 3
    known.begin()
    assert (known.confirmed, len(known)) == (0, 3)
    gone = [("deleted", "a", "uid-a", "3"), ("deleted", "c", "uid-c", "4")]
    assert known.confirm(obj("2", "b")) == ()
    assert sorted(changes(known.vanished(KIND))) == gone


def test_what_was_recreated_in_a_snapshot_that_broke_off_is_told_once() -> None:
    known = known_to_have(obj("1", "a", "old"))
    known.begin()
    told = changes(known.confirm(obj("3", "a", "new")))
    assert told == [("deleted", "a", "old", "1"), ("created", "a", "new", "3")]
    assert snapshot(known, obj("3", "a", "new")) == []


def test_an_object_that_a_snapshot_has_twice_is_told_once() -> None:
    known = Known()
    known.begin()
    assert len(known.confirm(obj("3", "a"))) == 1
    assert known.confirm(obj("3", "a")) == ()
    assert changes(known.confirm(obj("4", "a"))) == [("modified", "a", "uid-a", "4")]
    assert list(known.vanished(KIND)) == []


def test_what_was_forgotten_is_new() -> None:
    known = known_to_have(obj("1", "a"))
    known.begin()
    known.confirm(obj("2", "b"))
    known.forget()
    assert (len(known), known.confirmed) == (0, 0)
    assert snapshot(known, obj("1", "a")) == [("created", "a", "uid-a", "1")]


# A deletion in the middle of a snapshot


def test_a_deletion_before_its_object_was_confirmed() -> None:
    known = known_to_have(obj("1", "a"), obj("2", "b"))
    known.begin()
    assert known.remove(obj("9", "a"))
    assert not known.remove(obj("9", "a"))
    assert known.confirm(obj("2", "b")) == ()
    assert list(known.vanished(KIND)) == []


def test_a_deletion_after_its_object_was_confirmed() -> None:
    known = known_to_have(obj("1", "a"))
    known.begin()
    known.confirm(obj("1", "a"))
    assert known.remove(obj("9", "a"))
    assert len(known) == 0
    assert list(known.vanished(KIND)) == []


def test_a_deletion_of_another_than_what_is_known() -> None:
    known = known_to_have(obj("1", "a", "old"), obj("1", "b", "old"))
    known.begin()
    known.confirm(obj("1", "a", "old"))
    for body in (obj("9", "a", "new"), obj("9", "b", "new"), obj("9", "c")):
        assert not known.remove(body)
    assert changes(known.vanished(KIND)) == [("deleted", "b", "old", "1")]


# Changes in order


@pytest.mark.parametrize(
    ("event_type", "body", "changed"),
    [
        (CREATED, obj("5", "a"), False),
        (MODIFIED, obj("5", "a"), False),
        (MODIFIED, obj("6", "a"), True),
        (MODIFIED, obj("5", "a", "new"), True),
        (CREATED, obj("5", "b"), True),
        (DELETED, obj("5", "a"), True),
        (DELETED, obj("9", "a"), True),
        (DELETED, obj("9", "b"), True),
    ],
)
def test_what_is_a_change(event_type: EventType, body: Object, *, changed: bool) -> None:
    known = known_to_have(obj("5", "a"))
    assert known.take(Event(event_type, body)) is changed


@pytest.mark.parametrize(
    ("body", "has", "has_another"),
    [
        (obj("5", "a"), True, False),
        (obj("6", "a"), False, False),
        (obj("5", "a", "new"), False, True),
        (obj("5", "b"), False, True),
    ],
)
def test_what_is_known_of_an_object(body: Object, *, has: bool, has_another: bool) -> None:
    known = known_to_have(obj("5", "a"))
    assert (known.has(body), known.has_another(body)) == (has, has_another)
    assert len(known) == 1


def test_changes_are_known_to_the_next_snapshot() -> None:
    known = known_to_have(obj("1", "a"), obj("1", "b"))
    known.take(Event(MODIFIED, obj("2", "a")))
    known.take(Event(DELETED, obj("3", "b")))
    known.take(Event(DELETED, obj("3", "never-was")))
    known.take(Event(CREATED, obj("4", "c")))
    assert snapshot(known, obj("2", "a"), obj("4", "c")) == []


@pytest.mark.parametrize("kind", [{}, KIND, {"kind": "Pod"}, {**KIND, "metadata": {"name": "no"}}])
def test_what_vanished_has_the_kind_that_is_told(kind: Object) -> None:
    known = known_to_have(obj("5", "a"))
    known.begin()
    (gone,) = known.vanished(kind)
    told = {key: value for key, value in kind.items() if key != "metadata"}
    assert {key: value for key, value in gone.obj.items() if key != "metadata"} == told
    assert gone.obj["metadata"]["name"] == "a"


# Against a model

KEYS = st.tuples(st.sampled_from(["", "shop", "blog"]), st.sampled_from(["a", "b", "c"]))
VALUES = st.tuples(st.sampled_from([UUID, UUID.upper(), "u", ""]), st.sampled_from(["1", "2", "3"]))
States = dict[tuple[str, str], tuple[str, str]]
STATES = st.dictionaries(KEYS, VALUES)


def fold(state: States, event: Event) -> None:
    """Apply an event to a model, as a consumer would; see that it is one that can be."""
    metadata = event.obj["metadata"]
    key = metadata.get("namespace", ""), metadata["name"]
    value = metadata.get("uid", ""), metadata["resourceVersion"]
    if event.event_type is CREATED:
        assert key not in state
        state[key] = value
    elif event.event_type is MODIFIED:
        assert state[key][0] == value[0]
        assert state[key] != value
        state[key] = value
    else:
        assert state.pop(key) == value


def bodies(state: States) -> list[Object]:
    return [
        {"metadata": {"namespace": namespace, "name": name, "uid": uid, "resourceVersion": version}}
        for (namespace, name), (uid, version) in state.items()
    ]


@given(STATES, STATES, st.integers(0, 9), STATES)
def test_snapshots_tell_what_makes_one_state_of_another(
    first: States, broken: States, taken: int, last: States
) -> None:
    known, state = Known(), States()
    for target, count in ((first, None), (broken, taken), (last, None), (last, None)):
        known.begin()
        for body in bodies(target)[:count]:
            for event in known.confirm(body):
                fold(state, event)
        if count is None:
            for event in known.vanished({}):
                fold(state, event)
            assert state == target
        assert len(known) == len(state)


# Memory


def bytes_of_snapshots(uids: list[str]) -> tuple[int, int]:
    """Have two snapshots of the same objects; give what is held after it, and the peak."""
    known = Known()
    gc.collect()
    tracemalloc.start()
    try:
        for first in (True, False):
            tracemalloc.reset_peak()
            known.begin()
            for index, uid in enumerate(uids):
                body = obj(str(100_000_000 + index), f"deployment-7d9f8b6c5-{index:05}", uid)
                assert len(known.confirm(body)) == first
            assert list(known.vanished(KIND)) == []
        return tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


def test_an_object_takes_less_than_200_bytes() -> None:
    count = 5_000
    uids = [str(uuid.UUID(int=(index + 1) * 2**90)) for index in range(count)]
    held, peak = bytes_of_snapshots(uids)
    assert held < 200 * count
    assert peak < 260 * count  # the two tables of a snapshot; the objects are not copied


@pytest.mark.parametrize(("before", "after"), [("", "u1"), ("u1", "")])
def test_a_deletion_without_a_uid_is_one_of_the_name(before: str, after: str) -> None:
    known = Known()
    known.begin()
    known.confirm({"metadata": {**obj("5")["metadata"], "uid": before}})
    gone: Json = {"metadata": {**obj("6")["metadata"], "uid": after}}
    assert known.take(Event(EventType.DELETED, gone))
    assert len(known) == 0
