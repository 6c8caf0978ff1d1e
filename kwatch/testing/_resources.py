"""What the fake API server serves, and which path leads where."""

from collections.abc import Iterable
from dataclasses import dataclass

from kwatch.testing import _columns as columns
from kwatch.testing._columns import Column


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of objects.

    Attributes:
        api_version: ``"v1"``, ``"apps/v1"``.
        kind: ``"Deployment"``.
        plural: The name in paths: ``"deployments"``; ``""``: what Kubernetes guesses from the kind.
        short_name: ``"deploy"``; ``""``: none.
        namespaced: False for a cluster-scoped kind.
        selectable: Field selectors beyond ``metadata.name`` and ``metadata.namespace``.
        categories: Groups of kinds that it belongs to: ``("all",)``.
        columns: What kubectl prints between the name and the age.
        status: Whether it has the subresource ``status``.
        phase: The ``status.phase`` of an object that has come over HTTP; ``""``: none.

    Example:
        >>> Resource("stable.example.com/v1", "CronTab").qualified_name
        'crontabs.stable.example.com'
        >>> [Resource("v1", kind).plural for kind in ("NetworkPolicy", "Ingress", "Endpoints")]
        ['networkpolicies', 'ingresses', 'endpoints']
    """

    api_version: str
    kind: str
    plural: str = ""
    short_name: str = ""
    namespaced: bool = True
    selectable: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    status: bool = True
    phase: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "plural", self.plural or _plural(self.singular))

    @property
    def singular(self) -> str:
        """``"deployment"``."""
        return self.kind.lower()

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
    def qualified_kind(self) -> str:
        """``"Pod"``, ``"Deployment.apps"``."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def custom(self) -> bool:
        """Whether it is a custom resource: built-in groups have no dot, or end in ``.k8s.io``."""
        return "." in self.group and not self.group.endswith(".k8s.io")

    @property
    def counted(self) -> bool:
        """Whether its objects have a ``metadata.generation``.

        All custom resources do, and of the built-in kinds those that a controller works on: they
        have a status. In the core group pods alone do.
        """
        return self.custom or (self.status and bool(self.group or self.kind == "Pod"))

    @property
    def root(self) -> str:
        """Where the group-version lives: ``"/api/v1"``, ``"/apis/apps/v1"``."""
        return f"/{'apis' if self.group else 'api'}/{self.api_version}"

    def is_called(self, name: str) -> bool:
        """Whether ``name`` is a name of this kind, as kubectl would take it."""
        plain, _, group = name.lower().partition(".")
        names = {self.singular, self.plural, self.short_name} - {""}
        return plain in names and group in ("", self.group)


def _plural(singular: str) -> str:
    """The plural that Kubernetes guesses.

    Source: ``UnsafeGuessKindToResource`` in apimachinery's ``pkg/api/meta/restmapper.go``.
    """
    if singular.endswith("endpoints"):
        return singular
    if singular.endswith("y"):
        return f"{singular[:-1]}ies"
    return f"{singular}es" if singular.endswith("s") else f"{singular}s"


_ALL = ("all",)
_SELECT_POD = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.nominatedNodeName",
    "status.phase",
    "status.podIP",
)
_SELECT_EVENT = (
    *(f"involvedObject.{key}" for key in ("apiVersion", "fieldPath", "kind", "name", "namespace")),
    *(f"involvedObject.{key}" for key in ("resourceVersion", "uid")),
    "reason",
    "reportingComponent",
    "type",
)
DEFAULT_RESOURCES = (
    Resource(
        "v1",
        "Pod",
        short_name="po",
        selectable=_SELECT_POD,
        categories=_ALL,
        columns=columns.POD,
        phase="Pending",
    ),
    Resource(
        "v1",
        "Node",
        short_name="no",
        namespaced=False,
        selectable=("spec.unschedulable",),
        columns=columns.NODE,
    ),
    Resource("example.com/v1", "Widget", short_name="wd"),
    Resource(
        "v1",
        "Namespace",
        short_name="ns",
        namespaced=False,
        selectable=("status.phase",),
        columns=columns.PHASE,
        phase="Active",
    ),
    Resource("v1", "ConfigMap", short_name="cm", status=False),
    Resource("v1", "Secret", selectable=("type",), columns=columns.SECRET, status=False),
    Resource(
        "v1",
        "Service",
        short_name="svc",
        selectable=("spec.clusterIP", "spec.type"),
        categories=_ALL,
        columns=columns.SERVICE,
    ),
    Resource(
        "v1",
        "Event",
        short_name="ev",
        selectable=_SELECT_EVENT,
        columns=columns.EVENT,
        status=False,
    ),
    Resource(
        "apps/v1",
        "Deployment",
        short_name="deploy",
        categories=_ALL,
        columns=columns.DEPLOYMENT,
    ),
    Resource(
        "apps/v1",
        "ReplicaSet",
        short_name="rs",
        selectable=("status.replicas",),
        categories=_ALL,
        columns=columns.REPLICA_SET,
    ),
    Resource(
        "apps/v1",
        "StatefulSet",
        short_name="sts",
        categories=_ALL,
        columns=columns.STATEFUL_SET,
    ),
    Resource("apps/v1", "DaemonSet", short_name="ds", categories=_ALL),
    Resource("batch/v1", "Job", categories=_ALL, columns=columns.JOB),
    Resource("batch/v1", "CronJob", short_name="cj", categories=_ALL, columns=columns.CRON_JOB),
    Resource("networking.k8s.io/v1", "Ingress", short_name="ing"),
    Resource("coordination.k8s.io/v1", "Lease", columns=columns.LEASE, status=False),
)
"""What is served where nothing else is said: the kinds that people watch, and ``Widget``."""


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
            case [resource.plural, name, *below] if not resource.namespaced and _ends(
                resource, below
            ):
                return Target(resource, None, name, *below)
            case ["namespaces", namespace, resource.plural] if resource.namespaced:
                return Target(resource, namespace, None)
            case ["namespaces", namespace, resource.plural, name, *below] if (
                resource.namespaced and _ends(resource, below)
            ):
                return Target(resource, namespace, name, *below)
    return None


def _ends(resource: Resource, below: list[str]) -> bool:
    """Whether this, below an object, is the object itself or the one subresource there may be."""
    return not below or (resource.status and below == ["status"])
