"""`kwatch._cluster`: which server is meant, and what is said when none can be reached so."""

import socket
from collections.abc import Iterator
from contextlib import aclosing, closing, contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from werkzeug import Request, Response

import kwatch
from kwatch import Event
from kwatch._kubeconfig import KubeConfig
from kwatch.testing import FakeAPIServer
from kwatch.testing._http import KubernetesHTTPServer
from tests.https import serve
from tests.kubeconfigs import SECRET, WAYS, Config, Fetch, b64, config, refusal, trusting, write
from tests.pki import Pki

pytestmark = pytest.mark.usefixtures("nowhere")


# Servers


@pytest.mark.parametrize(
    "server",
    [
        *(None, "", "ftp://host", "https://", "https:///path", "http://[::1", "::1", "https:host"),
        *("https://host:port", "https://ho st\n", f"https://u:{SECRET}@host", "https://\ud800"),
        *(f"https://:{SECRET}@h", f"https://host?token={SECRET}", f"https://host#{SECRET}"),
        *(f"u:{SECRET}@host", f"host?{SECRET}", f"host#{SECRET}", "host:port", "host:1/path", ":1"),
        *("/path", "host/path", " https://host", f"{SECRET}://host"),
    ],
)
def test_a_server_that_is_no_plain_url(tmp_path: Path, server: str | None) -> None:
    message = refusal(write(tmp_path, config(server)))
    expected = "expected http://host or https://host, without user and query"
    assert message == f"FILE: cluster 'c': server: {expected}"


