"""`kwatch.testing._resources`: kinds, and their paths."""

import httpx
import pytest

from kwatch.testing import DEFAULT_RESOURCES, FakeAPIServer, Resource

WATCHED = [
    ("v1", "Pod", "pods", "po"),
    ("v1", "Node", "nodes", "no"),
    ("v1", "Namespace", "namespaces", "ns"),
    ("v1", "ConfigMap", "configmaps", "cm"),
    ("v1", "Secret", "secrets", ""),
    ("v1", "Service", "services", "svc"),
    ("v1", "Event", "events", "ev"),
    ("apps/v1", "Deployment", "deployments", "deploy"),
    ("apps/v1", "ReplicaSet", "replicasets", "rs"),
    ("apps/v1", "StatefulSet", "statefulsets", "sts"),
    ("apps/v1", "DaemonSet", "daemonsets", "ds"),
    ("batch/v1", "Job", "jobs", ""),
    ("batch/v1", "CronJob", "cronjobs", "cj"),
    ("networking.k8s.io/v1", "Ingress", "ingresses", "ing"),
    ("coordination.k8s.io/v1", "Lease", "leases", ""),
    ("example.com/v1", "Widget", "widgets", "wd"),
]


def test_a_kind_is_declared_in_a_line() -> None:
    crontab = Resource("stable.example.com/v1", "CronTab", short_name="ct")
    with FakeAPIServer(resources=[*DEFAULT_RESOURCES, crontab]) as server:
        for number, name in enumerate(("CronTab", "crontab", "crontabs", "ct")):
            server.create(name, f"tab-{number}")
        server.create("crontabs.stable.example.com", "tab-4")
        path = "/apis/stable.example.com/v1/namespaces/default/crontabs"
        listed = httpx.get(f"{server.url}{path}").json()
        assert (listed["kind"], len(listed["items"])) == ("CronTabList", 5)


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        ("CronTab", "crontabs"),
        ("NetworkPolicy", "networkpolicies"),
        ("Gateway", "gatewaies"),  # the real rule knows no better
        ("Ingress", "ingresses"),
        ("Endpoints", "endpoints"),
        ("MyEndpoints", "myendpoints"),
        ("Box", "boxs"),
        ("Batch", "batchs"),
    ],
)
def test_the_plural_is_guessed_as_kubernetes_does(kind: str, plural: str) -> None:
    assert Resource("example.com/v1", kind).plural == plural
    assert Resource("example.com/v1", kind, "things").plural == "things"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Deployment", True),
        ("deployments", True),
        ("deploy", True),
        ("deployment.apps", True),
        ("deployments.apps", True),
        ("deploy.apps", True),
        ("deployments.example.com", False),
        ("", False),
        (".apps", False),
    ],
)
def test_a_kind_is_called_as_kubectl_calls_it(name: str, known: bool) -> None:
    assert Resource("apps/v1", "Deployment", short_name="deploy").is_called(name) is known
    assert not Resource("v1", "Secret").is_called("")
    assert not Resource("v1", "Secret").is_called("secrets.v1")


def test_what_people_watch_is_served(server: FakeAPIServer) -> None:
    found = [(r.api_version, r.kind, r.plural, r.short_name) for r in DEFAULT_RESOURCES]
    assert sorted(found) == sorted(WATCHED)
    for resource in DEFAULT_RESOURCES:
        document = httpx.get(f"{server.url}{resource.root}/{resource.plural}").json()
        assert document["kind"] == f"{resource.kind}List"


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


@pytest.mark.parametrize(
    ("group", "custom"),
    [("", False), ("apps/", False), ("rbac.authorization.k8s.io/", False), ("example.com/", True)],
)
def test_which_groups_are_built_in(group: str, custom: bool) -> None:
    assert Resource(f"{group}v1", "Kind", "kinds").custom is custom


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        ("Pod", True),
        ("Deployment", True),
        ("Job", True),
        ("Ingress", True),
        ("Widget", True),
        ("Node", False),
        ("Namespace", False),
        ("Service", False),
        ("ConfigMap", False),
        ("Event", False),
        ("Lease", False),
    ],
)
def test_which_kinds_have_a_generation(server: FakeAPIServer, kind: str, counted: bool) -> None:
    assert ("generation" in server.create(kind, "a")["metadata"]) is counted
