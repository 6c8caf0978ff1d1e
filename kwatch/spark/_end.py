"""`End`: ends a watch that is past the end of a batch, though nothing of it shows that."""

from kwatch._cursor import is_older
from kwatch._status import WatchStatus
from kwatch._stop import StopEvent


class End(StopEvent):
    """Counts as set once a watch has come to a resource version.

    The last event before it may be of another shard, which a watch passes without a word, and a
    server sends no bookmark for a version that the watch began at. All up to the status' version
    was yielded by then, or is yielded next.

    Args:
        status: The status of the watch.
        version: The last resource version that is wanted.
    """

    def __init__(self, status: WatchStatus, version: str) -> None:
        super().__init__()
        self._status = status
        self._version = version

    def is_set(self) -> bool:
        """Whether the watch is there."""
        reached = self._status.resource_version
        return super().is_set() or (reached is not None and not is_older(reached, self._version))
