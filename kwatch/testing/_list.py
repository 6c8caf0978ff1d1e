"""A list, page by page."""

from collections.abc import Mapping, Sequence
from itertools import islice

from kwatch.testing._continue import ContinueToken
from kwatch.testing._query import Query
from kwatch.testing._status import APIError, expired_continue, expired_list, too_large
from kwatch.testing._store import Object, Store


def listed(store: Store, query: Query) -> Object:
    """The body of a list response: one page, or everything where there is no ``limit``.

    Raises:
        APIError: 410, the state that is asked for is forgotten; 504, it is not there yet.
    """
    revision, objects = _state(store, query)
    start = query.token.start if query.token else ""
    keys = [key for key, obj in objects.items() if key >= start and query.holds(obj)]
    found = list(
        islice((n for n, key in enumerate(keys) if query.matches(objects[key])), query.limit)
    )
    left = len(keys) - found[-1] - 1 if found and len(found) == query.limit else 0
    metadata: Object = {"resourceVersion": str(revision)}
    if left:
        metadata["continue"] = str(ContinueToken.after(revision, keys[found[-1]]))
        if not query.selective:
            metadata["remainingItemCount"] = left
    return _body(query, metadata, [objects[keys[n]] for n in found])


def _state(store: Store, query: Query) -> tuple[int, Mapping[str, Object]]:
    """The revision that is asked for, and all objects of the resource as they were then, by key."""
    asked = query.exact or query.resource_version or 0
    if asked > store.revision:
        raise too_large(asked, store.revision)
    try:
        change, objects = store.snapshot(query.target.resource, query.exact)
    except APIError as error:
        if query.token:
            raise expired_continue(str(ContinueToken(None, query.token.start))) from error
        raise expired_list() from error
    return change.revision, objects


def _body(query: Query, metadata: Object, objects: Sequence[Object]) -> Object:
    """The list around its items, its keys in the order of the real one.

    The items of a built-in kind do not say what they are. The server holds custom resources as
    maps, which it writes in alphabetical order, and does not leave out an empty ``continue``.
    """
    resource = query.target.resource
    if query.metadata_only:
        head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        items = [query.present(obj) for obj in objects]
        return {**head, "metadata": metadata, "items": items or None}
    kind = f"{resource.kind}List"
    if resource.custom:
        metadata = dict(sorted({"continue": "", **metadata}.items()))
        head = {"apiVersion": resource.api_version}
        return {**head, "items": list(objects), "kind": kind, "metadata": metadata}
    head = {"kind": kind, "apiVersion": resource.api_version}
    return {**head, "metadata": metadata, "items": [_untyped(obj) for obj in objects]}


def _untyped(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key not in {"kind", "apiVersion"}}
