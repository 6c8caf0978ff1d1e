"""What the fake API server serves, and how its discovery describes it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of objects.

    Attributes:
        api_version: ``"v1"``, ``"apps/v1"``.
        kind: ``"Deployment"``.
        plural: The name in paths: ``"deployments"``.
        short_name: ``"deploy"``; ``""``: none.
        namespaced: False for a cluster-scoped kind.
        selectable: Field selectors beyond ``metadata.name`` and ``metadata.namespace``.
    """

    api_version: str
    kind: str
    plural: str
    short_name: str = ""
    namespaced: bool = True
    selectable: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The API group; ``""`` is the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """The version within the group."""
        return self.api_version.rpartition("/")[2]

    @property
    def qualified_name(self) -> str:
        """``"pods"``, ``"deployments.apps"``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def custom(self) -> bool:
        """Whether it is a custom resource: built-in groups have no dot, or end in ``.k8s.io``."""
        return "." in self.group and not self.group.endswith(".k8s.io")

    @property
    def root(self) -> str:
        """Where the group-version lives: ``"/api/v1"``, ``"/apis/apps/v1"``."""
        return f"/{'apis' if self.group else 'api'}/{self.api_version}"

    def is_called(self, name: str) -> bool:
        """Whether ``name`` is a name of this kind, as kubectl would take it."""
        names = {self.kind.lower(), self.plural, self.short_name, self.qualified_name}
        return bool(name) and name.lower() in names


DEFAULT_RESOURCES = (
    Resource("v1", "Pod", "pods", "po", selectable=("spec.nodeName", "status.phase")),
    Resource("v1", "Node", "nodes", "no", namespaced=False),
    Resource("example.com/v1", "Widget", "widgets", "wd"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names: a collection, or with a name one object of it, or its ``status``."""

    resource: Resource
    namespace: str | None
    name: str | None
    subresource: str | None = None


def target(resources: Iterable[Resource], path: str) -> Target | None:
    """What ``path`` names; None: nothing."""
    for resource in resources:
        rest = path.removeprefix(f"{resource.root}/")
        match rest.split("/") if rest != path else []:
            case [resource.plural]:
                return Target(resource, None, None)
            case [resource.plural, name, *below] if not resource.namespaced and _status(below):
                return Target(resource, None, name, *below)
            case ["namespaces", namespace, resource.plural] if resource.namespaced:
                return Target(resource, namespace, None)
            case ["namespaces", namespace, resource.plural, name, *below] if (
                resource.namespaced and _status(below)
            ):
                return Target(resource, namespace, name, *below)
    return None


def _status(below: list[str]) -> bool:
    """Whether this, below an object, is the object itself or the one subresource there is."""
    return below in ([], ["status"])


def discovery(resources: Iterable[Resource]) -> dict[str, dict[str, Any]]:
    """The plain discovery documents by path."""
    groups = dict(_by_group(resources))
    core = list(groups.pop("", {}))
    listed = [_api_group(name, list(versions)) for name, versions in groups.items()]
    documents: dict[str, dict[str, Any]] = {
        "/api": {"kind": "APIVersions", "versions": core},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed},
    }
    for group in listed:
        documents[f"/apis/{group['name']}"] = {"kind": "APIGroup", "apiVersion": "v1", **group}
    for _, versions in _by_group(resources):
        for members in versions.values():
            documents[members[0].root] = {
                "kind": "APIResourceList",
                "groupVersion": members[0].api_version,
                "resources": [_api_resource(resource) for resource in members],
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


def _api_resource(resource: Resource) -> dict[str, Any]:
    return {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": VERBS,
        **_short_names(resource),
    }


def _discovered(resource: Resource) -> dict[str, Any]:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    return {
        "resource": resource.plural,
        "responseKind": kind,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.kind.lower(),
        "verbs": VERBS,
        **_short_names(resource),
    }


def _short_names(resource: Resource) -> dict[str, list[str]]:
    return {"shortNames": [resource.short_name]} if resource.short_name else {}
