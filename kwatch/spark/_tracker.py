"""`Tracker`: follows one namespace of a cluster in the driver, to know where batches end."""

import random
import threading
from collections.abc import Iterable
from contextlib import closing
from http import HTTPStatus
from typing import Final

import httpx

from kwatch._backoff import Backoff
from kwatch._errors import KwatchError, StatusError
from kwatch._events import BOOKMARK, Event
from kwatch._policy import is_too_large
from kwatch._snapshot import is_initial_end
from kwatch._status import WatchState, WatchStatus
from kwatch._stop import StopEvent
from kwatch._stream import BackInTimeError
from kwatch._sync import watch
from kwatch.spark._errors import ClusterError
from kwatch.spark._offsets import check_comparable
from kwatch.spark._place import Place
from kwatch.spark._progress import Progress

JOIN_SECONDS: Final = 5.0
"""So long is waited for a thread that was told to stop; it is a daemon."""


class _Status(WatchStatus):
    """A status that remembers whether the server has gone back in time, whatever came after."""

    went_back = False

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "last_error" and isinstance(value, StatusError):
            self.went_back |= isinstance(value, BackInTimeError) or is_too_large(value)


class Tracker:
    """Watches the metadata of what is read, in a thread of its own.

    Of each object that exists, namespace, name, uid and resource version are held in memory: where
    the server has forgotten what happened, as one that has restarted, it is found out in which
    shards anything did. Only there is it a gap.

    Args:
        place: What to watch.
        client: How to reach it.
        backoff: The delays between attempts that fail, where `kwatch.watch` does not see to it.

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
        self._status = _Status()
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
            attempt = 0
            while not self._stop_event.is_set():
                self._attempt()
                attempt = 0 if self._proven else attempt + 1
                delay = self._backoff.delay(attempt, random.random())  # noqa: S311 - no secret
                self._stop_event.wait(delay)
        except Exception as error:  # whatever it is, `offsets` raises it
            with self._lock:
                self._error = error

    def _attempt(self) -> None:
        """Follow the server until that fails, or until the end."""
        try:
            self._follow()
        except StatusError as error:
            if not (self._proven or _may_pass(error)):
                raise
        except (httpx.TransportError, OSError):
            pass  # it was reached before
        finally:
            self._proven |= self._status.connects > 0

    def _follow(self) -> None:
        """Take what comes, and heal gaps: what exists comes first, to know later what differs."""
        options = self._place.options
        synced, relists = False, 0
        events = watch(
            self._client,
            resource_path=self.path,
            **options.selection,
            send_initial_events=True,
            allow_bookmarks=True,
            metadata_only=True,
            status=self._status,
            stop_event=self._stop_event,
        )
        held: list[Event] = []  # what a list differs in, until it has ended
        with closing(events):
            for event in events:
                check_comparable(event.resource_version, str(self._place))
                again = synced and self._status.relists == relists  # servers may send one twice
                if event.event_type is BOOKMARK and is_initial_end(event) and not again:
                    self._listed(event, held, synced=synced)
                    held, synced, relists = [], True, self._status.relists
                elif synced and self._status.state is WatchState.LISTING:
                    held.append(event)
                elif synced:
                    with self._lock:
                        self._progress.take(event)

    def _listed(self, bookmark: Event, held: Iterable[Event], *, synced: bool) -> None:
        """All that exists came: at the beginning, or since what happened in a gap is gone."""
        version = bookmark.resource_version
        broke = synced and self._broke(version)
        with self._lock:
            if broke or not synced:
                self._progress.restart(version, broke=broke)
                return
            for event in (*held, bookmark):
                self._progress.take(event)

    def _broke(self, version: str) -> bool:
        """Whether the server has gone back in time before a gap that was healed.

        A list of a cache may be a little older than what was told: then its store is asked.
        """
        went_back, self._status.went_back = self._status.went_back, False
        if went_back or not self._progress.is_past(version):
            return went_back
        try:
            _, version = self._place.present(self._client, self._stop_event)
        except (httpx.TransportError, OSError, KwatchError):
            return True
        return self._progress.is_past(version)


def _may_pass(error: StatusError) -> bool:
    busy = error.code == HTTPStatus.TOO_MANY_REQUESTS
    return busy or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR
