"""How discovery describes what there is, in its plain and in its aggregated form."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

from kwatch.testing._resources import Resource

VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
CUSTOM_VERBS = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
STATUS_VERBS = ["get", "patch", "update"]


def discovery(resources: Iterable[Resource]) -> dict[str, dict[str, Any]]:
    """The plain discovery documents by path."""
    groups = dict(_by_group(resources))
    core = list(groups.pop("", {}))
    listed = [_api_group(name, list(versions)) for name, versions in groups.items()]
    documents: dict[str, dict[str, Any]] = {
        "/api": {"kind": "APIVersions", "versions": core, "serverAddressByClientCIDRs": []},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed},
    }
    for group in listed:
        documents[f"/apis/{group['name']}"] = {"kind": "APIGroup", "apiVersion": "v1", **group}
    for _, versions in _by_group(resources):
        for members in versions.values():
            documents[members[0].root] = {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": members[0].api_version,
                "resources": [entry for resource in members for entry in _api_resources(resource)],
            }
    return documents


def aggregated_discovery(resources: Iterable[Resource]) -> dict[str, dict[str, Any]]:
    """The aggregated documents (``apidiscovery.k8s.io/v2``) of ``/api`` and ``/apis``."""
    items: dict[str, list[dict[str, Any]]] = {"/api": [], "/apis": []}
    for name, versions in _by_group(resources):
        described = [
            {
                "version": version,
                "resources": [_discovered(resource) for resource in members],
                "freshness": "Current",
            }
            for version, members in versions.items()
        ]
        metadata = {"name": name} if name else {}
        items["/apis" if name else "/api"].append({"metadata": metadata, "versions": described})
    head = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}}
    return {path: head | {"items": groups} for path, groups in items.items()}


def _by_group(
    resources: Iterable[Resource],
) -> Iterator[tuple[str, dict[str, list[Resource]]]]:
    """Each group's name, and its resources by version, the preferred (first declared) first."""
    for name, members in groupby(sorted(resources, key=attrgetter("group")), attrgetter("group")):
        versions: dict[str, list[Resource]] = {}
        for resource in members:
            versions.setdefault(resource.version, []).append(resource)
        yield name, versions


def _api_group(name: str, versions: list[str]) -> dict[str, Any]:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def _api_resources(resource: Resource) -> Iterator[dict[str, Any]]:
    """The entry of a resource, and that of its status, if it has one."""
    common = {"namespaced": resource.namespaced, "kind": resource.kind}
    yield {
        "name": resource.plural,
        "singularName": resource.singular,
        **common,
        "verbs": CUSTOM_VERBS if resource.custom else VERBS,
        **_other_names(resource),
    }
    if resource.status:
        name = f"{resource.plural}/status"
        yield {"name": name, "singularName": "", **common, "verbs": STATUS_VERBS}


def _discovered(resource: Resource) -> dict[str, Any]:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    described: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": kind,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": CUSTOM_VERBS if resource.custom else VERBS,
        **_other_names(resource),
    }
    if resource.status:
        status = {"subresource": "status", "responseKind": kind, "verbs": STATUS_VERBS}
        described["subresources"] = [status]
    return described


def _other_names(resource: Resource) -> dict[str, list[str]]:
    names = {
        "shortNames": [resource.short_name] if resource.short_name else [],
        "categories": list(resource.categories),
    }
    return {key: given for key, given in names.items() if given}
