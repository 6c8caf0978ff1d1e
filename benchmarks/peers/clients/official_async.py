"""The official client's asynchronous sibling: kubernetes_asyncio."""

from collections.abc import Callable
from typing import Any

from kubernetes_asyncio import client
from kubernetes_asyncio import watch as watching

from benchmarks.peers.kinds import Kind
from benchmarks.peers.peer import Take

POOL_SIZE = 1_000


class Models:
    """``Watch``, whose objects are models where there are such."""

    def __init__(self, url: str) -> None:
        configuration = client.Configuration(host=url)
        configuration.connection_pool_maxsize = POOL_SIZE
        self._api = client.ApiClient(configuration)

    @staticmethod
    def version_of(obj: Any) -> str:
        """Give the resource version of an object."""
        if isinstance(obj, dict):
            return str(obj["metadata"]["resourceVersion"])
        return str(obj.metadata.resource_version)

    def lister(self, kind: Kind) -> tuple[Callable[..., Any], tuple[str, ...]]:
        """Give the function that lists a kind, and its arguments."""
        if kind.kind == "Pod":
            return client.CoreV1Api(self._api).list_pod_for_all_namespaces, ()
        if kind.kind == "Lease":
            return client.CoordinationV1Api(self._api).list_lease_for_all_namespaces, ()
        custom = client.CustomObjectsApi(self._api).list_cluster_custom_object
        return custom, (kind.group, kind.version, kind.plural)

    async def watch(self, kind: Kind, since: str | None, take: Take) -> None:
        """Hand over each object."""
        list_all, args = self.lister(kind)
        if since is None:
            listed = await list_all(*args)
            if any(take(obj) for obj in listed.items):
                return
            since = listed.metadata.resource_version
            del listed
        async with watching.Watch().stream(list_all, *args, resource_version=since) as events:
            async for event in events:
                if take(event["object"]):
                    break
