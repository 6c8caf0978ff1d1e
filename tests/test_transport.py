"""`kwatch._transport`: dead peers, any number of connections, proxies."""

import socket
import traceback
from contextlib import ExitStack
from pathlib import Path

import anyio
import httpx
import pytest

from kwatch._errors import ConfigError
from kwatch._kubeconfig import KubeConfig
from kwatch._transport import environment_proxy
from tests.https import Server, serve
from tests.kubeconfigs import SECRET, Fetch, trusting
from tests.pki import Pki

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


# Proxies


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
