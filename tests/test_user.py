"""`kwatch._user`: what a user is to show, and to whom it is never shown."""

import base64
from pathlib import Path

import httpx
import pytest

from kwatch._auth import KubeAuth
from kwatch._entry import Entry
from kwatch._errors import ConfigError
from kwatch._kubeconfig import KubeConfig
from kwatch._tls import Tls
from kwatch._user import auth_of
from tests.https import serve
from tests.kubeconfigs import SECRET, Config, Fetch, b64, config, refusal, write
from tests.pki import Pki

pytestmark = pytest.mark.usefixtures("nowhere")

PLUGIN: Config = {
    "apiVersion": "client.authentication.k8s.io/v1beta1",
    "command": "no-such-plugin",
    "args": [SECRET],
    "env": [{"name": "X", "value": SECRET}],
}
SECRETS: list[Config] = [
    {"token": SECRET},
    {"tokenFile": "token"},
    {"username": SECRET},
    {"password": SECRET},
    {"username": "n", "password": SECRET},
    {"exec": PLUGIN},
]


def named(user: Config) -> str:
    """The field that is named where several are at fault."""
    return next(iter(user))


# Nothing to show


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"token": "", "tokenFile": "", "username": "", "password": ""},
        {"token": None, "exec": None, "auth-provider": None, "client-key-data": None},
        {"as": "", "as-groups": [], "auth-provider": {}},
        {"name": "unknown fields are none of its business", "colour": "red"},
    ],
    ids=str,
)
def test_empty_fields_are_fields_that_are_not_set(
    tmp_path: Path, fetch: Fetch, user: Config
) -> None:
    with serve() as server:
        loaded = KubeConfig.from_file(write(tmp_path, config(server.url, user=user)))
        assert fetch(loaded).json()["authorization"] is None


def test_a_context_without_a_user_shows_nothing(tmp_path: Path, fetch: Fetch) -> None:
    with serve() as server:
        content = config(server.url, user={"token": SECRET})
        del content["contexts"][0]["context"]["user"]
        loaded = KubeConfig.from_file(write(tmp_path, content))
        assert fetch(loaded).json()["authorization"] is None


# A token


@pytest.mark.parametrize("token", [f"{SECRET}\n", f"{SECRET}é", f"{SECRET}\0"])
def test_a_token_that_no_header_can_hold(tmp_path: Path, token: str) -> None:
    message = refusal(write(tmp_path, config(user={"token": token})))
    assert message.startswith("FILE: user 'u': token: ")
    write(tmp_path, token.replace("\n", "\n!"), "token")
    message = refusal(write(tmp_path, config(user={"tokenFile": "token"})))
    assert message.startswith("FILE: user 'u': tokenFile: ")


# A name and a password


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("Aladdin", "open sesame"),
        ("test", "123£"),
        ("jürgen", "pass:with:colons"),
        ("n" * 60, "p" * 200),
        ("name", ""),
        ("", "password"),
        (" n\n", "\tp\0"),
    ],
)
def test_a_name_and_a_password_are_shown_as_rfc_7617_says(
    tmp_path: Path, fetch: Fetch, name: str, password: str
) -> None:
    with serve() as server:
        user = {"username": name, "password": password}
        loaded = KubeConfig.from_file(write(tmp_path, config(server.url, user=user)))
        scheme, _, shown = fetch(loaded).json()["authorization"].partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(shown, validate=True) == f"{name}:{password}".encode()


