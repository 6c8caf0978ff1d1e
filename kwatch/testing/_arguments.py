"""What the arguments of ``create``, ``update``, ``patch`` and ``delete`` describe."""

from collections.abc import Collection, Mapping
from typing import Any

from kwatch.testing._json import DEPTH, copied
from kwatch.testing._object import Object
from kwatch.testing._resources import Resource
from kwatch.testing._schema import problem_of_metadata
from kwatch.testing._status import bad_request


def described(
    resources: Collection[Resource],
    kind: str,
    obj: Mapping[str, Any] | str,
    namespace: str | None,
    labels: Mapping[str, str | None] | None = None,
    fields: Mapping[str, Any] | None = None,
) -> tuple[Resource, str, Object]:
    """The resource, the namespace and the whole object.

    Raises:
        LookupError: No such kind is served.
        ValueError: There is something in the object that is no JSON, or it is too deep.
        APIError: 400, there is something of a wrong type in its metadata.
    """
    resource = next((known for known in resources if known.is_called(kind)), None)
    if resource is None:
        served = ", ".join(known.kind for known in resources)
        raise LookupError(f"no kind {kind!r} is served here, only {served}")
    body = {"metadata": {"name": obj}} if isinstance(obj, str) else dict(obj)
    fields = fields or {}
    metadata = {**(body.get("metadata") or {}), **(fields.get("metadata") or {})}
    if labels is not None:
        metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    space = namespace or metadata.get("namespace") or "default"
    body |= {**fields, "metadata": metadata}
    return resource, space if resource.namespaced else "", _plain(kind, body)


def _plain(kind: str, body: Object) -> Object:
    """The object as JSON has it, checked as a server that reads it does."""
    try:
        plain = copied(body)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{kind}: expected what JSON has words for, in at most {DEPTH} levels: {error}"
        ) from error
    if problem := problem_of_metadata(plain["metadata"]):
        raise bad_request(problem)
    return plain
