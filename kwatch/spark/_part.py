"""`Part`: one shard of one namespace of one cluster, which has an offset of its own."""

from typing import NamedTuple


class Part(NamedTuple):
    """What is read by one task.

    Attributes:
        cluster: The cluster's name.
        namespace: The namespace; None for all of them.
        number: Which shard, from 0.
        shards: Of how many.

    >>> str(Part("east", "shop", 0, 4))
    'shard 0/4 of namespace shop in cluster east'
    """

    cluster: str
    namespace: str | None
    number: int
    shards: int

    def __str__(self) -> str:
        where = "all namespaces" if self.namespace is None else f"namespace {self.namespace}"
        return f"shard {self.shard} of {where} in cluster {self.cluster}"

    @property
    def shard(self) -> str:
        """The name of the shard in an offset."""
        return f"{self.number}/{self.shards}"
