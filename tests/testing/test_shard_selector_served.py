"""Shards of a collection, as they are served."""

import random
import uuid
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from tests.testing.asking import (
    AS_METADATA_LIST,
    DEFAULT_PODS,
    DEFAULT_WIDGETS,
    PODS,
    WIDGETS,
    events,
    names,
    names_of,
    refused,
    version,
    watch,
)
from tests.testing.shards import ALL, END, HALF, HIGH, LOW, NAMESPACE, ZERO, shard

NAMES, IN_LOW, IN_HIGH = "abcdefghijkl", "bdfg", "acehijkl"
NONE = shard(ZERO, "0x0000000000000001")
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
INITIAL = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}


@pytest.fixture
def server() -> Iterator[FakeAPIServer]:
    with FakeAPIServer(sharding=True) as server:
        yield server


@pytest.fixture(autouse=True)
def same_uids_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    bits = random.Random(7)
    monkeypatch.setattr(uuid, "uuid4", lambda: uuid.UUID(int=bits.getrandbits(128)))


def fill(server: FakeAPIServer, kind: str = "Widget") -> None:
    """Objects, of which those in ``IN_LOW`` have uids that hash to the lower half."""
    for name in NAMES:
        server.create(kind, name)


def get(client: httpx.Client, selector: str, path: str = WIDGETS, **params: str) -> dict[str, Any]:
    query = {"shardSelector": selector, **params}
    listed: dict[str, Any] = client.get(path, params=query).raise_for_status().json()
    return listed


def test_when_a_selector_is_read(server: FakeAPIServer, client: httpx.Client) -> None:
    """After the other selectors, before the resource version; an empty one is none."""
    server.create("Widget", "a")
    bad = {"shardSelector": "x"}
    said = "invalid shard selector: unexpected expression kind 3; expected shardRange() call"
    for method, more in (
        ("GET", {}),
        ("GET", {"watch": "1"}),
        ("GET", {"continue": "x"}),
        ("GET", {"resourceVersion": "x"}),
        ("DELETE", {}),
    ):
        answer = client.request(method, DEFAULT_WIDGETS, params={**bad, **more})
        assert refused(answer) == (500, None, f"{said} or || operator"), more
    for params, code in (
        ({"labelSelector": "a=b=c"}, 400),
        ({"fieldSelector": "x"}, 400),
        ({"limit": "x"}, 400),
        ({"resourceVersionMatch": "Exact"}, 422),
    ):
        assert client.get(WIDGETS, params={**bad, **params}).status_code == code
    assert names_of(get(client, "")) == "a"
    one = f"{DEFAULT_WIDGETS}/a"
    assert client.get(one, params=bad).status_code == 200
    assert client.delete(one, params=bad).status_code == 200


def test_all_shards_together_are_the_whole(server: FakeAPIServer, client: httpx.Client) -> None:
    fill(server)
    assert names_of(get(client, LOW)) == IN_LOW
    assert names_of(get(client, LOW, resourceVersion="0")) == IN_LOW
    assert names_of(get(client, HIGH)) == IN_HIGH
    limits = [f"0x{number:016x}" for number in range(0, 2**64, 2**62)] + [END]
    quarters = [shard(*pair) for pair in pairwise(limits)]
    found = [names_of(get(client, quarter)) for quarter in quarters]
    assert "".join(sorted("".join(found))) == NAMES
    assert names_of(get(client, f"{quarters[0]} || {quarters[1]}")) == IN_LOW
    for selector in (ALL, f"{HIGH} || {LOW}", f"{LOW} || {ALL}"):
        assert names_of(get(client, selector)) == NAMES
    assert get(client, NONE)["items"] == []
    both = get(client, LOW, fieldSelector=f"metadata.name!={IN_LOW[0]}")
    assert names_of(both) == IN_LOW[1:]


def test_shards_by_namespace(server: FakeAPIServer, client: httpx.Client) -> None:
    """What is in none has the hash of nothing, which is in the upper half."""
    for space in ("default", "dev", "shop", "web"):
        server.create("Widget", "a", space)
    server.create("Node", "n")
    low, high = shard(field=NAMESPACE), shard(HALF, END, field=NAMESPACE)
    for selector, spaces, nodes in ((low, ["shop", "web"], ""), (high, ["default", "dev"], "n")):
        items = get(client, selector)["items"]
        assert [item["metadata"]["namespace"] for item in items] == spaces
        assert names_of(get(client, selector, "/api/v1/nodes")) == nodes


