"""`ListDecoder`: the items of a list, each as soon as its last byte is there."""

import gc
import json
import math
import re
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pytest

import kwatch._list
from kwatch._errors import DecodeError, ProtocolError, StreamError
from kwatch._events import NoVersionError
from kwatch._list import ListDecoder
from tests.recorded import load

Json = dict[str, Any]

RECORDED = [
    "pods-list-1.20",
    "pods-list-1.36",
    "pods-list-page1-1.36",
    "pods-metadata-list-1.36",
    "widgets-list-1.36",
    "widgets-list-page2-1.36",
]
SECRET = "hunter2-Gx7"
HEAD = b'{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":'
ITEM = b'{"metadata":{"name":"web","resourceVersion":"5"}}'
POD = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "web", "resourceVersion": "5"}}


class Outcome(NamedTuple):
    items: list[Any]
    error: StreamError | None
    page: ListDecoder

    def raised(self) -> StreamError:
        assert self.error is not None, "no error was raised"
        return self.error


def outcome(*chunks: bytes) -> Outcome:
    """Decode a whole list; the items before an error count."""
    page, items = ListDecoder(), []
    try:
        for chunk in chunks:
            for item in page.receive_data(chunk):
                items.append(item)  # noqa: PERF402 - those before an error count
        page.receive_eof()
    except StreamError as error:
        return Outcome(items, error, page)
    return Outcome(items, None, page)


def decode(*chunks: bytes) -> list[Any]:
    items, error, _ = outcome(*chunks)
    assert error is None
    return items


