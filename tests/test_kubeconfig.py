"""`kwatch._kubeconfig`: any file at all, where it looks, pods, secrets, what clients send."""

import dataclasses
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwatch import _exec, _kubeconfig
from kwatch._errors import ConfigError
from kwatch._kubeconfig import KubeConfig
from kwatch._user import auth_of
from tests.front import Clock
from tests.https import Server, serve
from tests.kubeconfigs import WAYS, Config, Fetch, config, write
from tests.pki import Pki
from tests.plugins import V1BETA1

pytestmark = pytest.mark.usefixtures("nowhere")


# Whatever the file is

FIELDS = (
    "server tls-server-name certificate-authority certificate-authority-data proxy-url token "
    "insecure-skip-tls-verify disable-compression extensions tokenFile client-certificate "
    "client-certificate-data client-key client-key-data exec auth-provider username password "
    "as as-uid as-groups as-user-extra namespace cluster user name config"
)
PLUGIN: Config = {
    "apiVersion": V1BETA1,
    "command": "no-such-plugin",
    "args": ["a"],
    "env": [{"name": "A", "value": "b"}],
    "interactiveMode": "Never",
    "installHint": "look for it",
    "provideClusterInfo": True,
}
NAMES = st.sampled_from(FIELDS.split())
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["/", "..", "\0", "\ud800", "\udc80", " ", "a", "c", "u", "YQ==", "="])
    | st.sampled_from(["-----BEGIN CERTIFICATE-----", "Always", "client.authentication.k8s.io/v1"])
    | st.from_regex(r"\A(https?|socks5|ftp)://[^/]{0,9}(:\d{1,6})?\Z")
)
MAPPINGS = st.dictionaries(NAMES, SCALARS, max_size=2)
VALUES = SCALARS | st.lists(SCALARS | MAPPINGS, max_size=2) | MAPPINGS
ENTRIES = st.dictionaries(NAMES, VALUES, max_size=1)
FIELD_CHANGED = st.builds(config, cluster=ENTRIES, user=ENTRIES)
LISTS = st.lists(VALUES | st.dictionaries(NAMES, ENTRIES, max_size=2), max_size=2)
PART_CHANGED = st.builds(
    lambda part, value: config() | {part: value},
    st.sampled_from(["clusters", "users", "contexts", "current-context"]),
    VALUES | LISTS,
)
VARIABLES = st.lists(
    st.dictionaries(st.sampled_from(["name", "value"]), SCALARS, max_size=2), max_size=2
)
EXTENSIONS = st.lists(
    st.fixed_dictionaries(
        {"name": st.just("client.authentication.k8s.io/exec")}, optional={"extension": VALUES}
    ),
    max_size=2,
)
PLUGIN_CHANGED = st.builds(
    lambda name, value, cluster: config(cluster=cluster, user={"exec": PLUGIN | {name: value}}),
    st.sampled_from(list(PLUGIN)),
    VALUES | VARIABLES,
    ENTRIES | st.builds(lambda extensions: {"extensions": extensions}, EXTENSIONS | VALUES),
)
WHOM_CHANGED = st.builds(
    lambda user, extra: config(user={"as": "jane", "as-user-extra": extra} | user),
    st.dictionaries(st.sampled_from(["as", "as-uid", "as-groups", "token"]), VALUES, max_size=1),
    st.dictionaries(SCALARS.filter(lambda key: isinstance(key, str)), VALUES, max_size=2) | VALUES,
)
fuzz = settings(max_examples=300, deadline=None, derandomize=True, database=None)


def load_or_refuse(folder: Path, content: Config | bytes) -> None:
    """Load it and make a client, or get a message of one line that names it; run nothing."""
    path = write(folder, content)
    message = str(path)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_exec, "printed_by", lambda *_, **__: pytest.fail("a program would run"))
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


@given(content=PLUGIN_CHANGED)
@fuzz
def test_any_plugin_loads_or_is_a_config_error(fuzzed: Path, content: Config) -> None:
    load_or_refuse(fuzzed, content)


@given(content=WHOM_CHANGED)
@fuzz
def test_anybody_to_act_as_loads_or_is_a_config_error(fuzzed: Path, content: Config) -> None:
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
    assert (loaded.context, loaded.namespace) == ("b", "default")
    loaded = KubeConfig.load(write(tmp_path, content))
    assert (loaded.context, loaded.namespace) == ("a", "shop")


@pytest.mark.parametrize("separator", [":", ";"])
def test_of_several_files_the_first_wins_entry_by_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, separator: str
) -> None:
    """Files that are not there, and names that are empty, are left out."""
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
    monkeypatch.setattr(os, "pathsep", separator)
    monkeypatch.setenv("KUBECONFIG", separator.join(["", *map(str, paths), "", ""]))
    loaded = KubeConfig.load()
    assert (loaded.server, loaded.context) == ("https://two", "a")
    assert repr(str(token)) in repr(loaded.auth)


