"""`kwatch.testing._json`: JSON in and out, what is none, and how deep it may be."""

from typing import Any

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from kwatch.testing._json import DEPTH, copied, decode, encode
from tests.testing.asking import (
    DEFAULT_PODS,
    DEFAULT_WIDGETS,
    MERGE,
    WIDGETS,
    events,
    patch,
    refused,
    watch,
)

A = f"{DEFAULT_WIDGETS}/a"
DEEP = "json parse error: invalid character '{' exceeded max depth"
TYPES = ("application/json", "application/yaml", MERGE)


def nested(depth: int) -> dict[str, Any]:
    """So many objects within each other."""
    obj: dict[str, Any] = {}
    for _ in range(depth - 1):
        obj = {"a": obj}
    return obj


def raw(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize(("begin", "end"), [('{"a":', "}"), ("[", "]")])
def test_the_levels_are_counted(begin: str, end: str) -> None:
    assert decode(f"{begin * DEPTH}1{end * DEPTH}".encode())
    for more in (DEPTH + 1, 100 * DEPTH):
        with pytest.raises(ValueError, match="exceeded max depth"):
            decode(f"{begin * more}1{end * more}".encode())
    assert decode(b"[" + b"[]," * DEPTH + b"0]")[-1] == 0, "many are not deep"


def test_what_is_nested_500_deep_is_held(server: FakeAPIServer, client: httpx.Client) -> None:
    spec = nested(500)
    for kind, path in (("Widget", DEFAULT_WIDGETS), ("Pod", DEFAULT_PODS)):
        made = server.create(kind, "a", spec=spec)
        assert made["spec"] == spec
        assert server.patch(kind, "a", spec=spec) == server.update(kind, made) == made
        body = {"apiVersion": made["apiVersion"], "kind": kind, "metadata": {"name": "b"}}
        assert client.post(path, json=body | {"spec": spec}).json()["spec"] == spec
        assert patch(client, f"{path}/b", {"spec": spec}).json()["spec"] == spec
        with watch(client, path) as response:
            assert next(events(response))[1]["spec"] == spec


def test_a_strategic_patch_may_be_as_deep(server: FakeAPIServer, client: httpx.Client) -> None:
    server.create("Pod", "a")
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    body = {"spec": nested(500)}
    patched = client.patch(f"{DEFAULT_PODS}/a", json=body, headers=headers).json()
    assert patched["spec"] == nested(500)


@pytest.mark.parametrize("depth", [DEPTH, 5_000, 100_000])
def test_what_is_deeper_is_refused(client: httpx.Client, made: dict[str, Any], depth: int) -> None:
    head = '{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a"},"spec":'
    for method, path in (("POST", DEFAULT_WIDGETS), ("PUT", A)):
        response = client.request(method, path, content=f"{head}{raw(depth)}}}")
        assert refused(response)[0] == 400
        assert DEEP in refused(response)[2]
    response = client.patch(A, content=f'{{"spec":{raw(depth)}}}', headers={"Content-Type": MERGE})
    said = "error decoding patch: invalid character '{' exceeded max depth"
    assert refused(response) == (400, "BadRequest", said)
    assert DEEP in refused(client.request("DELETE", A, content=raw(depth + 1)))[2]
    assert client.get(WIDGETS).json()["items"] == [made]


def test_deep_yaml_is_refused(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/yaml"}
    response = client.post(DEFAULT_WIDGETS, content=raw(1_000), headers=headers)
    assert refused(response)[0] == 400


@pytest.mark.parametrize("spec", [{1}, float("nan"), b"x", nested(DEPTH), nested(5_000)])
def test_what_is_no_json_is_refused_at_once(server: FakeAPIServer, spec: Any) -> None:
    for change in (server.create, server.update, server.patch):
        with pytest.raises(ValueError, match="Pod: expected what JSON has words for, in at most"):
            change("Pod", "a", spec=spec)
    assert server.resource_version == "1"


def test_what_json_has_other_words_for_is_the_same_to_all(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    spec = {"ports": (1, 2), 3: True}
    made = server.create("Pod", "a", spec=spec)
    assert made["spec"] == {"ports": [1, 2], "3": True}
    assert server.patch("Pod", "a", spec=spec) == made, "it has not changed"
    assert client.get(f"{DEFAULT_PODS}/a").json() == made


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r'"\ud800"', "\ufffd"),
        (r'"a\udc00b"', "a\ufffdb"),
        (r'"\ud83d\ude00 \ud800"', "\U0001f600 \ufffd"),
    ],
)
def test_half_a_surrogate_pair_is_replaced(client: httpx.Client, text: str, said: str) -> None:
    head = '{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a"},"spec":'
    assert client.post(DEFAULT_WIDGETS, content=f"{head}{text}}}").json()["spec"] == said
    assert client.get(WIDGETS).json()["items"][0]["spec"] == said
    assert refused(client.post(DEFAULT_WIDGETS, content=f'{{"kind":{text}}}'))[0] == 400


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("NaN", "invalid character 'N' looking for beginning of value"),
        ("Infinity", "invalid character 'I' looking for beginning of value"),
        ("-Infinity", "invalid character 'I' in numeric literal"),
        ("1e400", "json: cannot unmarshal number 1e400 into Go value of type float64"),
        ("-1e400", "json: cannot unmarshal number -1e400 into Go value of type float64"),
        ("9" * 5_000, f"json: cannot unmarshal number {'9' * 5_000} into Go value of type float64"),
    ],
)
def test_numbers_that_cannot_be(client: httpx.Client, number: str, said: str) -> None:
    content = f'{{"spec":{{"number":{number}}}}}'
    response = client.patch(A, content=content, headers={"Content-Type": MERGE})
    assert refused(response) == (400, "BadRequest", f"error decoding patch: {said}")


