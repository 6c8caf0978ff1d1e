"""Shard selectors in words."""

ZERO, HALF, END = "0x0000000000000000", "0x8000000000000000", "0x10000000000000000"
UID, NAMESPACE = "object.metadata.uid", "object.metadata.namespace"


def shard(start: str = ZERO, end: str = HALF, field: str = UID) -> str:
    return f"shardRange({field}, '{start}', '{end}')"


LOW, HIGH, ALL = shard(), shard(HALF, END), shard(ZERO, END)
