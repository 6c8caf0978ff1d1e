"""`kwatch.testing._form`: the forms in which objects are answered."""

import json
from itertools import islice

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from tests.testing.asking import (
    AS_METADATA,
    AS_METADATA_LIST,
    DEFAULT_PODS,
    PODS,
    WIDGETS,
    events,
    untyped,
    watch,
)


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
