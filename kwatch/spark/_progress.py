"""`Progress`: how far each shard of a namespace is, by the events of one watch. No I/O."""

from dataclasses import dataclass

from kwatch._cursor import is_older
from kwatch._events import BOOKMARK, Event
from kwatch._shard import index_of


@dataclass(slots=True)
class _Shard:
    """One shard: there is no event of it after ``quiet_since`` and up to ``offset``.

    A deletion that has an older version than its place (old servers do that) moves nothing: it
    comes ``late``, in whatever range follows.
    """

    offset: str
    quiet_since: str
    event: str = ""  # the version of the last one
    late: bool = False
    told: str = ""  # the offset that was told last,
    calm: str | None = None  # and up to where nothing happened after it; None: nothing ever did
    before: tuple[str, str] = ("", "")  # the same two for the offset that was told before

    def go_on(self, version: str, cursor: str) -> None:
        """Go on elsewhere; ``cursor`` is where it was."""
        if self.calm is None:
            self.calm = cursor
        self.offset = self.quiet_since = version
        self.event, self.late = "", False

    def tell(self) -> None:
        if self.offset != self.told:
            self.before = (self.told, self.calm or self.offset)
            self.told, self.calm = self.offset, self.offset if self.late else None

    def happen(self, version: str, cursor: str) -> None:
        if self.calm is None:
            self.calm = cursor
        if is_older(self.offset, version):
            self.offset = self.quiet_since = self.event = version
            self.late = False
        else:
            self.late = True

    def advance(self, version: str) -> None:
        self.offset = version
        if self.late:
            self.quiet_since, self.late = version, False


class Progress:
    """Where the next batch of each shard is to end.

    In a shard where things happen, that is the version of its last event, so that whoever reads
    up to there knows the end when it comes. In the others it is that of the last bookmark.

    The first offset that is told is where it began, so that the first batch of a query is empty:
    Spark asks for the end of that before it asks for the start, and for another start where a
    driver has died in between. What has happened since the end comes in the next batch.

    Args:
        count: How many shards there are.
        version: The resource version to begin at.

    Attributes:
        begun: See ``version``.
        cursor: How far all shards are together: a watch from there brings what comes next.
    """

    def __init__(self, count: int, version: str) -> None:
        self.begun = version
        self._shards = [_Shard(version, version, told=version) for _ in range(count)]
        self.cursor = version
        self._went_back = False
        self._told: list[str] = []
        self._due = [[version] * count]  # what is to be told before anything else

    def restart(self, version: str, *, broke: bool) -> None:
        """Go on elsewhere, since what happened up to there is not known.

        Args:
            version: Where.
            broke: Whether the order of versions may have begun anew, as on a server that was
                restored from a backup. It uses its versions again, so that a range that goes over
                the break would look like any other: first an offset is told that is older than
                the one before, which is a gap for whoever reads up to it.
        """
        self._went_back |= broke or is_older(version, self.begun)
        if broke:
            due = [_oldest(version, told) for told in self._last_told]
            self._due.append(due)
            # whoever reads up to there is given what exists, which is what there was at ``version``
            self._shards = [_Shard(version, told, told=told) for told in due]
        else:
            for shard in self._shards:
                shard.go_on(version, self.cursor)
        self.cursor = version

    def is_past(self, version: str) -> bool:
        """Whether more than this version was told, or is about to be."""
        offsets = (*self._last_told, *(shard.offset for shard in self._shards))
        return any(is_older(version, offset) for offset in offsets)

    @property
    def _last_told(self) -> list[str]:
        return self._due[-1] if self._due else self._told

    def take(self, event: Event) -> None:
        """Take the next event."""
        version = event.resource_version
        if event.event_type is BOOKMARK:
            for shard in self._shards:
                if is_older(shard.offset, version):
                    shard.advance(version)
        else:
            uid = str(event.obj["metadata"].get("uid") or "")
            self._shards[index_of(uid, len(self._shards))].happen(version, self.cursor)
        if is_older(self.cursor, version):
            self.cursor = version

    def offsets(self) -> list[str]:
        """Give the offset of each shard."""
        if self._due:
            self._told = self._due.pop(0)
            return self._told
        for shard in self._shards:
            shard.tell()
        self._told = [shard.offset for shard in self._shards]
        return self._told

    def is_quiet(self, index: int, start: str, end: str) -> bool:
        """Whether it is known that nothing of a shard happened after ``start``, up to ``end``."""
        shard = self._shards[index]
        if not start or shard.late or is_older(end, start) or is_older(shard.offset, end):
            return False
        return not is_older(start, shard.quiet_since)

    def calm_up_to(self, index: int, start: str) -> str:
        """Give up to where it is known that nothing of a shard happened after an offset.

        A server forgets, and may know only what comes after that.
        """
        told, calm = self._shards[index].before
        return calm if told == start and is_older(start, calm) else start

    def is_first(self, start: str, end: str) -> bool:
        """Whether a range is a new query's first batch, whose end an earlier driver has told."""
        return start == self.begun and is_older(end, start) and not self._went_back

    def ends_with_event(self, index: int, end: str) -> bool:
        """Whether it is known that an event of a shard has this version."""
        return self._shards[index].event == end


def _oldest(version: str, told: str) -> str:
    """Give a version that is older than what was told, and not newer than another."""
    return version if is_older(version, told) else str(max(1, int(told) - 1))
