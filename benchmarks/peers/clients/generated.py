"""What the two official clients have in common: they are generated from the same description."""

from collections.abc import Callable
from typing import Any

from benchmarks.peers.kinds import Kind

POOL_SIZE = 1_000


def api_client(client: Any, url: str) -> Any:
    """Make an ``ApiClient`` with enough connections, of a library's module ``client``."""
    configuration = client.Configuration(host=url)
    configuration.connection_pool_maxsize = POOL_SIZE
    return client.ApiClient(configuration)


def lister(client: Any, api: Any, kind: Kind) -> tuple[Callable[..., Any], tuple[str, ...]]:
    """Give the function that lists a kind, and its arguments."""
    if kind.kind == "Pod":
        return client.CoreV1Api(api).list_pod_for_all_namespaces, ()
    if kind.kind == "Lease":
        return client.CoordinationV1Api(api).list_lease_for_all_namespaces, ()
    custom = client.CustomObjectsApi(api).list_cluster_custom_object
    return custom, (kind.group, kind.version, kind.plural)


def version_of(obj: Any) -> str:
    """Give the resource version of a model, or of a dict where there is no model."""
    if isinstance(obj, dict):
        return str(obj["metadata"]["resourceVersion"])
    return str(obj.metadata.resource_version)
