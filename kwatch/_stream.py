"""One watch connection: bytes in, news out."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus

from kwatch._cursor import NEXT, Cursor, Place, is_older
from kwatch._decoder import Decoder
from kwatch._errors import StatusError
from kwatch._events import BOOKMARK, CREATED, DELETED, Event, parse_event
from kwatch._known import Known
from kwatch._line_decoder import LineDecoder
from kwatch._shard import Sieve
from kwatch._snapshot import is_initial_end


class BackInTimeError(StatusError):
    """The server is older than what it sent before, as when it was restored from a backup."""


class Stream:
    """What one connection brings, seen against the cursor and what is known.

    Args:
        number: Which connection it is; later ones have higher numbers.
        decoder: What makes documents of its bytes.
        cursor: Where the watch is; is moved.
        known: The objects that exist, or None where those are not known. Learns.
        initial: Whether the connection begins with what exists, and marks its end.
        sieve: Holds back the objects of other shards; None where there are no shards.

    Attributes:
        initial: Whether that end has still to come.
        frames: How many events and bookmarks have come,
        news: how many of them were no repetitions,
        created: how many objects came before the end of what exists,
        bookmarks: how many were bookmarks that came at their regular time,
        recent: and how many of all were not older than the cursor.
    """

    def __init__(
        self,
        number: int,
        decoder: Decoder | LineDecoder,
        cursor: Cursor,
        known: Known | None,
        *,
        initial: bool,
        sieve: Sieve | None = None,
    ) -> None:
        self.initial = initial
        self.frames = self.news = self.created = self.bookmarks = self.recent = 0
        self._number = number
        self._decoder = decoder
        self._cursor = cursor
        self._known = known
        self._sieve = sieve
        if known is not None and initial:
            known.begin()

    @property
    def incomplete(self) -> bool:
        """Whether the bytes so far end in the middle of an event."""
        return self._decoder.incomplete

    def receive_data(self, data: bytes) -> Iterator[Event]:
        """Take some more bytes.

        Yields:
            The news that end in them, and each bookmark.

        Raises:
            StatusError: The server tells of an error.
            BackInTimeError: What comes is older than what came.
            StreamError: This is no watch. In either case, the news before were yielded.
        """
        self._decoder.receive_data(data)
        return self._events()

    def receive_eof(self) -> Iterator[Event]:
        """Take the end; like `receive_data`."""
        self._decoder.receive_eof()
        return self._events()

    def _events(self) -> Iterator[Event]:
        for document in self._decoder.documents():
            event = parse_event(document)
            self.frames += 1
            if self.initial and self._known is not None:
                yield from self._existing(event, self._known)
            elif self._is_news(event):
                yield event

    def _existing(self, event: Event, known: Known) -> Iterable[Event]:
        """Take an event of those that tell what exists, in no order."""
        self.recent += 1
        if event.event_type is BOOKMARK:
            return self._end(event, known) if is_initial_end(event) else (event,)
        self.news += 1
        self.created += event.event_type is CREATED
        if not self._is_ours(event):
            return ()
        if event.event_type is DELETED:
            return (event,) if known.remove(event.obj) else ()
        return known.confirm(event.obj)

    def _end(self, bookmark: Event, known: Known) -> Iterator[Event]:
        """All that exists was told: what did not come is gone."""
        yield from known.vanished(bookmark.obj)
        self._cursor.restart(bookmark.resource_version)
        self.initial = False
        self.news += 1
        yield bookmark

    def _is_news(self, event: Event) -> bool:
        """Take an event of those that come in order; tell whether it is to be given."""
        known, cursor = self._known, self._cursor.resource_version
        bookmark = event.event_type is BOOKMARK
        if bookmark:
            self.bookmarks += not is_initial_end(event)
        place = self._cursor.take(event, self._number)
        if place is NEXT:
            self.recent += 1
            self.news += 1
            if bookmark:
                return True
            return self._is_ours(event) and (known is None or known.take(event))
        self.recent += not is_older(event.resource_version, cursor)
        if place is Place.REPEATED:
            return bookmark
        if place is Place.LATE:
            if known is not None and known.has_another(event.obj):
                return False
            if not self._is_ours(event):
                return False
            self.news += 1
            return known is None or known.take(event)
        if not bookmark and not self._is_ours(event):
            return False
        if known is not None and not bookmark and known.has(event.obj):
            return False
        raise BackInTimeError(
            HTTPStatus.OK,
            message=f"after resource version {cursor} came {event.resource_version}:"
            " the server has gone back in time",
        )

    def _is_ours(self, event: Event) -> bool:
        """Whether the object of an event is one of those that are watched here."""
        return self._sieve is None or self._sieve.passes(event.obj)
