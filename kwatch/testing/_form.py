"""In which form a client wants objects: whole, their metadata, or as a table."""

from collections.abc import Mapping, Sequence

from kwatch.testing._object import Object, untyped
from kwatch.testing._resources import Resource
from kwatch.testing._status import bad_request, not_acceptable
from kwatch.testing._table import cells, columns, table

Special = frozenset[str]
"""The parameters of a media type that ask for something other than the plain form."""

PLAIN: Special = frozenset()
DISCOVERY = frozenset({"as=APIGroupDiscoveryList", "g=apidiscovery.k8s.io", "v=v2"})
PARTIAL = frozenset({"as=PartialObjectMetadata", "g=meta.k8s.io", "v=v1"})
PARTIAL_LIST = frozenset({"as=PartialObjectMetadataList", "g=meta.k8s.io", "v=v1"})
TABLE = frozenset({"as=Table", "g=meta.k8s.io", "v=v1"})

_ROWS = ("", "Metadata", "Object", "None")


def accepted(header: str | None, *offered: Special) -> Special:
    """The form that the first clause of ``Accept`` asks for that can be served.

    Quality values are not looked at: the order decides.

    Raises:
        APIError: 406, no clause can be served.
    """
    for clause in (header or "*/*").split(","):
        media, *parameters = (part.strip() for part in clause.split(";"))
        form = frozenset(part for part in parameters if part.partition("=")[0] in {"as", "g", "v"})
        if media in {"application/json", "application/*", "*/*"} and form in (PLAIN, *offered):
            return form
    raise not_acceptable()


class Form:
    """The form of the objects in one answer.

    Args:
        resource: Whose objects.
        special: One of the forms that are served.
        rows: What a row of a table holds: ``includeObject``.
    """

    def __init__(self, resource: Resource, special: Special = PLAIN, rows: str = "") -> None:
        if special == TABLE and rows not in _ROWS:
            known = "must be 'Metadata', 'Object', 'None', or empty"
            why = f'includeObject: Invalid value: "{rows}": {known}'
            raise bad_request(f"Unable to convert to Table as requested: {why}")
        self._resource = resource
        self._special = special
        self._rows = rows
        self._headed = False

    @property
    def typed(self) -> bool:
        """Whether a list is one of a built-in kind, whose metadata have all that there is."""
        return not self._special and not self._resource.custom

    def one(self, obj: Object) -> Object:
        """One object, or what a watch sends of it.

        A table says what its columns are only the first time.
        """
        if self._special == TABLE:
            version = obj["metadata"].get("resourceVersion")
            return self._table({"resourceVersion": version} if version else {}, [obj])
        return partial(obj) if self._special else obj

    def many(self, metadata: Object, objects: Sequence[Object]) -> Object:
        """A list around its items, its keys in the order of the real one.

        The items of a built-in kind do not say what they are. The server holds custom resources as
        maps, which it writes in alphabetical order, and does not leave out an empty ``continue``.
        """
        if self._special == TABLE:
            return self._table(metadata, objects)
        if self._special:
            head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
            return {
                **head,
                "metadata": metadata,
                "items": [partial(obj) for obj in objects] or None,
            }
        kind, api_version = f"{self._resource.kind}List", self._resource.api_version
        if self._resource.custom:
            metadata = dict(sorted({"continue": "", **metadata}.items()))
            head = {"apiVersion": api_version}
            return {**head, "items": list(objects), "kind": kind, "metadata": metadata}
        head = {"kind": kind, "apiVersion": api_version}
        return {**head, "metadata": metadata, "items": [untyped(obj) for obj in objects]}

    def _table(self, metadata: Object, objects: Sequence[Object]) -> Object:
        heads = None if self._headed else columns(self._resource)
        self._headed = True
        return table(metadata, heads, [self._row(obj) for obj in objects])

    def _row(self, obj: Object) -> Object:
        held = {"": partial(obj), "Metadata": partial(obj), "Object": obj, "None": None}
        return {"cells": cells(self._resource, obj), "object": held[self._rows]}


def partial(obj: Object) -> Object:
    """The object as PartialObjectMetadata."""
    head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    return {**head, "metadata": obj["metadata"]}


def form_of(
    resource: Resource, params: Mapping[str, str], accept: str | None, *offered: Special
) -> Form:
    """The form that a request asks for, out of those that are offered and tables.

    Raises:
        APIError: 406, or 400 where ``includeObject`` is unknown.
    """
    special = accepted(accept, TABLE, *offered)
    return Form(resource, special, params.get("includeObject", ""))
