"""`Delivery`: an event on its way from where it is read to where it is handled."""

from collections.abc import Callable
from typing import NamedTuple

from kwatch._events import Event, EventType
from kwatch._parts import Part
from kwatch._session import Session


class Delivery(NamedTuple):
    """An event that a session gave, and how far that session had come by then.

    Attributes:
        event: The event.
        reached: What `Part.publish` takes.
        is_shown: Whether the consumer is to see it: some are for the cursor alone.
        part: The status of the session.
    """

    event: Event
    reached: tuple[str | None, bool]
    is_shown: bool
    part: Part

    @classmethod
    def of(cls, session: Session, event: Event, *, allow_bookmarks: bool) -> "Delivery":
        """Wrap what a session has just given.

        Args:
            session: One that was made ``apart``.
            event: What it gave.
            allow_bookmarks: Whether the consumer asked for bookmarks.
        """
        part = session.status
        assert isinstance(part, Part)  # noqa: S101 - `sessions` saw to it
        is_change = event.event_type is not EventType.BOOKMARK
        is_shown = is_change or (allow_bookmarks and event is not session.mark)
        return cls(event, part.reached, is_shown, part)

    def take(self) -> bool:
        """Move the cursor on, right before the event is handled; tell whether it is to be shown.

        So whoever handles it finds the cursor that is to be stored once it is handled.
        """
        self.part.publish(self.reached, self.event.event_type is not EventType.BOOKMARK)
        return self.is_shown

    def way_back(self) -> Callable[[], object]:
        """Give what moves the cursor back to where it is now."""
        before = self.part.resource_version, self.part.synced
        return lambda: self.part.publish(before, 0)
