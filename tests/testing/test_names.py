"""`kwatch.testing._names`: what names and labels may be.

The words are those that a server 1.36 has answered with.
"""

import httpx
import pytest

from tests.testing.asking import DEFAULT_WIDGETS, WIDGETS, refused, widget

EDGES = "must start and end with an alphanumeric character"
PART = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
NAME = (
    f"name part must consist of alphanumeric characters, '-', '_' or '.', and {EDGES} (e.g. "
    f"'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{PART}')"
)
SUBDOMAIN = (
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    f"'.', and {EDGES} (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
BAD = [
    ("a" * 64, ["name part must be no more than 63 bytes"]),
    ("a/", ["name part must be non-empty", NAME]),
    ("/a", ["prefix part must be non-empty"]),
    ("a" * 254 + "/b", ["prefix part must be no more than 253 bytes"]),
    ("x_y/z", [f"prefix part {SUBDOMAIN}"]),
    ("a b", [NAME]),
]


@pytest.mark.parametrize(("key", "whys"), BAD)
@pytest.mark.parametrize("field", ["labels", "annotations", "finalizers"])
def test_keys_that_cannot_be(client: httpx.Client, field: str, key: str, whys: list[str]) -> None:
    value = [key] if field == "finalizers" else {key: "v"}
    causes = [f'metadata.{field}: Invalid value: "{key}": {why}' for why in whys]
    said = causes[0] if len(causes) == 1 else f"[{', '.join(causes)}]"
    response = client.post(DEFAULT_WIDGETS, json=widget("w", metadata={field: value}))
    assert refused(response) == (422, "Invalid", f'Widget.example.com "w" is invalid: {said}')


@pytest.mark.parametrize(("key", "whys"), BAD[:2])
def test_keys_that_cannot_be_selected_by(client: httpx.Client, key: str, whys: list[str]) -> None:
    response = client.get(WIDGETS, params={"labelSelector": key})
    why = f'<nil>: Invalid value: "{key}": {"; ".join(whys)}'
    assert refused(response)[2] == f"unable to parse requirement: {why}"


def test_an_annotation_may_have_capital_letters(client: httpx.Client) -> None:
    good = {"Example.com/Key": "v", "example.com/" + "k" * 63: "v"}
    body = widget("w", metadata={"annotations": good})
    assert client.post(DEFAULT_WIDGETS, json=body).json()["metadata"]["annotations"] == good


def test_no_finalizer_has_no_name(client: httpx.Client) -> None:
    response = client.post(DEFAULT_WIDGETS, json=widget("w", metadata={"finalizers": [None]}))
    assert "name part must be non-empty" in refused(response)[2]
