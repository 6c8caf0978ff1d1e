"""`kwatch._kubeconfig`: what is refused and how it is said, where it looks, what clients send."""

import base64
import dataclasses
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwatch import _kubeconfig
from kwatch._errors import ConfigError
from kwatch._kubeconfig import KubeConfig
from tests.https import serve
from tests.kubeconfigs import SECRET, Config, Fetch, b64, config, refusal, write
from tests.pki import Pki

pytestmark = pytest.mark.usefixtures("nowhere")


# Files that are no kubeconfig


def test_a_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone") == "kubeconfig: 'FILE': No such file or directory"


def test_a_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "kubeconfig: 'FILE': Is a directory"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "FILE: expected a YAML mapping, got nothing"),
        ("# nothing\n", "FILE: expected a YAML mapping, got nothing"),
        ("- a\n", "FILE: expected a YAML mapping, got list"),
        (SECRET, "FILE: expected a YAML mapping, got str"),
        (f"a: b\n  c: {SECRET}\n", "FILE: is no YAML: line 2, column 4: mapping values are not"),
        (f"token: !{SECRET}", "FILE: is no YAML: line 1, column 8: could not determine a const"),
        (f"token: *{SECRET}", "FILE: is no YAML: line 1, column 8: found undefined alias '...'"),
        (f"token: [{SECRET}", "FILE: is no YAML: line 1, column "),
        (f"token: !!int {SECRET}", "FILE: is no YAML: ValueError"),
        (f"token: !!timestamp {SECRET}", "FILE: is no YAML: AttributeError"),
        ("expires: 2024-99-99", "FILE: is no YAML: ValueError"),
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


@pytest.mark.parametrize("value", [5, True, 1.5, [SECRET], {SECRET: SECRET}])
@pytest.mark.parametrize(
    "field",
    ["token", "tokenFile", "client-certificate", "client-certificate-data", "client-key-data"],
)
def test_a_field_of_the_user_of_another_type(tmp_path: Path, field: str, value: Any) -> None:
    path = write(tmp_path, config(user={field: value}))
    assert refusal(path) == f"FILE: user 'u': {field}: expected str, got {type(value).__name__}"


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("certificate-authority", 1, "str"),
        ("certificate-authority-data", 1, "str"),
        ("tls-server-name", 1, "str"),
        ("insecure-skip-tls-verify", "yes", "bool"),
        ("insecure-skip-tls-verify", 1, "bool"),
        ("server", 1, "str"),
    ],
)
def test_a_field_of_the_cluster_of_another_type(
    tmp_path: Path, field: str, value: Any, expected: str
) -> None:
    message = refusal(write(tmp_path, config(cluster={field: value})))
    assert message.startswith(f"FILE: cluster 'c': {field}: expected {expected}, got ")


# Fields that cannot be used


@pytest.mark.parametrize(
    "server",
    [
        *(None, "", "127.0.0.1:6443", "ftp://host", "https://", "https:///path", "http://[::1"),
        *("https://host:port", "https://ho st\n", f"https://u:{SECRET}@host", "https://\ud800"),
        *(f"https://:{SECRET}@h", f"https://host?token={SECRET}", f"https://host#{SECRET}"),
    ],
)
def test_a_server_that_is_no_plain_url(tmp_path: Path, server: str | None) -> None:
    message = refusal(write(tmp_path, config(server)))
    assert message.startswith("FILE: cluster 'c': server: expected http://host or https://host")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("exec", {"command": "aws", "args": [SECRET]}),
        ("auth-provider", {"name": "oidc", "config": {"id-token": SECRET}}),
        ("username", SECRET),
        ("password", SECRET),
        ("as", "root"),
        ("as-uid", "1"),
        ("as-groups", ["system:masters"]),
        ("as-user-extra", {"k": ["v"]}),
    ],
)
def test_a_way_to_authenticate_that_is_not_supported(
    tmp_path: Path, field: str, value: Any
) -> None:
    path = write(tmp_path, config(user={"token": "t", field: value}))
    assert refusal(path) == f"FILE: user 'u': {field}: is not supported"


def test_a_proxy_url_is_not_supported(tmp_path: Path) -> None:
    path = write(tmp_path, config(cluster={"proxy-url": f"http://u:{SECRET}@proxy"}))
    assert refusal(path) == "FILE: cluster 'c': proxy-url: is not supported"


def test_what_another_context_uses_does_not_matter(tmp_path: Path) -> None:
    content = config()
    content["users"].append({"name": "v", "user": {"exec": {"command": "aws"}}})
    assert KubeConfig.from_file(write(tmp_path, content)).context == "a"


def test_empty_fields_are_fields_that_are_not_set(tmp_path: Path) -> None:
    empty: Config = {
        "exec": None,
        "username": "",
        "as-groups": [],
        "token": "",
        "client-key-data": None,
    }
    loaded = KubeConfig.from_file(write(tmp_path, config(user=empty)))
    assert loaded.auth is None


