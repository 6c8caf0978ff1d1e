"""The fake API server, over real sockets: faults first."""

import base64
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from random import Random
from typing import Any

import httpx
import pytest
import yaml

from kwatch.testing import APIError, FakeAPIServer, Life, Resource, steps

PODS = "/api/v1/pods"
DEFAULT_PODS = "/api/v1/namespaces/default/pods"
WIDGETS = "/apis/example.com/v1/widgets"
AS_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
AS_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
AS_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

Event = tuple[str, dict[str, Any]]


def eventually(condition: Callable[[], bool]) -> None:
    """Wait up to two seconds for what another thread is about to do."""
    deadline = time.monotonic() + 2
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    eventually(lambda: set(threading.enumerate()) <= before)


@pytest.fixture
def client(server: FakeAPIServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=5) as client:
        yield client


def watch(
    client: httpx.Client, path: str = PODS, accept: str = "*/*", **params: str | int
) -> AbstractContextManager[httpx.Response]:
    query: dict[str, str | int] = {"watch": "1", **params}
    return client.stream("GET", path, params=query, headers={"Accept": accept})


def events(response: httpx.Response) -> Iterator[Event]:
    """The events of a watch, each as soon as it is there."""
    rest = b""
    for data in response.iter_raw():
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            yield event["type"], event["object"]
    assert not rest


def names(seen: list[Event]) -> list[tuple[str, str]]:
    return [(event_type, obj["metadata"]["name"]) for event_type, obj in seen]


def version(obj: dict[str, Any]) -> str:
    found = obj["metadata"]["resourceVersion"]
    assert isinstance(found, str)
    return found


@contextmanager
def raw(server: FakeAPIServer, target: str | None = None) -> Iterator[socket.socket]:
    """A bare connection, with a GET for ``target`` sent on it."""
    with socket.create_connection((server.http.host, server.http.port), timeout=5) as connection:
        if target is not None:
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: fake\r\n\r\n".encode())
        yield connection


def read_until(connection: socket.socket, mark: bytes) -> bytes:
    data = b""
    while mark not in data:
        more = connection.recv(65536)
        assert more, data
        data += more
    return data


# Faults


