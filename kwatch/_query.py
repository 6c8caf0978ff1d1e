"""What is to be watched, and the requests that ask for it."""

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Final

from kwatch._discovery import discover
from kwatch._events import is_resource_version
from kwatch._http import Reply, Request
from kwatch._resource import check_namespace, parse_kind
from kwatch._selectors import Selector, field_selector, label_selector

READ_MARGIN_SECONDS: Final = 30.0
"""How much later than promised a server may end a watch before it is taken for dead."""

_PATH = re.compile(r"(/[^/?#\s\x00-\x1f]+)+")
_PLACE = "/namespaces/{namespace}"
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
    metadata_only: bool
    timeout_seconds: int | None

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
        metadata_only: bool = False,
        timeout_seconds: int | None = None,
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
        if timeout_seconds is not None:
            _check_seconds(timeout_seconds)
        return cls(
            kind,
            api_version,
            resource_path,
            namespace,
            _label_selector(label_selector),
            _with_name(_field_selector(field_selector), name),
            resource_version,
            metadata_only,
            timeout_seconds,
        )

    def resolve(self, now: Callable[[], float]) -> Generator[Request, Reply, str]:
        """Find the path of what is to be watched, asking the server's discovery where need be.

        Raises:
            UnknownKindError: The server knows no such kind.
            StatusError: The server refuses to tell.
            ValueError: The kind is cluster-scoped, and a namespace was given.
        """
        if self.resource_path is not None:
            if self.namespace is None:
                return self.resource_path.replace(_PLACE, "")
            return self.resource_path.replace("{namespace}", self.namespace)
        assert self.kind is not None  # noqa: S101 - `of` saw to it
        resource = yield from discover(self.kind, self.api_version, now=now)
        return resource.path(self.namespace)

    def list_request(self, path: str) -> Request:
        """Ask for the present resource version: a list of one object at most, metadata alone."""
        return Request(
            path,
            {**self._selection(), "limit": "1"},
            {"Accept": _metadata_of("PartialObjectMetadataList")},
        )

    def probe_request(self, path: str, resource_version: str) -> Request:
        """Ask for a list that is not older than a resource version: an error if there is none."""
        request = self.list_request(path)
        return Request(
            path,
            {
                **request.params,
                "resourceVersion": resource_version,
                "resourceVersionMatch": "NotOlderThan",
            },
            request.headers,
        )

    def lifetime(self, chance: float) -> int:
        """Give the server-side life of one connection, seconds; ``chance`` is in [0, 1)."""
        return self.timeout_seconds or 180 + int(50 * chance)

    def watch_request(
        self, path: str, resource_version: str | None, timeout_seconds: int
    ) -> Request:
        """Ask for the changes after a resource version; None or ``""`` leaves it to the server."""
        params = {
            **self._selection(),
            "watch": "1",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(timeout_seconds),
        }
        if resource_version:
            params["resourceVersion"] = resource_version
        headers = {
            "Accept": _metadata_of("PartialObjectMetadata") if self.metadata_only else _JSON,
            # httpx stops without an error after the first member of a gzip stream
            "Accept-Encoding": "identity",
        }
        return Request(path, params, headers, timeout_seconds + READ_MARGIN_SECONDS)

    def _selection(self) -> dict[str, str]:
        selectors = {"labelSelector": self.label_selector, "fieldSelector": self.field_selector}
        return {key: value for key, value in selectors.items() if value}


# In the class body, the names of the fields hide those of the functions.
_label_selector, _field_selector = label_selector, field_selector


def _with_name(selector: str | None, name: str | None) -> str | None:
    if name is None:
        return selector
    if not isinstance(name, str):
        raise TypeError(f"expected name as a str, got {name!r}")
    if not name or "/" in name:
        raise ValueError(f"expected the name of an object, or None for all, got {name!r}")
    one = field_selector([("metadata.name", "=", name)])
    return f"{one},{selector}" if selector else one


def _check_path(path: str, namespace: str | None) -> None:
    if not isinstance(path, str):
        raise TypeError(f"expected resource_path as a str, got {path!r}")
    if not _PATH.fullmatch(path):
        raise ValueError(f"expected a resource_path such as '/api/v1/pods', got {path!r}")
    if namespace is not None and "{namespace}" not in path:
        raise ValueError(f"expected {{namespace}} in resource_path for a namespace, got {path!r}")
    if "{" in path.replace(_PLACE, ""):
        raise ValueError(f"expected no braces but {_PLACE!r} in resource_path, got {path!r}")


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
