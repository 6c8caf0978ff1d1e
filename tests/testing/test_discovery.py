"""`kwatch.testing._discovery`: what there is."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kwatch.testing import FakeAPIServer, Resource
from tests.testing.asking import AS_DISCOVERY

RESOURCES = (
    Resource("v1", "Pod", short_name="po", categories=("all",)),
    Resource("v1", "Node", namespaced=False, status=False),
    Resource("example.com/v1", "Widget", short_name="wd"),
)
VERBS = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with FakeAPIServer(resources=RESOURCES) as server, httpx.Client(base_url=server.url) as client:
        yield client


def test_plain_discovery(client: httpx.Client) -> None:
    assert client.get("/api").json()["versions"] == ["v1"]
    (group,) = client.get("/apis").json()["groups"]
    assert group["preferredVersion"] == {"groupVersion": "example.com/v1", "version": "v1"}
    assert client.get("/apis/example.com").json()["versions"] == group["versions"]
    pods, status, nodes = client.get("/api/v1").json()["resources"]
    assert (pods["name"], pods["kind"], pods["shortNames"]) == ("pods", "Pod", ["po"])
    assert (pods["singularName"], pods["categories"]) == ("pod", ["all"])
    assert (pods["namespaced"], nodes["namespaced"]) == (True, False)
    assert set(pods["verbs"]) == set(nodes["verbs"]) == VERBS
    assert status == {
        "name": "pods/status",
        "singularName": "",
        "namespaced": True,
        "kind": "Pod",
        "verbs": ["get", "patch", "update"],
    }
    assert nodes.keys().isdisjoint({"shortNames", "categories"})
    document = client.get("/apis/example.com/v1").json()
    assert (document["apiVersion"], document["groupVersion"]) == ("v1", "example.com/v1")
    assert set(document["resources"][0]["verbs"]) == VERBS


def test_aggregated_discovery(client: httpx.Client) -> None:
    expected: list[tuple[str, str | None, list[str]]] = [
        ("/api", None, ["pods", "nodes"]),
        ("/apis", "example.com", ["widgets"]),
    ]
    for path, name, resources in expected:
        response = client.get(path, headers={"Accept": AS_DISCOVERY})
        assert response.headers["Content-Type"] == AS_DISCOVERY
        (group,) = response.json()["items"]
        assert group["metadata"].get("name") == name
        (served,) = group["versions"]
        assert served["version"] == "v1"
        assert [each["resource"] for each in served["resources"]] == resources


def test_aggregated_discovery_says_the_same_as_the_plain_one(client: httpx.Client) -> None:
    (group,) = client.get("/api", headers={"Accept": AS_DISCOVERY}).json()["items"]
    pods, nodes = group["versions"][0]["resources"]
    kind: dict[str, Any] = {"group": "", "version": "v1", "kind": "Pod"}
    assert pods == {
        "resource": "pods",
        "responseKind": kind,
        "scope": "Namespaced",
        "singularResource": "pod",
        "verbs": sorted(VERBS),
        "shortNames": ["po"],
        "categories": ["all"],
        "subresources": [
            {"subresource": "status", "responseKind": kind, "verbs": ["get", "patch", "update"]}
        ],
    }
    assert (nodes["scope"], "subresources" in nodes) == ("Cluster", False)
