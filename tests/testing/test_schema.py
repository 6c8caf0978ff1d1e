"""`kwatch.testing._schema`: fields of a wrong type.

The words are those that a server 1.36 has answered with.
"""

from typing import Any

import httpx
import pytest

from kwatch.testing import APIError, FakeAPIServer
from tests.testing.asking import DEFAULT_WIDGETS, patch, refused, widget

A = f"{DEFAULT_WIDGETS}/a"
WRONG = [
    ("name", 5, "number", "string"),
    ("labels", {"a": 1}, "number", "string"),
    ("labels", ["a"], "array", "map[string]string"),
    ("annotations", {"a": {}}, "object", "string"),
    ("finalizers", 5, "number", "[]string"),
    ("finalizers", "x/y", "string", "[]string"),
    ("finalizers", ["x/y", {}], "object", "string"),
    ("finalizers", True, "bool", "[]string"),
    ("ownerReferences", {}, "object", "[]v1.OwnerReference"),
    ("ownerReferences", ["a"], "string", "v1.OwnerReference"),
    ("managedFields", [5], "number", "v1.ManagedFieldsEntry"),
    ("creationTimestamp", [], "array", "string"),
    ("generation", "1", "string", "int64"),
    ("generation", True, "bool", "int64"),
]


@pytest.mark.parametrize(("key", "value", "is_", "expected"), WRONG)
def test_metadata_of_a_wrong_type(
    server: FakeAPIServer,
    client: httpx.Client,
    made: dict[str, Any],
    key: str,
    value: Any,
    is_: str,
    expected: str,
) -> None:
    why = f"json: cannot unmarshal {is_} into Go struct field ObjectMeta.{key} of type {expected}"
    handled = f'Widget in version "v1" cannot be handled as a Widget: {why}'
    body = widget("a", metadata={key: value})
    assert refused(client.post(DEFAULT_WIDGETS, json=body)) == (400, "BadRequest", handled)
    assert refused(client.put(A, json=body)) == (400, "BadRequest", handled)
    code, _, said = refused(patch(client, A, {"metadata": {key: value}}))
    assert (code, said.endswith(f": {why}")) == (422, True)
    with pytest.raises(APIError, match=r"json: cannot unmarshal") as caught:
        server.patch("Widget", {"metadata": {"name": "a", key: value}})
    assert (caught.value.code, caught.value.message) == (400, why)
    assert client.get(A).json() == made


def test_null_is_of_any_type(client: httpx.Client) -> None:
    body = widget("n", metadata={key: None for key, *_ in WRONG[1:]})
    assert client.post(DEFAULT_WIDGETS, json=body).status_code == 201


def test_what_it_says_that_it_is_must_be_text(client: httpx.Client) -> None:
    for key in ("kind", "apiVersion"):
        why = f"json: cannot unmarshal number into Go struct field .{key} of type string"
        for method, path in (("POST", DEFAULT_WIDGETS), ("DELETE", A)):
            said = refused(client.request(method, path, json={key: 5}))[2]
            assert f"couldn't get version/kind; json parse error: {why}" in said
