r"""`kwatch.testing._protobuf`: what ``kubectl create KIND`` sends.

The bodies are those of kubectl 1.36, written down.
"""

from typing import Any

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from tests.testing.asking import DEFAULT_PODS, DEFAULT_WIDGETS, refused

PROTOBUF = "application/vnd.kubernetes.protobuf"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
EMPTY = b'\x12\x00\x1a\x00"\x00*\x002\x008\x00B\x00'  # the rest of a metadata
CONFIGMAP = (
    b"k8s\x00\n\x0f\n\x02v1\x12\tConfigMap\x12\x1d\n\x13\n\x03cm1" + EMPTY + b"\x12\x06\n\x01a\x12"
    b'\x01b\x1a\x00"\x00'
)
DEPLOYMENT = (
    b"k8s\x00\n\x15\n\x07apps/v1\x12\nDeployment\x12\xb4\x01\n\x1d\n\x02d1" + EMPTY + b"Z\t\n\x03"
    b"app\x12\x02d1\x12\x84\x01\x08\x00\x12\x0b\n\t\n\x03app\x12\x02d1\x1ak\n\x1b\n\x00"
    + EMPTY
    + b"Z\t\n\x03app\x12\x02d1\x12L\x12.\n\x05nginx\x12\x05nginx*\x002\n\n\x00\x10\x00\x18P"
    b'"\x00*\x00B\x00j\x00r\x00\x80\x01\x00\x88\x01\x00\x90\x01\x00\xa2\x01\x00\x1a\x002\x00B\x00'
    b"J\x00R\x00X\x00`\x00h\x00\x82\x01\x00\x8a\x01\x00\x9a\x01\x00\xc2\x01\x00"
    b'"\x02\n\x00(\x008\x00\x1a\x0c\x08\x00\x10\x00\x18\x00 \x00(\x008\x00\x1a\x00"\x00'
)
NAMESPACE = (
    b"k8s\x00\n\x0f\n\x02v1\x12\tNamespace\x12\x1b\n\x13\n\x03ns1" + EMPTY + b"\x12\x00\x1a\x02\n"
    b'\x00\x1a\x00"\x00'
)
SECRET = (
    b"k8s\x00\n\x0c\n\x02v1\x12\x06Secret\x12\x1e\n\x12\n\x02s1" + EMPTY + b"\x12\x06\n\x01a\x12"
    b'\x01b\x1a\x00\x1a\x00"\x00'
)
SERVICE = (
    b"k8s\x00\n\r\n\x02v1\x12\x07Service\x12c\n\x1b\n\x01x" + EMPTY + b"Z\x08\n\x03app\x12\x01x\x12"
    b'@\n\x1b\n\x0780-8080\x12\x03TCP\x18P"\x07\x08\x00\x10\x90?\x1a\x00(\x00\x12\x08\n\x03app'
    b'\x12\x01x\x1a\x00"\tClusterIP:\x00B\x00R\x00Z\x00`\x00h\x00\x1a\x02\n\x00\x1a\x00"\x00'
)
INGRESS = (
    b"k8s\x00\n\x1f\n\x14networking.k8s.io/v1\x12\x07Ingress\x12C\n\x12\n\x02i1" + EMPTY + b"\x12)"
    b"\x1a'\n\x05a.com\x12\x1e\n\x1c\n\x1a\n\x02/x\x12\r\"\x0b\n\x03svc\x12\x04\n\x00\x10P\x1a\x05"
    b'Exact\x1a\x02\n\x00\x1a\x00"\x00'
)


def post(client: httpx.Client, path: str, body: bytes) -> httpx.Response:
    return client.post(path, content=body, headers={"Content-Type": PROTOBUF})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"k8s\x00",
        b"k8s\x00\x80",
        b"k8s\x00\x0f\x01",
        b"k8s\x00\n\xff",
        CONFIGMAP[:-30],
        CONFIGMAP.replace(b"ConfigMap", b"\xff" * 9),
    ],
)
def test_what_is_no_protobuf(client: httpx.Client, body: bytes) -> None:
    code, reason, message = refused(post(client, CONFIGMAPS, body))
    assert (code, reason) == (400, "BadRequest")
    assert message.startswith("provided data ")