def test_pages_of_a_shard(server: FakeAPIServer, client: httpx.Client) -> None:
    """A page has as many as it may, and what remains counts those of other shards too."""
    fill(server)
    seen, left, more = "", NAMES, ""
    while True:
        page = get(client, LOW, limit="2", **{"continue": more})
        found = names_of(page)
        seen += found
        assert found == "".join(name for name in left if name in IN_LOW)[:2]
        if not (more := page["metadata"].get("continue")):
            break
        assert page["metadata"]["remainingItemCount"] == len(left) - 2
        left = left[left.index(found[-1]) + 1 :]
    assert seen == IN_LOW
    selected = get(client, LOW, limit="1", fieldSelector="metadata.name!=x")["metadata"]
    assert "continue" in selected
    assert "remainingItemCount" not in selected


def test_a_page_may_ask_for_another_shard(server: FakeAPIServer, client: httpx.Client) -> None:
    fill(server)
    more = get(client, ALL, limit="3")["metadata"]["continue"]
    assert names_of(get(client, LOW, **{"continue": more})) == "".join(
        name for name in NAMES[3:] if name in IN_LOW
    )


@pytest.mark.parametrize("limit", ["", "1"])
def test_a_list_of_a_built_in_kind_says_which_shard_it_is(
    server: FakeAPIServer, client: httpx.Client, limit: str
) -> None:
    fill(server, "Pod")
    listed = get(client, LOW.replace(", ", " ,"), PODS, limit=limit)
    assert names_of(listed) == (IN_LOW[0] if limit else IN_LOW)
    assert listed["metadata"].pop("shardInfo") == {"selector": LOW}
    more = ["continue", "remainingItemCount"] if limit else []
    assert list(listed["metadata"]) == ["resourceVersion", *more]
    assert "shardInfo" not in client.get(PODS).json()["metadata"]


@pytest.mark.parametrize("accept", [AS_METADATA_LIST, TABLE])
@pytest.mark.parametrize("path", [PODS, WIDGETS])
def test_other_lists_do_not(
    server: FakeAPIServer, client: httpx.Client, path: str, accept: str
) -> None:
    fill(server, "Pod" if path == PODS else "Widget")
    client.headers["Accept"] = accept
    listed = get(client, LOW, path)
    assert list(listed["metadata"]) == ["resourceVersion"]
    assert len(listed["rows" if accept == TABLE else "items"]) == len(IN_LOW)


def test_nor_does_a_list_of_custom_resources(server: FakeAPIServer, client: httpx.Client) -> None:
    fill(server)
    assert list(get(client, LOW)["metadata"]) == ["continue", "resourceVersion"]


def test_a_watch_of_a_shard(server: FakeAPIServer, client: httpx.Client) -> None:
    fill(server)
    start = server.resource_version
    for name in NAMES:
        server.patch("Widget", name, spec={"x": 1})
        server.delete("Widget", name)
    for selector, there in ((LOW, IN_LOW), (HIGH, IN_HIGH), (f"{LOW} || {HIGH}", NAMES)):
        with watch(client, WIDGETS, shardSelector=selector, resourceVersion=start) as response:
            server.close_watches()
            seen = names(list(events(response)))
        assert seen == [(sort, name) for name in there for sort in ("MODIFIED", "DELETED")]


def test_a_streaming_list_of_a_shard(server: FakeAPIServer, client: httpx.Client) -> None:
    fill(server, "Pod")
    more = {"allowWatchBookmarks": "true", "shardSelector": LOW, **INITIAL}
    with watch(client, PODS, **more) as response:
        coming = events(response)
        assert names([next(coming) for _ in IN_LOW]) == [("ADDED", name) for name in IN_LOW]
        sort, mark = next(coming)
        assert (sort, version(mark)) == ("BOOKMARK", server.resource_version)
        assert mark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        for name in (IN_HIGH[0], IN_LOW[0]):
            server.patch("Pod", name, labels={"x": "y"})
        assert names([next(coming)]) == [("MODIFIED", IN_LOW[0])]


def test_a_collection_is_deleted_by_shards(server: FakeAPIServer, client: httpx.Client) -> None:
    fill(server)
    gone = client.delete(DEFAULT_WIDGETS, params={"shardSelector": LOW}).json()
    assert names_of(gone) == IN_LOW
    assert names_of(get(client, "")) == IN_HIGH


def test_without_the_gate_a_selector_is_ignored() -> None:
    with FakeAPIServer() as server, httpx.Client(base_url=server.url) as client:
        fill(server, "Pod")
        for selector in (LOW, NONE, "nonsense", " "):
            listed = get(client, selector, PODS)
            assert names_of(listed) == NAMES
            assert list(listed["metadata"]) == ["resourceVersion"]
        with watch(client, PODS, shardSelector="nonsense", resourceVersion="1") as response:
            server.close_watches()
            assert len(list(events(response))) == len(NAMES)
        deleted = client.delete(DEFAULT_PODS, params={"shardSelector": NONE}).json()
        assert names_of(deleted) == NAMES
