"""`kwatch.testing._writes`: objects over HTTP, by the rules of the real server."""

from typing import Any

import httpx
import pytest

from kwatch.testing import FakeAPIServer, Resource
from tests.testing.asking import (
    AS_METADATA,
    DEFAULT_PODS,
    DEFAULT_WIDGETS,
    MERGE,
    patch,
    refused,
    version,
    widget,
)

A = f"{DEFAULT_WIDGETS}/a"
CONFLICT = (
    'Operation cannot be fulfilled on widgets.example.com "a": the object has been modified; '
    "please apply your changes to the latest version and try again"
)


@pytest.mark.usefixtures("made")
def test_create_what_exists(server: FakeAPIServer, client: httpx.Client) -> None:
    exists = 'widgets.example.com "a" already exists'
    again = client.post(DEFAULT_WIDGETS, json=widget("a"))
    assert refused(again) == (409, "AlreadyExists", exists)
    server.patch("Widget", "a", metadata={"finalizers": ["example.com/x"]})
    server.delete("Widget", "a")
    leaving = client.post(DEFAULT_WIDGETS, json=widget("a"))
    assert refused(leaving) == (409, "AlreadyExists", f"object is being deleted: {exists}")


def test_create_with_a_version(client: httpx.Client) -> None:
    body = widget("b", metadata={"resourceVersion": "3"})
    said = "resourceVersion should not be set on objects to be created"
    assert refused(client.post(DEFAULT_WIDGETS, json=body)) == (500, None, said)


def test_put_an_old_version(client: httpx.Client, made: dict[str, Any]) -> None:
    assert patch(client, A, {"spec": {"x": 2}}).is_success
    assert refused(client.put(A, json=made)) == (409, "Conflict", CONFLICT)
    stale = {"metadata": {"resourceVersion": version(made)}, "spec": {"x": 3}}
    assert refused(patch(client, A, stale)) == (409, "Conflict", CONFLICT)
    assert client.get(A).json()["spec"] == {"x": 2}


def test_put_a_custom_resource_without_a_version(
    server: FakeAPIServer, client: httpx.Client, made: dict[str, Any]
) -> None:
    """Built-in kinds do not ask for one."""
    why = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
    said = f'widgets.example.com "a" is invalid: {why}'
    assert refused(client.put(A, json=widget("a"))) == (422, "Invalid", said)
    server.create("Pod", "a", spec={"x": 1})
    body = {"metadata": {"name": "a"}, "spec": {"x": 2}}
    assert client.put(f"{DEFAULT_PODS}/a", json=body).json()["spec"] == {"x": 2}


def test_another_uid(client: httpx.Client, made: dict[str, Any]) -> None:
    other = client.put(A, json=widget("a", metadata={"uid": "x"}))
    code, reason, message = refused(other)
    assert (code, reason) == (409, "Conflict")
    assert message == (
        'Operation cannot be fulfilled on widgets.example.com "a": StorageError: invalid object, '
        "Code: 4, Key: /registry/example.com/widgets/default/a, ResourceVersion: 0, "
        "AdditionalErrorMsg: Precondition failed: UID in precondition: x, UID in object meta: "
        f"{made['metadata']['uid']}"
    )
    immutable = 'Widget.example.com "a" is invalid: metadata.uid: Invalid value: "x": field is '
    patched = patch(client, A, {"metadata": {"uid": "x"}})
    assert refused(patched) == (422, "Invalid", f"{immutable}immutable")
    assert len(patched.json()["details"]["causes"]) == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [f"{DEFAULT_WIDGETS}/b", f"{DEFAULT_WIDGETS}/b/status"])
def test_what_is_not_there(client: httpx.Client, method: str, path: str) -> None:
    headers = {"Content-Type": MERGE} if method == "PATCH" else {}
    body = None if method == "GET" else widget("b")
    if (method, path[-7:]) == ("DELETE", "/status"):
        return
    body = {"kind": "DeleteOptions"} if method == "DELETE" else body
    response = client.request(method, path, json=body, headers=headers)
    said = 'widgets.example.com "b" not found'
    assert refused(response) == (404, "NotFound", said)
    details = {"name": "b", "group": "example.com", "kind": "widgets"}
    assert response.json()["details"] == details


