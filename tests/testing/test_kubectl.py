"""kubectl, which takes the fake API server for a real one.

It is the one that ``KWATCH_E2E_KUBECTL`` names, else the one on the ``PATH``.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kwatch.testing import DEFAULT_RESOURCES, APIError, FakeAPIServer, Resource
from tests.testing.asking import eventually
from tests.testing.kubectl import Kubectl

MANIFEST = """
apiVersion: v1
kind: Pod
metadata: {name: made, labels: {app: made}}
spec: {containers: [{name: main, image: nginx}]}
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: made}
spec: {size: 1}
---
apiVersion: stable.example.com/v1
kind: CronTab
metadata: {name: made}
spec: {cron: "* * * * *"}
"""

LIST = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: made}, data: {a: b}}
- {apiVersion: example.com/v1, kind: Widget, metadata: {name: made}, spec: {size: 1}}
"""


@pytest.fixture
def server() -> Iterator[FakeAPIServer]:
    crontab = Resource("stable.example.com/v1", "CronTab", short_name="ct")
    with FakeAPIServer(resources=[*DEFAULT_RESOURCES, crontab]) as server:
        yield server


@pytest.fixture
def kubectl(server: FakeAPIServer, tmp_path: Path) -> Kubectl:
    path = os.environ.get("KWATCH_E2E_KUBECTL") or shutil.which("kubectl")
    if not path:
        pytest.skip("there is no kubectl on the PATH, and KWATCH_E2E_KUBECTL names none")
    return Kubectl(path, server, tmp_path)


@pytest.fixture
def pods(server: FakeAPIServer) -> list[dict[str, Any]]:
    """Three pods, one of them elsewhere."""
    status = {"phase": "Running"}
    web = [server.create("Pod", f"web-{n}", labels={"app": "web"}, status=status) for n in (1, 2)]
    return [*web, server.create("Pod", "db-1", "shop", labels={"app": "db"})]


# What goes wrong


def test_what_is_not_there(kubectl: Kubectl) -> None:
    missing = 'Error from server (NotFound): pods "nope" not found'
    assert kubectl.fails("get pod nope") == missing
    assert kubectl.fails("delete pod nope") == missing
    assert "the server doesn't have a resource type" in kubectl.fails("get nopes")
    assert kubectl("delete pod nope --ignore-not-found") == ""
    assert kubectl("get pods") == ""


def test_what_exists_or_cannot_be(kubectl: Kubectl) -> None:
    kubectl("create -f -", MANIFEST)
    again = kubectl.fails("create -f -", MANIFEST)
    assert again.count("already exists") == 3
    assert 'crontabs.stable.example.com "made" already exists' in again
    bad = MANIFEST.replace("name: made", "name: A_b")
    assert kubectl.fails("create -f -", bad).count("metadata.name: Invalid value") == 3
    selector = kubectl.fails("get pods -l a=b=c")
    assert "Error from server (BadRequest)" in selector
    assert "found '=', expected: ',' or 'end of string'" in selector
    assert "field label not supported: spec.x" in kubectl.fails("get po --field-selector spec.x=y")


def test_a_conflict(kubectl: Kubectl, server: FakeAPIServer) -> None:
    old = json.dumps(server.create("Widget", "a"))
    server.patch("Widget", "a", spec={"x": 1})
    assert "the object has been modified" in kubectl.fails("replace -f -", old)


# Get


@pytest.mark.usefixtures("pods")
def test_get(kubectl: Kubectl, server: FakeAPIServer) -> None:
    head = ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    for command in ("get pods", "get po -o wide", "get pod --chunk-size=1", "get pods -l app=web"):
        listed = kubectl.lines(command)
        assert listed[0] == head
        assert [line[:4] for line in listed[1:]] == [
            [name, "0/0", "Running", "0"] for name in ("web-1", "web-2")
        ]
    limits = [r.params.get("limit") for r in server.requests if r.path.endswith("/default/pods")]
    assert limits.count("1") == 2, "it has read two pages"
    everywhere = kubectl.lines("get pods -A")
    assert [line[:2] for line in everywhere] == [
        ["NAMESPACE", "NAME"],
        ["default", "web-1"],
        ["default", "web-2"],
        ["shop", "db-1"],
    ]
    assert kubectl.lines("get pod db-1 -n shop")[1][0] == "db-1"
    assert kubectl("get pods -A --field-selector metadata.namespace=shop -o name") == "pod/db-1\n"
    assert kubectl("get pods -o jsonpath={.items[*].metadata.name}") == "web-1 web-2"
    assert len(kubectl.lines("get all")) == 3


