"""Offsets: how far each part was read, as Spark keeps it in a checkpoint."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from kwatch.spark._errors import OffsetError
from kwatch.spark._part import Part

Offsets: TypeAlias = dict[Part, str]
"""The resource version up to which each part was read; ``""`` where it begins with what exists."""

Json: TypeAlias = dict[str, dict[str, dict[str, str]]]
"""The same by cluster, namespace (``""`` for all) and shard."""


def to_json(offsets: Offsets) -> Json:
    """Give offsets as Spark takes them; the same ones always give the same text.

    >>> to_json({Part("east", None, 0, 1): "7"})
    {'east': {'': {'0/1': '7'}}}
    """
    found: Json = {}
    for part in sorted(offsets, key=lambda part: (part.cluster, part.namespace or "", part.number)):
        namespaces = found.setdefault(part.cluster, {})
        namespaces.setdefault(part.namespace or "", {})[part.shard] = offsets[part]
    return found


def from_json(value: Any, parts: Iterable[Part]) -> Offsets:
    """Take the offsets of all parts of a query.

    Raises:
        OffsetError: They are those of other parts, or no offsets.
    """
    found = _flat(value)
    wanted = {(part.cluster, part.namespace or "", part.shard): part for part in parts}
    if found.keys() != wanted.keys():
        raise OffsetError(
            "the checkpoint is of another query: the contexts, namespaces and shards of a stream"
            f" cannot change. Expected {_listed(wanted)}, got {_listed(found)}. Give the options"
            " that it was made with, or begin with a new checkpoint"
        )
    return {part: found[key] for key, part in wanted.items()}


def check_comparable(version: str, part: str) -> str:
    """See that a resource version can be told to be older or newer than another, and give it.

    Source: KEP-5504.

    Raises:
        OffsetError: It cannot.

    >>> check_comparable("107", "namespace shop in cluster east")
    '107'
    """
    if version.isascii() and version.isdigit() and version[0] != "0":
        return version
    raise OffsetError(
        f"{part}: expected resource versions that are decimal numbers, got {version[:80]!r}: the"
        " end of a batch could not be told, so that this resource cannot be a Spark stream"
    )


def _flat(value: Any) -> dict[tuple[str, str, str], str]:
    found = {}
    for cluster, namespaces in _items(value):
        for namespace, shards in _items(namespaces):
            for shard, version in _items(shards):
                if not isinstance(version, str):
                    raise _misshapen()
                if version:
                    check_comparable(version, f"the checkpoint, for cluster {cluster}")
                found[cluster, namespace, shard] = version
    return found


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        raise _misshapen()
    return value.items()


def _misshapen() -> OffsetError:
    return OffsetError(
        "expected an offset such as {'east': {'': {'0/4': '107'}}} in the checkpoint, got something"
        " else: it is of another source. Begin with a new checkpoint"
    )


def _listed(keys: Iterable[tuple[str, str, str]]) -> str:
    """Name what offsets are of, shortly."""
    places: dict[tuple[str, str], list[str]] = {}
    for cluster, namespace, shard in sorted(keys):
        places.setdefault((cluster, namespace), []).append(shard)
    told = [
        f"{cluster}{f'/{namespace}' if namespace else ''} in {len(shards)}"
        f" shard{'s' if len(shards) > 1 else ''}"
        for (cluster, namespace), shards in places.items()
    ]
    more = f" and {len(told) - 10} more" if len(told) > 10 else ""
    return ", ".join(told[:10]) + more or "nothing"
