"""What the tests share: the servers, the objects of one test, each front end in turn."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from kwatch import ConfigError, KubeConfig

from .fake import fake_server
from .gate import Gate
from .live import Box, Front, Proxy, namespaces, serve_widgets

FRONTS = ("watch", "awatch-asyncio", "awatch-trio")
MANY = 502
SERVERS = ("fake", "real")


def pytest_runtest_setup(item: pytest.Function) -> None:
    """Leave out what takes minutes, unless asked for, and what the server at hand cannot do."""
    if item.get_closest_marker("slow") and "slow" not in item.config.option.markexpr:
        pytest.skip("takes minutes; run it with -m slow")
    server = item.callspec.params.get("kubeconfig") if hasattr(item, "callspec") else None
    if server == "real" and not os.environ.get("KWATCH_E2E_KUBECONFIG"):
        pytest.skip("KWATCH_E2E_KUBECONFIG names no kubeconfig of a real API server")
    if server == "fake" and (marker := item.get_closest_marker("real_only")):
        pytest.skip(marker.args[0])


@pytest.fixture(scope="session", params=SERVERS)
def kubeconfig(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The path of the kubeconfig of a fake server, or of the real one."""
    if request.param == "real":
        yield os.environ["KWATCH_E2E_KUBECONFIG"]
        return
    file = tmp_path_factory.mktemp("fake") / "kubeconfig"
    with fake_server() as server, pytest.MonkeyPatch.context() as patch:
        patch.delenv("KWATCH_E2E_CONTEXT", raising=False)  # it is one of the real server
        file.write_text(server.kubeconfig())
        yield str(file)


@pytest.fixture(scope="session")
def config(kubeconfig: str) -> KubeConfig:
    return KubeConfig.load(kubeconfig, os.environ.get("KWATCH_E2E_CONTEXT"))


@pytest.fixture(scope="session")
def api(config: KubeConfig) -> Iterator[httpx.Client]:
    with config.client(timeout=30.0) as client:
        serve_widgets(client)
        yield client


@pytest.fixture
def box(api: httpx.Client) -> Iterator[Box]:
    box = Box(api)
    yield box
    box.clean_up()


@pytest.fixture
def others(api: httpx.Client) -> Iterator[Box]:
    """Objects that the test does not watch."""
    box = Box(api)
    yield box
    box.clean_up()


@pytest.fixture(scope="session")
def many(api: httpx.Client) -> Iterator[Box]:
    """A box of more objects than a page of a list has."""
    box = Box(api)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(box.create, (f"m-{number:03}" for number in range(MANY))))
    yield box
    box.clean_up()


@pytest.fixture(scope="session")
def two_namespaces(api: httpx.Client) -> Iterator[tuple[str, str]]:
    """Two namespaces besides the default one."""
    names = ("kwatch-e2e-one", "kwatch-e2e-two")
    with namespaces(api, *names):
        yield names


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest, config: KubeConfig) -> Front:
    """Each front end in turn: one test body for all of them."""
    return Front(request.param, config)


@pytest.fixture
def fronts(config: KubeConfig) -> list[Front]:
    """All front ends, for a test that takes so long that they had better do it side by side."""
    return [Front(name, config) for name in FRONTS]


@pytest.fixture
def proxy(config: KubeConfig) -> Iterator[Proxy]:
    if httpx.URL(config.server).host != "127.0.0.1":
        pytest.skip("the proxy is at 127.0.0.1, where the server's certificate need not hold")
    proxy = Proxy(config.server)
    yield proxy
    proxy.close()


@pytest.fixture
def gate(config: KubeConfig, tmp_path: Path) -> Iterator[Gate]:
    """A server whose tokens run out."""
    gate = Gate(config, tmp_path / "ledger")
    yield gate
    gate.close()


def context_or_skip(kubeconfig: str, context: str) -> KubeConfig:
    """Give another context of the kubeconfig, where there is one of this name."""
    try:
        return KubeConfig.load(kubeconfig, context)
    except ConfigError as error:
        pytest.skip(f"no usable context {context!r}: {error}")


@pytest.fixture
def nobody(kubeconfig: str) -> KubeConfig:
    """A context that has no rights."""
    return context_or_skip(kubeconfig, "nobody")


@pytest.fixture
def certificate(kubeconfig: str) -> KubeConfig:
    """A context that has a client certificate and no token."""
    return context_or_skip(kubeconfig, "certificate")