def test_verbs_over_http(server: FakeAPIServer, client: httpx.Client) -> None:
    created = client.post(DEFAULT_WIDGETS, json=widget("a"))
    assert created.status_code == 201
    assert client.get(A).json() == created.json()
    changed = client.put(A, json={**created.json(), "spec": {"x": 1}}).json()
    assert changed["spec"] == {"x": 1}
    patched = patch(client, A, {"spec": {"y": 2}}).json()
    assert patched["spec"] == {"x": 1, "y": 2}
    deleted = client.delete(A)
    assert deleted.json() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {
            "name": "a",
            "group": "example.com",
            "kind": "widgets",
            "uid": patched["metadata"]["uid"],
        },
    }
    assert version(patched) == "4"
    assert server.resource_version == "5"


def test_what_the_server_sets_no_client_changes(client: httpx.Client, made: dict[str, Any]) -> None:
    theirs = {
        "generation": 77,
        "creationTimestamp": "2001-01-01T00:00:00Z",
        "deletionTimestamp": "2001-01-01T00:00:00Z",
        "deletionGracePeriodSeconds": 5,
    }
    assert patch(client, A, {"metadata": theirs}).json() == made
    body = {**made, "metadata": {**made["metadata"], **theirs}}
    assert client.put(A, json=body).json() == made
    created = client.post(DEFAULT_WIDGETS, json=widget("b", metadata={**theirs, "uid": "x"})).json()
    assert created["metadata"].keys() == made["metadata"].keys() - {"labels"}
    assert (created["metadata"]["generation"], created["metadata"]["uid"] == "x") == (1, False)


def test_empty_metadata_is_not_kept(client: httpx.Client) -> None:
    empty: dict[str, Any] = {
        "labels": {},
        "annotations": None,
        "finalizers": [],
        "generateName": "",
    }
    created = client.post(DEFAULT_WIDGETS, json=widget("a", metadata=empty)).json()
    assert created["metadata"].keys().isdisjoint(empty)
    patched = patch(client, A, {"metadata": {"labels": {"x": "1"}}}).json()
    assert patched["metadata"]["labels"] == {"x": "1"}
    bare = patch(client, A, {"metadata": {"labels": {"x": None}}}).json()
    assert "labels" not in bare["metadata"]


# The generation


def test_the_generation_counts_what_is_neither_metadata_nor_status(
    client: httpx.Client, made: dict[str, Any]
) -> None:
    assert made["metadata"]["generation"] == 1
    changes: list[tuple[str, dict[str, Any], int]] = [
        (A, {"spec": {"x": 2}}, 2),
        (A, {"spec": {"x": 2}}, 2),
        (A, {"metadata": {"labels": {"app": "db"}}}, 2),
        (f"{A}/status", {"status": {"ready": True}}, 2),
        (A, {"data": {"y": 1}}, 3),
    ]
    for path, change, expected in changes:
        assert patch(client, path, change).json()["metadata"]["generation"] == expected
    latest = client.get(A).json()
    assert client.put(A, json={**latest, "spec": {}}).json()["metadata"]["generation"] == 4


def test_a_deletion_that_waits_counts_as_well(client: httpx.Client) -> None:
    client.post(DEFAULT_WIDGETS, json=widget("a", metadata={"finalizers": ["example.com/x"]}))
    assert client.delete(A).json()["metadata"]["generation"] == 2
    assert patch(client, A, {"spec": {"x": 1}}).json()["metadata"]["generation"] == 3


def test_the_generation_in_the_process(server: FakeAPIServer) -> None:
    assert server.create("Pod", "a", status={"phase": "Pending"})["metadata"]["generation"] == 1
    assert server.patch("Pod", "a", status={"phase": "Running"})["metadata"]["generation"] == 1
    assert server.patch("Pod", "a", spec={"x": 1})["metadata"]["generation"] == 2
    server.create("ConfigMap", "a", data={"x": "1"})
    assert "generation" not in server.patch("ConfigMap", "a", data={"x": "2"})["metadata"]


def test_a_status_without_a_path_of_its_own_counts_as_well() -> None:
    box = Resource("example.com/v1", "Box", "boxes", status=False)
    with FakeAPIServer(resources=[box]) as server:
        server.create("Box", "a")
        assert server.patch("Box", "a", status={"x": 1})["metadata"]["generation"] == 2


# The status


def test_a_status_beside_its_path_is_ignored(client: httpx.Client, made: dict[str, Any]) -> None:
    assert "status" not in made
    assert patch(client, f"{A}/status", {"status": {"ready": True}}).is_success
    assert patch(client, A, {"status": {"ready": False}}).json()["status"] == {"ready": True}
    body = {**client.get(A).json(), "status": {"lost": 1}, "spec": {"x": 2}}
    put = client.put(A, json=body).json()
    assert (put["status"], put["spec"]) == ({"ready": True}, {"x": 2})
    body = {key: value for key, value in put.items() if key != "status"}
    assert client.put(A, json=body).json() == put