def test_a_date_in_yaml_is_text(client: httpx.Client) -> None:
    text = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\nspec: "
    headers = {"Content-Type": "application/yaml"}
    spec = "{day: 2020-01-01, at: 2020-01-01T00:00:00Z, 1: one}"
    made = client.post(DEFAULT_WIDGETS, content=text + spec, headers=headers).json()
    assert made["spec"] == {"1": "one", "at": "2020-01-01T00:00:00Z", "day": "2020-01-01"}
    for odd in ("!!binary aGk=", "!!set {a}", ".nan", "&a [*a]"):
        response = client.post(DEFAULT_WIDGETS, content=text + odd, headers=headers)
        assert refused(response)[0] == 400, odd
    for alone in ("2020-01-01", "!!binary aGk=", "!!set {a}"):
        response = client.post(DEFAULT_WIDGETS, content=alone, headers=headers)
        assert refused(response)[0] == 400, alone


def test_a_copy_shares_nothing() -> None:
    obj: dict[str, Any] = {"b": [{"c": 1}], "a": 0.1}
    copy = copied(obj)
    copy["b"][0]["c"] = 2
    assert obj == {"b": [{"c": 1}], "a": 0.1}
    assert encode(copied(obj, in_order=True)) == b'{"a":0.1,"b":[{"c":1}]}'


def test_the_body_of_a_request_may_be_anything(client: httpx.Client, made: dict[str, Any]) -> None:
    """No request makes the server fail, whatever is in it."""
    bodies = [
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"null",
        b"0",
        b'"\\ud800"',
        b"[{}]",
        b"{[",
        b"{1: 2}",
    ]
    for body in bodies:
        for media_type in TYPES:
            for method, path in (("POST", DEFAULT_WIDGETS), ("PUT", A), ("PATCH", A)):
                headers = {"Content-Type": media_type}
                response = client.request(method, path, content=body, headers=headers)
                assert refused(response)[0] in (400, 415), (method, media_type, body)
    assert client.get(A).json() == made
