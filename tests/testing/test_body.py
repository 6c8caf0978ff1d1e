"""`kwatch.testing._body`: bodies, and how bad ones are refused.

The words are those that a server 1.36 has answered with.
"""

from typing import Any

import httpx
import pytest

from kwatch.testing import FakeAPIServer
from tests.testing.asking import DEFAULT_PODS, DEFAULT_WIDGETS, patch, refused, widget

A = f"{DEFAULT_WIDGETS}/a"
JSON = "application/json"
NO_OBJECT = "the object provided is unrecognized (must be of type Widget): "
NO_JSON = f"{NO_OBJECT}couldn't get version/kind; json parse error: "
HEAD = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
    'Kind string "json:\\"kind,omitempty\\"" }'
)
HANDLED = 'Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal '
INVALID_NAME = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", f"{NO_JSON}unexpected end of JSON input (<empty>)"),
        ("{", f"{NO_JSON}unexpected end of JSON input ({{)"),
        ('{"kind": "Wid', f'{NO_JSON}unexpected end of JSON input ({{"kind": "Wid)'),
        ("hello", f"{NO_JSON}invalid character 'h' looking for beginning of value (68656c6c6f)"),
        ("{x", f"{NO_JSON}invalid character 'x' looking for beginning of object key string ({{x)"),
        ('{"x" 1}', f"{NO_JSON}invalid character '1' after object key ({{\"x\" 1}})"),
        (
            '{"x":1 2}',
            f"{NO_JSON}invalid character '2' after object key:value pair ({{\"x\":1 2}})",
        ),
        ("{}x", f"{NO_JSON}invalid character 'x' after top-level value ({{}}x)"),
        ("[]", f"{NO_JSON}json: cannot unmarshal array into Go value of type {HEAD} (5b5d)"),
        ('"x"', f"{NO_JSON}json: cannot unmarshal string into Go value of type {HEAD} (227822)"),
        ("null", f"{NO_OBJECT}Object 'Kind' is missing in 'null' (6e756c6c)"),
        (
            '{"metadata": {"name": "b"}}',
            f'{NO_OBJECT}Object \'Kind\' is missing in \'{{"metadata": {{"name": "b"}}}}\' '
            '({"metadata": {"name": "b"}})',
        ),
        (
            '{"apiVersion": "example.com/v1", "metadata": {}}',
            f"{NO_OBJECT}Object 'Kind' is missing in "
            '\'{"apiVersion": "example.com/v1", "metadata": {}}\' '
            '({"apiVersion": "example.com/v1 ...)',
        ),
    ],
)
def test_what_is_no_object(client: httpx.Client, body: str, said: str) -> None:
    response = client.post(DEFAULT_WIDGETS, content=body, headers={"Content-Type": JSON})
    assert refused(response) == (400, "BadRequest", said)


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (
            {"apiVersion": "v1"},
            400,
            "the API version in the data (v1) does not match the expected API version "
            "(example.com/v1)",
        ),
        (
            {"apiVersion": None},
            400,
            "the API version in the data () does not match the expected API version "
            "(example.com/v1)",
        ),
        (
            {"kind": "Gadget"},
            422,
            'Gadget.example.com "b" is invalid: kind: Invalid value: "Gadget": must be Widget',
        ),
        ({"metadata": "x"}, 400, f"{HANDLED}string into Go value of type v1.ObjectMeta"),
        (
            {"metadata": {"name": 3}},
            400,
            f"{HANDLED}number into Go struct field ObjectMeta.name of type string",
        ),
        (
            {"metadata": {"name": "b", "labels": {"a": 1}}},
            400,
            f"{HANDLED}number into Go struct field ObjectMeta.labels of type string",
        ),
        (
            {"metadata": {"name": "b", "annotations": ["a"]}},
            400,
            f"{HANDLED}array into Go struct field ObjectMeta.annotations of type map[string]string",
        ),
        (
            {"metadata": {"name": "b", "namespace": "shop"}},
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            {"metadata": {}},
            422,
            'Widget.example.com "" is invalid: metadata.name: Required value: name or generateName '
            "is required",
        ),
        (
            {"metadata": None},
            422,
            'Widget.example.com "" is invalid: metadata.name: Required value: name or generateName '
            "is required",
        ),
        (
            {"metadata": {"name": "A_b"}},
            422,
            'Widget.example.com "A_b" is invalid: metadata.name: Invalid value: "A_b": '
            + INVALID_NAME,
        ),
        (
            {"metadata": {"name": "a" * 254}},
            422,
            f'Widget.example.com "{"a" * 254}" is invalid: metadata.name: Invalid value: '
            f'"{"a" * 254}": must be no more than 253 characters',
        ),
    ],
)
def test_what_is_another_object(
    client: httpx.Client, change: dict[str, Any], code: int, said: str
) -> None:
    response = client.post(DEFAULT_WIDGETS, json={**widget("b"), **change})
    reason = "BadRequest" if code == 400 else "Invalid"
    assert refused(response) == (code, reason, said)
    assert client.get(DEFAULT_WIDGETS).json()["items"] == []


