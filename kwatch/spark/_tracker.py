"""`Tracker`: follows one namespace of a cluster in the driver, to know where batches end."""

import logging
import random
import threading
import time
from contextlib import closing
from http import HTTPStatus
from typing import Final

import httpx

from kwatch._backoff import Backoff
from kwatch._errors import ExpiredError, StatusError, StreamError
from kwatch._journal import Journal
from kwatch._policy import is_ahead
from kwatch._status import WatchStatus
from kwatch._stop import StopEvent
from kwatch._sync import watch
from kwatch.spark._errors import ClusterError
from kwatch.spark._offsets import check_comparable
from kwatch.spark._place import Place
from kwatch.spark._progress import Progress

JOIN_SECONDS: Final = 5.0
"""So long is waited for a thread that was told to stop; it is a daemon."""


class Tracker:
    """Watches the metadata of what is read, in a thread of its own; remembers none of it.

    Where the server has forgotten what happened, as one that has restarted, it goes on with what
    happens now. Whoever reads the range in between finds out what is still known.

    Args:
        place: What to watch.
        client: How to reach it.
        backoff: The delays between attempts that fail, where `kwatch.watch` does not see to it.
            None: the usual ones.

    Attributes:
        path: The path of the resource; None until ``start``.
    """

    def __init__(self, place: Place, client: httpx.Client, backoff: Backoff | None = None) -> None:
        self.path: str | None = None
        self._place = place
        self._client = client
        self._backoff = backoff or Backoff()
        self._stop_event = StopEvent()
        self._lock = threading.Lock()
        self._progress = Progress(place.options.shards, "")  # until it has started
        self._error: Exception | None = None
        self._gap: ExpiredError | None = None  # from where it cannot go on
        self._failures = 0  # in a row, with nothing heard in between
        self._retry_after = 0.0
        self._journal = Journal(time.monotonic)
        self._proven = False  # whether a watch was open ever: then it is allowed
        self._thread = threading.Thread(target=self._run, name=f"kwatch {place}", daemon=True)

    def start(self) -> None:
        """Find out where the server is, and follow it from there.

        Raises:
            KwatchError: See `Place.present`.
            httpx.TransportError: The server cannot be reached.
        """
        self.path, version = self._place.present(self._client, self._stop_event)
        self._progress = Progress(self._place.options.shards, version)
        self._thread.start()

    @property
    def begun(self) -> str:
        """The resource version at which it began; the first offset of each shard."""
        return self._progress.begun

    def offsets(self) -> list[str]:
        """Give the present offset of each shard.

        Raises:
            ClusterError: The watch has failed for good.
        """
        with self._lock:
            if self._error is not None:
                raise ClusterError(
                    f"{self._place}: {type(self._error).__name__}: {self._error}"
                ) from self._error
            return self._progress.offsets()

    def is_quiet(self, index: int, start: str, end: str) -> bool:
        """Whether it is known that nothing of a shard happened in a range."""
        with self._lock:
            return self._progress.is_quiet(index, start, end)

    def calm_up_to(self, index: int, start: str) -> str:
        """Give up to where it is known that nothing of a shard happened after an offset."""
        with self._lock:
            return self._progress.calm_up_to(index, start)

    def is_first(self, start: str, end: str) -> bool:
        """Whether a range is a new query's first batch, whose end an earlier driver has told."""
        with self._lock:
            return self._progress.is_first(start, end)

    def ends_with_event(self, index: int, end: str) -> bool:
        """Whether it is known that a range of a shard ends with an event."""
        with self._lock:
            return self._progress.ends_with_event(index, end)

    def stop(self) -> None:
        """Tell the thread to end."""
        self._stop_event.set()

    def join(self) -> None:
        """Wait until it has ended."""
        if self._thread.is_alive():
            self._thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        try:
            while not self._stop_event.is_set():
                self._attempt()
                if self._stop_event.wait(self._delay()):
                    return
                self._failures += 1
        except Exception as error:  # whatever it is, `offsets` raises it
            with self._lock:
                self._error = error

    def _attempt(self) -> None:
        """Follow the server until that fails, or until the end."""
        self._retry_after = 0.0
        try:
            if self._gap is not None:
                self._leave_out(self._gap)
            self._follow()
        except ExpiredError as error:
            self._gap = error
            self._tell(error)
        except StatusError as error:
            if not (self._proven or _may_pass(error)):
                raise
            self._retry_after = error.retry_after or 0.0
            self._tell(error)
        except (httpx.TransportError, StreamError, OSError) as error:  # it was reached before
            self._tell(error)

    def _delay(self) -> float:
        delay = self._backoff.delay(self._failures, random.random())  # noqa: S311 - no secret
        return max(delay, self._retry_after)

    def _tell(self, error: Exception) -> None:
        if not self._stop_event.is_set():
            reason = f"{self._place}: {type(error).__name__}: {error}"
            self._journal.tell(logging.WARNING, reason, f"{reason}; asking again")

    def _follow(self) -> None:
        """Take what comes."""
        status = WatchStatus()
        events = watch(
            self._client,
            resource_path=self.path,
            **self._place.options.selection,
            resource_version=self._progress.cursor,
            allow_bookmarks=True,
            metadata_only=True,
            status=status,
            stop_event=self._stop_event,
        )
        try:
            with closing(events):
                for event in events:
                    check_comparable(event.resource_version, str(self._place))
                    if self._failures:
                        self._failures = 0
                        self._journal.went_well()
                    with self._lock:
                        self._progress.take(event)
        finally:
            self._proven |= status.connects > 0

    def _leave_out(self, gap: ExpiredError) -> None:
        """Go on with what happens now."""
        _, version = self._place.present(self._client, self._stop_event, self.path)
        cause = gap.__cause__
        went_back = isinstance(cause, StatusError) and is_ahead(cause)
        with self._lock:
            broke = went_back or self._progress.is_past(version)
            self._progress.restart(version, broke=broke)
        self._gap = None


def _may_pass(error: StatusError) -> bool:
    busy = error.code == HTTPStatus.TOO_MANY_REQUESTS
    return busy or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR
