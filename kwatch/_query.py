"""What is to be watched, and the requests that ask for it."""

import re
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kwatch._discovery import discover
from kwatch._events import is_resource_version
from kwatch._http import Reply, Request
from kwatch._resource import IN_NAMESPACE, NAME, check_namespace, parse_kind
from kwatch._selectors import Selector, field_selector, label_selector
from kwatch._shard import Shard

INITIAL_SECONDS: Final = 30.0
"""So long a streaming list is waited for, at its beginning and after each object of it."""

READ_MARGIN_SECONDS: Final = 30.0
"""How much later than promised a server may end a watch before it is taken for dead."""

PAGE_SIZE: Final = 500
"""How many objects a page of a list has. Source: client-go and kubectl."""

_PATH = re.compile(r"(/[^/?#\s\x00-\x1f]+)+")
_WITHIN = re.compile(r"/namespaces/[^/]+(?=/)")
_JSON = "application/json"


def _metadata_of(kind: str) -> str:
    """Accept metadata alone, or the whole where the server knows no such thing."""
    return f"{_JSON};as={kind};g=meta.k8s.io;v=v1,{_JSON}"


@dataclass(frozen=True, slots=True)
class Query:
    """The checked arguments of `watch` that say what to ask the server."""

    kind: str | None
    api_version: str | None
    resource_path: str | None
    namespace: str | None
    label_selector: str | None
    field_selector: str | None
    resource_version: str | None
    send_initial_events: bool
    metadata_only: bool
    timeout_seconds: int | None
    name: str | None
    subresource: str | None
    shard: Shard | None

    @classmethod
    def of(
        cls,
        kind: str | None = None,
        *,
        api_version: str | None = None,
        resource_path: str | None = None,
        namespace: str | None = None,
        name: str | None = None,
        label_selector: Selector | None = None,
        field_selector: Selector | None = None,
        resource_version: str | None = None,
        send_initial_events: bool = False,
        metadata_only: bool = False,
        timeout_seconds: int | None = None,
        subresource: str | None = None,
        shard: tuple[int, int] | None = None,
    ) -> "Query":
        """Check the arguments of `watch`, before anything is asked.

        Raises:
            TypeError: An argument is of the wrong type.
            ValueError: An argument cannot be right, whatever the server is.
        """
        if resource_path is None:
            if kind is None:
                raise TypeError("expected a kind such as 'Pod', or a resource_path")
            parse_kind(kind, api_version)
        else:
            if kind is not None or api_version is not None:
                raise TypeError("expected either kind and api_version, or resource_path, got both")
            _check_path(resource_path, namespace)
        if namespace is not None:
            check_namespace(namespace)
        if resource_version:
            _check_version(resource_version)
        if resource_version is not None and send_initial_events:
            raise ValueError(
                "expected either resource_version (go on from there) or send_initial_events=True"
                f" (begin with what exists), got both, and resource_version={resource_version!r}"
            )
        if timeout_seconds is not None:
            _check_seconds(timeout_seconds)
        if subresource is not None:
            _check_subresource(subresource)
        one = _field_selector_of(name)
        return cls(
            kind,
            api_version,
            resource_path,
            namespace,
            _label_selector(label_selector),
            _joined(one if subresource is None else None, _field_selector(field_selector)),
            resource_version,
            send_initial_events,
            metadata_only,
            timeout_seconds,
            name,
            subresource,
            None if shard is None else Shard.of(shard),
        )

    @classmethod
    def each(
        cls,
        kind: str | None = None,
        *,
        namespace: str | Iterable[str] | None = None,
        resource_version: str | Mapping[str, str | None] | None = None,
        **others: Any,
    ) -> "dict[str | None, Query]":
        """Check the arguments of `watch`, where ``namespace`` may be several.

        Returns:
            A query for each of several namespaces, or the only one under None.
        """
        if namespace is None or isinstance(namespace, str):
            if isinstance(resource_version, Mapping):
                raise TypeError("expected resource_version as a str, got those of namespaces")
            only = cls.of(kind, namespace=namespace, resource_version=resource_version, **others)
            return {None: only}
        if not isinstance(namespace, Iterable):
            raise TypeError(f"expected namespace as a str or several, got {namespace!r}")
        names = list(dict.fromkeys(namespace))
        for name in names:
            check_namespace(name)
        if not names:
            raise ValueError("expected at least one namespace, or None for all, got none")
        versions: Mapping[str, str | None]
        if isinstance(resource_version, Mapping):
            versions = resource_version
            unknown = sorted(set(resource_version) - set(names))
            if unknown:
                raise ValueError(f"expected a resource_version for {names}, got one for {unknown}")
        else:
            versions = dict.fromkeys(names, resource_version)
        return {
            name: cls.of(kind, namespace=name, resource_version=versions.get(name), **others)
            for name in names
        }

    def resolve(self, now: Callable[[], float]) -> Generator[Request, Reply, str]:
        """Find the path of what is to be watched, asking the server's discovery where need be.

        Raises:
            UnknownKindError: The server knows no such kind.
            StatusError: The server refuses to tell.
            ValueError: The kind is cluster-scoped, and a namespace was given.
        """
        if self.resource_path is None:
            assert self.kind is not None  # noqa: S101 - `of` saw to it
            resource = yield from discover(self.kind, self.api_version, now=now)
            path = resource.path(self.namespace)
        elif self.namespace is None:
            path = self.resource_path.replace(IN_NAMESPACE, "")
        else:
            path = self.resource_path.replace("{namespace}", self.namespace)
        if self.subresource is None:
            return path
        return "/".join(part for part in (path, self.name, self.subresource) if part)

    @staticmethod
    def resource_of(path: str) -> str:
        """Give what a path has in common with those in other namespaces.

        >>> Query.resource_of("/api/v1/namespaces/shop/pods")
        '/api/v1/pods'
        """
        return _WITHIN.sub("", path)

    def list_request(
        self,
        path: str,
        *,
        resource_version: str | None = None,
        continue_token: str = "",
        metadata: bool = False,
        limit: int = PAGE_SIZE,
    ) -> Request:
        """Ask for a page of a list.

        Args:
            path: What `resolve` gave.
            resource_version: What the list must have reached; None: the latest.
            continue_token: Asks for a later page, and goes with nothing else but the selectors.
            metadata: Whether metadata alone will do.
            limit: How many objects.
        """
        params = {**self._selection(), "limit": str(limit)}
        if continue_token:
            params["continue"] = continue_token
        elif resource_version is not None:
            params["resourceVersion"] = resource_version
            params["resourceVersionMatch"] = "NotOlderThan"
        accept = _metadata_of("PartialObjectMetadataList") if metadata else _JSON
        return Request(path, params, {"Accept": accept})

    def lifetime(self, chance: float) -> int:
        """Give the server-side life of one connection, seconds; ``chance`` is in [0, 1)."""
        return self.timeout_seconds or 180 + int(50 * chance)

    def watch_request(
        self,
        path: str,
        resource_version: str | None,
        timeout_seconds: int,
        *,
        initial: bool = False,
        metadata: bool = False,
    ) -> Request:
        """Ask for the changes after a resource version; None or ``""`` leaves it to the server.

        Args:
            path: What `resolve` gave.
            resource_version: See above.
            timeout_seconds: How long the server is to go on.
            initial: Whether it is to begin with what exists.
            metadata: Whether metadata alone will do.
        """
        params = {
            **self._selection(),
            "watch": "1",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(timeout_seconds),
        }
        if resource_version:
            params["resourceVersion"] = resource_version
        if initial:
            params |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        headers = {
            "Accept": _metadata_of("PartialObjectMetadata") if metadata else _JSON,
            # httpx stops without an error after the first member of a gzip stream
            "Accept-Encoding": "identity",
        }
        patience = INITIAL_SECONDS if initial else timeout_seconds + READ_MARGIN_SECONDS
        return Request(path, params, headers, patience)

    def _selection(self) -> dict[str, str]:
        selectors = {
            "labelSelector": self.label_selector,
            "fieldSelector": self.field_selector,
            "shardSelector": self.shard and self.shard.selector,
        }
        return {key: value for key, value in selectors.items() if value}


# In the class body, the names of the fields hide those of the functions.
_label_selector, _field_selector = label_selector, field_selector


def _field_selector_of(name: str | None) -> str | None:
    if name is None:
        return None
    if not isinstance(name, str):
        raise TypeError(f"expected name as a str, got {name!r}")
    if not name or "/" in name:
        raise ValueError(f"expected the name of an object, or None for all, got {name!r}")
    return field_selector([("metadata.name", "=", name)])


def _joined(*selectors: str | None) -> str | None:
    return ",".join(selector for selector in selectors if selector) or None


def _check_subresource(subresource: Any) -> None:
    if not isinstance(subresource, str):
        raise TypeError(f"expected subresource as a str, got {subresource!r}")
    if not NAME.fullmatch(subresource):
        raise ValueError(f"expected a subresource such as 'status', got {subresource!r}")


def _check_path(path: str, namespace: str | None) -> None:
    if not isinstance(path, str):
        raise TypeError(f"expected resource_path as a str, got {path!r}")
    if not _PATH.fullmatch(path):
        raise ValueError(f"expected a resource_path such as '/api/v1/pods', got {path!r}")
    if namespace is not None and "{namespace}" not in path:
        raise ValueError(f"expected {{namespace}} in resource_path for a namespace, got {path!r}")
    if "{" in path.replace(IN_NAMESPACE, ""):
        raise ValueError(f"expected no braces but {IN_NAMESPACE!r} in resource_path, got {path!r}")


def _check_version(version: Any) -> None:
    expected = "expected resource_version as the str that the server gave"
    if not isinstance(version, str):
        raise TypeError(f"{expected}, got {version!r}")
    if not is_resource_version(version):
        raise ValueError(f"{expected}, got {version!r}")


def _check_seconds(seconds: Any) -> None:
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise TypeError(f"expected timeout_seconds as whole seconds, got {seconds!r}")
    if not 0 < seconds <= 86_400:
        raise ValueError(f"expected timeout_seconds from 1 to 86400, got {seconds}")
