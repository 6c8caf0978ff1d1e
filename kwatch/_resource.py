"""What a watch is of: a `Resource` that a server has, and the `KindName` that asks for one."""

import re
from dataclasses import dataclass

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_GROUP = rf"{_LABEL}(?:\.{_LABEL})*"
_VERSION = r"v[0-9]+(?:(?:alpha|beta)[0-9]+)?"
_KIND = re.compile(rf"({_LABEL})(?:\.({_VERSION}))?(?:\.({_GROUP})?)?")

NAME = re.compile(_LABEL)
"""The plural name of a resource, or a namespace."""

IN_NAMESPACE = "/namespaces/{namespace}"
"""The part of a path that is left out where all namespaces are meant."""

API_VERSION = re.compile(rf"(?:{_GROUP}/)?{_LABEL}")
"""A group version: ``v1``, ``apps/v1``."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What the server serves under one plural name of one group version.

    ``verbs`` is empty where it is not known; ``singular`` is ``""`` where there is none.

    Example:
        >>> from kwatch._resource import Resource
        >>> Resource("apps/v1", "deployments", "Deployment", namespaced=True).path("shop")
        '/apis/apps/v1/namespaces/shop/deployments'
    """

    api_version: str
    plural: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...] = ()
    short_names: tuple[str, ...] = ()
    singular: str = ""

    @property
    def group(self) -> str:
        """The API group, ``""`` for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def full_name(self) -> str:
        """The name that no other resource has: ``"pods"``, ``"deployments.apps"``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def pattern(self) -> str:
        """The path of its objects, in which ``{namespace}`` stands for theirs, if they have one."""
        within = IN_NAMESPACE if self.namespaced else ""
        return f"{version_path(self.api_version)}{within}/{self.plural}"

    def path(self, namespace: str | None = None) -> str:
        """Give the path of its objects: those in one namespace, or (None) all.

        Raises:
            ValueError: It is cluster-scoped and a namespace was given, or that is no namespace.
        """
        if namespace is None:
            return self.pattern.replace(IN_NAMESPACE, "")
        if not self.namespaced:
            raise ValueError(f"{self.kind} is cluster-scoped, but got namespace {namespace!r}")
        check_namespace(namespace)
        return self.pattern.replace("{namespace}", namespace)


@dataclass(frozen=True, slots=True)
class KindName:
    """What `parse_kind` made of its arguments.

    ``name`` is a kind, plural, singular or short name in lower case; ``group`` is None for any
    group, ``""`` for the core group; ``version`` is ``""`` for any.
    """

    text: str
    name: str
    group: str | None = None
    version: str = ""
    api_version: str | None = None

    def admits(self, api_version: str) -> bool:
        """Tell whether a resource of this group version can be meant."""
        group, _, version = api_version.rpartition("/")
        return self.group in (None, group) and self.version in ("", version)


def parse_kind(kind: str, api_version: str | None = None) -> KindName:
    """Check what is asked for, without asking it.

    Args:
        kind: As kubectl takes it, in any case: ``Pod``, ``pods``, ``po``, ``deployments.apps``,
            ``deployments.v1.apps``.
        api_version: ``"v1"``, ``"apps/v1"``; None for whichever has the kind.

    Raises:
        TypeError: One of them is no string.
        ValueError: One of them is malformed, or they contradict each other.

    Example:
        >>> from kwatch._resource import parse_kind
        >>> parse_kind("Deployment.apps").group
        'apps'
        >>> parse_kind("pods/log")
        Traceback (most recent call last):
        ValueError: expected a kind such as 'Pod', 'pods' or 'deployments.apps', got 'pods/log'
    """
    for name, value in (
        ("kind", kind),
        ("api_version", "" if api_version is None else api_version),
    ):
        if not isinstance(value, str):
            raise TypeError(f"expected {name} as a str, got {value!r}")
    parts = _KIND.fullmatch(kind.lower())
    if parts is None:
        example = "a kind such as 'Pod', 'pods' or 'deployments.apps'"
        raise ValueError(f"expected {example}, got {kind!r}")
    if api_version is not None and not API_VERSION.fullmatch(api_version):
        raise ValueError(f"expected an api_version such as 'v1' or 'apps/v1', got {api_version!r}")
    group = (parts[3] or "") if "." in kind else None
    wanted = KindName(kind, parts[1], group, parts[2] or "", api_version)
    if api_version is not None and not wanted.admits(api_version):
        raise ValueError(f"kind {kind!r} contradicts api_version {api_version!r}")
    return wanted


def version_path(api_version: str) -> str:
    """Give the path under which a group version is served."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def check_namespace(namespace: str) -> None:
    """See that it can be one: a DNS label.

    Raises:
        TypeError: It is no string.
        ValueError: It is no DNS label.
    """
    expected = "expected a namespace such as 'default', or None for all"
    if not isinstance(namespace, str):
        raise TypeError(f"{expected}, got {namespace!r}")
    if len(namespace) > 63 or not NAME.fullmatch(namespace):
        raise ValueError(f"{expected}, got {namespace!r}")
