"""Objects under one revision counter, and the history of their changes, as etcd keeps them.

The history is a linked list: each change knows the next. A watch holds the change that it has come
to and follows the links, so that dropping the older part of the history never touches it.
"""

import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kwatch.testing._resources import Resource
from kwatch.testing._status import already_exists, conflict, expired, nameless, not_found

Object = dict[str, Any]

HISTORY = 100_000
"""Changes that are kept, at most; a real server keeps those of the last five minutes."""


@dataclass(slots=True, eq=False)
class Change:
    """One revision: an object before and after it. None: it was not there."""

    revision: int
    resource: Resource | None = None
    key: str = ""
    before: Object | None = None
    after: Object | None = None
    next: "Change | None" = field(default=None, repr=False)

    def event(self, selects: Callable[[Object], bool]) -> tuple[str, Object] | None:
        """What a watch that ``selects`` some objects sees of it; None: nothing.

        An object that enters the selection is ADDED, one that leaves it is DELETED; a DELETED
        carries the state before, with the resource version of the change.
        """
        was = self.before is not None and selects(self.before)
        if self.after is not None and selects(self.after):
            return ("MODIFIED" if was else "ADDED"), self.after
        if self.before is not None and was:
            return "DELETED", _at(self.before, self.revision)
        return None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The objects of a server as they once were, to be put back; see ``FakeAPIServer.save``."""

    revision: int
    objects: Mapping[Resource, Mapping[str, Object]] = field(repr=False)


class Store:
    """The objects of all resources.

    Objects are copied on the way in and never changed afterwards; who hands them out to a user
    copies them again.

    Attributes:
        changed: Notified on every change; also the lock of everything in here.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._objects: dict[Resource, dict[str, Object]] = defaultdict(dict)
        self._oldest = self._latest = Change(revision=1)
        self._kept = 0

    @property
    def revision(self) -> int:
        """The revision of the latest change; of all resources, not of one."""
        return self._latest.revision

    def snapshot(
        self, resource: Resource, revision: int | None = None
    ) -> tuple[Change, dict[str, Object]]:
        """The change of a revision, and all objects of a resource as of then, in order of the keys.

        Nothing is kept for it: what has changed since is taken from the history.

        Args:
            resource: Whose objects.
            revision: None: the latest, which always is there.

        Raises:
            APIError: 410, the history does not reach back so far.
        """
        with self.changed:
            change = self._latest if revision is None else self.seek(revision)
            before: dict[str, Object | None] = {}
            later = change.next
            while later:
                if later.resource == resource:
                    before.setdefault(later.key, later.before)
                later = later.next
            objects = self._objects[resource] | before
            return change, {key: obj for key in sorted(objects) if (obj := objects[key])}

    def seek(self, revision: int) -> Change:
        """The change after which everything later than ``revision`` comes.

        Raises:
            APIError: 410, the history does not reach back so far.
        """
        with self.changed:
            change = self._oldest
            if revision < change.revision:
                raise expired(revision, change.revision)
            while change.next and change.next.revision <= revision:
                change = change.next
            return change

    def compact(self) -> None:
        """Forget the history: a resource version older than the latest is expired from now on."""
        with self.changed:
            self._oldest, self._kept = self._latest, 0

    def save(self) -> Snapshot:
        """What is there now; the objects themselves are shared."""
        with self.changed:
            objects = {resource: dict(held) for resource, held in self._objects.items()}
            return Snapshot(self.revision, objects)

    def restore(self, saved: Snapshot) -> None:
        """Put back what was there; a new history begins, and no watch of before comes into it."""
        with self.changed:
            self._objects.clear()
            self._objects.update({resource: dict(held) for resource, held in saved.objects.items()})
            self._oldest = self._latest = Change(saved.revision)
            self._kept = 0

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """One object; ``namespace`` is ``""`` for a cluster-scoped resource."""
        try:
            return self._objects[resource][_key(namespace, name)]
        except KeyError:
            raise not_found(resource, name) from None

    def create(self, resource: Resource, namespace: str, obj: Mapping[str, Any]) -> Object:
        """Add an object, named by ``metadata.name`` or ``generateName``."""
        metadata = obj.get("metadata") or {}
        name = metadata.get("name")
        if not name and (prefix := metadata.get("generateName")):
            name = f"{prefix}{uuid.uuid4().hex[:5]}"
        if not name:
            raise nameless(resource)
        with self.changed:
            if _key(namespace, name) in self._objects[resource]:
                raise already_exists(resource, name)
            born = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            own = {"uid": str(uuid.uuid4()), "creationTimestamp": born}
            return self._commit(resource, namespace, name, {**obj, "metadata": metadata | own})

    def replace(
        self, resource: Resource, namespace: str, name: str, obj: Mapping[str, Any]
    ) -> Object:
        """Put ``obj`` in the place of an object; one that changes nothing makes no revision.

        Raises:
            APIError: 404; 409 where ``obj`` has another uid or an older resource version.
        """
        with self.changed:
            before = self.get(resource, namespace, name)
            metadata = dict(obj.get("metadata") or {})
            for key in ("resourceVersion", "uid"):
                if metadata.get(key, before["metadata"][key]) != before["metadata"][key]:
                    raise conflict(resource, name)
            for key in ("name", "namespace", "uid", "creationTimestamp", "resourceVersion"):
                if key in before["metadata"]:
                    metadata[key] = before["metadata"][key]
            after = {**obj, **_head(resource), "metadata": metadata}
            if after == before:
                return before
            return self._commit(resource, namespace, name, after)

    def merge(
        self, resource: Resource, namespace: str, name: str, patch: Mapping[str, Any]
    ) -> Object:
        """Apply a JSON merge patch (RFC 7386) to an object."""
        with self.changed:
            before = self.get(resource, namespace, name)
            return self.replace(resource, namespace, name, _merged(before, patch))

    def delete(self, resource: Resource, namespace: str, name: str) -> Object:
        """Remove an object, and return its last state with the deletion's resource version."""
        with self.changed:
            self.get(resource, namespace, name)
            return self._commit(resource, namespace, name, None)

    def _commit(
        self, resource: Resource, namespace: str, name: str, after: Mapping[str, Any] | None
    ) -> Object:
        """Make one change, and wake the watches; the caller holds the lock."""
        objects, revision, key = self._objects[resource], self.revision + 1, _key(namespace, name)
        change = Change(revision, resource, key, before=objects.pop(key, None))
        if after is not None:
            stored = _stored(resource, namespace, name, revision, after)
            change.after = objects[key] = stored
        self._latest.next = change
        self._latest = change
        self._kept += 1
        if self._kept > HISTORY and self._oldest.next:
            self._oldest, self._kept = self._oldest.next, HISTORY
        self.changed.notify_all()
        return change.after or _at(change.before or {}, revision)


