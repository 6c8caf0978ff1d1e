"""`Snapshot`: a list in pages, compared with what is known."""

import json
from collections.abc import Iterable

import pytest

from kwatch._errors import DecodeError, ProtocolError, StreamError
from kwatch._events import Event
from kwatch._known import Known
from kwatch._snapshot import Snapshot
from tests.frames import Json, obj

Change = tuple[str, str, str]


def page(version: str, *items: Json, token: str = "", kind: str = "PodList") -> bytes:
    metadata = {"resourceVersion": version} | ({"continue": token} if token else {})
    body = {"kind": kind, "apiVersion": "v1", "metadata": metadata, "items": items}
    return json.dumps(body).encode()


def changes(events: Iterable[Event]) -> list[Change]:
    return [(str(e.event_type), e.obj["metadata"]["name"], e.resource_version) for e in events]


def take(snapshot: Snapshot, data: bytes) -> list[Change]:
    """Take a whole page."""
    snapshot.begin_page()
    found = changes(snapshot.receive_data(data))
    snapshot.receive_eof()
    return found


def cut(snapshot: Snapshot, data: bytes) -> list[Change]:
    """Take a page that breaks off."""
    snapshot.begin_page()
    found = changes(snapshot.receive_data(data))
    with pytest.raises(DecodeError, match="cut short"):
        snapshot.receive_eof()
    return found


A, B, C = obj("1", "a"), obj("2", "b"), obj("3", "c")
FIRST, LAST = page("7", A, B, token="t"), page("7", C)


# Pages that break off


@pytest.mark.parametrize("at", [0, 1, 60, FIRST.index(b'"2"'), len(FIRST) - 1])
def test_a_first_page_that_broke_off_begins_anew(at: int) -> None:
    snapshot = Snapshot(Known())
    before = cut(snapshot, FIRST[:at])
    state = snapshot.resource_version, snapshot.continue_token, snapshot.complete
    assert state == (None, "", False)
    after = take(snapshot, FIRST)
    assert before + after == [("created", "a", "1"), ("created", "b", "2")]
    assert take(snapshot, LAST) == [("created", "c", "3")]
    assert snapshot.complete
    assert list(snapshot.vanished()) == []


def test_a_later_page_that_broke_off_is_the_same_page_again() -> None:
    known = Known()
    snapshot = Snapshot(known)
    take(snapshot, FIRST)
    second = page("7", C, obj("4", "d"))
    told, idle = [], []
    for _ in range(2):
        told += cut(snapshot, second[:-20])
        idle.append(snapshot.is_idle)
        assert (snapshot.continue_token, snapshot.complete) == ("t", False)
    told += take(snapshot, second)
    assert told == [("created", "c", "3"), ("created", "d", "4")]
    assert [*idle, snapshot.is_idle] == [False, True, False]
    assert list(snapshot.vanished()) == []
    assert len(known) == 4


def test_what_vanished_while_a_first_page_was_tried_again() -> None:
    snapshot = Snapshot(Known())
    assert cut(snapshot, FIRST[:-1]) == [("created", "a", "1"), ("created", "b", "2")]
    assert take(snapshot, page("9", B)) == []
    assert changes(snapshot.vanished()) == [("deleted", "a", "1")]


def test_s3_a_list_that_starts_again_is_no_partial_one() -> None:
    known = Known()
    snapshot = Snapshot(known, "5")
    take(snapshot, FIRST)
    snapshot.restart()
    assert (snapshot.at_least, snapshot.continue_token) == (None, "")
    assert (snapshot.resource_version, snapshot.restarts, snapshot.complete) == (None, 1, False)
    assert take(snapshot, page("9", B, obj("8", "c"))) == [("created", "c", "8")]
    assert (snapshot.resource_version, snapshot.complete) == ("9", True)
    assert changes(snapshot.vanished()) == [("deleted", "a", "1")]
    assert len(known) == 2


def test_items_come_before_the_error_that_follows_them() -> None:
    snapshot = Snapshot(Known())
    snapshot.begin_page()
    found = []
    with pytest.raises(DecodeError):  # noqa: PT012
        for event in snapshot.receive_data(FIRST[:-2] + b"<p>"):
            found.append(event)  # noqa: PERF402 - those before an error count
    assert changes(found) == [("created", "a", "1"), ("created", "b", "2")]


def test_a_page_that_asks_for_itself() -> None:
    snapshot = Snapshot(Known())
    take(snapshot, FIRST)
    snapshot.begin_page()
    list(snapshot.receive_data(page("7", C, token="t")))
    with pytest.raises(ProtocolError, match="another page"):
        snapshot.receive_eof()
    assert not snapshot.complete