def test_get_as_json_and_yaml(kubectl: Kubectl, pods: list[dict[str, Any]]) -> None:
    assert json.loads(kubectl("get pod web-1 -o json")) == pods[0]
    listed = json.loads(kubectl("get pods -A -o json"))
    assert sorted(listed["items"], key=lambda pod: pod["metadata"]["uid"]) == sorted(
        pods, key=lambda pod: pod["metadata"]["uid"]
    )
    assert f"uid: {pods[0]['metadata']['uid']}" in kubectl("get pod web-1 -o yaml")
    assert kubectl("get pods -o name") == "pod/web-1\npod/web-2\n"


def test_get_custom_resources(kubectl: Kubectl, server: FakeAPIServer) -> None:
    server.create("Widget", "w")
    server.create("CronTab", "c")
    for command in ("get wd", "get widgets", "get widgets.example.com", "get widget w"):
        head, row = kubectl.lines(command)
        assert (head, row[0]) == (["NAME", "AGE"], "w")
    names = kubectl("get wd,ct -o name").split()
    assert names == ["widget.example.com/w", "crontab.stable.example.com/c"]


def test_watch(kubectl: Kubectl, server: FakeAPIServer, pods: list[dict[str, Any]]) -> None:
    with kubectl.running("get pods -w --output-watch-events") as lines:
        assert [next(lines)[:2] for _ in range(3)] == [
            ["EVENT", "NAME"],
            ["ADDED", "web-1"],
            ["ADDED", "web-2"],
        ]
        server.patch("Pod", "web-1", status={"phase": "Failed"})
        server.delete("Pod", "web-2")
        assert next(lines)[:4] == ["MODIFIED", "web-1", "0/0", "Failed"]
        assert next(lines)[:2] == ["DELETED", "web-2"]
        server.close_watches()
        assert list(lines) == []


def test_watch_only(kubectl: Kubectl, server: FakeAPIServer) -> None:
    server.create("Widget", "old")
    with kubectl.running("get widgets --watch-only --no-headers") as lines:
        eventually(lambda: server.watches == 1)
        server.create("Widget", "new")
        assert next(lines)[0] == "new"
    with kubectl.running("get widgets --watch-only -o name") as lines:
        eventually(lambda: server.watches == 1)
        server.delete("Widget", "old")
        assert next(lines) == ["widget.example.com/old"]


# Create, change, delete


def test_create_from_a_file(kubectl: Kubectl, server: FakeAPIServer) -> None:
    assert kubectl("create -f -", MANIFEST).splitlines() == [
        "pod/made created",
        "widget.example.com/made created",
        "crontab.stable.example.com/made created",
    ]
    assert server.get("Pod", "made")["status"] == {"phase": "Pending"}
    assert server.get("Widget", "made")["spec"] == {"size": 1}
    assert server.get("CronTab", "made")["spec"] == {"cron": "* * * * *"}
    other = MANIFEST.replace("name: made", "name: other")
    assert kubectl("create --dry-run=server -f -", other).count("(server dry run)") == 3
    assert kubectl.fails("get wd other")
    assert kubectl("delete -f -", MANIFEST).count("deleted") == 3


def test_a_list_in_a_file(kubectl: Kubectl, server: FakeAPIServer) -> None:
    both = ["configmap/made", "widget.example.com/made"]
    created = kubectl("create -f -", LIST).splitlines()
    assert created == [f"{name} created" for name in both]
    assert "configured" in kubectl("apply -f -", LIST.replace("size: 1", "size: 2"))
    assert server.get("Widget", "made")["spec"] == {"size": 2}
    assert len(kubectl("delete -f -", LIST).splitlines()) == 2
    for kind in ("ConfigMap", "Widget"):
        with pytest.raises(APIError, match="not found"):
            server.get(kind, "made")


@pytest.mark.parametrize(
    ("command", "name", "field"),
    [
        ("configmap a --from-literal=x=y", "configmap/a", ["data", "x", "y"]),
        ("secret generic a --from-literal=x=y", "secret/a", ["data", "x", "eQ=="]),
        ("namespace a", "namespace/a", ["status", "phase", "Active"]),
        ("deployment a --image=nginx", "deployment.apps/a", ["spec", "replicas", 1]),
        ("service clusterip a --tcp=80", "service/a", ["spec", "type", "ClusterIP"]),
        (
            "cronjob a --image=nginx --schedule=@daily",
            "cronjob.batch/a",
            ["spec", "schedule", "@daily"],
        ),
        ("job a --image=nginx", "job.batch/a", ["metadata", "name", "a"]),
    ],
)
def test_create_a_kind(
    kubectl: Kubectl, server: FakeAPIServer, command: str, name: str, field: list[Any]
) -> None:
    assert kubectl(f"create {command}") == f"{name} created\n"
    made = server.patch(name.split("/")[0], "a")
    assert made[field[0]][field[1]] == field[2]
    assert '"a" already exists' in kubectl.fails(f"create {command}")


