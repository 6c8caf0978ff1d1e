"""What the arguments of ``create``, ``update``, ``patch`` and ``delete`` describe."""

from collections.abc import Collection, Mapping
from typing import Any

from kwatch.testing._object import Object
from kwatch.testing._resources import Resource


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
    return resource, space if resource.namespaced else "", body
