"""`kwatch.testing._writes`: finalizers, and deletions over HTTP."""

from typing import Any

import httpx

from kwatch.testing import FakeAPIServer
from tests.testing.asking import DEFAULT_WIDGETS, events, patch, refused, version, watch, widget

A = f"{DEFAULT_WIDGETS}/a"


def test_an_object_with_finalizers_is_marked_and_goes_with_the_last_one(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    held = {"finalizers": ["example.com/x", "example.com/y"]}
    client.post(DEFAULT_WIDGETS, json=widget("a", metadata=held))
    marked = client.delete(A).json()
    assert (marked["kind"], marked["metadata"]["deletionGracePeriodSeconds"]) == ("Widget", 0)
    assert marked["metadata"]["deletionTimestamp"].endswith("Z")
    assert client.delete(A).json() == client.get(A).json() == marked
    assert version(marked) == server.resource_version == "3"
    kept = patch(client, A, {"metadata": {"finalizers": ["example.com/y"]}}).json()
    last = patch(client, A, {"metadata": {"finalizers": None}, "spec": {"x": 1}}).json()
    assert "finalizers" not in last["metadata"]
    assert (version(kept), version(last), server.resource_version) == ("4", "4", "5")
    assert client.get(A).status_code == 404


def test_a_watch_sees_the_mark_as_modified_and_then_the_end(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    server.create("Widget", {"metadata": {"name": "a", "finalizers": ["example.com/x"]}})
    server.delete("Widget", "a")
    server.patch("Widget", "a", metadata={"finalizers": None}, spec={"lost": 1})
    with watch(client, DEFAULT_WIDGETS, resourceVersion="1") as response:
        server.close_watches()
        added, modified, deleted = events(response)
    assert [each[0] for each in (added, modified, deleted)] == ["ADDED", "MODIFIED", "DELETED"]
    assert "deletionTimestamp" in modified[1]["metadata"]
    stored = {**modified[1], "metadata": {**modified[1]["metadata"], "resourceVersion": "4"}}
    assert deleted[1] == stored, "a DELETED shows the last state that was stored"


def test_no_finalizer_comes_to_what_is_being_deleted(client: httpx.Client) -> None:
    client.post(DEFAULT_WIDGETS, json=widget("a", metadata={"finalizers": ["a.b/x"]}))
    client.delete(A)
    added = patch(client, A, {"metadata": {"finalizers": ["a.b/x", "a.b/y"]}})
    why = (
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being "
        'deleted, found new finalizers []string{"a.b/y"}'
    )
    said = f'Widget.example.com "a" is invalid: {why}'
    assert refused(added) == (422, "Invalid", said)
    assert len(added.json()["details"]["causes"]) == 2, "the real server says it twice, too"


def test_a_deletion_under_conditions(client: httpx.Client, made: dict[str, Any]) -> None:
    uid = made["metadata"]["uid"]
    begin = 'Operation cannot be fulfilled on Widget.example.com "a": the '
    other = client.request("DELETE", A, json={"preconditions": {"uid": "x"}})
    assert refused(other) == (
        409,
        "Conflict",
        f"{begin}UID in the precondition (x) does not match the UID in record ({uid}). The object "
        "might have been deleted and then recreated",
    )
    old = client.request("DELETE", A, json={"preconditions": {"resourceVersion": "1"}})
    assert refused(old) == (
        409,
        "Conflict",
        f"{begin}ResourceVersion in the precondition (1) does not match the ResourceVersion in "
        "record (2). The object might have been modified",
    )
    this = {"preconditions": {"uid": uid, "resourceVersion": version(made)}}
    assert client.request("DELETE", A, json=this).json()["status"] == "Success"


def test_a_collection_is_deleted_by_selector(server: FakeAPIServer, client: httpx.Client) -> None:
    for name in "abc":
        server.create("Widget", name, labels={"app": "db" if name == "c" else "web"})
    server.create("Widget", "d", "shop", labels={"app": "web"})
    held = server.create("Widget", "e", labels={"app": "web"}, metadata={"finalizers": ["a.b/c"]})
    before = server.resource_version
    bad = client.delete(DEFAULT_WIDGETS, params={"labelSelector": "a==="})
    assert refused(bad)[0] == 400
    reply = client.delete(DEFAULT_WIDGETS, params={"labelSelector": "app=web"}).json()
    assert [item["metadata"]["name"] for item in reply["items"]] == ["a", "b", "e"]
    assert (reply["kind"], reply["metadata"]["resourceVersion"]) == ("WidgetList", before)
    assert reply["items"][-1] == held
    left = client.get(DEFAULT_WIDGETS).json()["items"]
    assert [item["metadata"]["name"] for item in left] == ["c", "e"]
    assert "deletionTimestamp" in left[1]["metadata"]
    by_name = client.delete(DEFAULT_WIDGETS, params={"fieldSelector": "metadata.name=c"})
    assert len(by_name.json()["items"]) == 1
    assert client.get("/apis/example.com/v1/namespaces/shop/widgets/d").is_success