def test_a_message_about_several_files_names_those_that_were_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = config() | {"users": []}
    paths = [write(tmp_path / "one", content), tmp_path / "gone", write(tmp_path / "two", content)]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, paths)))
    with pytest.raises(ConfigError) as caught:
        KubeConfig.load(context="b")
    assert str(caught.value).startswith(f"{paths[0]}, {paths[2]}: context 'b': is not there")


def test_an_entry_that_cannot_be_used_is_named_with_its_own_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = write(tmp_path / "one", config() | {"users": []})
    two = write(tmp_path / "two", config(user={"token": "a\nb"}))
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(one), str(two)]))
    with pytest.raises(ConfigError) as caught:
        KubeConfig.load()
    assert str(caught.value).startswith(f"{two}: user 'u': token: ")


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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What tells the time to the credentials that are loaded from now on."""
    clock = Clock()
    monkeypatch.setattr(_kubeconfig, "auth_of", partial(auth_of, clock=clock))
    return clock


@pytest.fixture
def service(pod: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The API server of that pod's cluster."""
    with serve(pki.server) as server:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.server_port))
        yield server


def test_the_token_of_a_pod_is_read_again_after_a_minute(
    pod: Path, service: Server, clock: Clock, fetch: Fetch
) -> None:
    loaded = KubeConfig.in_cluster(_folder=pod)
    seen = []
    for seconds in (0.0, 59.0, 1.0):
        clock.now += seconds
        seen.append(fetch(loaded).json()["authorization"])
        (pod / "token").write_text("two\n")
    assert seen == ["Bearer one", "Bearer one", "Bearer two"]


def test_the_token_of_a_pod_is_read_again_on_a_401(
    pod: Path, service: Server, clock: Clock, fetch: Fetch
) -> None:
    loaded = KubeConfig.in_cluster(_folder=pod)
    service.answer = lambda headers: 200 if headers["Authorization"] == "Bearer two" else 401
    assert fetch(loaded).status_code == 401
    (pod / "token").write_text("two\n")
    assert fetch(loaded).json()["authorization"] == "Bearer two"


@pytest.mark.parametrize("way", WAYS)
def test_a_pod_trusts_another_authority_a_minute_after_its_file_names_it(
    pod: Path, service: Server, clock: Clock, pki: Pki, way: str
) -> None:
    """The client that there is, and no new one; and then it trusts the old one no longer."""
    moved = pki.issue("moved", pki.other_root, names=["127.0.0.1"])
    assert isinstance(service.socket, ssl.SSLSocket)
    prove = service.socket.context.load_cert_chain
    steps: list[Callable[[], object]] = [
        lambda: None,
        lambda: prove(moved.path),
        lambda: (pod / "ca.crt").write_bytes(pki.other_root.pem),
        lambda: clock.sleep(60.0),
        lambda: prove(pki.server.path),
    ]
    outcomes = by_one_client(way, KubeConfig.in_cluster(_folder=pod), steps)
    assert outcomes == ["200", "refused", "refused", "200", "refused"]


def by_one_client(way: str, loaded: KubeConfig, steps: list[Callable[[], object]]) -> list[str]:
    """What a GET over a connection of its own comes to after each of the steps."""
    outcomes: list[str] = []
    options = {"headers": {"Connection": "close"}}

    def note(response: httpx.Response) -> None:
        outcomes.append(str(response.status_code))

    def ask() -> None:
        with loaded.client(**options) as client:
            for step in steps:
                step()
                try:
                    note(client.get("/"))
                except httpx.ConnectError:
                    outcomes.append("refused")

    async def aask() -> None:
        async with loaded.async_client(**options) as client:
            for step in steps:
                step()
                try:
                    note(await client.get("/"))
                except httpx.ConnectError:
                    outcomes.append("refused")

    ask() if way == "sync" else anyio.run(aask, backend=way)
    return outcomes


# Clients


def test_it_is_frozen(tmp_path: Path) -> None:
    loaded = KubeConfig.from_file(write(tmp_path, config()))
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.server = "https://other"  # type: ignore[misc]


def test_yaml_is_imported_only_to_read_a_kubeconfig() -> None:
    code = "import sys, kwatch._kubeconfig; sys.exit('yaml' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


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


def test_a_certificate_is_not_loaded_into_the_context_of_all_clients() -> None:
    with pytest.raises(TypeError, match="expected verify"):
        KubeConfig("https://host").client(cert="client.pem")


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
