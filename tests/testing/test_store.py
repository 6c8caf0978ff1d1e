"""`kwatch.testing._store`: objects under one revision counter, and their history."""

import sys
import time
from itertools import islice

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from tests.testing.asking import PODS, WIDGETS, events, names, untyped, version, watch


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


def test_a_change_that_changes_nothing_makes_no_revision(server: FakeAPIServer) -> None:
    pod = server.create("Pod", "a", spec={"p": 1})
    assert server.patch("Pod", "a", spec={"p": 1}) == server.update("Pod", pod) == pod
    assert server.resource_version == "2"
