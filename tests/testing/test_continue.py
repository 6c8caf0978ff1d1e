"""`kwatch.testing._continue`: the token of a page."""

import base64
import json

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from tests.testing.asking import PODS, names_of


def token(revision: int, start: str, version: str = "meta.k8s.io/v1") -> str:
    document = {"v": version, "rv": revision, "start": start}
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def encoded(document: str) -> str:
    return base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x", "illegal base64 data at input byte 0"),
        ("ab!cde", "illegal base64 data at input byte 2"),
        ("abcde", "illegal base64 data at input byte 4"),
        ("e30=", "illegal base64 data at input byte 3"),
        ("abcd", "invalid character 'i' looking for beginning of value"),
        ("_w", "invalid character '\u00ff' looking for beginning of value"),
        ("ng", "invalid character '\\u009e' looking for beginning of value"),
        (encoded("[]"), "json: cannot unmarshal into Go value of type storage.continueToken"),
        (
            encoded('{"v":"meta.k8s.io/v1","rv":"3","start":"/a"}'),
            "json: cannot unmarshal a field of type storage.continueToken",
        ),
        (encoded("{}"), "server does not recognize this encoded version "),
        (token(3, "/a", "v9"), "server does not recognize this encoded version v9"),
        (token(0, "/a"), "incorrect encoded start resourceVersion (version meta.k8s.io/v1)"),
        (token(1, ""), "encoded start key empty (version meta.k8s.io/v1)"),
    ],
)
def test_a_malformed_continue_token(client: httpx.Client, text: str, why: str) -> None:
    for params in ({}, {"resourceVersion": "0"}, {"resourceVersion": "1"}):
        refused = client.get(PODS, params={"continue": text, **params})
        assert (refused.status_code, refused.json()["reason"]) == (400, "BadRequest")
        message = f"invalid continue token: continue key is not valid: {why}"
        assert refused.json()["message"] == message


def test_a_continue_token_from_the_future(client: httpx.Client) -> None:
    refused = client.get(PODS, params={"continue": token(9, "/a")})
    assert refused.status_code == 504
    assert refused.json()["message"] == "Timeout: Too large resource version: 9, current: 1"


def test_a_continue_token_and_a_resource_version(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    """Only ``0`` goes with it, and makes one page of all the rest."""
    for name in "abc":
        server.create("Pod", name)
    more = client.get(PODS, params={"limit": "1"}).json()["metadata"]["continue"]
    server.delete("Pod", "b")
    for other in ("1", "4", "x"):
        refused = client.get(PODS, params={"continue": more, "resourceVersion": other})
        assert (refused.status_code, refused.json()["message"]) == (
            400,
            "specifying resource version is not allowed when using continue",
        )
    params = {"continue": more, "resourceVersion": "0", "limit": "1"}
    rest = client.get(PODS, params=params).json()
    assert (names_of(rest), rest["metadata"]) == ("bc", {"resourceVersion": "4"})