def test_two_things_that_are_wrong_are_both_said(client: httpx.Client) -> None:
    response = client.post(DEFAULT_WIDGETS, json=widget("A" * 254))
    causes = [cause["message"] for cause in response.json()["details"]["causes"]]
    assert [each.partition(": ")[2].partition(": ")[2] for each in causes] == [
        "must be no more than 253 characters",
        INVALID_NAME,
    ]
    assert ' is invalid: [metadata.name: Invalid value: "' in response.json()["message"]


def test_labels_that_cannot_be(server: FakeAPIServer, client: httpx.Client) -> None:
    server.create("Widget", "a")
    bad = {"metadata": {"name": "b", "labels": {"a b": "c d"}}}
    for response in (
        client.post(DEFAULT_WIDGETS, json={**widget("b"), **bad}),
        patch(client, A, {"metadata": {"labels": {"a b": "c d"}}}),
    ):
        code, reason, message = refused(response)
        assert (code, reason, message.count("metadata.labels: ")) == (422, "Invalid", 2)
        assert 'Invalid value: "c d": a valid label must be an empty string or consist' in message


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("b", "the name of the object (b) does not match the name on the URL (a)"),
        (
            "",
            "the name of the object (a based on URL) was undeterminable: name must be provided",
        ),
    ],
)
def test_put_another_name(
    server: FakeAPIServer, client: httpx.Client, name: str, said: str
) -> None:
    made = server.create("Widget", "a")
    body = {**made, "metadata": {**made["metadata"], "name": name}}
    assert refused(client.put(A, json=body)) == (400, "BadRequest", said)


def test_a_built_in_kind_need_not_say_what_it_is(client: httpx.Client) -> None:
    for number, head in enumerate(({}, {"kind": "Pod"}, {"apiVersion": "v1"}, {"kind": ""})):
        response = client.post(DEFAULT_PODS, json={**head, "metadata": {"name": f"p-{number}"}})
        assert (response.status_code, response.json()["kind"]) == (201, "Pod")
    other = client.post(DEFAULT_PODS, json=widget("a"))
    assert refused(other)[::2] == (
        400,
        'Widget in version "v1" cannot be handled as a Pod: no kind "Widget" is registered for '
        'version "example.com/v1" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"',
    )
    body = {"kind": "Pod", "apiVersion": "v2", "metadata": {"name": "a"}}
    assert refused(client.post(DEFAULT_PODS, json=body))[::2] == (
        400,
        "the API version in the data (v2) does not match the expected API version (v1)",
    )


def test_a_body_in_yaml(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/yaml"}
    text = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\nspec: {x: [1]}\n"
    assert client.post(DEFAULT_WIDGETS, content=text, headers=headers).json()["spec"] == {"x": [1]}
    bad = client.post(DEFAULT_WIDGETS, content="a: [", headers=headers)
    assert refused(bad)[2].startswith(f"{NO_OBJECT}couldn't get version/kind; ")


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_media_types_that_cannot_be_read(client: httpx.Client, method: str) -> None:
    path = DEFAULT_WIDGETS if method == "POST" else A
    response = client.request(method, path, content="x", headers={"Content-Type": "text/plain"})
    assert refused(response) == (
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf",
    )
