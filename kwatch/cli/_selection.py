"""What is watched: from the arguments to the events."""

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import click
import httpx

from kwatch import Event, StopEvent, WatchStatus, watch
from kwatch._discovery import discover
from kwatch._resource import Resource
from kwatch._sync import answer
from kwatch._wire import Wire

_KIND = "a kind such as Pod, pods, po or deployments.apps"
_PASSED_ON = (
    "name",
    "label_selector",
    "field_selector",
    "resource_version",
    "metadata_only",
    "subresource",
    "shard",
    "loads",
    "timeout_seconds",
    "backoff",
)
"""The options that `watch` takes as they are."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the arguments say is to be watched.

    Attributes:
        kind: What discovery is asked for; None: ``resource_path`` says it.
        api_version: Where; None: anywhere.
        resource_path: The path instead.
        namespaces: Those that were given.
        all_namespaces: Whether all are meant.
        options: What `watch` is told besides.
    """

    kind: str | None
    api_version: str | None
    resource_path: str | None
    namespaces: tuple[str, ...]
    all_namespaces: bool
    options: dict[str, Any]

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Selection":
        """Make one of the values of the options.

        Raises:
            click.UsageError: They contradict each other.
        """
        kind, name = _target(values["kind"], values["name"], values["resource_path"])
        if values["namespace"] and values["all_namespaces"]:
            raise click.UsageError("-n and -A exclude each other")
        if values["watch_only"] and values["resource_version"] is not None:
            raise click.UsageError("--watch-only and --resource-version exclude each other")
        if values["resource_path"] is not None and values["api_version"] is not None:
            raise click.UsageError("--resource-path says what --api-version does: give one of them")
        options = {key: values.get(key) for key in _PASSED_ON} | {"name": name}
        begins_with_what_exists = not values["watch_only"] and values["resource_version"] is None
        return cls(
            kind,
            values["api_version"],
            values["resource_path"],
            tuple(dict.fromkeys(values["namespace"])),
            values["all_namespaces"],
            options | {"send_initial_events": begins_with_what_exists},
        )

    @property
    def is_whole(self) -> bool:
        """Whether the watch begins with all that exists."""
        return bool(self.options["send_initial_events"])

    @property
    def ends(self) -> int:
        """How many bookmarks end what exists: one for each namespace, unless that does not come."""
        return max(1, len(self.namespaces)) if self.is_whole else 0

    def find(self, client: httpx.Client, default_namespace: str, stop_event: StopEvent) -> "Found":
        """Ask the server which resource it is.

        Raises:
            KwatchError, ValueError, httpx.HTTPError: It cannot be told, or cannot be so.
        """
        if self.kind is None:
            path = self.resource_path or ""
            namespaced, resource = "{namespace}" in path, None
        else:
            asked = discover(self.kind, self.api_version, now=time.time)
            resource = answer(Wire(client, stop_event), asked)
            namespaced, path = resource.namespaced, resource.pattern
            if self.namespaces:
                resource.path(self.namespaces[0])  # refuses what is cluster-scoped
        namespaces = self.namespaces
        if not namespaces and namespaced and not self.all_namespaces:
            namespaces = (default_namespace,)
        return Found(resource, path, namespaces, self.options)


def _target(kind: str | None, name: str | None, path: str | None) -> tuple[str | None, str | None]:
    """Give the kind and the name, of ``pods web-1`` and of ``pod/web-1``."""
    if path is not None:
        if name is not None:
            raise click.UsageError("--resource-path stands for RESOURCE: give one of them")
        return None, kind  # the only argument is the name
    if kind is None:
        raise click.UsageError(f"RESOURCE is missing: {_KIND}")
    if "/" not in kind:
        return kind, name
    kind, _, before = kind.partition("/")
    if name is not None or not kind or not before or "/" in before:
        raise click.UsageError("expected RESOURCE NAME or RESOURCE/NAME, such as pod/web-1")
    return kind, before


@dataclass(frozen=True, slots=True)
class Found:
    """What the server has of it.

    Attributes:
        resource: What discovery told; None: the path was given.
        path: The path, in which ``{namespace}`` stands for the namespace.
        namespaces: Those to watch; none: all, or it is cluster-scoped.
        options: What `watch` is told besides.
    """

    resource: Resource | None
    path: str
    namespaces: tuple[str, ...]
    options: dict[str, Any]

    @property
    def title(self) -> str:
        """What it is called: the full name of the resource, or the path."""
        return self.resource.full_name if self.resource else self.path

    @property
    def kind(self) -> str:
        """The kind with its group; empty where it is not known."""
        if self.resource is None:
            return ""
        return ".".join(filter(None, [self.resource.kind, self.resource.group]))

    @property
    def namespace(self) -> str | tuple[str, ...] | None:
        """What `watch` takes: one namespace, several, or None for all."""
        return self.namespaces[0] if len(self.namespaces) == 1 else self.namespaces or None

    def events(
        self,
        client: httpx.Client,
        *,
        status: WatchStatus,
        stop_event: StopEvent,
        **options: Any,
    ) -> Generator[Event, None, None]:
        """Watch it, with the bookmarks, which tell when all that exists has come."""
        return watch(
            client,
            resource_path=self.path,
            namespace=self.namespace,
            allow_bookmarks=True,
            status=status,
            stop_event=stop_event,
            **{**self.options, **options},
        )
