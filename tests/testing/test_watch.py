"""`kwatch.testing._watch`: one watch, over real sockets."""

import json
import time
from itertools import islice

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from tests.testing.asking import DEFAULT_PODS, PODS, events, names, raw, read_until, version, watch


def test_headers_are_sent_at_once_and_each_event_is_one_chunk(server: FakeAPIServer) -> None:
    with raw(server, f"{PODS}?watch=1&resourceVersion=1") as connection:
        head = read_until(connection, b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nTransfer-Encoding: chunked\r\n" in head
        assert b"\r\nContent-Type: application/json\r\n" in head
        assert head.endswith(b"\r\n\r\n")
        pods = [server.create("Pod", f"web-{n}", note="caf\u00e9 \u0085") for n in range(3)]
        server.close_watches()
        body = read_until(connection, b"\r\n0\r\n\r\n")
    for pod in pods:
        size, _, body = body.partition(b"\r\n")
        chunk, body = body[: int(size, 16)], body[int(size, 16) + 2 :]
        document = {"type": "ADDED", "object": pod}
        text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
        assert chunk == text.encode() + b"\n"
    assert body == b"0\r\n\r\n"


def test_an_event_arrives_within_milliseconds(server: FakeAPIServer, client: httpx.Client) -> None:
    with watch(client, resourceVersion="1") as response:
        stream, delays = events(response), []
        for number in range(20):
            started = time.monotonic()
            server.create("Pod", f"web-{number}")
            next(stream)
            delays.append(time.monotonic() - started)
    assert sorted(delays)[10] < 0.02


@pytest.mark.parametrize("params", [{}, {"resourceVersion": ""}, {"resourceVersion": "0"}])
def test_without_a_resource_version_what_exists_comes_first(
    server: FakeAPIServer, client: httpx.Client, params: dict[str, str]
) -> None:
    server.create("Pod", "web-2")
    server.create("Pod", "web-1")
    server.patch("Pod", "web-2", labels={"a": "b"})
    with watch(client, **params) as response:
        server.delete("Pod", "web-1")
        seen = list(islice(events(response), 3))
    assert names(seen) == [("ADDED", "web-1"), ("ADDED", "web-2"), ("DELETED", "web-1")]
    assert [version(obj) for _, obj in seen] == ["3", "4", "5"]


def test_from_a_resource_version_exactly_the_later_history_comes(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    server.create("Pod", "web-1", labels={"app": "web"}, status={"phase": "Pending"})
    start = server.resource_version
    server.create("Widget", "other")
    patched = server.patch("Pod", "web-1", status={"phase": "Running"})
    deleted = server.delete("Pod", "web-1")
    again = server.create("Pod", "web-1")
    with watch(client, resourceVersion=start) as response:
        seen = list(islice(events(response), 3))
    assert seen == [("MODIFIED", patched), ("DELETED", deleted), ("ADDED", again)]
    assert version(deleted) == "5"
    assert deleted == {**patched, "metadata": {**patched["metadata"], "resourceVersion": "5"}}
    assert again["metadata"]["uid"] != patched["metadata"]["uid"]


def test_a_future_resource_version_waits_until_it_is_there(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    with watch(client, resourceVersion="3") as response:
        for number in range(3):
            server.create("Pod", f"web-{number}")
        server.close_watches()
        assert names(list(events(response))) == [("ADDED", "web-2")]


def test_a_namespace_sees_only_itself(server: FakeAPIServer, client: httpx.Client) -> None:
    with watch(client, DEFAULT_PODS, resourceVersion="1") as response:
        server.create("Pod", "web-1", "shop")
        server.create("Pod", "web-1")
        server.close_watches()
        assert [obj["metadata"]["namespace"] for _, obj in events(response)] == ["default"]


def test_entering_a_selector_is_added_and_leaving_it_deleted(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    with watch(client, resourceVersion="1", labelSelector="app=web") as response:
        server.create("Pod", "web-1")
        server.patch("Pod", "web-1", labels={"app": "web"})
        inside = server.patch("Pod", "web-1", status={"phase": "Running"})
        outside = server.patch("Pod", "web-1", labels={"app": "db"})
        server.delete("Pod", "web-1")
        server.close_watches()
        seen = list(events(response))
    assert [event_type for event_type, _ in seen] == ["ADDED", "MODIFIED", "DELETED"]
    left = seen[-1][1]
    assert version(left) == version(outside)
    assert left["metadata"]["labels"] == inside["metadata"]["labels"]


def test_bookmarks_come_only_on_request_at_the_interval_and_before_the_end() -> None:
    with (
        FakeAPIServer(bookmark_interval=0.05, watch_timeout=0.12) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        server.create("Widget", "other")
        with watch(client, resourceVersion="1", allowWatchBookmarks="true") as response:
            seen = list(events(response))
        bookmark = {"kind": "Pod", "apiVersion": "v1", "metadata": {"resourceVersion": "2"}}
        assert len(seen) >= 2
        assert all(event == ("BOOKMARK", bookmark) for event in seen)
        with watch(client, resourceVersion="1") as response:
            assert list(events(response)) == []


def test_a_bookmark_comes_before_timeout_seconds_are_over(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    started = time.monotonic()
    params = {"resourceVersion": "1", "allowWatchBookmarks": "true", "timeoutSeconds": "1"}
    with watch(client, **params) as response:
        server.create("Pod", "web-1")
        assert [event_type for event_type, _ in events(response)] == ["ADDED", "BOOKMARK"]
    assert 0.9 < time.monotonic() - started < 1.5


def test_a_streaming_list_ends_with_an_annotated_bookmark(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    server.create("Pod", "web-1")
    server.create("Widget", "other")
    params = {
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    with watch(client, **params) as response:
        (added, bookmark) = islice(events(response), 2)
    assert names([added]) == [("ADDED", "web-1")]
    assert bookmark[0] == "BOOKMARK"
    assert bookmark[1]["metadata"] == {
        "resourceVersion": "3",
        "annotations": {"k8s.io/initial-events-end": "true"},
    }
    with watch(client, resourceVersion="99", **params) as response:
        ((event_type, status),) = events(response)
    assert (event_type, status["code"]) == ("ERROR", 504)
