"""The types of fields, and what Go says of a wrong one."""

from collections.abc import Iterator, Mapping
from typing import Any

_KINDS = {
    list: "array",
    dict: "object",
    str: "string",
    int: "number",
    float: "number",
    bool: "bool",
    type(None): "null",
}
_TYPES = {
    "string": str,
    "types.UID": str,
    "v1.DeletionPropagation": str,
    "int64": int,
    "bool": bool,
}
"""The types of Go that are no structs, lists or maps."""

_METADATA = {
    **dict.fromkeys(("name", "generateName", "namespace", "uid", "resourceVersion"), "string"),
    **dict.fromkeys(("selfLink", "creationTimestamp", "deletionTimestamp"), "string"),
    **dict.fromkeys(("generation", "deletionGracePeriodSeconds"), "int64"),
    **dict.fromkeys(("labels", "annotations"), "map[string]string"),
    "finalizers": "[]string",
    "ownerReferences": "[]v1.OwnerReference",
    "managedFields": "[]v1.ManagedFieldsEntry",
}


def kind_of(value: Any) -> str:
    """What Go calls a value of JSON."""
    return _KINDS[type(value)]


def problem_of_metadata(metadata: Any) -> str | None:
    """What is of a wrong type in the metadata of an object, in Go's words."""
    if isinstance(metadata, dict):
        return mismatch("ObjectMeta", _METADATA, metadata)
    return f"json: cannot unmarshal {kind_of(metadata)} into Go value of type v1.ObjectMeta"


def mismatch(where: str, types: Mapping[str, str], obj: Mapping[str, Any]) -> str | None:
    """What is of a wrong type, in Go's words; null is of any.

    Args:
        where: What the fields belong to: ``"ObjectMeta"``.
        types: The types of the fields, as Go writes them.
        obj: Has the fields.

    Example:
        >>> mismatch("ObjectMeta", {"finalizers": "[]string"}, {"finalizers": ["a", 5]})
        'json: cannot unmarshal number into Go struct field ObjectMeta.finalizers of type string'
    """
    for key, type_ in types.items():
        for value, expected in _odd(obj.get(key), type_):
            into = f"Go struct field {where}.{key} of type {expected}"
            return f"json: cannot unmarshal {kind_of(value)} into {into}"
    return None


def _odd(value: Any, expected: str) -> Iterator[tuple[Any, str]]:
    """The values of a wrong type, and what they should be."""
    listed, mapped = expected.startswith("[]"), expected.startswith("map[string]")
    type_: Any = list if listed else _TYPES.get(expected, dict)
    if value is None:
        return
    if type(value) is not type_:
        yield value, expected
    elif listed or mapped:
        for each in value if listed else value.values():
            yield from _odd(each, expected.partition("]")[2])