def test_the_examples_of_rfc_7617(tmp_path: Path, fetch: Fetch) -> None:
    with serve() as server:
        for user, shown in [
            ({"username": "Aladdin", "password": "open sesame"}, "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ({"username": "test", "password": "123£"}, "dGVzdDoxMjPCow=="),
        ]:
            loaded = KubeConfig.from_file(write(tmp_path, config(server.url, user=user)))
            assert fetch(loaded).json()["authorization"] == f"Basic {shown}"


def test_a_name_with_a_colon_is_refused_and_not_quoted(tmp_path: Path) -> None:
    user = {"username": f"a:{SECRET}", "password": SECRET}
    message = refusal(write(tmp_path, config(user=user)))
    assert message == "FILE: user 'u': username: holds a colon, which ends the name"


@pytest.mark.parametrize("field", ["username", "password"])
def test_a_name_or_a_password_that_is_no_unicode_is_refused(tmp_path: Path, field: str) -> None:
    """And not changed on the way to the server."""
    user = {"username": "n", "password": "p"} | {field: f"{SECRET}\ud800"}
    message = refusal(write(tmp_path, config(user=user)))
    assert message.startswith("FILE: user 'u': ")


@pytest.mark.parametrize("token", [{"token": SECRET}, {"tokenFile": "token"}], ids=str)
@pytest.mark.parametrize("basic", [{"username": SECRET}, {"password": SECRET}], ids=str)
def test_a_name_and_a_password_exclude_a_token(
    tmp_path: Path, token: Config, basic: Config
) -> None:
    write(tmp_path, SECRET, "token")
    message = refusal(write(tmp_path, config(user=token | basic)))
    assert message == "FILE: user 'u': username: excludes a token, there is one"


def test_a_401_to_a_name_and_a_password_is_the_answer(tmp_path: Path, fetch: Fetch) -> None:
    """There is no other one to try."""
    with serve() as server:
        server.answer = lambda headers: 401
        user = {"username": "n", "password": "p"}
        loaded = KubeConfig.from_file(write(tmp_path, config(server.url, user=user)))
        assert fetch(loaded).status_code == 401
        assert len(server.connections) == 1


def test_a_certificate_goes_with_either(tmp_path: Path, pki: Pki, fetch: Fetch) -> None:
    cluster = {"certificate-authority-data": b64(pki.root.pem)}
    certificate = {
        "client-certificate-data": b64(pki.client.pem),
        "client-key-data": b64(pki.client.key_pem()),
    }
    with serve(pki.server, client_authority=pki.root) as server:
        for user, shown in [
            ({"username": "n", "password": "p"}, "Basic bjpw"),
            ({"token": "t"}, "Bearer t"),
        ]:
            path = write(tmp_path, config(server.url, cluster, certificate | user))
            answer = fetch(KubeConfig.from_file(path)).json()
            assert answer["authorization"] == shown
            assert answer["client"] == {"commonName": "client"}


# Over plain http


@pytest.mark.parametrize("user", SECRETS, ids=named)
@pytest.mark.parametrize("server", ["http://host", "http://10.0.0.1:8080", "host:80"])
def test_no_secret_is_sent_over_a_network_in_the_clear(
    tmp_path: Path, server: str, user: Config
) -> None:
    write(tmp_path, SECRET, "token")
    message = refusal(write(tmp_path, config(server, user=user)))
    assert message == f"FILE: user 'u': {named(user)}: cannot be sent over plain http"


@pytest.mark.parametrize("user", SECRETS, ids=named)
@pytest.mark.parametrize("proxy", ["http://proxy", "socks5://proxy", "http://127.0.0.1:3128"])
def test_no_secret_is_sent_in_the_clear_to_what_a_proxy_calls_this_machine(
    tmp_path: Path, proxy: str, user: Config
) -> None:
    """The cluster's proxy is asked for a loopback server too, and reads what is not encrypted."""
    pytest.importorskip("socksio")
    write(tmp_path, SECRET, "token")
    path = write(tmp_path, config("http://127.0.0.1:8001", {"proxy-url": proxy}, user))
    assert refusal(path) == f"FILE: user 'u': {named(user)}: cannot be sent over plain http"


@pytest.mark.parametrize("user", SECRETS, ids=named)
@pytest.mark.parametrize(
    "server", ["http://localhost:8001", "http://127.0.0.1", "http://127.8.8.8", "http://[::1]:1"]
)
def test_a_secret_may_go_to_this_machine_in_the_clear(
    tmp_path: Path, server: str, user: Config
) -> None:
    write(tmp_path, SECRET, "token")
    assert KubeConfig.from_file(write(tmp_path, config(server, user=user))).server == server


@pytest.mark.parametrize("proxy", ["", None])
def test_an_empty_proxy_url_is_no_way_out_of_this_machine(
    tmp_path: Path, proxy: str | None
) -> None:
    path = write(tmp_path, config("http://localhost", {"proxy-url": proxy}, {"token": "t"}))
    assert KubeConfig.from_file(path).proxy is None


def test_whom_to_act_as_is_no_secret(tmp_path: Path) -> None:
    path = write(tmp_path, config("http://host", user={"as": "jane", "as-groups": ["g"]}))
    assert KubeConfig.from_file(path).server == "http://host"


# auth-provider, which kubectl 1.26 has dropped


@pytest.mark.parametrize(
    ("name", "plugin"),
    [
        ("azure", "kubelogin"),
        ("gcp", "gke-gcloud-auth-plugin"),
        ("oidc", "kubectl oidc-login"),
        ("openstack", "client-keystone-auth"),
        ("acme", "of your identity provider"),
        ("", "of your identity provider"),
        ("a\nb", "of your identity provider"),
    ],
)
def test_an_auth_provider_is_refused_in_favour_of_its_exec_plugin(
    tmp_path: Path, name: str, plugin: str
) -> None:
    options = {"id-token": SECRET, "client-secret": SECRET, "cmd-path": SECRET, SECRET: "x"}
    user = {"auth-provider": {"name": name, "config": options}}
    message = refusal(write(tmp_path, config(user=user)))
    problem = f"none is supported; for {name!r} use the exec plugin {plugin}"
    assert message == f"FILE: user 'u': auth-provider: {problem}"


def test_an_auth_provider_is_refused_whatever_else_there_is(tmp_path: Path) -> None:
    user = {"auth-provider": {"config": {"id-token": SECRET}}, "token": SECRET, "exec": PLUGIN}
    message = refusal(write(tmp_path, config(user=user)))
    assert message.startswith("FILE: user 'u': auth-provider: none is supported; for ''")


def test_the_name_of_an_auth_provider_of_another_type(tmp_path: Path) -> None:
    path = write(tmp_path, config(user={"auth-provider": {"name": [SECRET]}}))
    assert refusal(path) == "FILE: user 'u': auth-provider: name: expected str, got list"


# A plugin is the last resort


def auth_for(fields: Config) -> KubeAuth:
    user, cluster = Entry("user", Path(), fields), Entry("cluster", Path(), {})
    return auth_of(user, cluster, httpx.URL("https://server"), Tls(insecure=True))


def test_a_plugin_is_not_run_for_a_user_who_has_a_token(tmp_path: Path, fetch: Fetch) -> None:
    """It is not there, and nobody misses it."""
    with serve() as server:
        path = write(tmp_path, config(server.url, user={"exec": PLUGIN, "token": "t"}))
        answer = fetch(KubeConfig.from_file(path)).json()
    assert answer["authorization"] == "Bearer t"


def test_a_plugin_is_checked_even_if_it_is_not_run() -> None:
    with pytest.raises(ConfigError, match=r"^user: exec: command: is not set$"):
        auth_for({"exec": PLUGIN | {"command": ""}, "token": "t"})


@pytest.mark.parametrize("credential", [{}, {"token": SECRET}, {"exec": PLUGIN}], ids=str)
def test_the_repr_shows_no_secret(credential: Config) -> None:
    assert SECRET not in repr(auth_for(credential))
