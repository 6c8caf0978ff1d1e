"""What is watched, where the server has it, and the requests that it takes."""

from collections.abc import Callable

from kwatch._abilities import Abilities
from kwatch._http import Reply, Request
from kwatch._query import Query
from kwatch._snapshot import Snapshot


class Target:
    """A query, the path that it stands for, and what the server can do with that.

    Args:
        query: What to watch.
        abilities: What is known of the server, and learns.
        random: Gives numbers in [0, 1).
        wall_clock: Gives Unix time in seconds.
    """

    def __init__(
        self,
        query: Query,
        abilities: Abilities,
        random: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        self.query = query
        self._abilities = abilities
        self._random = random
        self._wall_clock = wall_clock
        self._resolution = query.resolve(wall_clock)
        self._path = self._resource = ""

    def resolve(self, reply: Reply | None) -> Request | None:
        """Find the path; None for the first step, and then the reply to each request.

        Returns:
            What to ask next; None when the path is known.

        Raises:
            KwatchError: It cannot be found.
            ValueError: The kind is cluster-scoped, and a namespace was given.
        """
        try:
            if reply is not None:
                return self._resolution.send(reply)
            self._resolution = self.query.resolve(self._wall_clock)
            return next(self._resolution)
        except StopIteration as found:
            self._path = found.value
            self._resource = self.query.resource_of(self._path)
            return None

    @property
    def can_stream(self) -> bool:
        """Whether what exists may be asked for as a stream."""
        return self._resource not in self._abilities.no_streaming

    def cannot_stream(self) -> None:
        """Note that the server has no streaming lists of the resource."""
        self._abilities.no_streaming.add(self._resource)

    def cannot_tell_metadata(self) -> None:
        """Note that the server refuses to be asked for metadata alone."""
        self._abilities.no_metadata.add(self._resource)

    def list(self, snapshot: Snapshot) -> Request:
        """Ask for the next page of a snapshot."""
        return self.query.list_request(
            self._path,
            resource_version=snapshot.at_least,
            continue_token=snapshot.continue_token,
            metadata=self._tells_metadata and (self.query.metadata_only or snapshot.quiet),
        )

    def probe(self, cursor: str | None) -> Request:
        """Ask whether the server has come as far as a cursor."""
        return self.query.list_request(
            self._path, resource_version=cursor, metadata=self._tells_metadata, limit=1
        )

    def watch(self, cursor: str | None, *, initial: bool) -> Request:
        """Ask for what comes after a cursor, or (``initial``) for what exists before that."""
        return self.query.watch_request(
            self._path,
            self.query.resource_version if cursor is None else cursor,
            self.query.lifetime(self._random()),
            initial=initial,
            metadata=self._tells_metadata and self.query.metadata_only,
        )

    @property
    def _tells_metadata(self) -> bool:
        return self._resource not in self._abilities.no_metadata
