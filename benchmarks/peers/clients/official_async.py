"""The official client's asynchronous sibling: kubernetes_asyncio."""

from kubernetes_asyncio import client
from kubernetes_asyncio import watch as watching

from benchmarks.peers.clients.generated import api_client, lister, version_of
from benchmarks.peers.kinds import Kind
from benchmarks.peers.peer import Take


class Models:
    """``Watch``, whose objects are models where there are such."""

    version_of = staticmethod(version_of)

    def __init__(self, url: str) -> None:
        self._api = api_client(client, url)

    async def watch(self, kind: Kind, since: str | None, take: Take) -> None:
        """Hand over each object."""
        list_all, args = lister(client, self._api, kind)
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
