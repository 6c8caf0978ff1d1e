"""`Reading`: a task reads one partition, and makes rows of it."""

import logging
import random
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, Final

import httpx

from kwatch._backoff import Backoff
from kwatch._cursor import is_older
from kwatch._errors import ExpiredError, KwatchError, StatusError, UnknownKindError
from kwatch._events import BOOKMARK, CREATED, DELETED, Event
from kwatch._shard import Shard
from kwatch._snapshot import is_initial_end
from kwatch._status import WatchStatus
from kwatch._sync import watch
from kwatch.spark._end import End
from kwatch.spark._errors import GapError
from kwatch.spark._options import Options
from kwatch.spark._partition import Partition
from kwatch.spark._place import Place
from kwatch.spark._rows import SNAPSHOT, Row, gap_row, row_of

CONNECTION_SECONDS: Final = 3
"""The life of one watch: a server sends a bookmark two seconds before its end."""

PATIENCE_SECONDS: Final = 120.0
"""So long a task of a stream asks again, where the driver has found all well before."""

logger = logging.getLogger("kwatch")


class Reading:
    """Reads one partition.

    Args:
        options: What the query was told.
        partition: What to read.
        patience: For how many seconds to ask again, until the server answers well.
    """

    def __init__(self, options: Options, partition: Partition, patience: float) -> None:
        self._options = options
        self._partition = partition
        self._patience = patience
        self._backoff = Backoff(maximum=5.0)

    def existing(self) -> Iterator[Row]:
        """Give what exists now, as ``created``."""
        with self._partition.cluster.client() as client:
            yield from self._existing(client, str(CREATED))

    def batch(self) -> Iterator[Row]:
        """Give what happened after the partition's start, up to its end.

        What is newer belongs to the next batch. It is the same each time, but for ``observed_at``
        and what no longer can be known.

        Raises:
            GapError: Events are gone, and the query is to fail then.
            KwatchError: See `kwatch.watch`.
            httpx.TransportError: The server cannot be reached.
        """
        start, end = self._partition.start, self._partition.end
        with self._partition.cluster.client() as client:
            if not start:
                yield from self._existing(client, str(CREATED), end)
                return
            try:
                if is_older(end, start):
                    raise _went_back(start, end)
                yield from self._changes(client)
            except ExpiredError as error:
                if self._options.fails_on_gap:
                    raise self._gap_error(error) from error
                logger.warning("%s: %s", self._partition.part, error)
                part = self._partition.part
                yield gap_row(part.cluster, part.namespace, end)
                yield from self._existing(client, SNAPSHOT)

    def _existing(self, client: httpx.Client, event_type: str, end: str = "") -> Iterator[Row]:
        """Give what exists; what is newer than an end comes as an event of the next batch.

        Until all has come, objects change and vanish, and so do their rows.
        """
        name = self._partition.part.cluster
        rows: dict[tuple[Any, Any], Row] = {}
        with closing(self._watched(client, send_initial_events=True)) as events:
            for event in events:
                if event.event_type is BOOKMARK:
                    if is_initial_end(event):
                        break
                    continue
                metadata = event.obj["metadata"]
                key = metadata.get("namespace"), metadata.get("name")
                if is_older(end, event.resource_version):
                    continue
                if event.event_type is DELETED:
                    rows.pop(key, None)
                else:
                    rows[key] = row_of(name, event_type, event.obj)
        yield from rows.values()

    def _changes(self, client: httpx.Client) -> Iterator[Row]:
        """Give the events up to the end.

        That shows by the last of them, by a newer one, by a bookmark, or by how far the watch is.
        Where it is not known to be an event of the shard, those of all shards are asked for: a
        server that makes shards tells of no version that an event of another one had, not even by a
        bookmark, until another object of the kind has changed.

        Raises:
            ExpiredError: Some of them are gone.
        """
        partition, status = self._partition, WatchStatus()
        name, end = partition.part.cluster, partition.end
        shard = Shard(partition.part.number, partition.part.shards)
        arguments: dict[str, Any] = {
            "resource_version": partition.start,
            "timeout_seconds": CONNECTION_SECONDS,
            "status": status,
            "stop_event": End(status, end),
        }
        if not partition.ends_with_event:
            arguments["shard"] = None
            self._reach_end(client)
        with closing(self._watched(client, **arguments)) as events:
            for event in events:
                version = event.resource_version
                if event.event_type is BOOKMARK:
                    if not is_older(version, end):
                        return
                    self._reach_end(client)
                    continue
                if is_older(end, version):
                    return
                if shard.has(event.obj):
                    yield row_of(name, event.event_type, event.obj)
                if version == end:
                    return

    def _reach_end(self, client: httpx.Client) -> None:
        """Ask for the present version, so that the server asks its store: bookmarks show it then.

        In a cluster where nothing else happens, they might not for minutes.

        Raises:
            ExpiredError: The server is older than the end, as one is that was restored: the end
                would not come before it has made that many versions.
        """
        partition, end = self._partition, self._partition.end
        try:
            place = Place(partition.cluster, partition.part.namespace, self._options)
            _, version = place.present(client, path=partition.path)
        except (httpx.TransportError, OSError, KwatchError):
            return  # the watch has its own way with it
        if is_older(version, end):
            raise _went_back(end, version)

    def _watched(self, client: httpx.Client, **arguments: Any) -> Generator[Event, None, None]:
        """Watch the partition's objects; ask again for some time, where the first request fails."""
        begun, attempt = time.monotonic(), 0
        while True:
            came = False
            try:
                with closing(watch(client, **{**self._what(), **arguments})) as events:
                    for event in events:
                        came = True
                        yield event
                    return
            except (httpx.TransportError, OSError, StatusError, UnknownKindError) as error:
                is_over = time.monotonic() - begun >= self._patience
                if came or is_over or isinstance(error, ExpiredError):
                    raise
                logger.info("%s: %s; asking again", self._partition.part, error)
            time.sleep(self._backoff.delay(attempt, random.random()))  # noqa: S311 - no secret
            attempt += 1

    def _what(self) -> dict[str, Any]:
        """Give the arguments of `watch` that say what."""
        options, part, path = self._options, self._partition.part, self._partition.path
        if path is None:
            what = {**options.resource, "namespace": part.namespace}
        else:
            what = {"resource_path": path}
        return {
            **what,
            **options.selection,
            "shard": (part.number, part.shards) if part.shards > 1 else None,
            "metadata_only": options.metadata_only,
            "allow_bookmarks": True,
        }

    def _gap_error(self, error: ExpiredError) -> GapError:
        partition = self._partition
        return GapError(
            f"{partition.part}: what happened after resource version {partition.start}, up to"
            f" {partition.end}, is gone: {error}. Begin with a new checkpoint, or set the option"
            " on_gap to 'snapshot', to go on with a row that says so and all that exists"
        )


def _went_back(start: str, end: str) -> ExpiredError:
    return ExpiredError(
        410,
        "Expired",
        f"the server has gone back in time, from resource version {start} to {end}",
    )
