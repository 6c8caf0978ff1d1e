"""`Shard`: one of several parts of the objects, told by a hash of the uid."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kwatch._errors import ProtocolError
from kwatch._events import Object, describe

MAX_COUNT: Final = 1_000_000
"""So many shards there may be."""

_BITS: Final = 64
_FNV_OFFSET: Final = 0xCBF29CE484222325
_FNV_PRIME: Final = 0x100000001B3
_MASK: Final = 2**_BITS - 1


def hash_of(uid: str) -> int:
    """Give the hash that tells the shard of a uid: FNV-1a with 64 bits.

    Source: KEP-5866.

    >>> f"{hash_of('foobar'):016x}"
    '85944171f73967e8'
    """
    value = _FNV_OFFSET
    for byte in uid.encode("utf-8", "surrogatepass"):
        value = ((value ^ byte) * _FNV_PRIME) & _MASK
    return value


def index_of(uid: str, count: int) -> int:
    """Tell in which of so many shards the object with a uid is.

    >>> index_of("foobar", 4)
    2
    """
    return (hash_of(uid) * count) >> _BITS


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``count`` shards: each object is in exactly one of them, for as long as it lives.

    An object that is deleted and created again has a new uid, and may be in another shard.

    Attributes:
        index: Which one, from 0.
        count: How many there are.
    """

    index: int
    count: int

    @classmethod
    def of(cls, shard: Any) -> "Shard":
        """Check the argument of `watch`.

        Raises:
            TypeError: It is no pair of whole numbers.
            ValueError: There is no such shard.
        """
        pair = tuple(shard) if isinstance(shard, (tuple, list)) else ()
        if len(pair) != 2 or any(type(number) is not int for number in pair):
            raise TypeError(f"expected shard as (index, count), such as (0, 4), got {shard!r}")
        index, count = pair
        if not 0 <= index < count <= MAX_COUNT:
            expected = f"expected shard as (index, count) with 0 <= index < count <= {MAX_COUNT}"
            raise ValueError(f"{expected}, got {shard!r}")
        return cls(index, count)

    @property
    def selector(self) -> str:
        """What asks a server for this shard.

        Source: KEP-5866.

        >>> Shard(1, 2).selector
        "shardRange(object.metadata.uid, '0x8000000000000000', '0x10000000000000000')"
        """
        start, end = (
            -(-(number << _BITS) // self.count) for number in (self.index, self.index + 1)
        )
        return f"shardRange(object.metadata.uid, '0x{start:016x}', '0x{end:016x}')"

    def has(self, obj: Object) -> bool:
        """Whether an object is in this shard; all that have no uid are in the same one."""
        return index_of(str(obj["metadata"].get("uid") or ""), self.count) == self.index


class Sieve:
    """Lets the objects of one shard through, whatever the server sends.

    A server that makes shards sends no others. One that does not know them ignores that it was
    asked for one, and of several servers behind one address some may know them.

    Args:
        shard: Which one.

    Attributes:
        shard: See above.
        skipped: How many objects it has held back.
    """

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        self.skipped = 0

    def passes(self, obj: Object) -> bool:
        """Whether an object is in the shard; one that is not is counted."""
        passes = self.shard.has(obj)
        self.skipped += not passes
        return passes


def check_list(head: Mapping[str, Any], shard: Shard | None, skipped: int) -> None:
    """See that a list is the shard that was asked for, where it says which one it is.

    Args:
        head: The list, without its items.
        shard: What was asked for; None for all objects.
        skipped: How many of its items were of other shards.

    Raises:
        ProtocolError: It is another part of the objects, so that some would be in no shard.
    """
    info = head["metadata"].get("shardInfo")
    if info is None:
        return
    made = info.get("selector") if isinstance(info, Mapping) else None
    if not isinstance(made, str):
        raise ProtocolError(f"expected shardInfo with a selector in a list, got {describe(info)}")
    asked = "all objects" if shard is None else shard.selector
    if made.replace(" ", "") != asked.replace(" ", ""):
        raise ProtocolError(f"expected a list of {asked}, got one of {made[:200]}")
    if skipped:
        raise ProtocolError(
            f"expected a list of {asked}, got {skipped} objects that are not in it: the server"
            " tells shards by another hash than FNV-1a, so that no shard is complete"
        )
