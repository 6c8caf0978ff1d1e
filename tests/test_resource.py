from typing import Any

import pytest

from kwatch._resource import KindName, Resource, parse_kind

# What is asked for


@pytest.mark.parametrize(
    "kind",
    [
        *(
            "",
            " ",
            "two words",
            "pods ",
            "pods\n",
            "pods/log",
            "/",
            "../pods",
            "pods?x=1",
            "pods_x",
        ),
        *(".", ".apps", "pods..apps", "pods.apps..", "pods.-apps", "-pods", "pods-", "p\u00f6ds"),
    ],
)
def test_a_malformed_kind_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match="expected a kind such as 'Pod'") as caught:
        parse_kind(kind)
    assert repr(kind) in str(caught.value)


@pytest.mark.parametrize(
    "api_version",
    [
        "",
        " ",
        "/",
        "apps/",
        "/v1",
        "a/b/c",
        "apps/v1\n",
        "apps /v1",
        "Apps/v1",
        "..",
        "v1/..",
        "v1?",
    ],
)
def test_a_malformed_api_version_is_refused(api_version: str) -> None:
    with pytest.raises(ValueError, match="expected an api_version such as 'v1'") as caught:
        parse_kind("pods", api_version)
    assert repr(api_version) in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "api_version"),
    [
        ("deployments.apps", "v1"),
        ("deployments.apps", "extensions/v1"),
        ("deployments.v1.apps", "apps/v2"),
        ("pods.", "apps/v1"),
        ("pods.v1", "v2"),
    ],
)
def test_a_kind_and_an_api_version_that_contradict_each_other(kind: str, api_version: str) -> None:
    with pytest.raises(ValueError, match=f"kind '{kind}' contradicts api_version '{api_version}'"):
        parse_kind(kind, api_version)


@pytest.mark.parametrize(
    ("kind", "api_version"), [(None, None), (b"pods", None), ("pods", 1), ("pods", False)]
)
def test_arguments_of_another_type(kind: Any, api_version: Any) -> None:
    with pytest.raises(TypeError, match=r"expected (kind|api_version) as a str, got"):
        parse_kind(kind, api_version)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Pod", KindName("Pod", "pod")),
        ("pods.", KindName("pods.", "pods", group="")),
        ("pods.v1", KindName("pods.v1", "pods", group="", version="v1")),
        ("pods.v1.", KindName("pods.v1.", "pods", group="", version="v1")),
        ("Deployment.apps", KindName("Deployment.apps", "deployment", group="apps")),
        ("d.v1beta2.apps", KindName("d.v1beta2.apps", "d", group="apps", version="v1beta2")),
        ("widgets.example.com", KindName("widgets.example.com", "widgets", group="example.com")),
        ("w.v1x.example.com", KindName("w.v1x.example.com", "w", group="v1x.example.com")),
    ],
)
def test_the_parts_of_a_kind(kind: str, expected: KindName) -> None:
    assert parse_kind(kind) == expected


def test_a_kind_and_an_api_version_that_agree() -> None:
    assert parse_kind("deployments.v1.apps", "apps/v1").api_version == "apps/v1"


# Paths


PODS = Resource("v1", "pods", "Pod", namespaced=True)
NODES = Resource("v1", "nodes", "Node", namespaced=False)
DEPLOYMENTS = Resource("apps/v1", "deployments", "Deployment", namespaced=True)


def test_a_namespace_for_a_cluster_scoped_resource() -> None:
    with pytest.raises(ValueError, match="Node is cluster-scoped, but got namespace 'shop'"):
        NODES.path("shop")


@pytest.mark.parametrize("namespace", ["", ".", "..", "a/b", "a b", "shop\n", "%2e", "Shop", "a?b"])
def test_a_namespace_that_would_change_the_path(namespace: str) -> None:
    with pytest.raises(ValueError, match="expected a namespace such as 'default'"):
        PODS.path(namespace)


@pytest.mark.parametrize(
    ("resource", "namespace", "path"),
    [
        (PODS, None, "/api/v1/pods"),
        (PODS, "shop", "/api/v1/namespaces/shop/pods"),
        (NODES, None, "/api/v1/nodes"),
        (DEPLOYMENTS, None, "/apis/apps/v1/deployments"),
        (DEPLOYMENTS, "shop-2", "/apis/apps/v1/namespaces/shop-2/deployments"),
    ],
)
def test_paths(resource: Resource, namespace: str | None, path: str) -> None:
    assert resource.path(namespace) == path


def test_names_of_groups() -> None:
    assert (PODS.group, PODS.full_name) == ("", "pods")
    assert (DEPLOYMENTS.group, DEPLOYMENTS.full_name) == ("apps", "deployments.apps")
