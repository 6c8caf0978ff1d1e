"""The official client: kubernetes.

The documentation of ``Watch`` has it begin where a list has ended, whose objects come first.
"""

import threading
from collections.abc import Iterator
from typing import Any, ClassVar

from kubernetes import client, dynamic
from kubernetes import watch as watching
from kubernetes.informer import ADDED, DELETED, MODIFIED, SharedInformer

from benchmarks.peers.clients.generated import api_client, lister, version_of
from benchmarks.peers.kinds import Kind
from benchmarks.peers.peer import Take


class Models:
    """``Watch``, whose objects are models where there are such."""

    options: ClassVar[dict[str, Any]] = {}

    version_of = staticmethod(version_of)

    def __init__(self, url: str) -> None:
        self._api = api_client(client, url)

    def watch(self, kind: Kind, since: str | None, take: Take) -> None:
        """Hand over each object."""
        list_all, args = lister(client, self._api, kind)
        if since is None:
            listed = list_all(*args)
            if any(take(obj) for obj in listed.items):
                return
            since = listed.metadata.resource_version
            del listed
        events = watching.Watch().stream(list_all, *args, resource_version=since, **self.options)
        for event in events:
            if take(event["object"]):
                break


class Raw(Models):
    """``Watch`` with ``deserialize=False``, and a list of the same kind."""

    options: ClassVar[dict[str, Any]] = {"deserialize": False}

    def watch(self, kind: Kind, since: str | None, take: Take) -> None:
        """Hand over each object."""
        if since is None:
            list_all, args = lister(client, self._api, kind)
            listed = list_all(*args, _preload_content=False).json()
            if any(take(obj) for obj in listed["items"]):
                return
            since = listed["metadata"]["resourceVersion"]
            del listed
        super().watch(kind, since, take)


class Dynamic(Models):
    """``DynamicClient``, whose objects tell their fields as attributes."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._dynamic = dynamic.DynamicClient(self._api)

    @staticmethod
    def version_of(obj: Any) -> str:
        """Give the resource version of an object."""
        return str(obj.metadata.resourceVersion)

    def watch(self, kind: Kind, since: str | None, take: Take) -> None:
        """Hand over each object."""
        resource = self._dynamic.resources.get(api_version=kind.api_version, kind=kind.kind)
        if since is None:
            listed = resource.get()
            if any(take(obj) for obj in listed.items):
                return
            since = listed.metadata.resourceVersion
            del listed
        events: Iterator[Any] = resource.watch(resource_version=since)
        for event in events:
            if take(event["object"]):
                break


class Informer(Models):
    """``SharedInformer``, which lists, keeps what exists, and calls back from a thread."""

    def watch(self, kind: Kind, since: str | None, take: Take) -> None:  # noqa: ARG002 - it lists
        """Hand over each object."""
        list_all, args = lister(client, self._api, kind)
        if args:
            raise NotImplementedError("SharedInformer has no objects without models")
        enough = threading.Event()

        def handle(obj: Any) -> None:
            if not enough.is_set() and take(obj):
                enough.set()

        informer = SharedInformer(list_all)
        for event_type in (ADDED, MODIFIED, DELETED):
            informer.add_event_handler(event_type, handle)
        informer.start()
        enough.wait()
        threading.Thread(target=informer.stop, daemon=True).start()
