"""`kwatch._transport`: dead peers, any number of connections, proxies."""

import gc
import logging
import socket
import ssl
import threading
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import httpx
import pytest

from kwatch import _transport
from kwatch._errors import ConfigError
from kwatch._kubeconfig import KubeConfig
from kwatch._transport import environment_proxy
from tests.https import Server, serve
from tests.kubeconfigs import SECRET, Config, Fetch, b64, config, refusal, trusting, write
from tests.pki import Issued, Pki
from tests.socks import Socks, serve_socks

pytestmark = pytest.mark.usefixtures("nowhere")


def _keepalive(response: httpx.Response) -> list[int]:
    """The socket options, as the kernel has them."""
    connected = response.extensions["network_stream"].get_extra_info("socket")
    tcp = [
        connected.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
        for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
        if hasattr(socket, name)
    ]
    return [connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), *tcp]


KEEPALIVE = [1] + [
    value
    for name, value in [("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)]
    if hasattr(socket, name)
]


@pytest.mark.parametrize("tls", [False, True])
def test_the_kernel_looks_for_dead_peers(tmp_path: Path, pki: Pki, tls: bool) -> None:
    with serve(pki.server if tls else None) as server:
        loaded = trusting(tmp_path, server.url, pki.root)
        with loaded.client() as client, client.stream("GET", "/") as response:
            assert _keepalive(response) == KEEPALIVE


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_kernel_looks_for_dead_peers_of_an_async_client(
    tmp_path: Path, pki: Pki, tls: bool, backend: str
) -> None:
    async def options_of(loaded: KubeConfig) -> list[int]:
        async with loaded.async_client() as client, client.stream("GET", "/") as response:
            return _keepalive(response)

    with serve(pki.server if tls else None) as server:
        loaded = trusting(tmp_path, server.url, pki.root)
        assert anyio.run(options_of, loaded, backend=backend) == KEEPALIVE


def test_s70_150_watches_on_one_client() -> None:
    with serve() as server, KubeConfig(server.url).client() as client, ExitStack() as stack:
        for _ in range(150):
            response = stack.enter_context(client.stream("GET", "/stream"))
            assert next(response.iter_raw()) == b"x"
        assert client.get("/").status_code == 200


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_s70_150_watches_on_one_async_client(backend: str) -> None:
    chunks: list[bytes] = []

    async def watch(client: httpx.AsyncClient, server: Server) -> None:
        async with client.stream("GET", "/stream") as response:
            async for chunk in response.aiter_raw():
                chunks.append(chunk)
                if len(chunks) == 150:
                    server.stopping.set()

    async def watch_all(server: Server) -> None:
        loaded = KubeConfig(server.url)
        async with loaded.async_client() as client, anyio.create_task_group() as tasks:
            for _ in range(150):
                tasks.start_soon(watch, client, server)

    with serve() as server:
        anyio.run(watch_all, server, backend=backend)
    assert chunks == [b"x"] * 150


def test_connections_are_used_again_however_many_there_are() -> None:
    """With a bound on idle ones, httpcore closes each after use once there are more than that."""
    with serve() as server, KubeConfig(server.url).client() as client, ExitStack() as stack:
        for _ in range(25):
            stack.enter_context(client.stream("GET", "/stream"))
        ports = set()
        for _ in range(3):
            with client.stream("GET", "/") as response:
                response.read()
                stream = response.extensions["network_stream"]
                ports.add(stream.get_extra_info("client_addr"))
        assert len(ports) == 1


# Proxies of the environment


@pytest.mark.parametrize("name", ["api.example", "elsewhere.example"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_the_environment_s_proxy_is_used_and_the_server_verified_through_it(
    tmp_path: Path,
    pki: Pki,
    fetch: Fetch,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    scheme: str,
) -> None:
    with serve() as proxy, serve(pki.named) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}127.0.0.1:{proxy.server_port}")
        address = f"{name}:{server.server_port}"
        server_name = {"tls-server-name": "api.example"} if name != "api.example" else {}
        loaded = trusting(tmp_path, f"https://{address}", pki.root, **server_name)
        assert fetch(loaded).status_code == 200
        assert proxy.tunnels == [address]
        assert server.names == ["api.example"]


def test_a_proxy_option_wins_over_the_environment(
    tmp_path: Path, pki: Pki, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with serve() as proxy, serve(pki.named) as server:
        loaded = trusting(tmp_path, f"https://api.example:{server.server_port}", pki.root)
        assert fetch(loaded, proxy=proxy.url).status_code == 200


def test_no_proxy_is_asked_for_this_machine(
    tmp_path: Path, pki: Pki, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with serve(pki.server) as server:
        assert fetch(trusting(tmp_path, server.url, pki.root)).status_code == 200


@pytest.mark.parametrize(
    ("server", "no_proxy", "proxied"),
    [
        ("https://api.example", "", True),
        ("https://api.example", "other.example,xapi.example", True),
        ("https://api.example", "api.example", False),
        ("https://api.example", "other, EXAMPLE", False),
        ("https://api.example", ".example", False),
        ("https://api.example", "*.example", False),
        ("https://xample", "ample", True),
        ("https://api.example", "*", False),
        ("https://api.example", ",,", True),
        ("https://10.1.2.3:6443", "10.0.0.0/8", False),
        ("https://11.1.2.3:6443", "10.0.0.0/8", True),
        ("https://10.1.2.3", "10.1.2.3", False),
        ("https://[fd00::1]", "fd00::/8", False),
        ("https://[fd00::1]", "10.0.0.0/8", True),
        ("https://api.example:6443", "api.example:6443", False),
        ("https://api.example:6443", "api.example:443", True),
        ("https://api.example", "api.example:443", False),
        ("https://10.1.2.3:6443", "10.1.2.3:6443", False),
        ("https://[fd00::1]:6443", "[fd00::1]:6443", False),
        ("https://example", ".example", True),
        ("https://example", "*.example", True),
        ("https://example", "example", False),
        ("https://localhost", "", False),
        ("https://127.0.0.1", "", False),
        ("https://[::1]:6443", "", False),
        ("http://api.example", "", False),
    ],
)
def test_no_proxy_names_hosts_and_networks(
    monkeypatch: pytest.MonkeyPatch, server: str, no_proxy: str, proxied: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (environment_proxy(httpx.URL(server)) is not None) is proxied


def test_the_environment_can_be_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://")
    KubeConfig("https://api.example").client(trust_env=False).close()


@pytest.mark.parametrize("address", [f"gopher://u:{SECRET}@proxy", f"http://u:{SECRET}@proxy:port"])
def test_a_proxy_that_is_none_is_a_config_error(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)
    with pytest.raises(
        ConfigError, match=r"^\$HTTPS_PROXY: expected http://host, https://host or socks5://host$"
    ) as caught:
        KubeConfig("https://api.example").client()
    assert SECRET not in "".join(traceback.format_exception(caught.value))


# Proxies of the cluster

LOGIN = f"jürgen:{SECRET}/@:é"
needs_socks = pytest.mark.skipif(find_spec("socksio") is None, reason="socksio is not installed")
every_scheme = pytest.mark.parametrize(
    "scheme", ["http", "https", pytest.param("socks5", marks=needs_socks)]
)


@contextmanager
def a_proxy(scheme: str, identity: Issued, login: str = "") -> Iterator[Server | Socks]:
    """A real proxy on a loopback socket, in whose network every name is 127.0.0.1."""
    if scheme == "socks5":
        with serve_socks(login) as socks:
            yield socks
    else:
        with serve(identity if scheme == "https" else None) as proxy:
            yield proxy


def through(
    folder: Path, proxy: str, server: str, authority: Issued, user: Any = (), **cluster: Any
) -> KubeConfig:
    """The configuration for a server that is reached through a proxy."""
    cluster |= {"proxy-url": proxy, "certificate-authority-data": b64(authority.pem)}
    return KubeConfig.from_file(write(folder, config(server, cluster, user)))


@every_scheme
@pytest.mark.parametrize("user", [{"token": "t"}, {"tokenFile": "token"}], ids=str)
def test_the_server_is_reached_through_its_cluster_s_proxy_and_verified(
    tmp_path: Path, pki: Pki, fetch: Fetch, scheme: str, user: Config
) -> None:
    """It is the proxy that knows where ``api.example`` is, and nothing tells it the token."""
    write(tmp_path, "t", "token")
    with a_proxy(scheme, pki.server) as proxy, serve(pki.named) as server:
        address = f"api.example:{server.server_port}"
        loaded = through(tmp_path, proxy.url, f"https://{address}", pki.root, user)
        assert fetch(loaded).json()["authorization"] == "Bearer t"
        assert proxy.tunnels == [address]
        assert server.names == ["api.example"]
        assert proxy.logins == []


@every_scheme
def test_a_server_of_another_authority_is_refused_through_a_proxy(
    tmp_path: Path, pki: Pki, fetch: Fetch, scheme: str
) -> None:
    stranger = pki.issue("stranger", pki.other_root, names=["api.example"])
    with a_proxy(scheme, pki.server) as proxy, serve(stranger) as server:
        address = f"https://api.example:{server.server_port}"
        loaded = through(tmp_path, proxy.url, address, pki.root)
        with pytest.raises(httpx.ConnectError) as caught:
            fetch(loaded)
        assert "CERTIFICATE_VERIFY_FAILED" in reason_of(caught.value)
        assert len(proxy.tunnels) == 1


@every_scheme
def test_a_client_certificate_is_for_the_server_behind_the_proxy(
    tmp_path: Path, pki: Pki, fetch: Fetch, scheme: str
) -> None:
    user = {
        "client-certificate-data": b64(pki.client.pem),
        "client-key-data": b64(pki.client.key_pem()),
    }
    with a_proxy(scheme, pki.server) as proxy, serve(pki.named, pki.root) as server:
        address = f"https://api.example:{server.server_port}"
        response = fetch(through(tmp_path, proxy.url, address, pki.root, user))
    assert response.json()["client"] == {"commonName": "client"}


@every_scheme
def test_the_cluster_s_proxy_wins_over_the_environment_for_this_machine_too(
    tmp_path: Path, pki: Pki, fetch: Fetch, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "*")
    with a_proxy(scheme, pki.server) as proxy, serve(pki.server) as server:
        loaded = through(tmp_path, proxy.url, server.url, pki.root)
        assert fetch(loaded).status_code == 200
        assert proxy.tunnels == [f"127.0.0.1:{server.server_port}"]


def test_a_proxy_option_wins_over_the_cluster_s(tmp_path: Path, pki: Pki, fetch: Fetch) -> None:
    with serve() as proxy, serve(pki.named) as server:
        address = f"https://api.example:{server.server_port}"
        loaded = through(tmp_path, "http://127.0.0.1:1", address, pki.root)
        assert fetch(loaded, proxy=proxy.url).status_code == 200
        assert len(proxy.tunnels) == 1


@every_scheme
def test_a_name_and_a_password_are_shown_to_the_proxy_and_to_nobody_else(
    tmp_path: Path,
    pki: Pki,
    fetch: Fetch,
    caplog: pytest.LogCaptureFixture,
    scheme: str,
) -> None:
    caplog.set_level(logging.INFO)  # httpcore shows them at DEBUG
    with a_proxy(scheme, pki.server, LOGIN) as proxy, serve(pki.named) as server:
        loaded = through(
            tmp_path, with_login(proxy.url), f"https://api.example:{server.server_port}", pki.root
        )
        response = fetch(loaded)
        assert proxy.logins == [LOGIN]
    assert "Proxy-Authorization" not in dict(response.json()["headers"])
    assert SECRET not in f"{loaded!r} {loaded.proxy!r} {response!r} {response.request!r}"
    assert SECRET not in caplog.text


def with_login(url: str) -> str:
    name, _, password = LOGIN.partition(":")
    return url.replace("//", f"//{quote(name)}:{quote(password, safe='')}@")


@needs_socks
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_login_that_a_socks_proxy_refuses_is_not_repeated_in_the_error(
    tmp_path: Path, pki: Pki, fetch: Fetch
) -> None:
    with serve_socks("other:login") as proxy:
        loaded = through(tmp_path, with_login(proxy.url), "https://api.example", pki.root)
        with pytest.raises(httpx.ProxyError) as caught:
            fetch(loaded)
        assert proxy.logins == [LOGIN]
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    del caught
    gc.collect()  # httpcore 1.0 leaves the connection to it


@every_scheme
def test_a_proxy_that_is_not_there_is_a_connect_error_without_the_login(
    tmp_path: Path, pki: Pki, fetch: Fetch, scheme: str
) -> None:
    proxy = with_login(f"{scheme}://127.0.0.1:1")
    loaded = through(tmp_path, proxy, "https://api.example", pki.root)
    with pytest.raises(httpx.ConnectError) as caught:
        fetch(loaded)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "scheme", ["http", "https"]
)  # not socks5: httpcore 1.0 has no timeout there
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_proxy_that_accepts_and_never_answers_is_a_timeout(
    tmp_path: Path, pki: Pki, fetch: Fetch, scheme: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        rescue = threading.Timer(1.0, silent.close)
        rescue.start()
        proxy = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        loaded = through(tmp_path, proxy, "https://api.example", pki.root)
        with pytest.raises(httpx.TransportError) as caught:
            fetch(loaded, timeout=0.1)
        rescue.cancel()
        rescue.join()
    kind = caught.type
    del caught
    gc.collect()  # httpcore 1.0 leaves the connection to it
    assert issubclass(kind, httpx.TimeoutException)


# How an https proxy is verified


def reason_of(error: BaseException | None) -> str:
    """What OpenSSL says; with trio the outer error has no message."""
    while error and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return str(error)


def test_an_https_proxy_of_another_authority_is_refused(
    tmp_path: Path, pki: Pki, fetch: Fetch
) -> None:
    stranger = pki.issue("stranger", pki.other_root, names=["127.0.0.1"])
    with serve(stranger) as proxy:
        loaded = through(tmp_path, with_login(proxy.url), "https://api.example", pki.root)
        with pytest.raises(httpx.ConnectError) as caught:
            fetch(loaded)
        assert "CERTIFICATE_VERIFY_FAILED" in reason_of(caught.value)
        assert (proxy.tunnels, proxy.logins) == ([], [])


def test_an_https_proxy_with_the_certificate_of_another_host_is_refused(
    tmp_path: Path, pki: Pki, fetch: Fetch
) -> None:
    """The name that the server is to have is no name for the proxy."""
    with serve(pki.named) as proxy:
        name = {"tls-server-name": "api.example"}
        loaded = through(tmp_path, proxy.url, "https://api.example", pki.root, **name)
        with pytest.raises(httpx.ConnectError) as caught:
            fetch(loaded)
        assert "IP address mismatch" in reason_of(caught.value)
        assert proxy.tunnels == []


def test_an_https_proxy_may_be_of_the_system_s_authorities_and_the_server_may_not(
    tmp_path: Path, pki: Pki, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pki.other_root.path))
    known = pki.issue("known", pki.other_root, names=["127.0.0.1", "api.example"])
    with serve(known) as proxy, serve(pki.named) as server, serve(known) as other:
        address = f"https://api.example:{server.server_port}"
        assert fetch(through(tmp_path, proxy.url, address, pki.root)).status_code == 200
        address = f"https://api.example:{other.server_port}"
        with pytest.raises(httpx.ConnectError) as caught:
            fetch(through(tmp_path, proxy.url, address, pki.root))
        assert "CERTIFICATE_VERIFY_FAILED" in reason_of(caught.value)


def test_the_tls_server_name_is_the_server_s_behind_an_https_proxy(
    tmp_path: Path, pki: Pki, fetch: Fetch
) -> None:
    with serve(pki.server) as proxy, serve(pki.named) as server:
        address = f"https://elsewhere.example:{server.server_port}"
        name = {"tls-server-name": "api.example"}
        assert fetch(through(tmp_path, proxy.url, address, pki.root, **name)).status_code == 200
        assert server.names == ["api.example"]
        assert proxy.names == [None]


def test_verification_is_skipped_for_the_https_proxy_too(
    tmp_path: Path, pki: Pki, fetch: Fetch
) -> None:
    with serve(pki.named) as proxy, serve(pki.named) as server:
        cluster = {"proxy-url": proxy.url, "insecure-skip-tls-verify": True}
        path = write(tmp_path, config(f"https://127.0.0.1:{server.server_port}", cluster))
        assert fetch(KubeConfig.from_file(path)).status_code == 200
        assert len(proxy.tunnels) == 1


# SOCKS without what it takes


def test_socks_without_what_it_takes_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(_transport, "find_spec", asked.append)
    path = write(tmp_path, config(cluster={"proxy-url": f"socks5://u:{SECRET}@proxy"}))
    install = "socks5 needs: pip install 'kwatch-stream[socks]'"
    assert refusal(path) == f"FILE: cluster 'c': proxy-url: {install}"
    monkeypatch.setenv("HTTPS_PROXY", f"socks5://u:{SECRET}@proxy")
    with pytest.raises(ConfigError, match=r"^\$HTTPS_PROXY: socks5 needs: pip install"):
        KubeConfig("https://api.example").client()
    assert asked == ["socksio", "socksio"]


def test_other_proxies_do_not_need_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_transport, "find_spec", lambda name: None)
    path = write(tmp_path, config(cluster={"proxy-url": "https://proxy"}))
    KubeConfig.from_file(path).client().close()
