"""Which events came lately, to know them again when a resumed watch repeats them."""

from collections import deque

from kwatch._events import Event


class RecentEvents:
    """Remembers the last few events: by type, object and version, and by connection.

    Only a later connection can repeat an event. What one connection brings twice are two events,
    on a server whose versions are not unique.

    Args:
        size: How many.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._order: deque[tuple[str, str, str]] = deque()
        self._connections: dict[tuple[str, str, str], int] = {}

    def add(self, event: Event, connection: int) -> bool:
        """Remember an event of a connection, of which there is a number; tell whether it is new."""
        metadata = event.obj["metadata"]
        identity = metadata.get("uid") or f"{metadata.get('namespace')}/{metadata.get('name')}"
        key = (event.event_type, str(identity), event.resource_version)
        first = self._connections.get(key)
        if first is not None:
            return first == connection
        if len(self._order) == self._size:
            del self._connections[self._order.popleft()]
        self._order.append(key)
        self._connections[key] = connection
        return True
