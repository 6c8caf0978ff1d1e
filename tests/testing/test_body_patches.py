"""`kwatch.testing._body`: patches, and how bad ones are refused.

The words are those that a server 1.36 has answered with.
"""

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from tests.testing.asking import DEFAULT_PODS, DEFAULT_WIDGETS, MERGE, patch, refused

A = f"{DEFAULT_WIDGETS}/a"
JSON = "application/json"


@pytest.mark.parametrize(
    ("media_type", "path"),
    [
        (JSON, A),
        ("text/xml", A),
        ("application/strategic-merge-patch+json", A),
        ("application/json-patch+json", A),
        ("application/json-patch+json", f"{DEFAULT_PODS}/a"),
    ],
)
def test_patches_that_are_not_known(client: httpx.Client, media_type: str, path: str) -> None:
    response = client.patch(path, content="{}", headers={"Content-Type": media_type})
    assert refused(response) == (
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "error decoding patch: unexpected end of JSON input"),
        ("{", "error decoding patch: unexpected end of JSON input"),
        (
            "[]",
            "error decoding patch: json: cannot unmarshal array into Go value of type "
            "map[string]interface {}",
        ),
        ("null", "Invalid JSON Patch"),
        (
            '{"metadata":{"name":"b"}}',
            "the name of the object (b) does not match the name on the URL (a)",
        ),
        (
            '{"metadata":{"name":null}}',
            "the name of the object (a based on URL) was undeterminable: name must be provided",
        ),
        (
            '{"metadata":{"namespace":"shop"}}',
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
    ],
)
def test_patches_that_cannot_be(
    server: FakeAPIServer, client: httpx.Client, body: str, said: str
) -> None:
    server.create("Widget", "a")
    response = client.patch(A, content=body, headers={"Content-Type": MERGE})
    assert refused(response) == (400, "BadRequest", said)
    assert server.resource_version == "2"


def test_patches_that_make_something_else(server: FakeAPIServer, client: httpx.Client) -> None:
    made = server.create("Widget", "a")
    begin = '"a" is invalid:'
    assert refused(patch(client, A, {"kind": "Pod"})) == (
        422,
        "Invalid",
        f'Pod.example.com {begin} kind: Invalid value: "Pod": must be Widget',
    )
    assert refused(patch(client, A, {"apiVersion": "v1"})) == (
        422,
        "Invalid",
        f'Widget {begin} apiVersion: Invalid value: "v1": must be example.com/v1',
    )
    code, reason, message = refused(patch(client, A, {"metadata": {"labels": {"a": 1}}}))
    assert (code, reason) == (422, "Invalid")
    assert message.startswith(
        ' "" is invalid: patch: Invalid value: "{\\"apiVersion\\":\\"example.'
    )
    why = "json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string"
    assert message.endswith(f'": {why}')
    assert client.get(A).json() == made


def test_a_strategic_merge_patch_of_a_built_in_kind_is_a_merge_patch(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    server.create("Pod", "a", spec={"containers": [{"name": "x"}, {"name": "y"}], "z": 1})
    change = {
        "spec": {
            "$setElementOrder/containers": [{"name": "x"}],
            "containers": [{"$patch": "replace", "name": "x", "image": "i"}],
            "z": None,
        }
    }
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    patched = client.patch(f"{DEFAULT_PODS}/a", json=change, headers=headers).json()
    assert patched["spec"] == {"containers": [{"name": "x", "image": "i"}]}