@pytest.mark.parametrize("text", ["%%%", SECRET, "YQ", "YQ==YQ==", "é", "a"])
@pytest.mark.parametrize("field", ["client-certificate-data", "client-key-data"])
def test_bad_base64_of_the_user(tmp_path: Path, field: str, text: str) -> None:
    path = write(tmp_path, config(user={field: text}))
    assert refusal(path) == f"FILE: user 'u': {field}: is not base64"


def test_bad_base64_of_the_cluster(tmp_path: Path) -> None:
    path = write(tmp_path, config(cluster={"certificate-authority-data": "%"}))
    assert refusal(path) == "FILE: cluster 'c': certificate-authority-data: is not base64"


@pytest.mark.parametrize("field", ["tokenFile", "client-certificate", "client-key"])
@pytest.mark.parametrize("name", ["gone", "/", "a\0b", "\ud800"])
def test_a_file_of_the_user_that_cannot_be_read(tmp_path: Path, field: str, name: str) -> None:
    path = write(tmp_path, config(user={field: name}))
    assert refusal(path).startswith(f"FILE: user 'u': {field}: {str(tmp_path / name)!r}: ")


def test_an_authority_that_cannot_be_read(tmp_path: Path) -> None:
    path = write(tmp_path, config(cluster={"certificate-authority": "gone"}))
    assert refusal(path).startswith("FILE: cluster 'c': certificate-authority: '")


@pytest.mark.parametrize("token", [f"{SECRET}\n", f"{SECRET}é", f"{SECRET}\0"])
def test_a_token_that_no_header_can_hold(tmp_path: Path, token: str) -> None:
    message = refusal(write(tmp_path, config(user={"token": token})))
    assert message.startswith("FILE: user 'u': token: ")
    write(tmp_path, token.replace("\n", "\n!"), "token")
    message = refusal(write(tmp_path, config(user={"tokenFile": "token"})))
    assert message.startswith("FILE: user 'u': tokenFile: ")


@pytest.mark.parametrize("server", ["http://host", "http://10.0.0.1:8080"])
def test_a_token_is_not_sent_over_a_network_in_the_clear(tmp_path: Path, server: str) -> None:
    message = refusal(write(tmp_path, config(server, user={"token": SECRET})))
    assert message == "FILE: user 'u': token: cannot be sent over plain http"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_a_token_may_go_to_this_machine_in_the_clear(tmp_path: Path, host: str) -> None:
    path = write(tmp_path, config(f"http://{host}:8001", user={"token": "t"}))
    assert KubeConfig.from_file(path).auth is not None


# Whatever the file is

FIELDS = (
    "server tls-server-name certificate-authority certificate-authority-data proxy-url token "
    "insecure-skip-tls-verify tokenFile client-certificate client-certificate-data client-key "
    "client-key-data exec username namespace cluster user name"
)
NAMES = st.sampled_from(FIELDS.split())
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["/", "..", "\0", "a", "c", "u", "YQ==", "-----BEGIN CERTIFICATE-----"])
    | st.from_regex(r"\Ahttps?://[^/]{0,9}(:\d{1,6})?\Z")
)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(NAMES, SCALARS, max_size=2)
ENTRIES = st.dictionaries(NAMES, VALUES, max_size=1)
FIELD_CHANGED = st.builds(config, cluster=ENTRIES, user=ENTRIES)
LISTS = st.lists(VALUES | st.dictionaries(NAMES, ENTRIES, max_size=2), max_size=2)
PART_CHANGED = st.builds(
    lambda part, value: config() | {part: value},
    st.sampled_from(["clusters", "users", "contexts", "current-context"]),
    VALUES | LISTS,
)
fuzz = settings(max_examples=300, deadline=None, derandomize=True, database=None)


def load_or_refuse(folder: Path, content: Config | bytes) -> None:
    path = write(folder, content)
    message = str(path)
    try:
        KubeConfig.from_file(path).client().close()
    except ConfigError as error:
        message = str(error)
    assert "\n" not in message
    assert str(path) in message


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@given(content=FIELD_CHANGED | PART_CHANGED)
@fuzz
def test_any_field_with_any_value_loads_or_is_a_config_error(fuzzed: Path, content: Config) -> None:
    load_or_refuse(fuzzed, content)


@given(content=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode()))
@fuzz
def test_any_bytes_are_a_config_error(fuzzed: Path, content: bytes) -> None:
    load_or_refuse(fuzzed, content)


