"""`kwatch.testing._field_selector`: field selectors."""

from typing import Any

import httpx
import pytest

from kwatch.testing import FakeAPIServer, Resource
from tests.testing.asking import PODS, WIDGETS, names_of, refused

REPLICAS = {"replicas": 3}


@pytest.mark.parametrize(
    ("path", "selector", "said"),
    [
        (PODS, "a", "invalid selector: 'a'; can't understand 'a'"),
        (
            PODS,
            "metadata.name=a,b",
            "invalid selector: 'b'; can't understand 'b'",
        ),
        (PODS, "=b", "field label not supported: "),
        (PODS, "spec.x=y", "field label not supported: spec.x"),
        (PODS, "metadata.name = a", "field label not supported: metadata.name "),
        (WIDGETS, "status.phase=y", "field label not supported: status.phase"),
        (
            "/apis/apps/v1/deployments",
            "spec.x=y",
            '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        (
            PODS,
            "metadata.name=a=b",
            "invalid field selector: unescaped character in value: 61",
        ),
        (PODS, "metadata.name=a\\b", "invalid field selector: invalid escape sequence: \\b"),
    ],
)
def test_what_cannot_be_parsed(client: httpx.Client, path: str, selector: str, said: str) -> None:
    """The words are those that a server 1.36 has answered with."""
    response = client.get(path, params={"fieldSelector": selector})
    assert refused(response) == (400, "BadRequest", said)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("metadata.name=a", "a"),
        ("metadata.name==a", "a"),
        ("metadata.name!=a", "b"),
        ("metadata.namespace=shop,metadata.name=b", "b"),
        ("metadata.namespace!=shop", "a"),
        ("status.phase=Running", "b"),
        ("status.phase!=Running", "a"),
        ("metadata.name=a,", "a"),
        ("metadata.name!=", "ab"),
        ("status.podIP=", "ab"),
        ("metadata.name=a\\,b", ""),
    ],
)
def test_field_selectors(
    server: FakeAPIServer, client: httpx.Client, selector: str, expected: str
) -> None:
    server.create("Pod", "a")
    server.create("Pod", "b", "shop", status={"phase": "Running"})
    assert names_of(client.get(PODS, params={"fieldSelector": selector}).json()) == expected


def test_a_value_may_hold_a_comma_and_a_boolean_is_in_lower_case() -> None:
    box = Resource("example.com/v1", "Box", "boxes", selectable=("spec.text", "spec.sealed"))
    with FakeAPIServer(resources=[box]) as server, httpx.Client(base_url=server.url) as client:
        server.create("Box", "a", spec={"text": "x,y=\\z", "sealed": True})
        server.create("Box", "b", spec={"text": "x", "sealed": False})
        path = "/apis/example.com/v1/boxes"
        for selector in ("spec.text=x\\,y\\=\\\\z", "spec.sealed=true", "spec.sealed!=false"):
            found = client.get(path, params={"fieldSelector": selector}).json()
            assert names_of(found) == "a", selector


@pytest.mark.parametrize(
    ("kind", "path", "selector", "fields"),
    [
        ("Event", "/api/v1/events", "involvedObject.name=x", {"involvedObject": {"name": "x"}}),
        ("Event", "/api/v1/events", "reason=BackOff", {"reason": "BackOff"}),
        ("Secret", "/api/v1/secrets", "type=Opaque", {"type": "Opaque"}),
        ("Node", "/api/v1/nodes", "spec.unschedulable=true", {"spec": {"unschedulable": True}}),
        ("Service", "/api/v1/services", "spec.type=NodePort", {"spec": {"type": "NodePort"}}),
        (
            "ReplicaSet",
            "/apis/apps/v1/replicasets",
            "status.replicas=3",
            {"status": {"replicas": 3}},
        ),
        ("Pod", "/api/v1/pods", "spec.nodeName=n1", {"spec": {"nodeName": "n1"}}),
    ],
)
def test_built_in_kinds_are_selected_by_what_the_real_server_knows(
    server: FakeAPIServer,
    client: httpx.Client,
    kind: str,
    path: str,
    selector: str,
    fields: dict[str, Any],
) -> None:
    server.create(kind, "a", **fields)
    server.create(kind, "b")
    assert names_of(client.get(path, params={"fieldSelector": selector}).json()) == "a"
