"""`Query`: one for each namespace, and the requests for lists and watches."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from kwatch._http import Reply, Request
from kwatch._query import PAGE_SIZE, READ_MARGIN_SECONDS, Query

PODS = "/api/v1/pods"


def pods(**arguments: Any) -> Query:
    return Query.of(resource_path=PODS, **arguments)


def path_of(query: Query) -> str:
    """Resolve a query that has nothing to ask."""
    with pytest.raises(StopIteration) as caught:
        next(query.resolve(lambda: 0.0))
    return str(caught.value.value)


# What cannot be right


@pytest.mark.parametrize("make", [Query.of, Query.each])
@pytest.mark.parametrize("version", ["5", "0", ""])
def test_a_version_to_go_on_from_and_what_exists(make: Callable[..., object], version: str) -> None:
    with pytest.raises(ValueError, match=f"got both, and resource_version='{version}'"):
        make("Pod", resource_version=version, send_initial_events=True)


def test_a_version_of_one_namespace_and_what_exists() -> None:
    with pytest.raises(ValueError, match="got both"):
        Query.each(
            "Pod", namespace=["a", "b"], resource_version={"b": "5"}, send_initial_events=True
        )


@pytest.mark.parametrize(
    ("subresource", "error"),
    [
        ("", ValueError),
        ("a/b", ValueError),
        ("..", ValueError),
        ("a b", ValueError),
        ("status?x=1", ValueError),
        (5, TypeError),
        (b"status", TypeError),
        (["status"], TypeError),
    ],
)
def test_what_is_no_subresource(subresource: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="subresource"):
        pods(subresource=subresource)


@pytest.mark.parametrize(
    ("namespace", "error"),
    [
        ([], ValueError),
        ((), ValueError),
        (iter(()), ValueError),
        ({}, ValueError),
        (["a", ""], ValueError),
        (["a", "B"], ValueError),
        (["a", "a/b"], ValueError),
        (["a,b"], ValueError),
        (["x" * 64], ValueError),
        ("", ValueError),
        (5, TypeError),
        (["a", 5], TypeError),
        ([["a"]], TypeError),
        (b"ab", TypeError),
        (True, TypeError),
    ],
)
def test_what_are_no_namespaces(namespace: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Query.each("Pod", namespace=namespace)


@pytest.mark.parametrize("namespace", [["a", None], [None]])
def test_all_is_no_namespace(namespace: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        Query.each("Pod", namespace=namespace)


@pytest.mark.parametrize(
    ("version", "error"),
    [
        ({"c": "5"}, ValueError),
        ({"a": "5", "c": None}, ValueError),
        ({"a": "\n"}, ValueError),
        ({"a": 5}, TypeError),
        (5, TypeError),
        (["5", "6"], TypeError),
    ],
)
def test_what_are_no_versions_of_namespaces(version: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="resource_version"):
        Query.each("Pod", namespace=["a", "b"], resource_version=version)


@pytest.mark.parametrize("namespace", [None, "a"])
@pytest.mark.parametrize("version", [{"a": "5"}, {}])
def test_versions_of_namespaces_where_there_are_none(
    namespace: str | None, version: dict[str, str]
) -> None:
    with pytest.raises(TypeError, match="resource_version"):
        Query.each("Pod", namespace=namespace, resource_version=version)


# One for each namespace


@pytest.mark.parametrize("namespace", [None, "a"])
def test_one_namespace_or_all_are_one_query(namespace: str | None) -> None:
    assert Query.each("Pod", namespace=namespace, resource_version="5") == {
        None: Query.of("Pod", namespace=namespace, resource_version="5")
    }


@pytest.mark.parametrize(
    "namespace",
    [["b", "a"], ("b", "a"), iter(["b", "a"]), {"b": 1, "a": 2}, ["b", "a", "b", "a"]],
)
def test_several_are_a_query_each_in_their_order(namespace: Any) -> None:
    found = Query.each("Pod", namespace=namespace, name="web", metadata_only=True)
    assert list(found) == ["b", "a"]
    for name, query in found.items():
        assert query == Query.of("Pod", namespace=name, name="web", metadata_only=True)


def test_a_namespace_in_a_list_is_one_of_several() -> None:
    assert list(Query.each("Pod", namespace=["a"])) == ["a"]


@pytest.mark.parametrize(
    ("version", "versions"),
    [
        (None, [None, None]),
        ("5", ["5", "5"]),
        ({"a": "5", "b": "6"}, ["5", "6"]),
        ({"b": "6"}, [None, "6"]),
        ({"a": None, "b": "6"}, [None, "6"]),
        ({}, [None, None]),
    ],
)
def test_versions_of_namespaces(version: Any, versions: list[str | None]) -> None:
    found = Query.each("Pod", namespace=["a", "b"], resource_version=version)
    assert [query.resource_version for query in found.values()] == versions


def test_arguments_stay_as_they_are() -> None:
    namespaces, versions = ["b", "a", "b"], {"b": "5"}
    Query.each("Pod", namespace=namespaces, resource_version=versions)
    assert (namespaces, versions) == (["b", "a", "b"], {"b": "5"})


# Paths


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({}, PODS),
        ({"name": "web"}, PODS),
        ({"name": "web", "subresource": "status"}, f"{PODS}/web/status"),
        ({"subresource": "status"}, f"{PODS}/status"),
    ],
)
def test_a_subresource_goes_into_the_path(arguments: Any, path: str) -> None:
    assert path_of(pods(**arguments)) == path


def test_a_subresource_of_an_object_in_a_namespace() -> None:
    template = "/apis/apps/v1/namespaces/{namespace}/deployments"
    query = Query.of(resource_path=template, namespace="shop", name="web", subresource="scale")
    assert path_of(query) == "/apis/apps/v1/namespaces/shop/deployments/web/scale"


def test_a_subresource_of_a_kind_that_the_server_tells() -> None:
    resource = {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": ["list", "watch"]}
    body = {"kind": "APIResourceList", "groupVersion": "v1", "resources": [resource]}
    query = Query.of("Pod", api_version="v1", namespace="shop", name="web", subresource="status")
    asked = query.resolve(lambda: 0.0)
    request = next(asked)
    with pytest.raises(StopIteration) as caught:
        asked.send(Reply(request, 200, {}, json.dumps(body).encode()))
    assert caught.value.value == "/api/v1/namespaces/shop/pods/web/status"


def test_a_name_that_is_in_the_path_is_in_no_selector() -> None:
    assert pods(name="web").field_selector == "metadata.name=web"
    assert pods(name="web", subresource="status").field_selector is None
    query = pods(name="web", subresource="status", field_selector="spec.nodeName=n1")
    assert query.field_selector == "spec.nodeName=n1"


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        (PODS, PODS),
        ("/api/v1/namespaces/shop/pods", PODS),
        ("/api/v1/namespaces/shop/pods/web/status", f"{PODS}/web/status"),
        ("/apis/apps/v1/namespaces/shop/deployments", "/apis/apps/v1/deployments"),
        ("/api/v1/namespaces", "/api/v1/namespaces"),
        ("/apis/example.com/v1/widgets", "/apis/example.com/v1/widgets"),
    ],
)
def test_a_resource_is_the_same_in_all_namespaces(path: str, resource: str) -> None:
    assert Query.resource_of(path) == resource


# Lists

SELECTED = {"label_selector": {"app": "web"}, "field_selector": "spec.nodeName=n1"}
SELECTION = {"labelSelector": "app=web", "fieldSelector": "spec.nodeName=n1"}


def test_a_list_of_the_latest() -> None:
    request = pods().list_request(PODS)
    assert (request.path, PAGE_SIZE) == (PODS, 500)
    assert request.params == {"limit": "500"}
    assert request.headers == {"Accept": "application/json"}


def test_a_list_that_has_reached_a_version() -> None:
    request = pods(**SELECTED).list_request(PODS, resource_version="7", limit=2)
    match = {"resourceVersion": "7", "resourceVersionMatch": "NotOlderThan"}
    assert request.params == {**SELECTION, "limit": "2", **match}


@pytest.mark.parametrize("version", [None, "7"])
def test_s1_a_later_page_asks_for_nothing_but_itself(version: str | None) -> None:
    request = pods(**SELECTED, resource_version="5").list_request(
        PODS, resource_version=version, continue_token="abc=="
    )
    assert request.params == {**SELECTION, "limit": "500", "continue": "abc=="}


def test_a_list_of_metadata_where_the_server_knows_such_a_thing() -> None:
    request = pods().list_request(PODS, metadata=True)
    partial = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    assert request.headers == {"Accept": f"{partial},application/json"}


def test_a_list_has_the_read_timeout_of_any_answer() -> None:
    assert pods(timeout_seconds=5).list_request(PODS).read_timeout == Request(PODS).read_timeout


# Watches


@pytest.mark.parametrize("version", [None, ""])
def test_a_watch_from_where_the_server_likes(version: str | None) -> None:
    request = pods().watch_request(PODS, version, 180)
    assert request.params == {
        "watch": "1",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "180",
    }
    assert request.headers == {"Accept": "application/json", "Accept-Encoding": "identity"}
    assert request.read_timeout == 180 + READ_MARGIN_SECONDS == 210


def test_s12_a_watch_from_a_version() -> None:
    request = pods(**SELECTED).watch_request(PODS, "7", 9)
    more = {"allowWatchBookmarks": "true", "timeoutSeconds": "9", "resourceVersion": "7"}
    assert request.params == {**SELECTION, "watch": "1", **more}


def test_s13_a_watch_that_begins_with_what_exists() -> None:
    request = pods(send_initial_events=True).watch_request(PODS, None, 180, initial=True)
    assert request.params == {
        "watch": "1",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "180",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
    }


def test_a_watch_of_metadata() -> None:
    request = pods().watch_request(PODS, "7", 180, metadata=True)
    partial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    assert request.headers["Accept"] == f"{partial},application/json"
    assert request.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 180), (0.5, 205), (0.9999, 229)])
def test_s52_the_life_of_a_connection(chance: float, seconds: int) -> None:
    assert pods().lifetime(chance) == seconds
    assert pods(timeout_seconds=7).lifetime(chance) == 7
