"""Kubeconfigs: how a test writes one, what loading it says, and a GET with what was loaded."""

import base64
import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from kwatch._errors import ConfigError
from kwatch._kubeconfig import KubeConfig
from tests.pki import Issued

SECRET = "s3cr3t-value"
WAYS = ("sync", "asyncio", "trio")
Config = dict[str, Any]
Fetch = Callable[..., httpx.Response]


def config(server: Any = "https://127.0.0.1:6443", cluster: Any = (), user: Any = ()) -> Config:
    """A kubeconfig with one context ``a``: cluster ``c``, user ``u``."""
    return {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **dict(cluster)}}],
        "users": [{"name": "u", "user": dict(user)}],
    }


def write(folder: Path, content: Config | str | bytes, name: str = "kubeconfig") -> Path:
    """Write a kubeconfig; JSON is YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    text = content if isinstance(content, (str, bytes)) else json.dumps(content)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def refusal(path: Path, context: str | None = None) -> str:
    """What loading says; one line that starts with the file, without a secret anywhere."""
    with pytest.raises(ConfigError) as caught:
        KubeConfig.from_file(path, context)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return message.replace(str(path), "FILE")


def trusting(folder: Path, server: str, authority: Issued, **cluster: Any) -> KubeConfig:
    """The configuration for a server whose certificate ``authority`` has signed."""
    cluster["certificate-authority-data"] = b64(authority.pem)
    return KubeConfig.from_file(write(folder, config(server, cluster)))


def fetch_by(way: str) -> Fetch:
    """Give what does GET ``path`` by the client of a configuration, in one of the `WAYS`."""

    def get(loaded: KubeConfig, path: str = "/", **options: Any) -> httpx.Response:
        if way == "sync":
            with loaded.client(**options) as client:
                return client.get(path)
        return anyio.run(_async_fetch, loaded, path, options, backend=way)

    return get


async def _async_fetch(loaded: KubeConfig, path: str, options: Config) -> httpx.Response:
    async with loaded.async_client(**options) as client:
        return await client.get(path)
