"""`kwatch.testing._api`: which request is answered by whom."""

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from tests.testing.asking import (
    DEFAULT_PODS,
    DEFAULT_WIDGETS,
    PODS,
    WIDGETS,
    refused,
    widget,
)


@pytest.mark.parametrize(
    ("path", "params", "code", "reason"),
    [
        ("/api/v1", {"watch": "1"}, 200, None),
        (f"{DEFAULT_PODS}/nope", {}, 404, "NotFound"),
        (PODS, {"resourceVersion": "abc"}, 400, "BadRequest"),
        (PODS, {"resourceVersion": "999"}, 504, "Timeout"),
        (PODS, {"watch": "1", "resourceVersion": "abc"}, 500, None),
        (PODS, {"watch": "1", "timeoutSeconds": "1.5"}, 400, "BadRequest"),
        (PODS, {"limit": "x"}, 400, "BadRequest"),
        (PODS, {"continue": "x"}, 400, "BadRequest"),
        (PODS, {"labelSelector": "a==="}, 400, "BadRequest"),
        (PODS, {"labelSelector": "a,,b"}, 400, "BadRequest"),
        (PODS, {"labelSelector": "a in (b"}, 400, "BadRequest"),
        (PODS, {"fieldSelector": "metadata.name"}, 400, "BadRequest"),
        (PODS, {"fieldSelector": "spec.x=y"}, 400, "BadRequest"),
        (WIDGETS, {"fieldSelector": "status.phase=y"}, 400, "BadRequest"),
    ],
)
def test_refusals(
    client: httpx.Client, path: str, params: dict[str, str], code: int, reason: str | None
) -> None:
    response = client.get(path, params=params)
    assert response.status_code == code
    if code != 200:
        status = response.json()
        assert (status["kind"], status["code"], status.get("reason")) == ("Status", code, reason)
    assert response.headers.get("Retry-After") == ("1" if code == 504 else None)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nopes",
        "/api/v1/pods/nope",
        "/api/v1/namespaces/default/nodes",
        "/api/v1/namespaces/default/configmaps/a/status",
        "/apis/example.com/v2",
        "/apis/example.com/v1/nopes",
    ],
)
def test_a_path_that_nothing_serves_is_answered_in_plain_text(
    client: httpx.Client, path: str
) -> None:
    for method in ("GET", "POST", "DELETE"):
        response = client.request(method, path)
        assert (response.status_code, response.text) == (404, "404 page not found\n")
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("DELETE", f"{DEFAULT_WIDGETS}/a/status", 'delete is not supported on resources of kind "'),
        ("POST", f"{DEFAULT_WIDGETS}/a/status", 'create is not supported on resources of kind "'),
        (
            "OPTIONS",
            DEFAULT_WIDGETS,
            ' is not supported on resources of kind "widgets.example.com"',
        ),
        ("POST", f"{DEFAULT_PODS}/a", "the server does not allow this method on the requested"),
        ("PUT", DEFAULT_PODS, "the server does not allow this method on the requested resource"),
        ("POST", PODS, "the server does not allow this method on the requested resource"),
        ("DELETE", PODS, "the server does not allow this method on the requested resource"),
        ("POST", "/api", "the server does not allow this method on the requested resource"),
        ("DELETE", "/apis/apps/v1", "the server does not allow this method on the requested"),
        ("POST", "/version", "the server does not allow this method on the requested resource"),
    ],
)
def test_methods_that_a_path_does_not_know(
    client: httpx.Client, method: str, path: str, said: str
) -> None:
    code, reason, message = refused(client.request(method, path))
    assert (code, reason) == (405, "MethodNotAllowed")
    assert message.startswith(said)


def test_custom_resources_are_dispatched_in_another_way(client: httpx.Client) -> None:
    for method in ("PUT", "PATCH"):
        response = client.request(method, DEFAULT_WIDGETS, json={})
        assert refused(response) == (400, "BadRequest", "name must be provided")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, WIDGETS, json={}).text == "404 page not found\n"
    assert client.post(f"{DEFAULT_WIDGETS}/b", json=widget("a")).status_code == 201
    assert client.get(f"{DEFAULT_WIDGETS}/a").is_success


def test_head_is_a_get_without_the_body(server: FakeAPIServer, client: httpx.Client) -> None:
    server.create("Pod", "a")
    for path in (PODS, f"{DEFAULT_PODS}/a", "/api", "/version", "/livez"):
        response = client.head(path)
        assert (response.status_code, response.content) == (200, b""), path
        assert response.headers["Content-Type"] == client.get(path).headers["Content-Type"]
    assert client.head(f"{DEFAULT_PODS}/b").status_code == 404


def test_a_slash_at_the_end_of_a_path_is_ignored(server: FakeAPIServer) -> None:
    server.create("Pod", "a")
    with httpx.Client(base_url=server.url) as client:
        for path in (PODS, f"{DEFAULT_PODS}/a", "/apis", "/apis/example.com/v1"):
            assert client.get(f"{path}/").json() == client.get(path).json()


def test_a_token_is_required_where_one_is_given() -> None:
    with FakeAPIServer(token="secret") as server, httpx.Client(base_url=server.url) as client:
        assert client.get(PODS).status_code == 401
        assert client.get(PODS, headers={"Authorization": "Bearer wrong"}).status_code == 401
        refused = client.get("/api")
        assert (refused.status_code, refused.json()["reason"]) == (401, "Unauthorized")
        assert client.get(PODS, headers={"Authorization": "Bearer secret"}).status_code == 200


def test_the_status_of_an_object_is_the_object(server: FakeAPIServer, client: httpx.Client) -> None:
    pod, node = server.create("Pod", "status"), server.create("Node", "a")
    assert client.get(f"{DEFAULT_PODS}/status").json() == pod
    assert client.get(f"{DEFAULT_PODS}/status/status").json() == pod
    assert client.get("/api/v1/nodes/a/status").json() == node
    for path in ("pods/status/nope", "pods/nope/status", "pods/status/status/status"):
        assert client.get(f"/api/v1/namespaces/default/{path}").status_code == 404
    assert client.get("/api/v1/nodes/a/nope").status_code == 404
    assert client.delete("/api/v1/nodes/a/status").status_code == 405
    assert client.get("/api/v1/nodes/a").status_code == 200
