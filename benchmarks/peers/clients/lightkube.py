"""lightkube."""

from typing import Any

import httpx2
from lightkube import ALL_NS, AsyncClient, Client, KubeConfig
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.coordination_v1 import Lease
from lightkube.resources.core_v1 import Pod

from benchmarks.peers.kinds import Kind
from benchmarks.peers.peer import Take

LIMITS = httpx2.Limits(max_connections=None)
"""Without them, it has 100 connections; it takes them as a part of a transport."""


class Sync:
    """``watch``, whose objects are models where there are such; what exists is listed before."""

    def __init__(self, url: str) -> None:
        transport = httpx2.HTTPTransport(limits=LIMITS)
        self._client = Client(config=_config(url), trust_env=False, transport=transport)

    @staticmethod
    def version_of(obj: Any) -> str:
        """Give the resource version of an object."""
        return str(obj.metadata.resourceVersion)

    def watch(self, kind: Kind, since: str | None, take: Take) -> None:
        """Hand over each object."""
        resource = _resource(kind)
        if since is None:
            listed = self._client.list(resource, namespace=ALL_NS)
            if any(take(obj) for obj in listed):
                return
            since = listed.resourceVersion
        for _, obj in self._client.watch(resource, namespace=ALL_NS, resource_version=since):
            if take(obj):
                break


class Async:
    """The same, asynchronously."""

    version_of = staticmethod(Sync.version_of)

    def __init__(self, url: str) -> None:
        transport = httpx2.AsyncHTTPTransport(limits=LIMITS)
        self._client = AsyncClient(config=_config(url), trust_env=False, transport=transport)

    async def watch(self, kind: Kind, since: str | None, take: Take) -> None:
        """Hand over each object."""
        resource = _resource(kind)
        if since is None:
            listed = self._client.list(resource, namespace=ALL_NS)
            if any([take(obj) async for obj in listed]):
                return
            since = listed.resourceVersion
        async for _, obj in self._client.watch(resource, namespace=ALL_NS, resource_version=since):
            if take(obj):
                break


def _config(url: str) -> KubeConfig:
    """Give a kubeconfig: its own ``from_server`` makes one that its client refuses."""
    parts = {
        "clusters": [{"name": "here", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": {"token": "none"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    }
    return KubeConfig.from_dict(parts | {"current-context": "here"})


def _resource(kind: Kind) -> Any:
    if kind.kind in ("Pod", "Lease"):
        return Pod if kind.kind == "Pod" else Lease
    return create_namespaced_resource(kind.group, kind.version, kind.kind, kind.plural)
