"""kopf: what its operators watch with, which is no public interface."""

from typing import Any

import kopf
from kopf._cogs.clients import auth, watching
from kopf._cogs.structs import credentials, references

from benchmarks.peers.kinds import Kind
from benchmarks.peers.peer import Take


class Watcher:
    """``infinite_watch``, which always lists before it watches."""

    def __init__(self, url: str) -> None:
        self._vault = credentials.Vault({"": credentials.ConnectionInfo(server=url)})

    @staticmethod
    def version_of(obj: Any) -> str:
        """Give the resource version of an object."""
        return str(obj["metadata"]["resourceVersion"])

    async def watch(self, kind: Kind, since: str | None, take: Take) -> None:  # noqa: ARG002 - it lists
        """Hand over each object."""
        auth.vault_var.set(self._vault)
        resource = references.Resource(kind.group, kind.version, kind.plural, namespaced=True)
        events = watching.infinite_watch(
            settings=kopf.OperatorSettings(), resource=resource, namespace=None
        )
        async for event in events:
            if isinstance(event, dict) and take(event["object"]):
                break