def test_what_is_beside_the_status_is_ignored_on_its_path(
    client: httpx.Client, made: dict[str, Any]
) -> None:
    more = {"spec": {"x": 9}, "metadata": {"labels": {"lost": "1"}, "finalizers": ["a.b/c"]}}
    patched = patch(client, f"{A}/status", {"status": {"ready": True}, **more}).json()
    assert patched["status"] == {"ready": True}
    assert (patched["spec"], patched["metadata"]["labels"]) == (made["spec"], {"app": "web"})
    assert "finalizers" not in patched["metadata"]
    body = {**patched, "status": {"ready": False}, "spec": {"x": 9}}
    put = client.put(f"{A}/status", json=body).json()
    assert (put["status"], put["spec"]) == ({"ready": False}, made["spec"])
    assert refused(client.put(f"{A}/status", json=body)) == (409, "Conflict", CONFLICT)
    gone = {key: value for key, value in put.items() if key != "status"}
    assert "status" not in client.put(f"{A}/status", json=gone).json()


def test_a_kind_without_a_status_keeps_a_field_of_that_name(client: httpx.Client) -> None:
    path = "/api/v1/namespaces/default/configmaps"
    created = client.post(path, json={"metadata": {"name": "a"}, "status": {"x": 1}}).json()
    assert created["status"] == {"x": 1}
    assert patch(client, f"{path}/a", {"status": {"x": 2}}).json()["status"] == {"x": 2}


def test_pods_and_namespaces_begin_with_a_phase(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    body = {"metadata": {"name": "a"}, "status": {"phase": "Running"}}
    assert client.post(DEFAULT_PODS, json=body).json()["status"] == {"phase": "Pending"}
    made = client.post("/api/v1/namespaces", json={"metadata": {"name": "shop"}}).json()
    assert made["status"] == {"phase": "Active"}
    assert "status" not in server.create("Pod", "b")


# Dry runs


def test_a_dry_run_changes_nothing(
    server: FakeAPIServer, client: httpx.Client, made: dict[str, Any]
) -> None:
    dry = {"dryRun": "All"}
    created = client.post(DEFAULT_WIDGETS, json=widget("b"), params=dry)
    assert (created.status_code, "resourceVersion" in created.json()["metadata"]) == (201, False)
    patched = patch(client, A, {"spec": {"x": 2}}, **dry).json()
    assert (patched["spec"], version(patched)) == ({"x": 2}, version(made))
    put = client.put(A, json={**made, "spec": {"x": 3}}, params=dry).json()
    assert put["spec"] == {"x": 3}
    assert client.delete(A, params=dry).json()["status"] == "Success"
    assert client.request("DELETE", A, json={"dryRun": ["All"]}).json()["status"] == "Success"
    assert len(client.delete(DEFAULT_WIDGETS, params=dry).json()["items"]) == 1
    assert client.post(DEFAULT_WIDGETS, json=widget("a"), params=dry).status_code == 409
    assert client.get(A).json() == made
    assert server.resource_version == version(made)


def test_a_dry_run_of_what_waits_for_finalizers(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    server.create("Widget", "a", metadata={"finalizers": ["a.b/c"]})
    assert "deletionTimestamp" in client.delete(A, params={"dryRun": "All"}).json()["metadata"]
    assert "deletionTimestamp" not in client.get(A).json()["metadata"]
    server.delete("Widget", "a")
    patch(client, A, {"metadata": {"finalizers": None}}, dryRun="All")
    assert client.get(A).is_success


# The form of an answer


def test_a_write_is_answered_in_the_form_that_is_wanted(client: httpx.Client) -> None:
    headers = {"Accept": AS_METADATA}
    created = client.post(DEFAULT_WIDGETS, json=widget("a", spec={"x": 1}), headers=headers).json()
    assert (created["kind"], "spec" in created) == ("PartialObjectMetadata", False)
    refusal = client.post(DEFAULT_WIDGETS, json=widget("b"), headers={"Accept": "text/html"})
    assert refusal.status_code == 406
    assert client.get(f"{DEFAULT_WIDGETS}/b").status_code == 404, "it was not created"
    assert client.delete(A, headers=headers).json()["kind"] == "Status"