@given(
    content=st.lists(
        st.sampled_from(
            [
                *("clusters:", "users:", "token: ", "!!", "!!timestamp ", "2024-02-31", "\n", "  "),
                *("&a ", "*a", "<<: ", "=: ", "- ", "{", "}", "[", "]", "'", '"', "|", ">", "---"),
            ]
        )
    )
)
@fuzz
def test_any_pieces_of_yaml_are_a_config_error(fuzzed: Path, content: list[str]) -> None:
    load_or_refuse(fuzzed, "".join(content).encode())


# Where it looks


def test_nothing_anywhere_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        KubeConfig.load()
    message = str(caught.value)
    assert "$KUBECONFIG is not set" in message
    assert str(tmp_path / "home/.kube/config") in message
    assert "not in a cluster: $KUBERNETES_SERVICE_HOST is not set" in message


def test_a_context_needs_a_kubeconfig(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not forgotten on the way to the service account."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(ConfigError, match=r"^context 'prod': there is no kubeconfig"):
        KubeConfig.load(context="prod")


def test_a_kubeconfig_variable_of_missing_files_does_not_fall_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or else a misspelt name would choose another cluster."""
    write(tmp_path / "home/.kube", config(), "config")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/gone{os.pathsep}{tmp_path}/too")
    with pytest.raises(ConfigError, match=r"^\$KUBECONFIG: none of these files exists: '.*gone"):
        KubeConfig.load()


def test_path_wins_over_the_variable_and_that_over_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "home/.kube", config("https://home"), "config")
    assert KubeConfig.load().server == "https://home"
    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "env", config("https://env"))))
    assert KubeConfig.load().server == "https://env"
    assert KubeConfig.load(write(tmp_path, config("https://path"))).server == "https://path"
    assert KubeConfig.load("~/.kube/config").server == "https://home"
    monkeypatch.setenv("KUBECONFIG", "")
    assert KubeConfig.load().server == "https://home"


def test_a_context_by_name(tmp_path: Path) -> None:
    content = config()
    content["contexts"].append({"name": "b", "context": {"cluster": "c"}})
    loaded = KubeConfig.load(write(tmp_path, content), context="b")
    assert (loaded.context, loaded.namespace, loaded.auth) == ("b", "default", None)
    loaded = KubeConfig.load(write(tmp_path, content))
    assert (loaded.context, loaded.namespace) == ("a", "shop")


def test_of_several_files_the_first_wins_entry_by_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = {"users": [{"name": "u", "user": {"tokenFile": "token"}}]}
    two = config("https://two", user={"token": "two"})
    three = config("https://three") | {"current-context": "other"}
    paths = [
        write(tmp_path / "one", one),
        tmp_path / "gone",
        write(tmp_path / "two", two),
        write(tmp_path / "three", three),
    ]
    token = write(tmp_path / "one", "t", "token")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(["", *map(str, paths)]))
    loaded = KubeConfig.load()
    assert (loaded.server, loaded.context) == ("https://two", "a")
    assert repr(str(token)) in repr(loaded.auth)


def test_relative_names_are_relative_to_the_file_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pki: Pki
) -> None:
    write(tmp_path / "kube/pki", pki.root.pem.decode(), "ca.crt")
    write(tmp_path / "kube/pki", "one", "token")
    cluster = {"certificate-authority": "pki/ca.crt"}
    write(tmp_path / "kube", config(cluster=cluster, user={"tokenFile": "pki/token"}), "config")
    monkeypatch.chdir(tmp_path)
    loaded = KubeConfig.from_file("kube/config")
    monkeypatch.chdir("/")
    assert repr(str(tmp_path / "kube/pki/token")) in repr(loaded.auth)


def test_data_wins_over_files(tmp_path: Path, pki: Pki) -> None:
    cluster = {
        "certificate-authority": "gone",
        "certificate-authority-data": b64(pki.root.pem),
    }
    KubeConfig.from_file(write(tmp_path, config(cluster=cluster)))


def test_base64_may_be_folded(tmp_path: Path, pki: Pki) -> None:
    cluster = {"certificate-authority-data": base64.encodebytes(pki.root.pem).decode()}
    KubeConfig.from_file(write(tmp_path, config(cluster=cluster)))


# In a cluster


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pki: Pki) -> Path:
    """What the kubelet gives a pod."""
    folder = tmp_path / "serviceaccount"
    write(folder, pki.root.pem, "ca.crt")
    write(folder, "one\n", "token")
    write(folder, "shop\n", "namespace")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return folder


@pytest.mark.parametrize("name", ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"])
def test_outside_of_a_cluster(pod: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(ConfigError, match=rf"^not in a cluster: \${name} is not set$"):
        KubeConfig.in_cluster(_folder=pod)


@pytest.mark.parametrize("name", ["token", "ca.crt"])
def test_a_service_account_that_is_not_mounted(pod: Path, name: str) -> None:
    (pod / name).unlink()
    with pytest.raises(ConfigError, match=rf"^service account: .*/{name}': No such file"):
        KubeConfig.in_cluster(_folder=pod)


@pytest.mark.parametrize(
    ("host", "server"),
    [("10.0.0.1", "https://10.0.0.1"), ("fd00::1", "https://[fd00::1]"), ("api", "https://api")],
)
def test_the_service_account(
    pod: Path, monkeypatch: pytest.MonkeyPatch, host: str, server: str
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    loaded = KubeConfig.in_cluster(_folder=pod)
    assert (loaded.server, loaded.namespace, loaded.context) == (f"{server}:6443", "shop", "")
    assert repr(str(pod / "token")) in repr(loaded.auth)
    assert loaded.ssl_context.cert_store_stats()["x509"] == 1


def test_a_pod_without_a_namespace_file_is_in_the_default_one(pod: Path) -> None:
    (pod / "namespace").unlink()
    assert KubeConfig.in_cluster(_folder=pod).namespace == "default"


def test_load_finds_the_service_account_last(
    pod: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_kubeconfig, "_SERVICE_ACCOUNT", pod)
    assert KubeConfig.load().server == "https://10.0.0.1:443"
    write(tmp_path / "home/.kube", config("https://home"), "config")
    assert KubeConfig.load().server == "https://home"


# Secrets


def test_it_is_frozen(tmp_path: Path) -> None:
    loaded = KubeConfig.from_file(write(tmp_path, config()))
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.server = "https://other"  # type: ignore[misc]


def test_no_secret_is_shown_by_repr_or_log(
    tmp_path: Path, pki: Pki, fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = pki.client.key_pem()
    user = {
        "token": SECRET,
        "client-certificate-data": b64(pki.client.pem),
        "client-key-data": b64(key),
    }
    cluster = {"certificate-authority-data": b64(pki.root.pem)}
    with serve(pki.server) as server:
        loaded = KubeConfig.from_file(write(tmp_path, config(server.url, cluster, user)))
        response = fetch(loaded)
    assert response.json()["authorization"] == f"Bearer {SECRET}"
    shown = f"{loaded!r} {loaded.auth!r} {loaded} {response.request!r} {response.request.headers!r}"
    shown += caplog.text
    for secret in (SECRET, b64(key), key.decode().splitlines()[1]):
        assert secret not in shown


def test_yaml_is_imported_only_to_read_a_kubeconfig() -> None:
    code = "import sys, kwatch._kubeconfig; sys.exit('yaml' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# Clients


def test_the_token_the_agent_and_a_path_in_the_server_s_url(tmp_path: Path, fetch: Fetch) -> None:
    with serve() as server:
        path = write(tmp_path, config(f"{server.url}/k8s/clusters/c-1", user={"token": "t"}))
        answer = fetch(KubeConfig.from_file(path), "/api/v1/pods").json()
    assert answer["path"] == "/k8s/clusters/c-1/api/v1/pods"
    assert answer["authorization"] == "Bearer t"
    assert answer["user_agent"].startswith("kwatch")


def test_s48_a_token_that_was_replaced_is_read_again(tmp_path: Path, fetch: Fetch) -> None:
    token = write(tmp_path, "one", "token")
    path = write(tmp_path, config(user={"tokenFile": "token"}))
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(200 if seen[-1] == "Bearer two" else 401)

    loaded = KubeConfig.from_file(path)
    token.write_text("two")
    assert fetch(loaded, transport=httpx.MockTransport(answer)).status_code == 200
    assert seen == ["Bearer one", "Bearer two"]


def test_options_win_over_the_defaults(tmp_path: Path, pki: Pki, fetch: Fetch) -> None:
    with serve(pki.server) as server:
        path = write(tmp_path, config(server.url, user={"token": "t"}))
        loaded = KubeConfig.from_file(path)
        headers = {"user-agent": "mine", "X-Mine": "1"}
        response = fetch(loaded, auth=None, verify=False, headers=headers, timeout=7)
    assert response.json()["authorization"] is None
    assert response.json()["user_agent"] == "mine"
    assert response.request.headers["x-mine"] == "1"
    assert response.request.extensions["timeout"]["read"] == 7


def test_headers_are_added_to_the_default_ones() -> None:
    with KubeConfig("http://localhost").client(headers={"X-Mine": "1"}) as client:
        assert client.headers["user-agent"].startswith("kwatch")
        assert client.headers["x-mine"] == "1"


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        KubeConfig("http://localhost").client(colour="red")


def test_no_timeout_is_endless() -> None:
    with KubeConfig("http://localhost").client() as client:
        assert None not in client.timeout.as_dict().values()


def test_options_are_not_changed() -> None:
    options: Config = {"headers": {"X-Mine": "1"}, "verify": False}
    KubeConfig("http://localhost").client(**options).close()
    assert options == {"headers": {"X-Mine": "1"}, "verify": False}
