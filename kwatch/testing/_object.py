"""Objects: what the server adds to them, and what it never lets a client change."""

import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from kwatch.testing._json import copied
from kwatch.testing._resources import Resource

Object = dict[str, Any]

_OF_THE_SERVER = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "resourceVersion",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
"""The metadata that a client cannot change."""


def now() -> str:
    """The time, as it is in timestamps."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def suffix() -> str:
    """The end of a name that the server makes: no vowels, and nothing that looks like one."""
    return "".join(secrets.choice("bcdfghjklmnpqrstvwxz2456789") for _ in range(5))


def newborn(resource: Resource, obj: Mapping[str, Any], uid: str) -> Object:
    """An object as the server creates it; that has no version yet."""
    given = obj.get("metadata") or {}
    kept = {key: value for key, value in _filled(given) if key not in _OF_THE_SERVER[2:]}
    own = {"uid": uid, "creationTimestamp": now()}
    counted = {"generation": 1} if resource.counted else {}
    return {**obj, "metadata": {**kept, **own, **counted}}


def successor(resource: Resource, before: Object, obj: Mapping[str, Any]) -> Object:
    """The object that takes the place of another: what is the server's stays as it was.

    The generation counts the changes of everything but the metadata and, where that has a path of
    its own, the status.
    """
    old, metadata = before["metadata"], dict(_filled(obj.get("metadata") or {}))
    for key in _OF_THE_SERVER:
        metadata.pop(key, None)
        if key in old:
            metadata[key] = old[key]
    after = {**obj, **head(resource), "metadata": metadata}
    if resource.counted and _wanted(resource, after) != _wanted(resource, before):
        metadata["generation"] = old.get("generation", 0) + 1
    return after


def condemned(resource: Resource, before: Object) -> Object:
    """The object as one that is being deleted, and waits for its finalizers."""
    metadata = {**before["metadata"], "deletionTimestamp": now(), "deletionGracePeriodSeconds": 0}
    if resource.counted:
        metadata["generation"] = metadata.get("generation", 0) + 1
    return {**before, "metadata": metadata}


def stored(resource: Resource, namespace: str, name: str, obj: Mapping[str, Any]) -> Object:
    """An object as it is kept, its keys in the order in which the server writes them.

    A custom resource is a map to the server, whose keys it writes in alphabetical order.
    """
    place = {"name": name, **({"namespace": namespace} if namespace else {})}
    what = head(resource)
    whole = {**what, "metadata": {}, **obj, **what}
    whole["metadata"] = {**place, **obj["metadata"], **place}
    return copied(whole, in_order=True) if resource.custom else whole


def at(obj: Object, revision: int) -> Object:
    """The object with another version."""
    metadata = {**obj.get("metadata", {}), "resourceVersion": str(revision)}
    return {**obj, "metadata": metadata}


def head(resource: Resource) -> dict[str, str]:
    """What says what an object is."""
    return {"kind": resource.kind, "apiVersion": resource.api_version}


def untyped(obj: Object) -> Object:
    """The object without what says what it is."""
    return {key: value for key, value in obj.items() if key not in {"kind", "apiVersion"}}


def merged(value: Any, patch: Any) -> Any:
    """What a JSON merge patch (RFC 7386) makes of a value.

    Example:
        >>> merged({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": [3]}})
        {'a': {'c': 2, 'd': [3]}}
    """
    if not isinstance(patch, Mapping):
        return patch
    changed = dict(value) if isinstance(value, Mapping) else {}
    for key, change in patch.items():
        if change is None:
            changed.pop(key, None)
        else:
            changed[key] = merged(changed.get(key), change)
    return changed


def _filled(metadata: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What is not empty: the server keeps no empty labels."""
    return ((key, value) for key, value in metadata.items() if value not in (None, "", {}, []))


def _wanted(resource: Resource, obj: Mapping[str, Any]) -> Object:
    """What an object says about what should be."""
    beside = {"metadata", "kind", "apiVersion", *(["status"] if resource.status else [])}
    return {key: value for key, value in obj.items() if key not in beside}