def test_change(kubectl: Kubectl, server: FakeAPIServer) -> None:
    kubectl("apply -f -", MANIFEST)
    changed = MANIFEST.replace("size: 1", "size: 2")
    assert kubectl("apply -f -", changed).splitlines() == [
        "pod/made unchanged",
        "widget.example.com/made configured",
        "crontab.stable.example.com/made unchanged",
    ]
    kubectl("label pod made tier=web")
    kubectl("annotate wd made note=x")
    kubectl('patch pod made -p {"spec":{"nodeName":"n1"}}')
    kubectl('patch wd made --type=merge -p {"spec":{"size":3}}')
    kubectl('patch wd made --type=merge --subresource=status -p {"status":{"ready":true}}')
    pod, widget = server.patch("Pod", "made"), server.patch("Widget", "made")
    assert pod["metadata"]["labels"] == {"app": "made", "tier": "web"}
    assert (pod["spec"]["nodeName"], pod["metadata"]["generation"]) == ("n1", 2)
    assert widget["metadata"]["annotations"]["note"] == "x"
    assert (widget["spec"], widget["status"]) == ({"size": 3}, {"ready": True})


@pytest.mark.usefixtures("pods")
def test_delete(kubectl: Kubectl, server: FakeAPIServer) -> None:
    assert kubectl("delete pod web-1").startswith('pod "web-1" deleted')
    assert kubectl("delete pods -l app=web").startswith('pod "web-2" deleted')
    server.create("Widget", "a")
    server.create("Widget", "b")
    assert kubectl("delete widgets --all").count("deleted") == 2
    assert kubectl("delete pods --all -A").count("deleted") == 1
    assert kubectl("get wd,pods -A") == ""


def test_delete_waits_for_the_finalizers(kubectl: Kubectl, server: FakeAPIServer) -> None:
    server.create("Widget", "a", metadata={"finalizers": ["example.com/x"]})
    with kubectl.running("delete widget a") as lines:
        assert next(lines)[:3] == ["widget.example.com", '"a"', "deleted"]
        eventually(lambda: server.watches == 1)
        server.patch("Widget", "a", metadata={"finalizers": None})
        assert list(lines) == []
    assert kubectl.fails("get wd a")


# What else there is


def test_api_resources_and_version(kubectl: Kubectl) -> None:
    listed = kubectl.lines("api-resources --no-headers")
    assert len(listed) == len(DEFAULT_RESOURCES) + 1
    assert ["pods", "po", "v1", "true", "Pod"] in listed
    assert ["nodes", "no", "v1", "false", "Node"] in listed
    assert ["crontabs", "ct", "stable.example.com/v1", "true", "CronTab"] in listed
    assert kubectl("api-resources --verbs=deletecollection -o name").count("\n") == len(listed)
    assert "apps/v1" in kubectl("api-versions").split()
    assert json.loads(kubectl("version -o json"))["serverVersion"]["gitVersion"] == "v1.36.0+kwatch"
    assert kubectl("get --raw /readyz") == "ok"


def test_wait(kubectl: Kubectl, server: FakeAPIServer, pods: list[dict[str, Any]]) -> None:
    ready = [{"type": "Ready", "status": "True"}]
    conditions = {
        "condition=Ready": {"conditions": ready},
        "jsonpath={.status.phase}=Failed": {"phase": "Failed"},
    }
    for condition, status in conditions.items():
        assert "timed out" in kubectl.fails(f"wait --for={condition} pod/web-1 --timeout=0.1s")
        with kubectl.running(f"wait --for={condition} pod/web-1 --timeout=15s") as lines:
            eventually(lambda: server.watches == 1)
            server.patch("Pod", "web-1", status=status)
            assert next(lines) == ["pod/web-1", "condition", "met"]
    with kubectl.running("wait --for=delete pod/web-1 --timeout=15s") as lines:
        eventually(lambda: server.watches == 1)
        server.delete("Pod", "web-1")
        assert next(lines) == ["pod/web-1", "condition", "met"]


def test_describe(kubectl: Kubectl, pods: list[dict[str, Any]]) -> None:
    described = kubectl.lines("describe pod web-1")
    assert ["Name:", "web-1"] in described
    assert ["Status:", "Running"] in described
