"""No secret is shown by a ``repr``, a log record or an error, wherever it stands."""

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kwatch
from kwatch import StatusError
from kwatch._errors import ConfigError
from kwatch._kubeconfig import KubeConfig
from tests.https import serve
from tests.kubeconfigs import SECRET, Config, Fetch, b64, config, write
from tests.pki import Pki
from tests.plugins import Plugin, credential
from tests.socks import serve_socks

pytestmark = pytest.mark.usefixtures("nowhere")


def user_of(kind: str, folder: Path, pki: Pki) -> Config:
    """A user with secrets in every place that can have one."""
    pair = {"client-certificate-data": pki.client.pem, "client-key-data": pki.client.key_pem()}
    status = {
        "clientCertificateData": pki.client.pem.decode(),
        "clientKeyData": pki.client.key_pem().decode(),
    }
    plugin = Plugin(folder)
    plugin.prints(credential(SECRET, **status))
    write(folder, SECRET, "token")
    users: dict[str, Config] = {
        "token": {"token": SECRET},
        "tokenFile": {"tokenFile": "token"},
        "password": {"username": "n", "password": SECRET},
        "certificate": {name: b64(content) for name, content in pair.items()},
        "exec": {
            "exec": plugin.entry(
                args=[f"--password={SECRET}"],
                env=[{"name": "A", "value": SECRET}],
                provideClusterInfo=True,
            )
        },
    }
    return users[kind]


KINDS = ("token", "tokenFile", "password", "certificate", "exec")


def assert_no_secret(pki: Pki, *shown: str) -> None:
    key = pki.client.key_pem()
    text = "\n".join(shown)
    lines = [line for line in key.decode().splitlines() if "-----" not in line]
    for secret in (SECRET, b64(key), b64(f"n:{SECRET}".encode()), *lines):
        assert secret not in text


def reprs(root: object) -> Iterator[str]:
    """The ``repr`` of each object of ours and of httpx that can be reached from ``root``."""
    seen: list[object] = []
    waiting = [root]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list | tuple | set):
            waiting += found
        elif isinstance(found, dict):
            waiting += found.values()
        elif _is_ours(found) and not any(found is one for one in seen):
            seen.append(found)
            yield repr(found)
            waiting += _attributes(found)


def _is_ours(found: object) -> bool:
    return type(found).__module__.partition(".")[0] in ("kwatch", "httpx", "httpcore")


def _attributes(found: object) -> list[object]:
    slots = [name for kind in type(found).__mro__ for name in vars(kind).get("__slots__", ())]
    slotted = [getattr(found, name) for name in slots if hasattr(found, name)]
    return [*getattr(found, "__dict__", {}).values(), *slotted]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("code", [200, 401])
def test_no_secret_is_shown_by_repr_or_log(
    tmp_path: Path, pki: Pki, fetch: Fetch, caplog: pytest.LogCaptureFixture, kind: str, code: int
) -> None:
    caplog.set_level(logging.DEBUG)
    with serve() as proxy, serve(pki.server) as server:
        server.answer = lambda headers: code
        cluster = {
            "certificate-authority-data": b64(pki.root.pem),
            "proxy-url": proxy.url.replace("//", f"//n:{SECRET}@"),
        }
        path = write(tmp_path, config(server.url, cluster, user_of(kind, tmp_path, pki)))
        loaded = KubeConfig.from_file(path)
        response = fetch(loaded)
        with loaded.client() as client:
            client.get("/")
            shown = [*reprs(client), *reprs(loaded), *reprs(response)]
    assert response.status_code == code
    assert proxy.logins[0] == f"n:{SECRET}"
    assert any("kwatch._auth.KubeAuth" in text or "KubeAuth(" in text for text in shown)
    assert "send_request_headers" in caplog.text
    assert_no_secret(pki, caplog.text, str(loaded), *shown)


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_is_in_the_error_of_a_watch(tmp_path: Path, pki: Pki, kind: str) -> None:
    cluster = {"certificate-authority-data": b64(pki.root.pem)}
    with serve(pki.server) as server:
        server.answer = lambda headers: 401
        path = write(tmp_path, config(server.url, cluster, user_of(kind, tmp_path, pki)))
        with KubeConfig.from_file(path).client() as client, pytest.raises(StatusError) as caught:
            next(kwatch.watch(client, resource_path="/api/v1/pods"))
    assert_no_secret(pki, "".join(traceback.format_exception(caught.value)), repr(caught.value))


@pytest.mark.parametrize(
    ("output", "code"),
    [
        (SECRET, 0),
        (credential(SECRET), 3),
        (credential(f"{SECRET}\n"), 0),
        (credential(kind=SECRET), 0),
        (credential(SECRET, expirationTimestamp=SECRET), 0),
        (credential(clientCertificateData=SECRET, clientKeyData=SECRET), 0),
        (credential(SECRET) | {"apiVersion": SECRET}, 0),
    ],
    ids=str,
)
def test_no_secret_is_in_the_error_or_the_warning_about_a_plugin(
    tmp_path: Path, pki: Pki, fetch: Fetch, caplog: pytest.LogCaptureFixture, output: Any, code: int
) -> None:
    caplog.set_level(logging.DEBUG)
    plugin = Plugin(tmp_path)
    entry = plugin.entry(args=[SECRET], env=[{"name": "A", "value": SECRET}])
    with serve() as server:
        server.answer = lambda headers: 401
        loaded = KubeConfig.from_file(write(tmp_path, config(server.url, user={"exec": entry})))
        plugin.prints(output, code=code)
        with pytest.raises(ConfigError) as caught:
            fetch(loaded)
        plugin.prints(credential("good"))
        assert fetch(loaded).status_code == 401
        plugin.prints(output, code=code)
        assert fetch(loaded).status_code == 401
    assert [record.levelname for record in caplog.records if record.name == "kwatch._auth"] == [
        "WARNING"
    ]
    assert_no_secret(pki, "".join(traceback.format_exception(caught.value)), caplog.text)


def test_no_login_of_a_socks_proxy_is_logged(
    tmp_path: Path, pki: Pki, fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("socksio")
    caplog.set_level(logging.DEBUG)
    with serve_socks(f"n:{SECRET}") as proxy, serve(pki.server) as server:
        cluster = {
            "certificate-authority-data": b64(pki.root.pem),
            "proxy-url": proxy.url.replace("//", f"//n:{SECRET}@"),
        }
        loaded = KubeConfig.from_file(write(tmp_path, config(server.url, cluster)))
        assert fetch(loaded).status_code == 200
    assert_no_secret(pki, caplog.text)
