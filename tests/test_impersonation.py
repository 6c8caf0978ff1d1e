"""`kwatch._impersonation`: the headers that say as whom a user acts."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from kwatch._entry import Entry
from kwatch._impersonation import impersonation
from kwatch._kubeconfig import KubeConfig
from tests.https import serve
from tests.kubeconfigs import SECRET, Config, Fetch, config, refusal, write

pytestmark = pytest.mark.usefixtures("nowhere")

EVERYTHING: Config = {
    "as": "system:serviceaccount:shop:web",
    "as-uid": "07-15",
    "as-groups": ["system:masters", "sales east"],
    "as-user-extra": {"reason": ["drill", "audit"], "acme.com/Team": ["blue"]},
}
EVERY_HEADER = [
    ("Impersonate-User", "system:serviceaccount:shop:web"),
    ("Impersonate-Uid", "07-15"),
    ("Impersonate-Group", "system:masters"),
    ("Impersonate-Group", "sales east"),
    ("Impersonate-Extra-reason", "drill"),
    ("Impersonate-Extra-reason", "audit"),
    ("Impersonate-Extra-acme.com%2Fteam", "blue"),
]


def headers_of(user: Config) -> list[tuple[str, str]]:
    """The headers for a user; the names are ASCII, the values UTF-8."""
    made = impersonation(Entry("user", Path(), user))
    return [(name.decode("ascii"), value.decode()) for name, value in made]


def received(response: httpx.Response) -> list[tuple[str, str]]:
    """The headers that a real server got, whose `http.server` takes UTF-8 for latin-1."""
    pairs = [(name, value) for name, value in response.json()["headers"]]
    return [
        (name, value.encode("latin-1").decode())
        for name, value in pairs
        if name.startswith("Impersonate")
    ]


# The headers


def test_everything_in_its_order() -> None:
    assert headers_of(EVERYTHING) == EVERY_HEADER


@pytest.mark.parametrize(
    "empty",
    [{}, {"as": None}, {"as": "", "as-uid": "", "as-groups": [], "as-user-extra": {}}],
)
def test_without_any_of_it_there_are_no_headers(empty: Config) -> None:
    assert headers_of(empty) == []


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("scopes", "scopes"),
        ("Scopes", "scopes"),  # the server makes them lower case anyway
        ("with space", "with%20space"),
        ("acme.com/team", "acme.com%2Fteam"),
        ("100%", "100%25"),
        ("a:b@c", "a%3Ab%40c"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        ("line\nbreak\0", "line%0Abreak%00"),
        ("!#$&'*+-.^_`|~09az", "!#$&'*+-.^_`|~09az"),
        ('"(),/:;<=>?@[\\]{}', "%22%28%29%2C%2F%3A%3B%3C%3D%3E%3F%40%5B%5C%5D%7B%7D"),
        ("", ""),
    ],
)
def test_a_key_is_lower_case_and_what_no_name_can_hold_is_in_percent_signs(
    key: str, name: str
) -> None:
    user = {"as": "jane", "as-user-extra": {key: ["v"]}}
    assert headers_of(user)[1:] == [(f"Impersonate-Extra-{name}", "v")]


def test_a_key_without_values_gives_no_header() -> None:
    user: Config = {"as": "jane", "as-user-extra": {"scopes": []}}
    assert headers_of(user) == [("Impersonate-User", "jane")]


# What no header can say


@pytest.mark.parametrize(
    "others", [{"as-uid": "1"}, {"as-groups": ["g"]}, {"as-user-extra": {"k": ["v"]}}]
)
@pytest.mark.parametrize("name", [{}, {"as": ""}])
def test_the_others_need_a_name(tmp_path: Path, others: Config, name: Config) -> None:
    message = refusal(write(tmp_path, config(user=others | name)))
    assert message == "FILE: user 'u': as: is not set, but whom else to act as is"


@pytest.mark.parametrize(
    "text",
    [
        *(f"{SECRET}\r\nX-Evil: 1", f"{SECRET}\n", f"a\0{SECRET}", f"{SECRET}\x7f", f"\t{SECRET}"),
        *(f" {SECRET}", f"{SECRET} ", f"{SECRET}\xa0", f"a\u2028{SECRET}", f"{SECRET}\ud800", " "),
    ],
)
@pytest.mark.parametrize("field", ["as", "as-uid", "as-groups", "as-user-extra"])
def test_control_characters_and_white_space_around_are_refused_and_not_quoted(
    tmp_path: Path, field: str, text: str
) -> None:
    values: Config = {"as-groups": ["g", text], "as-user-extra": {"k": ["v", text]}}
    user = {"as": "jane", field: values.get(field, text)}
    message = refusal(write(tmp_path, config(user=user)))
    problem = "expected printable text without white space around it"
    assert message == f"FILE: user 'u': {field}: {problem}"


def test_a_key_that_is_no_unicode_is_refused(tmp_path: Path) -> None:
    user = {"as": "jane", "as-user-extra": {f"{SECRET}\ud800": ["v"]}}
    message = refusal(write(tmp_path, config(user=user)))
    assert message.startswith("FILE: user 'u': as-user-extra: ")


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("as", 1, "as: expected str, got int"),
        ("as", [SECRET], "as: expected str, got list"),
        ("as-uid", 7, "as-uid: expected str, got int"),
        ("as-groups", SECRET, "as-groups: expected list, got str"),
        ("as-groups", ["g", 2], "as-groups[1]: expected str, got int"),
        ("as-groups", [None], "as-groups[0]: expected str, got NoneType"),
        ("as-user-extra", [SECRET], "as-user-extra: expected dict, got list"),
        ("as-user-extra", {"k": SECRET}, "as-user-extra: k: expected list, got str"),
        ("as-user-extra", {"k": [True]}, "as-user-extra: k[0]: expected str, got bool"),
    ],
)
def test_a_value_of_another_type(tmp_path: Path, field: str, value: Any, problem: str) -> None:
    path = write(tmp_path, config(user={"as": "jane", field: value}))
    assert refusal(path) == f"FILE: user 'u': {problem}"


@pytest.mark.parametrize(("key", "kind"), [("1", "int"), ("true", "bool"), ("null", "NoneType")])
def test_a_key_that_is_no_text(tmp_path: Path, key: str, kind: str) -> None:
    """YAML has such keys, JSON has none."""
    user = f"{{as: jane, as-user-extra: {{{key}: [v]}}}}"
    users = f"users: [{{name: u, user: {user}}}]"
    cluster = "clusters: [{name: c, cluster: {server: 'https://host'}}]"
    context = "contexts: [{name: a, context: {cluster: c, user: u}}]"
    path = write(tmp_path, "\n".join(["current-context: a", users, cluster, context]))
    expected = f"FILE: user 'u': as-user-extra: expected str as a key, got {kind}"
    assert refusal(path) == expected


# What a real server gets


@pytest.mark.parametrize(
    "credential", [{}, {"token": "t"}, {"username": "n", "password": "p"}], ids=str
)
def test_they_come_with_each_request_whatever_the_credential_is(
    tmp_path: Path, fetch: Fetch, credential: Config
) -> None:
    with serve() as server:
        path = write(tmp_path, config(server.url, user=EVERYTHING | credential))
        loaded = KubeConfig.from_file(path)
        for _ in range(2):
            assert received(fetch(loaded)) == EVERY_HEADER


def test_values_arrive_as_utf_8(tmp_path: Path, fetch: Fetch) -> None:
    user = {"as": "jürgen@☃", "as-groups": ["größe", "", "a b"], "as-user-extra": {"k": ["日本"]}}
    with serve() as server:
        loaded = KubeConfig.from_file(write(tmp_path, config(server.url, user=user)))
        assert received(fetch(loaded)) == [
            ("Impersonate-User", "jürgen@☃"),
            ("Impersonate-Group", "größe"),
            ("Impersonate-Group", ""),
            ("Impersonate-Group", "a b"),
            ("Impersonate-Extra-k", "日本"),
        ]


def test_they_come_once_with_the_request_that_is_repeated_after_a_401(
    tmp_path: Path, fetch: Fetch
) -> None:
    token = write(tmp_path, "one", "token")
    path = write(tmp_path, config("http://localhost", user=EVERYTHING | {"tokenFile": "token"}))
    seen: list[tuple[str, list[tuple[str, str]]]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        pairs = [(name.decode(), value.decode()) for name, value in request.headers.raw]
        named = [pair for pair in pairs if pair[0].startswith("Impersonate")]
        seen.append((request.headers["Authorization"], named))
        return httpx.Response(200 if seen[-1][0] == "Bearer two" else 401)

    loaded = KubeConfig.from_file(path)
    token.write_text("two")
    assert fetch(loaded, transport=httpx.MockTransport(answer)).status_code == 200
    assert seen == [("Bearer one", EVERY_HEADER), ("Bearer two", EVERY_HEADER)]


def test_a_request_that_is_sent_again_has_them_once(tmp_path: Path) -> None:
    with serve() as server:
        loaded = KubeConfig.from_file(write(tmp_path, config(server.url, user=EVERYTHING)))
        with loaded.client() as client:
            request = client.build_request("GET", "/")
            for _ in range(2):
                assert received(client.send(request)) == EVERY_HEADER


def test_they_come_with_a_request_that_has_an_authorization_of_its_own(
    tmp_path: Path, fetch: Fetch
) -> None:
    with serve() as server:
        path = write(tmp_path, config(server.url, user=EVERYTHING | {"token": "t"}))
        loaded = KubeConfig.from_file(path)
        response = fetch(loaded, headers={"Authorization": "Bearer mine"})
    assert response.json()["authorization"] == "Bearer mine"
    assert received(response) == EVERY_HEADER


def test_a_caller_s_own_impersonation_is_left_as_it_is(tmp_path: Path, fetch: Fetch) -> None:
    with serve() as server:
        loaded = KubeConfig.from_file(write(tmp_path, config(server.url, user=EVERYTHING)))
        response = fetch(loaded, headers={"Impersonate-User": "mine"})
    assert received(response) == [("Impersonate-User", "mine")]