def test_every_cut_of_a_body_is_refused_or_an_object_without_its_end(client: httpx.Client) -> None:
    for size in range(len(CONFIGMAP)):
        assert post(client, CONFIGMAPS, CONFIGMAP[:size]).status_code in (201, 400, 409, 422)


def test_what_is_nested_without_end(client: httpx.Client) -> None:
    inner = b""
    for _ in range(3_000):
        inner = field(15, inner)
    meta = field(1, field(1, b"v1") + field(2, b"Pod"))
    response = post(client, DEFAULT_PODS, b"k8s\x00" + meta + field(2, inner))
    assert refused(response) == (400, "BadRequest", "provided data is not a protobuf message")


def field(number: int, data: bytes) -> bytes:
    """A field of bytes; its length takes three bytes, which is allowed."""
    size = len(data)
    sizes = bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14])
    return bytes([number << 3 | 2]) + sizes + data


def test_a_kind_and_a_field_that_are_not_known(client: httpx.Client) -> None:
    lease = CONFIGMAP.replace(b"ConfigMap", b"Leaseeeee")
    said = "this server cannot read a Leaseeeee in protobuf: send JSON"
    assert refused(post(client, CONFIGMAPS, lease))[2] == said
    immutable = CONFIGMAP.replace(b"\x12\x1d\n\x13", b"\x12\x1f\n\x13").replace(
        b"\x01b\x1a\x00", b'\x01b"\x02x1\x1a\x00'
    )
    immutable = immutable.replace(b"\x12\x1f\n\x13", b"\x12\x21\n\x13")
    code, _, message = refused(post(client, CONFIGMAPS, immutable))
    assert (code, message) == (400, "this server cannot read field 4 of a ConfigMap: send JSON")


def test_custom_resources_have_no_protobuf(client: httpx.Client) -> None:
    assert post(client, DEFAULT_WIDGETS, CONFIGMAP).status_code == 415
    assert refused(post(client, DEFAULT_PODS, CONFIGMAP))[0] == 400


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        (CONFIGMAPS, CONFIGMAP, {"data": {"a": "b"}}),
        ("/api/v1/namespaces", NAMESPACE, {"status": {"phase": "Active"}}),
        ("/api/v1/namespaces/default/secrets", SECRET, {"data": {"a": "Yg=="}}),
        (
            "/apis/apps/v1/namespaces/default/deployments",
            DEPLOYMENT,
            {
                "spec": {
                    "replicas": 0,
                    "selector": {"matchLabels": {"app": "d1"}},
                    "template": {
                        "metadata": {"labels": {"app": "d1"}},
                        "spec": {
                            "containers": [
                                {
                                    "name": "nginx",
                                    "image": "nginx",
                                    "ports": [{"containerPort": 80}],
                                }
                            ]
                        },
                    },
                }
            },
        ),
        (
            "/api/v1/namespaces/default/services",
            SERVICE,
            {
                "spec": {
                    "ports": [
                        {"name": "80-8080", "protocol": "TCP", "port": 80, "targetPort": 8080}
                    ],
                    "selector": {"app": "x"},
                    "type": "ClusterIP",
                }
            },
        ),
        (
            "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
            INGRESS,
            {
                "spec": {
                    "rules": [
                        {
                            "host": "a.com",
                            "http": {
                                "paths": [
                                    {
                                        "path": "/x",
                                        "backend": {
                                            "service": {"name": "svc", "port": {"number": 80}}
                                        },
                                        "pathType": "Exact",
                                    }
                                ]
                            },
                        }
                    ]
                }
            },
        ),
    ],
)
def test_what_kubectl_creates(
    server: FakeAPIServer, client: httpx.Client, path: str, body: bytes, expected: dict[str, Any]
) -> None:
    created = post(client, path, body)
    assert created.status_code == 201
    found = created.json()
    given = {key: found[key] for key in found.keys() - {"kind", "apiVersion", "metadata"}}
    assert given == expected