@pytest.mark.parametrize("data", [b"[]", b"{}", page("", A), page("0", A), b"", b"<p>"])
def test_what_is_no_page_changes_nothing(data: bytes) -> None:
    snapshot = Snapshot(Known())
    take(snapshot, FIRST)
    snapshot.begin_page()
    with pytest.raises(StreamError):  # noqa: PT012 - wherever it is noticed
        list(snapshot.receive_data(data))
        snapshot.receive_eof()
    assert (snapshot.resource_version, snapshot.continue_token) == ("7", "t")
    assert not snapshot.complete


# Whole lists


def test_s1_the_version_of_the_list_is_that_of_its_first_page() -> None:
    snapshot = Snapshot(Known(), "5")
    assert (snapshot.at_least, snapshot.resource_version) == ("5", None)
    take(snapshot, page("7", obj("99", "a"), token="t"))
    assert (snapshot.resource_version, snapshot.continue_token) == ("7", "t")
    take(snapshot, page("8", token="u"))
    assert (snapshot.resource_version, snapshot.continue_token) == ("7", "u")
    take(snapshot, page("9", obj("100", "b")))
    assert (snapshot.resource_version, snapshot.continue_token) == ("7", "")
    assert snapshot.complete


def test_s2_empty_pages_go_on() -> None:
    snapshot = Snapshot(Known())
    assert take(snapshot, page("7", token="t")) == []
    assert snapshot.is_idle
    assert not snapshot.complete
    assert take(snapshot, page("7", token="u")) == []
    assert take(snapshot, page("7", A)) == [("created", "a", "1")]
    assert snapshot.complete


def test_s39_s40_a_relist_tells_what_differs() -> None:
    known = Known()
    before = Snapshot(known)
    take(before, page("7", A, B, C))
    list(before.vanished())
    relist = Snapshot(known, "7")
    told = take(relist, page("20", A, obj("12", "b"), token="t"))
    told += take(relist, page("20", obj("13", "c", "new"), obj("14", "d")))
    assert told == [
        ("modified", "b", "12"),
        ("deleted", "c", "3"),
        ("created", "c", "13"),
        ("created", "d", "14"),
    ]
    assert list(relist.vanished()) == []
    last = Snapshot(known, "20")
    assert take(last, page("30")) == []
    assert len(list(last.vanished())) == 4
    assert len(known) == 0


def test_a_quiet_list_is_known_and_not_told() -> None:
    known = Known()
    take(Snapshot(known), page("1", obj("1", "old")))
    snapshot = Snapshot(known, quiet=True)
    assert take(snapshot, FIRST) == []
    assert cut(snapshot, LAST[:-10]) == []
    assert take(snapshot, LAST) == []
    assert list(snapshot.vanished()) == []
    assert len(known) == 3
    assert take(Snapshot(known), page("8", A, B, C)) == []


def test_a_quiet_list_that_starts_again_tells_nothing_either() -> None:
    known = Known()
    snapshot = Snapshot(known, quiet=True)
    take(snapshot, FIRST)
    snapshot.restart()
    assert take(snapshot, page("9", B)) == []
    assert list(snapshot.vanished()) == []
    assert len(known) == 1


# Ends


def test_what_vanished_has_the_kind_of_the_list() -> None:
    known = Known()
    take(Snapshot(known), page("7", A))
    relist = Snapshot(known)
    take(relist, page("8"))
    (gone,) = relist.vanished()
    assert (gone.obj["apiVersion"], gone.obj["kind"]) == ("v1", "Pod")


def test_the_bookmark_that_ends_a_list() -> None:
    snapshot = Snapshot(Known())
    take(snapshot, FIRST)
    take(snapshot, LAST)
    event_type, body = snapshot.bookmark()
    assert event_type == "bookmark"
    annotations = {"k8s.io/initial-events-end": "true"}
    metadata = {"resourceVersion": "7", "annotations": annotations}
    assert body == {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


@pytest.mark.parametrize("kind", ["", "List"])
def test_a_list_without_a_kind(kind: str) -> None:
    snapshot = Snapshot(Known())
    take(snapshot, page("7", kind=kind))
    assert list(snapshot.bookmark().obj) == ["metadata"]


def test_a_list_without_an_api_version() -> None:
    snapshot = Snapshot(Known())
    take(snapshot, b'{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[]}')
    assert list(snapshot.bookmark().obj) == ["kind", "metadata"]


def test_pages_that_lead_in_a_circle_bring_nothing_new() -> None:
    snapshot = Snapshot(Known())
    idle = []
    for token in ("t", "u", "t", "u"):
        take(snapshot, page("7", A, token=token))
        idle.append(snapshot.is_idle)
    assert idle == [False, True, True, True]
