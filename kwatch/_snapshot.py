"""What exists, by a list in pages: compared with what is known, object by object."""

from collections.abc import Iterator
from typing import Final

from kwatch._errors import ProtocolError
from kwatch._events import Event, EventType, Object
from kwatch._known import Known
from kwatch._list import ListDecoder
from kwatch._shard import Sieve, check_list

INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"
"""The annotation of a bookmark that ends what exists; its value is ``"true"``."""


class Snapshot:
    """A list of all objects, over any number of pages, attempts and beginnings.

    Each page is ``begin_page``, ``receive_data``, ``receive_eof``. A page that broke off is asked
    for once more; when its token is too old, the list starts again. Either way, what was yielded
    before is not yielded again.

    Args:
        known: What it is compared with, and what learns from it.
        at_least: The resource version that the list must have reached; None for the latest.
        quiet: Whether the objects are only to be known, and not to be yielded.
        sieve: Holds back the objects of other shards; None where there are no shards.

    Attributes:
        at_least: See above; None after a server could not do it.
        continue_token: What asks for the next page; "" for the first one.
        resource_version: That of the list; None until the first page is whole.
        restarts: How often it had to start again.
        complete: Whether the last page is whole.
        known, quiet: See above.
    """

    def __init__(
        self,
        known: Known,
        at_least: str | None = None,
        *,
        quiet: bool = False,
        sieve: Sieve | None = None,
    ) -> None:
        self.at_least = at_least
        self.continue_token = ""
        self.resource_version: str | None = None
        self.restarts = 0
        self.complete = False
        self.known = known
        self.quiet = quiet
        self._page = ListDecoder()
        self._kind: Object = {}  # of the last object, if it told
        self._confirmed = 0  # before the present page
        self._sieve = sieve
        self._skipped = 0  # of the present page

    def restart(self) -> None:
        """Start again, from the first page of the latest list."""
        self.at_least = self.resource_version = None
        self.continue_token = ""
        self.restarts += 1

    def begin_page(self) -> None:
        """A page is about to come."""
        self._page = ListDecoder()
        self._skipped = 0
        if not self.continue_token:
            if self.quiet:
                self.known.forget()
            self.known.begin()
        self._confirmed = self.known.confirmed

    @property
    def is_idle(self) -> bool:
        """Whether the present page has brought no object that the pages before had not."""
        return self.known.confirmed == self._confirmed

    @property
    def incomplete(self) -> bool:
        """Whether the present page has not ended yet."""
        return self._page.incomplete

    def receive_data(self, data: bytes) -> Iterator[Event]:
        """Take some bytes of the page.

        Yields:
            The events by which the objects that end in them differ from what was known.

        Raises:
            StreamError: This is no list. The events before it were yielded.
        """
        for obj in self._page.receive_data(data):
            self._kind = {field: obj[field] for field in ("apiVersion", "kind") if field in obj}
            if self._sieve is not None and not self._sieve.passes(obj):
                self._skipped += 1
                continue
            events = self.known.confirm(obj)
            if not self.quiet:
                yield from events

    def receive_eof(self) -> None:
        """Take the end of the page.

        Raises:
            StreamError: The page was cut short, or is none, or of another shard.
        """
        self._page.receive_eof()
        shard = None if self._sieve is None else self._sieve.shard
        check_list(self._page.head, shard, self._skipped)
        token = self._page.continue_token
        if token and token == self.continue_token:
            raise ProtocolError("expected another page of a list, got the same one's token")
        if self.resource_version is None:
            self.resource_version = self._page.resource_version
        self.continue_token = token
        self.complete = not token

    def vanished(self) -> Iterator[Event]:
        """Give the deletions of what a complete list has no more."""
        return self.known.vanished(self._kind_of_objects())

    def bookmark(self) -> Event:
        """Make the bookmark that ends a complete list, as a streaming one would."""
        annotations = {INITIAL_EVENTS_END: "true"}
        metadata = {"resourceVersion": self.resource_version, "annotations": annotations}
        return Event(EventType.BOOKMARK, {**self._kind_of_objects(), "metadata": metadata})

    def _kind_of_objects(self) -> Object:
        """Give ``apiVersion`` and ``kind`` of the objects, as they or the list have them."""
        if self._kind:
            return self._kind
        head = self._page.head
        kind = {"kind": str(head.get("kind") or "").removesuffix("List")}
        if head.get("apiVersion"):
            kind = {"apiVersion": head["apiVersion"], **kind}
        return kind if kind["kind"] else {}


def is_initial_end(bookmark: Event) -> bool:
    """Whether a bookmark ends what exists: its annotation must be there, and be ``"true"``."""
    annotations = bookmark.obj["metadata"].get("annotations")
    return isinstance(annotations, dict) and annotations.get(INITIAL_EVENTS_END) == "true"
