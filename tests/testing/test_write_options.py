"""`kwatch.testing._write_options`: the options of writes."""

from typing import Any

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from tests.testing.asking import DEFAULT_WIDGETS, MERGE, refused, widget

A = f"{DEFAULT_WIDGETS}/a"
POLICIES = '"Foreground", "Background", "Orphan", "nil"'
UNREAD = "json: cannot unmarshal "
SCHEME = '"pkg/apis/meta/internalversion/scheme/register.go:27"'


@pytest.mark.parametrize(
    ("method", "kind"),
    [("POST", "Create"), ("PUT", "Update"), ("PATCH", "Patch"), ("DELETE", "Delete")],
)
def test_unknown_dry_runs(server: FakeAPIServer, method: str, kind: str) -> None:
    made = server.create("Widget", "a")
    path, body = (DEFAULT_WIDGETS, widget("b")) if method == "POST" else (A, made)
    body = {} if method == "DELETE" else body
    headers = {"Content-Type": MERGE if method == "PATCH" else "application/json"}
    params = {"dryRun": "Foo"}
    response = httpx.request(method, server.url + path, params=params, json=body, headers=headers)
    why = 'dryRun: Unsupported value: ["Foo"]: supported values: "All"'
    said = f'{kind}Options.meta.k8s.io "" is invalid: {why}'
    assert refused(response) == (422, "Invalid", said)
    assert server.resource_version == "2"


def test_unknown_validation(client: httpx.Client) -> None:
    params = {"fieldValidation": "Foo"}
    known = '"", "Ignore", "Strict", "Warn"'
    why = f'fieldValidation: Unsupported value: "Foo": supported values: {known}'
    said = f'CreateOptions.meta.k8s.io "" is invalid: {why}'
    response = client.post(DEFAULT_WIDGETS, params=params, json=widget("a"))
    assert refused(response) == (422, "Invalid", said)
    for good in ("", "Ignore", "Strict", "Warn"):
        created = client.post(
            DEFAULT_WIDGETS, params={"fieldValidation": good}, json=widget(f"w{good.lower()}")
        )
        assert created.status_code == 201


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (
            b'{"propagationPolicy":"Foo"}',
            422,
            'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Foo": '
            f"supported values: {POLICIES}",
        ),
        (
            b'{"propagationPolicy":"Orphan","orphanDependents":true}',
            422,
            'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Orphan": '
            "orphanDependents and deletionPropagation cannot be both set",
        ),
        (
            b"{",
            400,
            "couldn't get version/kind; json parse error: unexpected end of JSON input",
        ),
        (
            b"[]",
            400,
            "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go "
            'value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind '
            'string "json:\\"kind,omitempty\\"" }',
        ),
        (
            b'{"preconditions":5}',
            400,
            f"{UNREAD}number into Go struct field DeleteOptions.preconditions of type "
            "v1.Preconditions",
        ),
        (
            b'{"preconditions":{"uid":5}}',
            400,
            f"{UNREAD}number into Go struct field Preconditions.preconditions.uid of type "
            "types.UID",
        ),
        (
            b'{"dryRun":true}',
            400,
            f"{UNREAD}bool into Go struct field DeleteOptions.dryRun of type []string",
        ),
        (
            b'{"gracePeriodSeconds":"1"}',
            400,
            f"{UNREAD}string into Go struct field DeleteOptions.gracePeriodSeconds of type int64",
        ),
        (
            b'{"kind":"Foo","apiVersion":"v1"}',
            400,
            f'no kind "Foo" is registered for version "v1" in scheme {SCHEME}',
        ),
    ],
)
def test_bad_options_of_a_deletion(
    server: FakeAPIServer, client: httpx.Client, body: bytes, code: int, said: str
) -> None:
    server.create("Widget", "a")
    for path in (A, DEFAULT_WIDGETS):
        response = client.request("DELETE", path, content=body)
        assert refused(response)[::2] == (code, said)
    assert client.get(A).is_success


def test_parameters_of_a_deletion(server: FakeAPIServer, client: httpx.Client) -> None:
    server.create("Widget", "a")
    refusal = client.delete(A, params={"propagationPolicy": "Foo"})
    assert refused(refusal)[0] == 422
    number = client.delete(A, params={"gracePeriodSeconds": "x"})
    assert refused(number)[2] == 'strconv.ParseInt: parsing "x": invalid syntax'
    good = {"propagationPolicy": "Foreground", "gracePeriodSeconds": "30"}
    assert client.delete(A, params=good).json()["status"] == "Success"
    assert client.get(A).status_code == 404, "nobody collects garbage, and so nothing waits"


@pytest.mark.parametrize("policy", ["Foreground", "Background", "Orphan"])
def test_policies_are_accepted(server: FakeAPIServer, client: httpx.Client, policy: str) -> None:
    server.create("Pod", "a")
    body: dict[str, Any] = {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "propagationPolicy": policy,
        "gracePeriodSeconds": 0,
        "preconditions": None,
    }
    response = client.request("DELETE", "/api/v1/namespaces/default/pods/a", json=body)
    assert response.json()["details"]["kind"] == "pods"
