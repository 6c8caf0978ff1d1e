"""A list, page by page."""

from collections.abc import Mapping
from itertools import islice

from kwatch.testing._continue import ContinueToken
from kwatch.testing._object import Object
from kwatch.testing._query import Query
from kwatch.testing._status import APIError, expired_continue, expired_list, too_large
from kwatch.testing._store import Store


def listed(store: Store, query: Query) -> Object:
    """The body of a list response, in the form that is wanted.

    Raises:
        APIError: As ``page``.
    """
    return query.form.many(*page(store, query))


def page(store: Store, query: Query) -> tuple[Object, list[Object]]:
    """The metadata and the objects of a page, or of everything where there is no ``limit``.

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
            metadata["remainingItemCount"] = len(keys) - len(found)
    if query.shards and query.form.typed:
        metadata["shardInfo"] = {"selector": str(query.shards)}
    return metadata, [objects[keys[n]] for n in found]


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