def singles(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


def same_at_every_split(data: bytes) -> Outcome:
    """Decode whole, in single bytes, and in two parts; see that it makes no difference."""
    whole = outcome(data)
    for chunks in (singles(data), *((data[:at], data[at:]) for at in range(1, len(data)))):
        items, error, page = outcome(*chunks)
        same = items == whole.items
        assert (repr(error), same) == (repr(whole.error), True)
        assert page.head == whole.page.head
    return whole


def named(body: Json) -> list[Json]:
    """Give the items of a list as the server would have sent each alone."""
    own = {"apiVersion": body["apiVersion"], "kind": body["kind"].removesuffix("List")}
    return [own | item for item in body["items"]]


# What is no list

NO_LISTS = [
    (b"", DecodeError, "cut short"),
    (b" \n", DecodeError, "cut short"),
    (b"<!DOCTYPE html><p>hunter2-Gx7", DecodeError, "expected JSON"),
    (b"no healthy upstream", DecodeError, "expected JSON"),
    (b'{"items":[}', DecodeError, "expected JSON"),
    (b'{"items":[],}', DecodeError, "expected JSON"),
    (b"null ", ProtocolError, "a value of type NoneType"),
    (b'"hunter2-Gx7"', ProtocolError, "a value of type str"),
    (b"[]", ProtocolError, "a value of type list"),
    (b"[" + HEAD + b"[]}]", ProtocolError, "a value of type list"),
    (b"{}", ProtocolError, r"the keys \[\]"),
    (b'{"metadata":{"resourceVersion":"7"}}', ProtocolError, "metadata"),
    (HEAD + b"{}}", ProtocolError, "PodList"),
    (HEAD + b'{"a":' + ITEM + b"}}", ProtocolError, "PodList"),
    (HEAD + b'"hunter2-Gx7"}', ProtocolError, "PodList"),
    (HEAD + b"0}", ProtocolError, "PodList"),
    (HEAD + b"false}", ProtocolError, "PodList"),
    (HEAD + b"[]}" + HEAD + b"[]}", ProtocolError, "PodList"),
    (HEAD + b"[]}\n[]\n", ProtocolError, "PodList"),
    (HEAD + b"[]}}", DecodeError, "expected JSON"),
    (HEAD + b"[]}{", DecodeError, "cut short"),
    (HEAD + b"[]}<p>", DecodeError, "expected JSON"),
    (ITEM, ProtocolError, "web"),
    (
        b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",'
        b'"message":"hunter2-Gx7","code":500}',
        ProtocolError,
        "Status",
    ),
    (b'{"type":"ADDED","object":' + ITEM + b"}", ProtocolError, "ADDED"),
]


@pytest.mark.parametrize(("data", "error", "words"), NO_LISTS)
def test_what_is_no_list(data: bytes, error: type[StreamError], words: str) -> None:
    items, failure, _ = same_at_every_split(data)
    assert items == []
    assert type(failure) is error
    assert re.search(words, str(failure))
    assert SECRET not in repr(failure) + str(failure)


@pytest.mark.parametrize(
    ("item", "error"),
    [
        (b"null", ProtocolError),
        (b"0", ProtocolError),
        (b"1e400", ProtocolError),
        (b'"hunter2-Gx7"', ProtocolError),
        (b"[]", ProtocolError),
        (b"[" + ITEM + b"]", ProtocolError),
        (b'{"kind":"Status","apiVersion":"v1","status":"Failure"}', ProtocolError),
        (b"{}", NoVersionError),
        (b'{"metadata":null}', NoVersionError),
        (b'{"metadata":"hunter2-Gx7"}', NoVersionError),
        (b'{"metadata":{"name":"web"}}', NoVersionError),
        (b'{"metadata":{"resourceVersion":5}}', NoVersionError),
        (b'{"metadata":{"resourceVersion":""}}', NoVersionError),
        (b'{"metadata":{"resourceVersion":"\\n"}}', NoVersionError),
        (b'{"metadata":{"resourceVersion":null}}', NoVersionError),
    ],
)
def test_items_that_are_no_objects(item: bytes, error: type[StreamError]) -> None:
    data = HEAD + b"[" + ITEM + b"," + item + b"," + ITEM + b"]}"
    items, failure, _ = same_at_every_split(data)
    assert items == [POD]
    assert type(failure) is error
    assert SECRET not in str(failure)


@pytest.mark.parametrize("data", [HEAD + b"[" + ITEM + b"," + ITEM + b"]}"])
def test_a_list_that_is_cut_short_has_the_items_that_ended(data: bytes) -> None:
    second = len(HEAD) + 2 * len(ITEM) + 2
    for at in range(len(data)):
        items, failure, _ = outcome(data[:at])
        assert items == [POD] * ((at >= len(HEAD) + len(ITEM) + 1) + (at >= second))
        assert type(failure) is DecodeError
        assert "cut short" in str(failure)


@pytest.mark.parametrize(
    "garbage", [b"<p>hunter2-Gx7", b"]]", b'{"a"}', b'"\xff"', b"[1e]", b"nul,"]
)
def test_items_come_before_an_error_in_the_same_bytes(garbage: bytes) -> None:
    items, failure, _ = same_at_every_split(HEAD + b"[" + ITEM + b"," + garbage)
    assert items == [POD]
    assert "expected JSON" in str(failure)
    assert SECRET not in str(failure)


@pytest.mark.parametrize(
    "version",
    [b'""', b'"0"', b"5", b"null", b"[]", b'{"a":1}', b'"\\n"', b'"\\u0000"', b'"\xc3\xa9"'],
)
def test_s6_a_list_without_a_resource_version(version: bytes) -> None:
    data = b'{"items":[' + ITEM + b'],"metadata":{"resourceVersion":' + version + b"}}"
    items, failure, _ = same_at_every_split(data)
    assert len(items) == 1
    assert type(failure) is ProtocolError
    assert "expected a list with a resourceVersion" in str(failure)


@pytest.mark.parametrize("metadata", [b"null", b"{}", b"[]", b'"resourceVersion"', b"7"])
def test_s6_a_list_without_metadata(metadata: bytes) -> None:
    failure = outcome(b'{"kind":"PodList","items":[],"metadata":' + metadata + b"}").raised()
    assert "expected a list with a resourceVersion, got" in str(failure)
    assert "PodList" in str(failure)
    assert outcome(b'{"items":[]}').raised()


def test_an_item_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is what came since the last item, and not the length of the list."""
    monkeypatch.setattr(kwatch._list, "MAX_DOCUMENT_BYTES", 1_000)
    assert len(decode(*singles(HEAD + b"[" + b",".join([ITEM] * 100) + b"]}"))) == 100
    endless = b'{"metadata":{"name":"' + b"x" * 2_000
    items, failure, _ = outcome(HEAD + b"[" + ITEM, b",", endless[:500], endless[500:])
    assert items == [POD]
    assert str(failure) == "an item is longer than 1000 bytes"


@pytest.mark.parametrize(
    "start", [b"{}" * 900, HEAD + b"[]}" + b"[]" * 900, b'{"a":"' + b"x" * 1_800]
)
def test_what_has_no_items_never_ends_either(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kwatch._list, "MAX_DOCUMENT_BYTES", 1_000)
    items, failure, _ = outcome(*singles(start))
    assert items == []
    assert "longer than" in str(failure)


# Lists


@pytest.mark.parametrize("name", RECORDED)
def test_s4_recorded_lists_at_every_split(name: str) -> None:
    data = load(name).body
    body = json.loads(data)
    expected = named(body)
    whole = outcome(data)
    assert len(whole.items) == len(expected)
    version, token = body["metadata"]["resourceVersion"], body["metadata"].get("continue", "")
    step = 1 if len(data) < 2_000 else 7  # single bytes have every split there is
    for chunks in (singles(data), *((data[:at], data[at:]) for at in range(1, len(data), step))):
        items, error, page = outcome(*chunks)
        same = items == expected  # spares pytest the difference, which takes it minutes
        assert (error, same) == (None, True)
        assert (page.resource_version, page.continue_token) == (version, token)
        assert page.head == {key: value for key, value in body.items() if key != "items"}


@pytest.mark.parametrize("name", RECORDED)
def test_s60_an_item_is_there_with_its_last_byte(name: str) -> None:
    data = load(name).body
    page, seen = ListDecoder(), 0
    ends = []
    for at, byte in enumerate(singles(data)):
        for _ in page.receive_data(byte):
            seen += 1
            ends.append(at + 1)
    assert [len(json.loads(data[:end] + b"]}")["items"]) for end in ends] == [*range(1, seen + 1)]
    assert seen == len(json.loads(data)["items"])


def test_s60_an_item_does_not_wait_for_what_else_has_begun() -> None:
    page = ListDecoder()
    data = b'{"items":[' + ITEM + b'],"metadata":{"a":{"b":['
    assert list(page.receive_data(data)) == [json.loads(ITEM)]


def test_the_items_of_builtin_kinds_get_a_kind_and_others_keep_their_own() -> None:
    own = b'{"kind":"Other","metadata":{"resourceVersion":"5"}}'
    data = HEAD + b"[" + ITEM + b"," + own + b"]}"
    other = {"apiVersion": "v1", "kind": "Other", "metadata": {"resourceVersion": "5"}}
    items = decode(data)
    assert items == [POD, other]
    assert list(items[0]) == ["apiVersion", "kind", "metadata"]


@pytest.mark.parametrize(
    ("kind", "item_kind"),
    [
        ("PodList", "Pod"),
        ("List", None),
        ("", None),
        ("Pods", "Pods"),
        ("ListListList", "ListList"),
    ],
)
def test_the_kind_of_an_item_by_that_of_its_list(kind: str, item_kind: str | None) -> None:
    body = {"kind": kind, "metadata": {"resourceVersion": "7"}, "items": [json.loads(ITEM)]}
    (item,) = decode(json.dumps(body).encode())
    assert item.get("kind") == item_kind
    assert "apiVersion" not in item


@pytest.mark.parametrize("items", [b"null", b"[]", b"[\n]"])
def test_s5_no_items(items: bytes) -> None:
    for data in (HEAD + items + b"}", b'{"items":' + items + b"," + HEAD[1:-9] + b"}\n"):
        whole = same_at_every_split(data)
        assert whole.error is None
        assert whole.items == []
        assert whole.page.resource_version == "7"
        assert whole.page.head["kind"] == "PodList"


def test_s2_a_page_may_be_empty_and_go_on() -> None:
    metadata = b'"metadata":{"resourceVersion":"7","continue":"abc"}'
    page = outcome(b'{"items":[],' + metadata + b"}").page
    assert page.continue_token == "abc"
    for none in (b"null", b'""'):
        page = outcome(b'{"items":[],' + metadata.replace(b'"abc"', none) + b"}").page
        assert page.continue_token == ""


def test_what_else_a_list_has_is_no_item() -> None:
    data = (
        b'{"items":[{"metadata":{"resourceVersion":"5"},"items":[{"a":1},[2]]}],"more":{"items":'
        b'[3]},"metadata":{"resourceVersion":"7","items":[{"b":4}],"shardInfo":{"selector":"s"}}}'
    )
    whole = same_at_every_split(data)
    assert whole.items == [{"metadata": {"resourceVersion": "5"}, "items": [{"a": 1}, [2]]}]
    assert whole.page.head["metadata"]["items"] == [{"b": 4}]
    assert whole.page.head["metadata"]["shardInfo"] == {"selector": "s"}
    assert whole.page.head["more"] == {"items": [3]}


def test_a_list_may_be_pretty() -> None:
    body = json.loads(load("pods-list-1.36").body)
    assert decode(json.dumps(body, indent=4).encode()) == named(body)


def test_s66_s67_odd_values_come_as_json_has_them() -> None:
    odd = (
        '{"metadata":{"resourceVersion":"' + "9" * 60 + '"},"a":[18446744073709551616,-1e400,1e400,'
        '0.5,-0.0,1e+300,100000000000000000000],"b":"\u0085\u2028\U0001f600\\u0000"}'
    )
    data = b'{"items":[' + odd.encode() + b'],"metadata":{"resourceVersion":"x-7"}}'
    whole = same_at_every_split(data)
    assert repr(whole.items) == repr([json.loads(odd)])
    assert math.isinf(whole.items[0]["a"][2])
    assert whole.page.resource_version == "x-7"


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 3_000_000])
def test_s59_large_items(size: int) -> None:
    blob = "x" * size
    item = {"metadata": {"resourceVersion": "5"}, "blob": blob}
    data = HEAD + json.dumps([item] * 2).encode() + b"}"
    for step in (len(data), 10_000):
        items = decode(*(data[at : at + step] for at in range(0, len(data), step)))
        assert [item["blob"] == blob for item in items] == [True] * 2


@pytest.mark.parametrize(
    "data",
    [
        b'{"metadata":{"resourceVersion":"7"},"kind":"PodList","items":[' + ITEM + b"]}",
        b'{"items":[' + ITEM + b'],"kind":"PodList","metadata":{"resourceVersion":"7"}}',
    ],
)
def test_odd_orders_of_keys_at_every_split(data: bytes) -> None:
    same_at_every_split(data)


# Memory


def traced(chunks: Iterable[bytes]) -> tuple[int, StreamError | None, int]:
    """Decode, and let go of each item; give their number, the error, and the peak in bytes."""
    page, count, failure = ListDecoder(), 0, None
    gc.collect()
    tracemalloc.start()
    try:
        for chunk in chunks:
            for _ in page.receive_data(chunk):
                count += 1
        page.receive_eof()
    except StreamError as error:
        failure = error
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return count, failure, peak


@pytest.mark.parametrize("step", [16_384, 100_000_000])
def test_never_more_than_some_items_are_held(step: int) -> None:
    item = ITEM[:-1] + b',"blob":"' + b"x" * 1_000 + b'"}'
    data = HEAD + b"[" + b",".join([item] * 20_000) + b"]}"
    count, failure, peak = traced(data[at : at + step] for at in range(0, len(data), step))
    assert failure is None
    assert count == 20_000
    assert peak < 2 * 2**20 < len(data) / 10


def deep(levels: int) -> bytes:
    item = ITEM[:-1] + b',"d":' + b"[" * levels + b"]" * levels + b"}"
    return HEAD + b"[" + ITEM + b"," + item + b"]}"


@pytest.mark.parametrize("step", [1_000, 100_000_000])
def test_s68_deep_items(step: int) -> None:
    for levels, count, message in (
        (9_000, 2, None),
        (100_000, 1, "a document is nested deeper than 10010 levels"),
    ):
        data = deep(levels)
        found, failure, peak = traced(data[at : at + step] for at in range(0, len(data), step))
        assert found == count
        assert (failure and str(failure)) == message
        assert peak < 8 * 2**20