@pytest.mark.parametrize("port", ["0", "-1", "65536", "99999999999"])
@pytest.mark.parametrize("scheme", ["https://", ""])
def test_a_port_that_no_server_can_have(tmp_path: Path, scheme: str, port: str) -> None:
    """On asyncio, a connection to such a port ends with an `ExceptionGroup`."""
    message = refusal(write(tmp_path, config(f"{scheme}127.0.0.1:{port}")))
    assert message.startswith("FILE: cluster 'c': server: expected ")


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("https://host", "https://host"),
        ("HTTPS://host:443", "HTTPS://host:443"),
        ("https://host:6443/", "https://host:6443/"),
        ("https://[fd00::1]:6443/a%2Fb", "https://[fd00::1]:6443/a%2Fb"),
        ("host", "http://host"),
        ("host:8080", "http://host:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_what_is_shown_of_a_server(tmp_path: Path, server: str, expected: str) -> None:
    assert KubeConfig.from_file(write(tmp_path, config(server))).server == expected


def test_without_a_scheme_it_is_http(tmp_path: Path, fetch: Fetch) -> None:
    with serve() as server:
        path = write(tmp_path, config(f"127.0.0.1:{server.server_port}"))
        loaded = KubeConfig.from_file(path)
        assert fetch(loaded).status_code == 200
    assert loaded.server == server.url


def test_without_a_scheme_it_is_http_whatever_is_said_about_certificates(
    tmp_path: Path, pki: Pki
) -> None:
    """As with kubectl."""
    for cluster in (
        {"certificate-authority-data": b64(pki.root.pem)},
        {"insecure-skip-tls-verify": True},
        {"tls-server-name": "api.example"},
    ):
        path = write(tmp_path, config("host:1", cluster))
        assert KubeConfig.from_file(path).server == "http://host:1"


@pytest.mark.parametrize("tls", [True, False])
def test_ipv6(tmp_path: Path, pki: Pki, fetch: Fetch, tls: bool) -> None:
    if not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    with serve(pki.server if tls else None, host="::1") as server:
        assert "://[::1]:" in server.url
        response = fetch(trusting(tmp_path, server.url, pki.root))
    assert response.status_code == 200
    assert ("Host", f"[::1]:{server.server_port}") in map(tuple, response.json()["headers"])


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


# A path in the server's URL, as Rancher has it

PATH = "/k8s/clusters/c-abc"


@contextmanager
def api_below_a_path() -> Iterator[tuple[str, list[str]]]:
    """A fake API server below `PATH`, and nothing elsewhere; with it, what was asked for."""
    asked: list[str] = []

    def respond(request: Request) -> Response:
        if not request.path.startswith(f"{PATH}/"):
            return Response(status=404)
        answer = upstream.get(request.full_path.removeprefix(PATH))
        kind = answer.headers["Content-Type"]
        return Response(answer.content, answer.status_code, content_type=kind)

    with (
        FakeAPIServer(watch_timeout=0.1) as api,
        httpx.Client(base_url=api.url, trust_env=False) as upstream,
        KubernetesHTTPServer(respond, lambda request: asked.append(request.path)) as server,
    ):
        api.create("Widget", "web-1")
        yield server.url_for("").rstrip("/"), asked


def first_event(way: str, loaded: KubeConfig, **options: Any) -> Event:
    """The first event of a watch."""
    if way == "sync":
        with loaded.client() as client, closing(kwatch.watch(client, **options)) as events:
            return next(events)

    async def run() -> Event:
        async with (
            loaded.async_client() as client,
            aclosing(kwatch.awatch(client, **options)) as events,
        ):
            return await anext(events)

    return anyio.run(run, backend=way)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("user", [{}, {"token": "t"}], ids=str)
def test_a_watch_asks_below_the_path_of_the_server_s_url(
    tmp_path: Path, way: str, slash: str, user: Config
) -> None:
    with api_below_a_path() as (url, asked):
        loaded = KubeConfig.from_file(write(tmp_path, config(f"{url}{PATH}{slash}", user=user)))
        event_type, obj = first_event(way, loaded, kind="Widget", send_initial_events=True)
    assert (event_type, obj["metadata"]["name"]) == ("created", "web-1")
    assert f"{PATH}/apis/example.com/v1/widgets" in asked
    assert [path for path in asked if not path.startswith(f"{PATH}/api")] == []
    assert [path for path in asked if "//" in path] == []


# How it is asked

ENCODING = "Accept-Encoding"


@pytest.mark.parametrize(
    ("disable", "headers", "encoding"),
    [
        (True, {}, "identity"),
        (True, {"accept-encoding": "br"}, "br"),
        (True, {"X-Mine": "1"}, "identity"),
        (False, {"accept-encoding": "br"}, "br"),
    ],
)
def test_disable_compression_asks_for_none_unless_a_caller_does(
    tmp_path: Path, fetch: Fetch, disable: bool, headers: dict[str, str], encoding: str
) -> None:
    with serve() as server:
        path = write(tmp_path, config(server.url, {"disable-compression": disable}))
        loaded = KubeConfig.from_file(path)
        sent = httpx.Headers(fetch(loaded, headers=headers).json()["headers"])
    assert loaded.disable_compression is disable
    assert sent.get_list(ENCODING) == [encoding]


@pytest.mark.parametrize("cluster", [{}, {"disable-compression": False}], ids=str)
def test_compression_is_asked_for_where_the_cluster_says_nothing_against_it(
    tmp_path: Path, fetch: Fetch, cluster: Config
) -> None:
    with serve() as server:
        loaded = KubeConfig.from_file(write(tmp_path, config(server.url, cluster)))
        sent = httpx.Headers(fetch(loaded).json()["headers"])
    assert "gzip" in sent[ENCODING]


# Proxies that are none


@pytest.mark.parametrize(
    "address",
    [
        *("proxy:3128", "proxy", "://", "http://", "https://", "socks5://", "http://:3128", "/"),
        *(f"ftp://u:{SECRET}@proxy", f"http://u:{SECRET}@proxy:port", f"u:{SECRET}@proxy:3128"),
        *(
            f"socks4://u:{SECRET}@proxy",
            f"http://{SECRET}\ud800",
            f"{SECRET}://proxy",
            " http://p",
        ),
    ],
)
def test_a_proxy_url_that_is_none_is_refused_and_not_quoted(tmp_path: Path, address: str) -> None:
    message = refusal(write(tmp_path, config(cluster={"proxy-url": address})))
    expected = "expected http://host, https://host or socks5://host"
    assert message == f"FILE: cluster 'c': proxy-url: {expected}"


@pytest.mark.parametrize("port", ["0", "-1", "65536"])
@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_a_port_that_no_proxy_can_have(tmp_path: Path, scheme: str, port: str) -> None:
    address = f"{scheme}://u:{SECRET}@127.0.0.1:{port}"
    message = refusal(write(tmp_path, config(cluster={"proxy-url": address})))
    assert message.startswith("FILE: cluster 'c': proxy-url: expected ")


@pytest.mark.parametrize("address", ["http://p", "https://p:1", "socks5://p", "HTTP://p"])
def test_the_proxy_is_shown_without_its_password(tmp_path: Path, address: str) -> None:
    pytest.importorskip("socksio")
    address = address.replace("//", f"//u:{SECRET}@")
    loaded = KubeConfig.from_file(write(tmp_path, config(cluster={"proxy-url": address})))
    assert loaded.proxy is not None
    assert loaded.proxy.auth == ("u", SECRET)
    assert loaded.proxy.url.host == "p"
    assert SECRET not in repr(loaded)


@pytest.mark.parametrize("cluster", [{}, {"proxy-url": None}, {"proxy-url": ""}], ids=str)
def test_no_proxy_url_is_no_proxy(tmp_path: Path, cluster: Config) -> None:
    assert KubeConfig.from_file(write(tmp_path, config(cluster=cluster))).proxy is None
