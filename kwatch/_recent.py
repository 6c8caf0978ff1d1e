"""Which events came lately, to know them again when a resumed watch repeats them."""

from collections import deque

from kwatch._events import Event


class RecentEvents:
    """Remembers the last few events by object and version.

    Args:
        size: How many.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._order: deque[tuple[str, str]] = deque()
        self._keys: set[tuple[str, str]] = set()

    def add(self, event: Event) -> bool:
        """Remember an event, and tell whether it is new."""
        metadata = event.obj["metadata"]
        identity = metadata.get("uid") or f"{metadata.get('namespace')}/{metadata.get('name')}"
        key = (str(identity), event.resource_version)
        if key in self._keys:
            return False
        if len(self._order) == self._size:
            self._keys.discard(self._order.popleft())
        self._order.append(key)
        self._keys.add(key)
        return True