def test_disconnect_cuts_the_stream_without_an_end(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    with watch(client, resourceVersion="1") as response:
        server.create("Pod", "web-1")
        stream = events(response)
        assert names([next(stream)]) == [("ADDED", "web-1")]
        server.disconnect()
        with pytest.raises(httpx.RemoteProtocolError):
            next(stream)
    eventually(lambda: server.watches == 0)


def test_disconnect_sends_no_last_chunk(server: FakeAPIServer) -> None:
    with raw(server, f"{PODS}?watch=1") as connection:
        read_until(connection, b"\r\n\r\n")
        server.disconnect()
        assert connection.recv(65536) == b""


def test_disconnect_loses_nothing_of_the_history(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    first = server.create("Pod", "web-1")
    with watch(client):
        server.disconnect()
    server.delete("Pod", "web-1")
    with watch(client, resourceVersion=version(first)) as response:
        assert names([next(events(response))]) == [("DELETED", "web-1")]


def test_close_watches_ends_the_stream_after_what_has_happened(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    with watch(client, resourceVersion="1") as response:
        server.create("Pod", "web-1")
        server.close_watches()
        assert names(list(events(response))) == [("ADDED", "web-1")]


def test_close_watches_sends_the_last_chunk(server: FakeAPIServer) -> None:
    with raw(server, f"{PODS}?watch=1") as connection:
        read_until(connection, b"\r\n\r\n")
        server.close_watches()
        assert read_until(connection, b"0\r\n\r\n") == b"0\r\n\r\n"
        assert connection.recv(1) == b""


def test_compact_expires_older_resource_versions_in_the_stream(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    first = server.create("Pod", "web-1")
    latest = server.patch("Pod", "web-1", labels={"a": "b"})
    server.compact()
    with watch(client, resourceVersion=version(first)) as response:
        assert response.status_code == 200
        assert list(events(response)) == [
            (
                "ERROR",
                {
                    "kind": "Status",
                    "apiVersion": "v1",
                    "metadata": {},
                    "status": "Failure",
                    "message": "too old resource version: 2 (3)",
                    "reason": "Expired",
                    "code": 410,
                },
            )
        ]
    with watch(client, resourceVersion=version(latest)) as response:
        server.delete("Pod", "web-1")
        assert names([next(events(response))]) == [("DELETED", "web-1")]


def test_restore_goes_back_to_what_was_saved(server: FakeAPIServer, client: httpx.Client) -> None:
    kept, gone = server.create("Pod", "a"), server.create("Pod", "b")
    saved = server.save()
    server.patch("Pod", "a", labels={"x": "y"})
    server.delete("Pod", "b")
    server.create("Widget", "w")
    for _ in range(2):
        server.restore(saved)
        listed = client.get(PODS).json()
        assert listed["items"] == [untyped(kept), untyped(gone)]
        assert listed["metadata"]["resourceVersion"] == server.resource_version == "3"
        assert client.get(WIDGETS).json()["items"] == []
        again = server.create("Pod", "c")
        assert version(again) == "4"
    with watch(client, resourceVersion="3") as response:
        assert next(events(response)) == ("ADDED", again)


def test_restore_ends_the_watches_and_shows_them_nothing_of_the_new_history(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    saved = server.save()
    with watch(client, resourceVersion="1") as early, watch(client, WIDGETS) as late:
        server.create("Widget", "w")
        server.restore(saved)
        server.create("Pod", "a")
        server.create("Widget", "v")
        assert list(events(early)) == []
        assert names(list(events(late))) == [("ADDED", "w")]
    eventually(lambda: server.watches == 0)


def test_restore_expires_what_was_before_it(server: FakeAPIServer, client: httpx.Client) -> None:
    server.create("Pod", "a")
    server.restore(server.save())
    with watch(client, resourceVersion="1") as response:
        assert next(events(response))[1]["code"] == 410


def test_after_a_restore_a_watch_from_the_future_is_silent_until_it_is_passed() -> None:
    with (
        FakeAPIServer(bookmark_interval=0.01) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        saved = server.save()
        server.create("Pod", "a")
        future = server.create("Pod", "b")
        server.restore(saved)
        params = {"resourceVersion": version(future), "allowWatchBookmarks": "true"}
        assert client.get(PODS, params={"resourceVersion": "3"}).status_code == 504
        with watch(client, **params) as response:
            server.create("Pod", "c")
            time.sleep(0.05)
            server.close_watches()
            assert (response.status_code, list(events(response))) == (200, [])
        with watch(client, **params) as response:
            server.create("Pod", "d")
            server.create("Pod", "e")
            stream = (event for event in events(response) if event[0] != "BOOKMARK")
            assert names([next(stream)]) == [("ADDED", "e")]


def test_what_was_saved_can_go_to_another_server(server: FakeAPIServer) -> None:
    pod = server.create("Pod", "a")
    other = FakeAPIServer()
    other.restore(server.save())
    assert other.delete("Pod", "a")["metadata"]["uid"] == pod["metadata"]["uid"]
    assert (other.resource_version, server.resource_version) == ("3", "2")
    server.patch("Pod", "a", labels={"still": "there"})


def test_compact_leaves_open_watches_alone(server: FakeAPIServer, client: httpx.Client) -> None:
    with watch(client, resourceVersion="1") as response:
        for number in range(50):
            server.create("Pod", f"web-{number}")
            server.compact()
        seen = names(list(islice(events(response), 50)))
    assert seen == [("ADDED", f"web-{number}") for number in range(50)]


def test_history_is_bounded(
    monkeypatch: pytest.MonkeyPatch, server: FakeAPIServer, client: httpx.Client
) -> None:
    monkeypatch.setattr(sys.modules["kwatch.testing._store"], "HISTORY", 2)
    for number in range(4):
        server.create("Pod", f"web-{number}")
    with watch(client, resourceVersion="2") as response:
        assert next(events(response))[1]["code"] == 410
    with watch(client, resourceVersion="3") as response:
        assert names([next(events(response))]) == [("ADDED", "web-2")]


def test_stop_ends_within_a_second_whatever_the_clients_do() -> None:
    """A quiet watch, a connection without a request, and a client that does not read."""
    server = FakeAPIServer().start()
    with (
        raw(server, f"{PODS}?watch=1") as quiet,
        raw(server),
        raw(server, f"{WIDGETS}?watch=1&resourceVersion=1") as slow,
    ):
        for connection in (quiet, slow):
            read_until(connection, b"\r\n\r\n")
        for number in range(40):
            server.create("Widget", f"big-{number}", spec={"text": "x" * 500_000})
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 1
        assert read_until(quiet, b"0\r\n\r\n") == b"0\r\n\r\n"
    assert server.watches == 0


def test_stop_and_start_keep_the_objects_and_the_address() -> None:
    server = FakeAPIServer().start()
    url = server.url
    pod = server.create("Pod", "web-1")
    server.stop()
    server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url + PODS)
    with server, httpx.Client(base_url=url) as client:
        assert client.get(f"{DEFAULT_PODS}/web-1").json() == pod
        with watch(client, resourceVersion=version(pod)) as response:
            server.delete("Pod", "web-1")
            assert names([next(events(response))]) == [("DELETED", "web-1")]


def test_a_client_that_has_gone_is_noticed(server: FakeAPIServer, client: httpx.Client) -> None:
    with watch(client):
        assert server.watches == 1
    eventually(lambda: server.watches == 0)


def test_a_scripted_answer_comes_before_the_api(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    server.http.expect_oneshot_request(PODS).respond_with_data("<html>", status=502)
    assert client.get(PODS).status_code == 502
    assert client.get(PODS).status_code == 200


@pytest.mark.parametrize(
    ("path", "params", "code", "reason"),
    [
        ("/nope", {}, 404, "NotFound"),
        ("/api/v1/nopes", {}, 404, "NotFound"),
        ("/api/v1", {"watch": "1"}, 200, None),
        ("/apis/example.com/v2", {}, 404, "NotFound"),
        (f"{DEFAULT_PODS}/nope", {}, 404, "NotFound"),
        ("/api/v1/pods/nope", {}, 404, "NotFound"),
        ("/api/v1/namespaces/default/nodes", {}, 404, "NotFound"),
        (PODS, {"resourceVersion": "abc"}, 400, "BadRequest"),
        (PODS, {"resourceVersion": "999"}, 504, "Timeout"),
        (PODS, {"watch": "1", "resourceVersion": "abc"}, 500, None),
        (PODS, {"watch": "1", "timeoutSeconds": "1.5"}, 400, "BadRequest"),
        (PODS, {"limit": "x"}, 400, "BadRequest"),
        (PODS, {"continue": "x"}, 400, "BadRequest"),
        (PODS, {"labelSelector": "a==="}, 400, "BadRequest"),
        (PODS, {"labelSelector": "a,,b"}, 400, "BadRequest"),
        (PODS, {"labelSelector": "a in (b"}, 400, "BadRequest"),
        (PODS, {"fieldSelector": "metadata.name"}, 400, "BadRequest"),
        (PODS, {"fieldSelector": "spec.x=y"}, 400, "BadRequest"),
        (WIDGETS, {"fieldSelector": "status.phase=y"}, 400, "BadRequest"),
    ],
)
def test_refusals(
    client: httpx.Client, path: str, params: dict[str, str], code: int, reason: str | None
) -> None:
    response = client.get(path, params=params)
    assert response.status_code == code
    if code != 200:
        status = response.json()
        assert (status["kind"], status["code"], status.get("reason")) == ("Status", code, reason)
    assert response.headers.get("Retry-After") == ("1" if code == 504 else None)


def test_an_older_server_refuses_send_initial_events() -> None:
    with FakeAPIServer(watch_list=False) as server, httpx.Client(base_url=server.url) as client:
        params = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        with watch(client, **params) as response:
            assert response.status_code == 422
            assert json.loads(response.read())["reason"] == "Invalid"


def test_a_token_is_required_where_one_is_given() -> None:
    with FakeAPIServer(token="secret") as server, httpx.Client(base_url=server.url) as client:
        assert client.get(PODS).status_code == 401
        assert client.get(PODS, headers={"Authorization": "Bearer wrong"}).status_code == 401
        refused = client.get("/api")
        assert (refused.status_code, refused.json()["reason"]) == (401, "Unauthorized")
        assert client.get(PODS, headers={"Authorization": "Bearer secret"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        (PODS, "text/html"),
        (PODS, AS_METADATA),
        (f"{PODS}?watch=1", AS_METADATA_LIST),
        (PODS, AS_METADATA_LIST.replace("v=v1", "v=v2")),
    ],
)
def test_406_for_what_cannot_be_served(client: httpx.Client, path: str, accept: str) -> None:
    response = client.get(path, headers={"Accept": accept})
    assert (response.status_code, response.json()["reason"]) == (406, "NotAcceptable")


# Watch


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


def test_metadata_only(server: FakeAPIServer, client: httpx.Client) -> None:
    pod = server.create("Pod", "web-1", spec={"a": 1})
    part = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    part |= {"metadata": pod["metadata"]}
    accept = f"{AS_METADATA},application/json"
    with watch(client, accept=accept, allowWatchBookmarks="true") as response:
        (added, bookmark) = islice(events(response), 2)
    assert added == ("ADDED", part)
    assert bookmark[1]["kind"] == "PartialObjectMetadata"
    listed = client.get(PODS, headers={"Accept": f"{AS_METADATA_LIST},application/json"}).json()
    assert listed["kind"] == "PartialObjectMetadataList"
    assert listed["items"] == [part]
    assert client.get(f"{DEFAULT_PODS}/web-1", headers={"Accept": accept}).json() == part


# List and discovery


def names_of(listed: dict[str, Any]) -> str:
    return "".join(item["metadata"]["name"] for item in listed["items"])


def untyped(pod: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in pod.items() if key not in {"kind", "apiVersion"}}


def token(revision: int, start: str, version: str = "meta.k8s.io/v1") -> str:
    document = {"v": version, "rv": revision, "start": start}
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def encoded(document: str) -> str:
    return base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")


def test_a_list_of_a_built_in_kind_says_what_it_is_before_its_untyped_items(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    pods = [server.create("Pod", "b", spec={"x": 1}), server.create("Pod", "a")]
    server.create("Node", "node-1")
    listed = client.get(PODS).json()
    assert list(listed) == ["kind", "apiVersion", "metadata", "items"]
    assert (listed["kind"], listed["apiVersion"]) == ("PodList", "v1")
    assert listed["metadata"] == {"resourceVersion": "4"}
    assert listed["items"] == [untyped(pod) for pod in pods[::-1]]
    assert client.get("/api/v1/namespaces/shop/pods").json()["items"] == []
    page = client.get(PODS, params={"limit": "1"}).json()
    assert list(page["metadata"]) == ["resourceVersion", "continue", "remainingItemCount"]


def test_a_list_of_custom_resources_is_in_alphabetical_order(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    widget = server.create("Widget", "a", spec={"z": [{"y": 1, "b": 2}], "a": 3})
    server.create("Widget", "b")
    response = client.get(WIDGETS, params={"limit": "1"})
    assert response.text == json.dumps(response.json(), separators=(",", ":"), sort_keys=True)
    listed = response.json()
    assert list(listed) == ["apiVersion", "items", "kind", "metadata"]
    assert (listed["kind"], listed["apiVersion"]) == ("WidgetList", "example.com/v1")
    assert list(listed["metadata"]) == ["continue", "remainingItemCount", "resourceVersion"]
    assert listed["items"] == [widget]
    empty = client.get(WIDGETS.replace("widgets", "namespaces/shop/widgets")).json()
    assert (empty["items"], empty["metadata"]) == ([], {"continue": "", "resourceVersion": "3"})


def test_a_list_of_metadata_has_the_same_form_for_all_and_no_empty_items(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    widget = server.create("Widget", "a", spec={"x": 1})
    listed = client.get(WIDGETS, headers={"Accept": AS_METADATA_LIST}).json()
    assert list(listed) == ["kind", "apiVersion", "metadata", "items"]
    assert listed["metadata"] == {"resourceVersion": "2"}
    part = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    assert listed["items"] == [{**part, "metadata": widget["metadata"]}]
    assert client.get(PODS, headers={"Accept": AS_METADATA_LIST}).json()["items"] is None


@pytest.mark.parametrize(
    ("group", "custom"),
    [("", False), ("apps/", False), ("rbac.authorization.k8s.io/", False), ("example.com/", True)],
)
def test_which_groups_are_built_in(group: str, custom: bool) -> None:
    assert Resource(f"{group}v1", "Kind", "kinds").custom is custom


def pages(client: httpx.Client, path: str = PODS, **params: str) -> Iterator[dict[str, Any]]:
    """The pages of a list; what comes after the first is asked for as the real server wants it."""
    page = client.get(path, params=params).json()
    yield page
    rest = {name: text for name, text in params.items() if not name.startswith("resourceVersion")}
    while more := page["metadata"].get("continue"):
        assert more != rest.get("continue"), page
        rest["continue"] = more
        page = client.get(path, params=rest).json()
        yield page


def test_all_pages_show_the_state_of_the_first(server: FakeAPIServer, client: httpx.Client) -> None:
    """Whatever happens in between: the state is that of one revision, in the order of the keys."""
    old = [server.create("Pod", name, space) for space in ("a", "a-b") for name in "gecdab"]
    expected = sorted(old, key=lambda pod: "{namespace}/{name}".format_map(pod["metadata"]))
    reading = pages(client, limit="5")
    seen = [next(reading)]
    server.patch("Pod", "c", "a", labels={"x": "1"})
    server.patch("Pod", "c", "a", labels={"x": "2"})
    server.delete("Pod", "d", "a")
    server.create("Pod", "d", "a")
    server.create("Pod", "f", "a")
    server.delete("Pod", "f", "a")
    server.create("Pod", "f", "a")
    server.delete("Pod", "g", "a-b")
    server.create("Widget", "b", "a")
    seen += reading
    assert [pod for page in seen for pod in page["items"]] == [untyped(pod) for pod in expected]
    assert expected[0]["metadata"]["namespace"] == "a-b"
    assert [len(page["items"]) for page in seen] == [5, 5, 2]
    assert [page["metadata"].get("remainingItemCount") for page in seen] == [7, 2, None]
    assert {page["metadata"]["resourceVersion"] for page in seen} == {"13"}
    assert "continue" not in seen[-1]["metadata"]


def test_a_page_that_ends_with_the_last_object_is_the_last(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    for name in "abcd":
        server.create("Widget", name)
    server.create("Widget", "z", "shop")
    path = WIDGETS.replace("widgets", "namespaces/default/widgets")
    assert [names_of(page) for page in pages(client, path, limit="2")] == ["ab", "cd"]
    for limit in ("0", "-1", "4", "5"):
        assert [names_of(page) for page in pages(client, path, limit=limit)] == ["abcd"]


def test_pages_under_a_selector_count_nothing_and_the_last_may_be_empty(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    """The server looks for another object when it fills a page, not for another that matches."""
    for name in "abcd":
        server.create("Pod", name, labels={"odd": str(name in "ac")})
    for selector in ({"labelSelector": "odd=True"}, {"fieldSelector": "metadata.name!=b"}):
        listed = list(pages(client, limit="2", **selector))
        assert names_of(listed[0]) == "ac"
        assert all("remainingItemCount" not in page["metadata"] for page in listed)
    assert [names_of(page) for page in pages(client, limit="2", labelSelector="odd=True")] == [
        "ac",
        "",
    ]


def test_pages_of_metadata(server: FakeAPIServer, client: httpx.Client) -> None:
    for name in "abc":
        server.create("Pod", name)
    client.headers["Accept"] = f"{AS_METADATA_LIST},application/json"
    listed = list(pages(client, limit="2"))
    assert [names_of(page) for page in listed] == ["ab", "c"]
    assert listed[0]["metadata"]["remainingItemCount"] == 1


def test_an_expired_continue_token_offers_the_rest_as_it_is_now(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    for name in "abcd":
        server.create("Pod", name)
    more = client.get(PODS, params={"limit": "2"}).json()["metadata"]["continue"]
    server.compact()
    assert names_of(client.get(PODS, params={"continue": more}).json()) == "cd"
    server.delete("Pod", "c")
    assert names_of(client.get(PODS, params={"continue": more}).json()) == "cd"
    server.compact()
    refused = client.get(PODS, params={"limit": "1", "continue": more})
    status = refused.json()
    offered = status["metadata"].pop("continue")
    assert refused.status_code == 410
    assert status == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "The provided continue parameter is too old to display a consistent list "
        "result. You can start a new list without the continue parameter, or use the continue "
        "token in this response to retrieve the remainder of the results. Continuing with the "
        "provided token results in an inconsistent list - objects that were created, modified, or "
        "deleted between the time the first chunk was returned and now may show up in the list.",
        "reason": "Expired",
        "code": 410,
    }
    server.create("Pod", "e")
    rest = list(pages(client, limit="1", **{"continue": offered}))
    assert [names_of(page) for page in rest] == ["d", "e"]
    assert {page["metadata"]["resourceVersion"] for page in rest} == {"7"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x", "illegal base64 data at input byte 0"),
        ("ab!cde", "illegal base64 data at input byte 2"),
        ("abcde", "illegal base64 data at input byte 4"),
        ("e30=", "illegal base64 data at input byte 3"),
        ("abcd", "invalid character 'i' looking for beginning of value"),
        ("_w", "invalid character '\u00ff' looking for beginning of value"),
        (encoded("[]"), "json: cannot unmarshal into Go value of type storage.continueToken"),
        (
            encoded('{"v":"meta.k8s.io/v1","rv":"3","start":"/a"}'),
            "json: cannot unmarshal a field of type storage.continueToken",
        ),
        (encoded("{}"), "server does not recognize this encoded version "),
        (token(3, "/a", "v9"), "server does not recognize this encoded version v9"),
        (token(0, "/a"), "incorrect encoded start resourceVersion (version meta.k8s.io/v1)"),
        (token(1, ""), "encoded start key empty (version meta.k8s.io/v1)"),
    ],
)
def test_a_malformed_continue_token(client: httpx.Client, text: str, why: str) -> None:
    for params in ({}, {"resourceVersion": "0"}, {"resourceVersion": "1"}):
        refused = client.get(PODS, params={"continue": text, **params})
        assert (refused.status_code, refused.json()["reason"]) == (400, "BadRequest")
        message = f"invalid continue token: continue key is not valid: {why}"
        assert refused.json()["message"] == message


def test_a_continue_token_from_the_future(client: httpx.Client) -> None:
    refused = client.get(PODS, params={"continue": token(9, "/a")})
    assert refused.status_code == 504
    assert refused.json()["message"] == "Timeout: Too large resource version: 9, current: 1"


def test_a_continue_token_and_a_resource_version(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    """Only ``0`` goes with it, and makes one page of all the rest."""
    for name in "abc":
        server.create("Pod", name)
    more = client.get(PODS, params={"limit": "1"}).json()["metadata"]["continue"]
    server.delete("Pod", "b")
    for other in ("1", "4", "x"):
        refused = client.get(PODS, params={"continue": more, "resourceVersion": other})
        assert (refused.status_code, refused.json()["message"]) == (
            400,
            "specifying resource version is not allowed when using continue",
        )
    params = {"continue": more, "resourceVersion": "0", "limit": "1"}
    rest = client.get(PODS, params=params).json()
    assert (names_of(rest), rest["metadata"]) == ("bc", {"resourceVersion": "4"})


@pytest.mark.parametrize(
    ("params", "revision", "expected"),
    [
        ({}, "4", "abc"),
        ({"resourceVersion": ""}, "4", "abc"),
        ({"resourceVersion": "0"}, "4", "abc"),
        ({"resourceVersion": "00"}, "4", "abc"),
        ({"resourceVersion": "2"}, "4", "abc"),
        ({"resourceVersion": "0", "limit": "1"}, "4", "abc"),
        (
            {"resourceVersion": "0", "limit": "1", "resourceVersionMatch": "NotOlderThan"},
            "4",
            "abc",
        ),
        ({"resourceVersion": "2", "resourceVersionMatch": "NotOlderThan"}, "4", "abc"),
        ({"resourceVersion": "2", "resourceVersionMatch": "NotOlderThan", "limit": "1"}, "4", "a"),
        ({"resourceVersion": "4", "limit": "2"}, "4", "ab"),
        ({"resourceVersion": "3", "limit": "2"}, "3", "bc"),
        ({"resourceVersion": "2", "limit": "2"}, "2", "c"),
        ({"resourceVersion": "3", "resourceVersionMatch": "Exact"}, "3", "bc"),
        ({"resourceVersion": "3", "resourceVersionMatch": "Exact", "limit": "1"}, "3", "b"),
        ({"resourceVersion": "1", "resourceVersionMatch": "Exact"}, "1", ""),
    ],
)
def test_resource_versions_of_a_list(
    server: FakeAPIServer,
    client: httpx.Client,
    params: dict[str, str],
    revision: str,
    expected: str,
) -> None:
    for name in "cba":
        server.create("Pod", name)
    listed = client.get(PODS, params=params).json()
    assert (listed["metadata"]["resourceVersion"], names_of(listed)) == (revision, expected)


@pytest.mark.parametrize(
    ("params", "exact"),
    [
        ({}, False),
        ({"limit": "1"}, True),
        ({"resourceVersionMatch": "Exact"}, True),
        ({"resourceVersionMatch": "NotOlderThan", "limit": "1"}, False),
    ],
)
def test_a_list_at_a_resource_version_that_is_gone_or_not_yet_there(
    server: FakeAPIServer, client: httpx.Client, params: dict[str, str], exact: bool
) -> None:
    server.create("Pod", "a")
    server.create("Pod", "b")
    server.compact()
    assert client.get(PODS, params={"resourceVersion": "3", **params}).status_code == 200
    gone = client.get(PODS, params={"resourceVersion": "2", **params})
    assert gone.status_code == (410 if exact else 200)
    if exact:
        assert (gone.json()["reason"], gone.json()["message"]) == (
            "Expired",
            "The resourceVersion for the provided list is too old.",
        )
    early = client.get(PODS, params={"resourceVersion": "4", **params})
    assert (early.status_code, early.headers["Retry-After"]) == (504, "1")
    assert early.json()["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


MATCH = "resourceVersionMatch"
FORBIDDEN = "FieldValueForbidden"
NO_VERSION = f"Forbidden: {MATCH} is forbidden unless resourceVersion is provided"
NO_CONTINUE = f"Forbidden: {MATCH} is forbidden when continue is provided"
NO_LIST = "Forbidden: sendInitialEvents is forbidden for list"
NOT_FOR_ZERO = f'Forbidden: {MATCH} "exact" is forbidden for resourceVersion "0"'
NO_WATCH = f"Forbidden: {MATCH} is forbidden for watch unless sendInitialEvents is provided"
REQUIRED = f"Forbidden: sendInitialEvents requires setting {MATCH} to NotOlderThan"


@pytest.mark.parametrize(
    ("params", "messages"),
    [
        ("resourceVersionMatch=Exact", [NO_VERSION]),
        ("resourceVersionMatch=NotOlderThan&resourceVersion=", [NO_VERSION]),
        ("resourceVersionMatch=Exact&resourceVersion=0", [NOT_FOR_ZERO]),
        ("resourceVersionMatch=Exact&resourceVersion=1&continue=x", [NO_CONTINUE]),
        (
            "resourceVersionMatch=Exact&resourceVersion=0&continue=x&sendInitialEvents=1",
            [NO_CONTINUE, NOT_FOR_ZERO, NO_LIST],
        ),
        ("resourceVersionMatch=NotOlderThan&continue=x", [NO_VERSION, NO_CONTINUE]),
        (
            "resourceVersionMatch=Foo",
            [
                NO_VERSION,
                'Unsupported value: "Foo": supported values: "Exact", "NotOlderThan", ""',
            ],
        ),
        ("sendInitialEvents=true", [NO_LIST]),
        ("watch=1&sendInitialEvents=true", [REQUIRED]),
        ("watch=1&sendInitialEvents=false", [REQUIRED]),
        ("watch=1&resourceVersionMatch=NotOlderThan", [NO_WATCH]),
        ("watch=1&resourceVersionMatch=NotOlderThan&continue=x", [NO_WATCH, NO_CONTINUE]),
        (
            "watch=1&resourceVersionMatch=Exact&sendInitialEvents=true",
            [REQUIRED, 'Unsupported value: "Exact": supported values: "NotOlderThan"'],
        ),
    ],
)
def test_options_that_do_not_go_together(
    client: httpx.Client, params: str, messages: list[str]
) -> None:
    refused = client.get(f"{PODS}?{params}")
    status = refused.json()
    causes = status["details"].pop("causes")
    assert (refused.status_code, status["reason"]) == (422, "Invalid")
    assert status["details"] == {"group": "meta.k8s.io", "kind": "ListOptions"}
    assert [cause["message"] for cause in causes] == messages
    for cause in causes:
        words, _, rest = cause["message"].partition(":")
        known = {"Forbidden": FORBIDDEN, "Unsupported value": "FieldValueNotSupported"}
        assert cause["reason"] == known[words]
        assert cause["field"] == ("sendInitialEvents" if rest == NO_LIST[10:] else MATCH)
    said = ", ".join(f"{cause['field']}: {cause['message']}" for cause in causes)
    said = said if len(causes) == 1 else f"[{said}]"
    assert status["message"] == f'ListOptions.meta.k8s.io "" is invalid: {said}'


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("", "abc"),
        ("app=web", "a"),
        ("app==web", "a"),
        ("app!=web", "bc"),
        ("app in (web, db)", "ab"),
        ("app notin (web,db)", "c"),
        ("app", "ab"),
        ("!app", "c"),
        ("app,tier=t1", "b"),
        ("app in (web,db),tier", "b"),
        ("example.com/x=", "c"),
    ],
)
def test_label_selectors(
    server: FakeAPIServer, client: httpx.Client, selector: str, expected: str
) -> None:
    server.create("Pod", "a", labels={"app": "web"})
    server.create("Pod", "b", labels={"app": "db", "tier": "t1"})
    server.create("Pod", "c", labels={"example.com/x": ""})
    assert names_of(client.get(PODS, params={"labelSelector": selector}).json()) == expected


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("metadata.name=a", "a"),
        ("metadata.name==a", "a"),
        ("metadata.name!=a", "b"),
        ("metadata.namespace=shop,metadata.name=b", "b"),
        ("metadata.namespace!=shop", "a"),
        ("status.phase=Running", "b"),
        ("status.phase!=Running", "a"),
    ],
)
def test_field_selectors(
    server: FakeAPIServer, client: httpx.Client, selector: str, expected: str
) -> None:
    server.create("Pod", "a")
    server.create("Pod", "b", "shop", status={"phase": "Running"})
    assert names_of(client.get(PODS, params={"fieldSelector": selector}).json()) == expected


def test_plain_discovery(client: httpx.Client) -> None:
    assert client.get("/api").json()["versions"] == ["v1"]
    (group,) = client.get("/apis").json()["groups"]
    assert group["preferredVersion"] == {"groupVersion": "example.com/v1", "version": "v1"}
    assert client.get("/apis/example.com").json()["versions"] == group["versions"]
    pods, nodes = client.get("/api/v1").json()["resources"]
    assert (pods["name"], pods["kind"], pods["shortNames"]) == ("pods", "Pod", ["po"])
    assert (pods["namespaced"], nodes["namespaced"]) == (True, False)
    (widgets,) = client.get("/apis/example.com/v1").json()["resources"]
    assert "watch" in widgets["verbs"]


def test_aggregated_discovery(client: httpx.Client) -> None:
    for path, name, resource in (("/api", None, "pods"), ("/apis", "example.com", "widgets")):
        response = client.get(path, headers={"Accept": AS_DISCOVERY})
        assert response.headers["Content-Type"] == AS_DISCOVERY
        (group,) = response.json()["items"]
        assert group["metadata"].get("name") == name
        (served,) = group["versions"]
        assert (served["version"], served["resources"][0]["resource"]) == ("v1", resource)


def test_resources_of_ones_own() -> None:
    resources = [
        Resource("apps/v1", "Deployment", "deployments", "deploy"),
        Resource("apps/v1beta1", "Deployment", "deployments", "deploy"),
    ]
    with FakeAPIServer(resources=resources) as server:
        server.create("deployments.apps", "web")
        (group,) = httpx.get(f"{server.url}/apis").json()["groups"]
        assert [entry["version"] for entry in group["versions"]] == ["v1", "v1beta1"]
        listed = httpx.get(f"{server.url}/apis/apps/v1/deployments").json()
        assert [item["metadata"]["name"] for item in listed["items"]] == ["web"]


# Objects, in the process


def test_created_objects_have_what_the_server_sets(server: FakeAPIServer) -> None:
    given: dict[str, Any] = {"metadata": {"name": "web-1", "namespace": "shop"}, "spec": {"a": [1]}}
    pod = server.create("po", given, labels={"app": "web"}, status={"phase": "Pending"})
    given["spec"]["a"].append(2)
    pod["spec"]["a"].append(3)
    metadata = pod.pop("metadata")
    assert pod.pop("status") == {"phase": "Pending"}
    assert (pod["kind"], pod["apiVersion"]) == ("Pod", "v1")
    assert metadata["namespace"] == "shop"
    assert metadata["labels"] == {"app": "web"}
    assert len(metadata["uid"]) == 36
    assert metadata["creationTimestamp"].endswith("Z")
    assert metadata["resourceVersion"] == server.resource_version == "2"
    assert server.patch("po", "web-1", "shop", labels={"x": "y"})["spec"] == {"a": [1]}


def test_generate_name(server: FakeAPIServer) -> None:
    made = [server.create("Pod", {"metadata": {"generateName": "web-"}}) for _ in range(2)]
    first, second = (pod["metadata"]["name"] for pod in made)
    assert first != second
    assert first.startswith("web-")
    assert len(first) == len(second) == 9


def test_cluster_scoped_objects_have_no_namespace(server: FakeAPIServer) -> None:
    node = server.create("no", "node-1")
    assert "namespace" not in node["metadata"]
    assert httpx.get(f"{server.url}/api/v1/nodes/node-1").json() == node


def test_update_replaces_and_patch_merges(server: FakeAPIServer) -> None:
    server.create("Pod", "a", labels={"x": "1"}, spec={"p": 1, "q": 2})
    patched = server.patch("Pod", "a", labels={"x": None, "y": "2"}, spec={"q": None})
    assert patched["metadata"]["labels"] == {"y": "2"}
    assert patched["spec"] == {"p": 1}
    updated = server.update("Pod", "a", status={"phase": "Running"})
    assert "spec" not in updated
    assert "labels" not in updated["metadata"]
    assert updated["metadata"]["uid"] == patched["metadata"]["uid"]
    assert version(updated) == "4"


def test_a_change_that_changes_nothing_makes_no_revision(server: FakeAPIServer) -> None:
    pod = server.create("Pod", "a", spec={"p": 1})
    assert server.patch("Pod", "a", spec={"p": 1}) == server.update("Pod", pod) == pod
    assert server.resource_version == "2"


def test_refusals_in_the_process(server: FakeAPIServer) -> None:
    old = server.create("Pod", "a")
    server.patch("Pod", "a", labels={"x": "y"})
    refused: list[tuple[Callable[[], object], int, str]] = [
        (lambda: server.create("Pod", "a"), 409, "AlreadyExists"),
        (lambda: server.create("Pod", {}), 422, "Invalid"),
        (lambda: server.update("Pod", old), 409, "Conflict"),
        (lambda: server.patch("Pod", "a", metadata={"uid": "x"}), 409, "Conflict"),
        (lambda: server.update("Pod", "b"), 404, "NotFound"),
        (lambda: server.patch("Pod", "a", "shop"), 404, "NotFound"),
        (lambda: server.delete("Widget", "a"), 404, "NotFound"),
    ]
    for act, code, reason in refused:
        with pytest.raises(APIError) as caught:
            act()
        assert (caught.value.code, caught.value.reason) == (code, reason)
    with pytest.raises(LookupError, match="'Nope'"):
        server.create("Nope", "a")


# Objects, over HTTP


def test_verbs_over_http(server: FakeAPIServer, client: httpx.Client) -> None:
    path = "/apis/example.com/v1/namespaces/default/widgets"
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}}
    created = client.post(path, json=widget)
    assert created.status_code == 201
    assert client.get(f"{path}/a").json() == created.json()
    changed = client.put(f"{path}/a", json={**created.json(), "spec": {"x": 1}}).json()
    assert changed["spec"] == {"x": 1}
    merge = {"Content-Type": "application/merge-patch+json"}
    patched = client.patch(f"{path}/a", content=b'{"spec":{"y":2}}', headers=merge).json()
    assert patched["spec"] == {"x": 1, "y": 2}
    assert client.delete(f"{path}/a").json()["details"]["uid"] == patched["metadata"]["uid"]
    assert version(patched) == "4"
    assert server.resource_version == "5"


def test_refusals_of_verbs_over_http(server: FakeAPIServer, client: httpx.Client) -> None:
    pod = server.create("Pod", "a")
    assert client.post(DEFAULT_PODS, json=pod).status_code == 409
    assert client.post(DEFAULT_PODS, json={**pod, "kind": "Widget"}).status_code == 400
    assert client.post(DEFAULT_PODS, content=b"{").status_code == 400
    assert client.post(DEFAULT_PODS, content=b"[]").status_code == 400
    assert client.post(PODS, json=pod).status_code == 405
    assert client.post("/api", json=pod).status_code == 405
    assert client.delete(DEFAULT_PODS).status_code == 405
    assert client.post(f"{DEFAULT_PODS}/a", json=pod).status_code == 405
    assert client.patch(f"{DEFAULT_PODS}/a", json={}).status_code == 415
    assert client.delete(f"{DEFAULT_PODS}/b").status_code == 404


def test_the_status_of_an_object_is_the_object(server: FakeAPIServer, client: httpx.Client) -> None:
    pod, node = server.create("Pod", "status"), server.create("Node", "a")
    assert client.get(f"{DEFAULT_PODS}/status").json() == pod
    assert client.get(f"{DEFAULT_PODS}/status/status").json() == pod
    assert client.get("/api/v1/nodes/a/status").json() == node
    for path in ("pods/status/nope", "pods/nope/status", "pods/status/status/status"):
        assert client.get(f"/api/v1/namespaces/default/{path}").status_code == 404
    assert client.get("/api/v1/nodes/a/nope").status_code == 404
    assert client.delete("/api/v1/nodes/a/status").status_code == 405
    assert client.get("/api/v1/nodes/a").status_code == 200


def test_requests_are_recorded(server: FakeAPIServer, client: httpx.Client) -> None:
    client.get(PODS, params={"limit": "1"}, headers={"X-Test": "yes"})
    ((path, params, headers),) = server.requests
    assert (path, params, headers["x-test"]) == (PODS, {"limit": "1"}, "yes")


def test_kubeconfig() -> None:
    with FakeAPIServer(token="secret") as server:
        config = yaml.safe_load(server.kubeconfig())
        assert config["clusters"][0]["cluster"]["server"] == server.url
        assert config["users"][0]["user"] == {"token": "secret"}
        assert config["contexts"][0]["name"] == config["current-context"]
        assert config["contexts"][0]["context"]["namespace"] == "default"


# Life


def test_steps_are_the_same_for_the_same_seed_and_make_sense() -> None:
    script = list(islice(steps(Random(1)), 300))
    assert script == list(islice(steps(Random(1)), 300))
    assert script != list(islice(steps(Random(2)), 300))
    server = FakeAPIServer()
    for step in script:
        step.apply(server, "default")  # raises where a step does not fit the ones before
    phases = {step.fields["status"]["phase"] for step in script if "status" in step.fields}
    assert phases == {"Pending", "Running", "Succeeded"}
    born = [step.name for step in script if step.verb == "create"]
    assert len(born) > len(set(born)), "none has come back"
    assert any(name.startswith("job-") for name in born)


def test_life_is_what_the_steps_say(server: FakeAPIServer, client: httpx.Client) -> None:
    expected = list(islice(steps(Random(7)), 20))
    types = {"create": "ADDED", "patch": "MODIFIED", "delete": "DELETED"}
    with (
        watch(client, "/api/v1/namespaces/shop/pods") as response,
        Life(server, interval=0.001, random=Random(7), namespace="shop"),
    ):
        seen = names(list(islice(events(response), 20)))
    assert seen == [(types[step.verb], step.name) for step in expected]


def test_life_goes_on_when_somebody_else_changes_its_pods(server: FakeAPIServer) -> None:
    first = next(steps(Random(3)))
    server.create("Pod", first.name)
    with Life(server, interval=0.001, random=Random(3)):
        eventually(lambda: int(server.resource_version) > 20)


def test_life_ends_at_once(server: FakeAPIServer) -> None:
    with Life(server, interval=60):
        eventually(lambda: server.resource_version == "2")
        started = time.monotonic()
    assert time.monotonic() - started < 0.5
