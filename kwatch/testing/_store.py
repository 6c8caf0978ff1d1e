"""Objects under one revision counter, and the history of their changes, as etcd keeps them.

The history is a linked list: each change knows the next. A watch holds the change that it has come
to and follows the links, so that dropping the older part of the history never touches it.
"""

import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kwatch.testing._invalid import forbidden, invalid, problems_of_metadata, problems_of_name
from kwatch.testing._object import Object, at, condemned, newborn, stored, successor, suffix
from kwatch.testing._resources import Resource
from kwatch.testing._status import (
    already_exists,
    another_uid,
    conflict,
    expired,
    not_found,
    precondition_failed,
)

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
            return "DELETED", at(self.before, self.revision)
        return None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The objects of a server as they once were, to be put back; see ``FakeAPIServer.save``."""

    revision: int
    objects: Mapping[Resource, Mapping[str, Object]] = field(repr=False)


class Store:
    """The objects of all resources.

    Objects are never changed in here, and share what they have in common. Who brings one from a
    user, or hands one out, copies it.

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

    def since(self, revision: int) -> Change:
        """As ``seek``, but the oldest change that is kept where the history begins later."""
        with self.changed:
            return self.seek(max(revision, self._oldest.revision))

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
        with self.changed:
            try:
                return self._objects[resource][_key(namespace, name)]
            except KeyError:
                raise not_found(resource, name) from None

    def create(
        self, resource: Resource, namespace: str, obj: Mapping[str, Any], *, dry_run: bool = False
    ) -> Object:
        """Add an object, named by ``metadata.name`` or ``generateName``.

        Raises:
            APIError: 409, there is one of that name; 422, nothing can be called that.
        """
        metadata = obj.get("metadata") or {}
        name: str = metadata.get("name") or ""
        if not name and (prefix := metadata.get("generateName")):
            name = f"{prefix}{suffix()}"
        causes = [*problems_of_name(name), *problems_of_metadata(metadata)]
        if causes:
            raise invalid(resource, name, causes)
        with self.changed:
            if there := self._objects[resource].get(_key(namespace, name)):
                leaving = "deletionTimestamp" in there["metadata"]
                raise already_exists(resource, name, leaving=leaving)
            born = newborn(resource, obj, str(uuid.uuid4()))
            if dry_run:
                return stored(resource, namespace, name, born)
            return self._commit(resource, namespace, name, born)

    def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Callable[[Object], Mapping[str, Any]],
        *,
        dry_run: bool = False,
    ) -> Object:
        """Put what ``change`` makes of an object in its place, and return it.

        What changes nothing makes no revision. Who removes the last finalizer of an object that is
        being deleted, deletes it.

        Raises:
            APIError: 404; 409 where the new one has another uid or an older resource version; 422
                where it has a new finalizer and is being deleted.
        """
        with self.changed:
            before = self.get(resource, namespace, name)
            obj = change(before)
            _check(resource, before, obj)
            after = successor(resource, before, obj)
            if after == before:
                return before
            ends = "deletionTimestamp" in before["metadata"] and not _finalizers(after)
            if ends or dry_run:
                if not dry_run:
                    self._commit(resource, namespace, name, None)
                return stored(resource, namespace, name, after)
            return self._commit(resource, namespace, name, after)

    def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        version: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Remove an object, and return its last state with the deletion's resource version.

        One that has finalizers stays, and is returned, as one that is being deleted.

        Args:
            resource: What it is.
            namespace: Where it is.
            name: What it is called.
            uid: The uid that it must have; None: any.
            version: The resource version that it must have; None: any.
            dry_run: Change nothing.

        Raises:
            APIError: 404; 409 where it is not the one that is meant.
        """
        with self.changed:
            before = self.get(resource, namespace, name)
            metadata = before["metadata"]
            for field, key, asked in (
                ("UID", "uid", uid),
                ("ResourceVersion", "resourceVersion", version),
            ):
                if asked is not None and asked != metadata[key]:
                    raise precondition_failed(resource, name, field, asked, metadata[key])
            stays = bool(_finalizers(before))
            if stays and "deletionTimestamp" in metadata:
                return before
            after = condemned(resource, before) if stays else None
            if dry_run:
                return after or before
            return self._commit(resource, namespace, name, after)

    def _commit(
        self, resource: Resource, namespace: str, name: str, after: Mapping[str, Any] | None
    ) -> Object:
        """Make one change, and wake the watches; the caller holds the lock."""
        objects, revision, key = self._objects[resource], self.revision + 1, _key(namespace, name)
        change = Change(revision, resource, key, before=objects.pop(key, None))
        if after is not None:
            versioned = stored(resource, namespace, name, at(dict(after), revision))
            change.after = objects[key] = versioned
        self._latest.next = change
        self._latest = change
        self._kept += 1
        if self._kept > HISTORY and self._oldest.next:
            self._oldest, self._kept = self._oldest.next, HISTORY
        self.changed.notify_all()
        return change.after or at(change.before or {}, revision)


def _key(namespace: str, name: str) -> str:
    """The end of an object's key in etcd, in whose order lists are: ``/a-b/x`` before ``/a/x``."""
    return f"/{namespace}/{name}" if namespace else f"/{name}"


def _check(resource: Resource, before: Object, obj: Mapping[str, Any]) -> None:
    """Refuse to put an object in the place of another that it was not made from."""
    old, new = before["metadata"], obj.get("metadata") or {}
    name = old["name"]
    if new.get("uid", old["uid"]) != old["uid"]:
        key = _key(old.get("namespace", ""), name)
        key = f"/registry/{resource.group + '/' if resource.group else ''}{resource.plural}{key}"
        raise another_uid(resource, name, key, new["uid"], old["uid"])
    if new.get("resourceVersion", old["resourceVersion"]) != old["resourceVersion"]:
        raise conflict(resource, name)
    if causes := list(problems_of_metadata(new)):
        raise invalid(resource, name, causes)
    added = [each for each in _finalizers(obj) if each not in _finalizers(before)]
    if added and "deletionTimestamp" in old:
        said = ", ".join(f'"{each}"' for each in added)
        why = (
            "no new finalizers can be added if the object is being deleted, found new finalizers "
            f"[]string{{{said}}}"
        )
        raise invalid(resource, name, [forbidden("metadata.finalizers", why)] * 2)


def _finalizers(obj: Mapping[str, Any]) -> list[str]:
    return list((obj.get("metadata") or {}).get("finalizers") or [])