def _key(namespace: str, name: str) -> str:
    """The end of an object's key in etcd, in whose order lists are: ``/a-b/x`` before ``/a/x``."""
    return f"/{namespace}/{name}" if namespace else f"/{name}"


def _stored(
    resource: Resource, namespace: str, name: str, revision: int, obj: Mapping[str, Any]
) -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    copied = deepcopy(dict(obj))
    metadata |= {k: v for k, v in copied.pop("metadata").items() if k not in {"name", "namespace"}}
    metadata["resourceVersion"] = str(revision)
    stored = {**_head(resource), "metadata": metadata, **(copied | _head(resource))}
    return _alphabetical(stored) if resource.custom else stored


def _alphabetical(value: Any) -> Any:
    """The keys in the order in which the real server writes a custom resource."""
    if isinstance(value, Mapping):
        return {key: _alphabetical(value[key]) for key in sorted(value)}
    return [_alphabetical(item) for item in value] if isinstance(value, list) else value


def _head(resource: Resource) -> dict[str, str]:
    return {"kind": resource.kind, "apiVersion": resource.api_version}


def _at(obj: Object, revision: int) -> Object:
    metadata = {**obj.get("metadata", {}), "resourceVersion": str(revision)}
    return {**obj, "metadata": metadata}


def _merged(value: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(value) if isinstance(value, Mapping) else {}
    for key, change in patch.items():
        if change is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), change)
    return merged
