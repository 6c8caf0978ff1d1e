"""`kwatch.testing._columns`: what stands in the table that kubectl prints."""

from typing import Any

import httpx
import pytest

from kwatch.testing import Column, FakeAPIServer, Resource

TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


def printed(server: FakeAPIServer, path: str) -> list[list[Any]]:
    """The heads, and the rows without the age."""
    table = httpx.get(server.url + path, headers={"Accept": TABLE}).json()
    heads = [column["name"] for column in table["columnDefinitions"]]
    assert heads[-1] == "Age"
    return [heads[:-1], *(row["cells"][:-1] for row in table["rows"])]


@pytest.mark.parametrize(
    ("fields", "cells"),
    [
        ({}, ["0/0", "", "0"]),
        ({"spec": {"containers": [{}]}, "status": {"phase": "Pending"}}, ["0/1", "Pending", "0"]),
        (
            {
                "spec": {"containers": [{}, {}]},
                "status": {
                    "phase": "Running",
                    "containerStatuses": [
                        {"ready": True, "restartCount": 2, "state": {"running": {}}},
                        {"ready": False, "restartCount": 3, "state": {"running": {}}},
                    ],
                },
            },
            ["1/2", "Running", "5"],
        ),
        (
            {
                "status": {
                    "phase": "Running",
                    "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
                }
            },
            ["0/1", "CrashLoopBackOff", "0"],
        ),
        (
            {
                "status": {
                    "phase": "Succeeded",
                    "containerStatuses": [{"state": {"terminated": {"reason": "Completed"}}}],
                }
            },
            ["0/1", "Completed", "0"],
        ),
        ({"status": {"phase": "Failed", "reason": "Evicted"}}, ["0/0", "Evicted", "0"]),
        ({"status": None, "spec": "nonsense"}, ["0/0", "", "0"]),
    ],
)
def test_pods(server: FakeAPIServer, fields: dict[str, Any], cells: list[str]) -> None:
    server.create("Pod", "a", **fields)
    expected = [["Name", "Ready", "Status", "Restarts"], ["a", *cells]]
    assert printed(server, "/api/v1/pods") == expected


def test_a_pod_that_is_being_deleted(server: FakeAPIServer) -> None:
    held = {"finalizers": ["a.b/c"]}
    server.create("Pod", "a", metadata=held, status={"phase": "Running"})
    server.delete("Pod", "a")
    assert printed(server, "/api/v1/pods")[1] == ["a", "0/0", "Terminating", "0"]


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ([], "Unknown"),
        ([{"type": "DiskPressure", "status": "True"}], "Unknown"),
        ([{"type": "Ready", "status": "False"}], "NotReady"),
        ([{"type": "Ready", "status": "True"}], "Ready"),
    ],
)
def test_nodes(server: FakeAPIServer, conditions: list[dict[str, str]], said: str) -> None:
    status = {"conditions": conditions, "nodeInfo": {"kubeletVersion": "v1.36.0"}}
    server.create("Node", "a", status=status)
    expected = [["Name", "Status", "Version"], ["a", said, "v1.36.0"]]
    assert printed(server, "/api/v1/nodes") == expected


@pytest.mark.parametrize(
    ("kind", "path", "fields", "expected"),
    [
        (
            "Deployment",
            "/apis/apps/v1/deployments",
            {"spec": {"replicas": 3}, "status": {"readyReplicas": 1, "updatedReplicas": 2}},
            {"Ready": "1/3", "Up-to-date": "2", "Available": "0"},
        ),
        (
            "ReplicaSet",
            "/apis/apps/v1/replicasets",
            {"spec": {"replicas": 3}, "status": {"replicas": 2}},
            {"Desired": "3", "Current": "2", "Ready": "0"},
        ),
        ("StatefulSet", "/apis/apps/v1/statefulsets", {}, {"Ready": "0/0"}),
        ("Job", "/apis/batch/v1/jobs", {"spec": {"completions": 2}}, {"Completions": "0/2"}),
        ("Secret", "/api/v1/secrets", {"type": "Opaque"}, {"Type": "Opaque"}),
        ("Namespace", "/api/v1/namespaces", {"status": {"phase": "Active"}}, {"Status": "Active"}),
        (
            "Event",
            "/api/v1/events",
            {
                "type": "Warning",
                "reason": "BackOff",
                "involvedObject": {"kind": "Pod", "name": "web-1"},
                "message": "m",
            },
            {"Type": "Warning", "Reason": "BackOff", "Object": "pod/web-1", "Message": "m"},
        ),
    ],
)
def test_built_in_kinds(
    server: FakeAPIServer, kind: str, path: str, fields: dict[str, Any], expected: dict[str, str]
) -> None:
    server.create(kind, "a", **fields)
    assert printed(server, path) == [["Name", *expected], ["a", *expected.values()]]


def test_columns_of_ones_own() -> None:
    columns = (
        Column("Ready", "status.ready"),
        Column("Size", lambda obj: len(obj.get("items", []))),
        Column("Nothing", "spec.x.y"),
    )
    box = Resource("example.com/v1", "Box", "boxes", columns=columns)
    with FakeAPIServer(resources=[box]) as server:
        server.create("Box", "a", status={"ready": True}, items=[1, 2], spec={"x": "text"})
        expected = [["Name", "Ready", "Size", "Nothing"], ["a", "true", "2", ""]]
        assert printed(server, "/apis/example.com/v1/boxes") == expected


@pytest.mark.parametrize("odd", [5, "abc", [5], {"a": 1}, True])
def test_odd_objects_have_cells_too(server: FakeAPIServer, odd: Any) -> None:
    fields: dict[str, Any] = {
        "spec": {"containers": odd},
        "status": {"containerStatuses": odd, "conditions": odd},
    }
    server.create("Pod", {"metadata": {"name": "a"}} | fields)
    server.create("Node", {"metadata": {"name": "a"}} | fields)
    assert printed(server, "/api/v1/pods")[1] == ["a", "0/0", "", "0"]
    assert printed(server, "/api/v1/nodes")[1][:2] == ["a", "Unknown"]
