"""`kwatch.testing._query`: the parameters of a list or a watch."""

import base64
import json

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from tests.testing.asking import WIDGETS, refused, watch


def test_an_older_server_refuses_send_initial_events() -> None:
    with FakeAPIServer(watch_list=False) as server, httpx.Client(base_url=server.url) as client:
        params = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        with watch(client, **params) as response:
            assert response.status_code == 422
            assert json.loads(response.read())["reason"] == "Invalid"


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("9223372036854775808", "value out of range"),
        ("9" * 5_000, "invalid syntax"),
        ("\u0663", "invalid syntax"),
        ("--1", "invalid syntax"),
        ("1.0", "invalid syntax"),
    ],
)
@pytest.mark.parametrize("name", ["limit", "timeoutSeconds"])
def test_numbers_that_cannot_be(client: httpx.Client, name: str, number: str, why: str) -> None:
    response = client.get(WIDGETS, params={name: number})
    said = f'strconv.ParseInt: parsing "{number}": {why}'
    assert refused(response) == (400, "BadRequest", said)


@pytest.mark.parametrize("number", ["-1", "+1", "9223372036854775807"])
def test_numbers_that_can_be(client: httpx.Client, number: str) -> None:
    assert client.get(WIDGETS, params={"limit": number}).is_success


def test_a_resource_version_that_is_out_of_range(client: httpx.Client) -> None:
    number = str(2**64)
    why = f'Invalid value: "{number}": strconv.ParseUint: parsing "{number}": value out of range'
    response = client.get(WIDGETS, params={"resourceVersion": number})
    said = f"invalid resource version: resourceVersion: {why}"
    assert refused(response) == (400, "BadRequest", said)
    watched = client.get(WIDGETS, params={"watch": "1", "resourceVersion": number})
    assert refused(watched) == (500, None, f"resourceVersion: {why}")


def test_selectors_and_tokens_that_python_cannot_read(client: httpx.Client) -> None:
    digits = client.get(WIDGETS, params={"labelSelector": f"a>{'9' * 5_000}"})
    assert refused(digits)[2].endswith("the value must be an integer")
    token = base64.urlsafe_b64encode(b"[" * 20_001).decode()
    assert refused(client.get(WIDGETS, params={"continue": token}))[0] == 400
