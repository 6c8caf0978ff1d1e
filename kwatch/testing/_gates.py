"""Which features a server has, as its feature gates say."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gates:
    """What is not the same in all servers.

    Attributes:
        watch_list: ``sendInitialEvents`` is known; else it is refused.
        sharding: ``shardSelector`` is known; else it is ignored.
    """

    watch_list: bool = True
    sharding: bool = False
