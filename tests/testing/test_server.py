"""`kwatch.testing._server`: the server as its user sees it."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import yaml
from pytest_httpserver import HTTPServerError

from kwatch.testing import APIError, FakeAPIServer, faults
from tests.testing.asking import (
    DEFAULT_PODS,
    PODS,
    WIDGETS,
    events,
    eventually,
    names,
    raw,
    read_until,
    version,
    watch,
)


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


def test_what_was_saved_can_go_to_another_server(server: FakeAPIServer) -> None:
    pod = server.create("Pod", "a")
    other = FakeAPIServer()
    other.restore(server.save())
    assert other.delete("Pod", "a")["metadata"]["uid"] == pod["metadata"]["uid"]
    assert (other.resource_version, server.resource_version) == ("3", "2")
    server.patch("Pod", "a", labels={"still": "there"})


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


def test_labels_are_added_to_those_of_the_object(server: FakeAPIServer) -> None:
    given = {"metadata": {"name": "a", "labels": {"x": "1", "y": "1"}}}
    pod = server.create("Pod", given, labels={"y": "2", "z": "2"})
    assert pod["metadata"]["labels"] == {"x": "1", "y": "2", "z": "2"}
    assert given["metadata"] == {"name": "a", "labels": {"x": "1", "y": "1"}}


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


def test_get_is_a_copy_of_what_is_there(server: FakeAPIServer, client: httpx.Client) -> None:
    made = server.create("Pod", "a", spec={"containers": [{"name": "main"}]})
    node = server.create("Node", "n")
    server.get("Pod", "a")["spec"]["containers"].clear()
    assert server.get("pods", "a") == server.get("Pod", made) == made
    assert server.get("no", "n", "ignored") == node
    client.delete(f"{DEFAULT_PODS}/a")
    with pytest.raises(APIError, match='pods "a" not found'):
        server.get("Pod", "a")
    with pytest.raises(LookupError, match="no kind 'Gadget'"):
        server.get("Gadget", "a")


def test_a_server_that_runs_is_not_started_again(server: FakeAPIServer) -> None:
    with httpx.Client(base_url=server.url) as client, watch(client) as response:
        with pytest.raises(HTTPServerError, match="the server is running already"):
            server.start()
        server.stop()
        assert response.is_success
    eventually(lambda: server.watches == 0)


def test_there_is_no_url_before_the_start() -> None:
    server = FakeAPIServer()
    with pytest.raises(RuntimeError, match="no URL yet"):
        _ = server.url
    with pytest.raises(RuntimeError, match="no URL yet"):
        server.kubeconfig()


def test_the_script_goes_on_after_a_stop(server: FakeAPIServer) -> None:
    server.script(faults.http(503), on="get")
    server.stop()
    assert server.unmet == 1
    with server:
        assert httpx.get(f"{server.url}{DEFAULT_PODS}/a").status_code == 503
    assert server.unmet == 0
