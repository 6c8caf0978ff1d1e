"""`kwatch._entry`: what is no kubeconfig, entries that are not there, fields of another type."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from kwatch._entry import Entry
from kwatch._errors import ConfigError
from kwatch._kubeconfig import KubeConfig
from tests.kubeconfigs import SECRET, Config, config, refusal, write

pytestmark = pytest.mark.usefixtures("nowhere")

OTHER_TYPES = [5, True, 1.5, [SECRET], {SECRET: SECRET}]


# Files that are no kubeconfig


def test_a_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone") == "kubeconfig: 'FILE': No such file or directory"


def test_a_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "kubeconfig: 'FILE': Is a directory"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "FILE: current-context: is not set"),
        ("# nothing\n", "FILE: current-context: is not set"),
        ("- a\n", "FILE: expected a YAML mapping, got list"),
        (SECRET, "FILE: expected a YAML mapping, got str"),
        (f"a: b\n  c: {SECRET}\n", "FILE: is no YAML: line 2, column 4: mapping values are not"),
        (f"token: !{SECRET}", "FILE: is no YAML: line 1, column 8: could not determine a const"),
        (f"token: *{SECRET}", "FILE: is no YAML: line 1, column 8: found undefined alias '...'"),
        (f"token: [{SECRET}", "FILE: is no YAML: line 1, column "),
        (f"token: !!int {SECRET}", "FILE: is no YAML: ValueError"),
        (f"token: !!timestamp {SECRET}", "FILE: is no YAML: AttributeError"),
        ("token: !!timestamp 2024-99-99", "FILE: is no YAML: ValueError"),
        ("!!python/object/apply:os.getcwd []", "FILE: is no YAML: line 1, column 1: could not"),
        ("[" * 5000, "FILE: is no YAML: RecursionError"),
        (b"\xff\xfe\xff", "FILE: is no YAML: "),
        (b"a: \xff", "FILE: is no YAML: "),
    ],
)
def test_no_yaml_mapping(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert refusal(write(tmp_path, text)).startswith(message)


# Entries that are not there


def test_no_current_context(tmp_path: Path) -> None:
    path = write(tmp_path, config() | {"current-context": ""})
    assert refusal(path) == "FILE: current-context: is not set"


@pytest.mark.parametrize("context", ["b", ""])
def test_an_unknown_context_and_what_there_is(tmp_path: Path, context: str) -> None:
    path = write(tmp_path, config())
    assert refusal(path, context) == f"FILE: context {context!r}: is not there; there is 'a'"


@pytest.mark.parametrize("kind", ["cluster", "user"])
def test_an_unknown_cluster_or_user(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path, config() | {f"{kind}s": None})
    name = kind[0]
    expected = f"FILE: context 'a': {kind} {name!r}: is not there; there is none"
    assert refusal(path) == expected


@pytest.mark.parametrize("kind", ["context", "cluster", "user"])
def test_a_name_that_is_there_twice(tmp_path: Path, kind: str) -> None:
    content = config()
    content[f"{kind}s"] *= 2
    assert refusal(write(tmp_path, content)).startswith(f"FILE: {kind}s[1]: name: ")


def test_what_another_context_uses_does_not_matter(tmp_path: Path) -> None:
    content = config()
    content["users"].append({"name": "v", "user": {"auth-provider": {"name": "gcp"}}})
    content["clusters"].append({"name": "d", "cluster": {"proxy-url": "ftp://proxy"}})
    assert KubeConfig.from_file(write(tmp_path, content)).context == "a"


# Fields of another type


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"current-context": 5}, "FILE: current-context: expected str, got int"),
        ({"clusters": {}}, "FILE: clusters: expected list, got dict"),
        ({"users": "u"}, "FILE: users: expected list, got str"),
        ({"contexts": [3]}, "FILE: contexts[0]: expected dict, got int"),
        ({"contexts": [{"name": 3}]}, "FILE: contexts[0]: name: expected str, got int"),
        ({"contexts": [{"name": "a", "context": []}]}, "FILE: contexts[0]: context: expected dict"),
        ({"users": [{"name": "u", "user": True}]}, "FILE: users[0]: user: expected dict, got bool"),
    ],
)
def test_a_structure_of_another_type(tmp_path: Path, change: Config, message: str) -> None:
    assert refusal(write(tmp_path, config() | change)).startswith(message)


@pytest.mark.parametrize("value", OTHER_TYPES)
@pytest.mark.parametrize(
    "field",
    [
        *("token", "tokenFile", "client-certificate", "client-certificate-data"),
        *("client-key-data", "username", "password"),
    ],
)
def test_a_field_of_the_user_of_another_type(tmp_path: Path, field: str, value: Any) -> None:
    path = write(tmp_path, config(user={field: value}))
    assert refusal(path) == f"FILE: user 'u': {field}: expected str, got {type(value).__name__}"


@pytest.mark.parametrize("field", ["exec", "auth-provider"])
@pytest.mark.parametrize("value", [5, True, SECRET, [SECRET]])
def test_a_mapping_of_the_user_of_another_type(tmp_path: Path, field: str, value: Any) -> None:
    path = write(tmp_path, config(user={field: value}))
    assert refusal(path) == f"FILE: user 'u': {field}: expected dict, got {type(value).__name__}"


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("certificate-authority", 1, "str"),
        ("certificate-authority-data", 1, "str"),
        ("tls-server-name", 1, "str"),
        ("proxy-url", 1, "str"),
        ("insecure-skip-tls-verify", "yes", "bool"),
        ("insecure-skip-tls-verify", 1, "bool"),
        ("disable-compression", "yes", "bool"),
        ("disable-compression", 0, "bool"),
        ("server", 1, "str"),
    ],
)
def test_a_field_of_the_cluster_of_another_type(
    tmp_path: Path, field: str, value: Any, expected: str
) -> None:
    message = refusal(write(tmp_path, config(cluster={field: value})))
    got = type(value).__name__
    assert message == f"FILE: cluster 'c': {field}: expected {expected}, got {got}"


@pytest.mark.parametrize("value", [5, ["shop"], True])
def test_a_namespace_of_another_type(tmp_path: Path, value: Any) -> None:
    content = config()
    content["contexts"][0]["context"]["namespace"] = value
    got = type(value).__name__
    expected = f"FILE: context 'a': namespace: expected str, got {got}"
    assert refusal(write(tmp_path, content)) == expected


# PEM


@pytest.mark.parametrize("text", ["%%%", SECRET, "YQ", "YQ==YQ==", "é", "a"])
@pytest.mark.parametrize("field", ["client-certificate-data", "client-key-data"])
def test_bad_base64_of_the_user(tmp_path: Path, field: str, text: str) -> None:
    path = write(tmp_path, config(user={field: text}))
    assert refusal(path) == f"FILE: user 'u': {field}: is not base64"


def test_bad_base64_of_the_cluster(tmp_path: Path) -> None:
    path = write(tmp_path, config(cluster={"certificate-authority-data": "%"}))
    assert refusal(path) == "FILE: cluster 'c': certificate-authority-data: is not base64"


def test_data_wins_over_a_file_and_may_be_folded() -> None:
    fields = {"client-key": "gone", "client-key-data": "\n c2Vj\r\n cmV0 \n"}
    assert Entry("user", Path(), fields).pem("client-key") == b"secret"


@pytest.mark.parametrize("field", ["tokenFile", "client-certificate", "client-key"])
@pytest.mark.parametrize("name", ["gone", "/", "a\0b", "\ud800"])
def test_a_file_of_the_user_that_cannot_be_read(tmp_path: Path, field: str, name: str) -> None:
    path = write(tmp_path, config(user={field: name}))
    assert refusal(path).startswith(f"FILE: user 'u': {field}: {str(tmp_path / name)!r}: ")


def test_an_authority_that_cannot_be_read(tmp_path: Path) -> None:
    path = write(tmp_path, config(cluster={"certificate-authority": "gone"}))
    assert refusal(path).startswith("FILE: cluster 'c': certificate-authority: '")


# Alone


def test_what_is_not_set_is_empty() -> None:
    entry = Entry("user", Path(), {"exec": None})
    assert (entry.get("token", str), entry.get("flag", bool), entry.texts("args")) == (
        "",
        False,
        [],
    )
    assert (entry.path("tokenFile"), entry.pem("client-key"), entry.items("env")) == (
        None,
        None,
        [],
    )
    assert (entry.inner("exec").fields, entry.has("exec")) == ({}, False)


def test_entries_within_entries_say_where_they_are() -> None:
    entry = Entry("kc: user 'u'", Path(), {"exec": {"env": [{"name": "A"}, {"name": 5}]}})
    with pytest.raises(ConfigError, match=r"^kc: user 'u': exec: env\[1\]: name: expected str"):
        entry.inner("exec").items("env")[1].get("name", str)


def test_the_repr_shows_no_field() -> None:
    assert SECRET not in repr(Entry("user", Path(), {"token": SECRET}))


def test_an_empty_file_among_others_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `touch` makes it."""
    paths = [write(tmp_path, "", "empty"), write(tmp_path, config("https://here"), "full")]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, paths)))
    assert KubeConfig.load().server == "https://here"


@pytest.mark.parametrize("name", ["2024-05-01", "2024-05-01T12:00:00Z", "="])
def test_a_name_may_look_like_something_else(tmp_path: Path, name: str) -> None:
    content = f"""
current-context: {name}
contexts: [{{name: {name}, context: {{cluster: {name}}}}}]
clusters: [{{name: {name}, cluster: {{server: "https://here"}}}}]
---
a second document: is not looked at
"""
    assert KubeConfig.from_file(write(tmp_path, content)).context == name


def test_json_may_have_tabs_and_surrogates(tmp_path: Path) -> None:
    content = json.dumps(config("https://here") | {"preferences": "\U0001f600"}, indent="\t")
    assert KubeConfig.from_file(write(tmp_path, content)).server == "https://here"
