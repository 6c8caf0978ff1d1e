"""`Stream`: the driver's side of a query, which knows where batches begin and end."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

import httpx

from kwatch._cursor import is_older
from kwatch._errors import KwatchError
from kwatch.spark._cluster import Cluster
from kwatch.spark._errors import ClusterError
from kwatch.spark._offsets import Json, Offsets, from_json, to_json
from kwatch.spark._options import Options
from kwatch.spark._part import Part
from kwatch.spark._partition import Partition
from kwatch.spark._place import Place
from kwatch.spark._tracker import Tracker

MAX_QUESTIONS: Final = 16
"""So many servers are asked at once, where a query begins."""

T = TypeVar("T")


class Stream:
    """Follows each namespace of each cluster, from the first ``latest`` on.

    Args:
        options: What the query was told.

    Raises:
        ConfigError: A kubeconfig cannot be used.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._is_new = False
        self._clients: dict[Cluster, httpx.Client] = {}
        self._trackers: dict[Place, Tracker] = {}
        clusters = Cluster.each(options)
        self._places = [
            Place(cluster, namespace, options)
            for cluster in clusters
            for namespace in options.namespaces
        ]
        try:
            for cluster in clusters:
                self._clients[cluster] = cluster.client()
        except BaseException:
            self.stop()
            raise

    def initial(self) -> Json:
        """Give the offset of a query that begins.

        Raises:
            ClusterError: One of the clusters cannot be asked.
        """
        if self._options.send_initial_events:
            return to_json(dict.fromkeys(self._parts(), ""))
        self._is_new = True
        begun = {place: tracker.begun for place, tracker in self._started().items()}
        return to_json({part: begun[place] for place in begun for part in self._parts_of(place)})

    def latest(self) -> Json:
        """Give the present offset.

        Raises:
            ClusterError: One of the clusters cannot be asked at the start, or refuses later on.
        """
        offsets: Offsets = {}
        for place, tracker in self._started().items():
            offsets.update(zip(self._parts_of(place), tracker.offsets(), strict=True))
        return to_json(offsets)

    def partitions(self, start: Any, end: Any) -> list[Partition]:
        """Give what is to be read between two offsets.

        Raises:
            OffsetError: They are those of another query.
        """
        parts = self._parts()
        before, after = from_json(start, parts), from_json(end, parts)
        for place in self._places:
            self._put_right(place, before, after)
        return [
            self._partition(place, part, before[part], after[part])
            for place in self._places
            for part in self._parts_of(place)
            if not self._is_empty(place, part, before[part], after[part])
        ]

    def stop(self) -> None:
        """End all that runs."""
        for tracker in self._trackers.values():
            tracker.stop()
        for tracker in self._trackers.values():
            tracker.join()
        for client in self._clients.values():
            client.close()

    def _started(self) -> dict[Place, Tracker]:
        """Begin to follow all places, unless that was done."""
        if not self._trackers:
            self._trackers = self._start()
        return self._trackers

    def _start(self) -> dict[Place, Tracker]:
        trackers = {place: Tracker(place, self._clients[place.cluster]) for place in self._places}
        try:
            _each(self._places, lambda place: trackers[place].start())
        except BaseException:
            for tracker in trackers.values():
                tracker.stop()
            raise
        return trackers

    def _parts(self) -> list[Part]:
        return [part for place in self._places for part in self._parts_of(place)]

    def _parts_of(self, place: Place) -> list[Part]:
        name, shards = place.cluster.name, self._options.shards
        return [Part(name, place.namespace, number, shards) for number in range(shards)]

    def _put_right(self, place: Place, before: Offsets, after: Offsets) -> None:
        """Have all parts of a place begin after their end, if one does: the server has gone back.

        The others were behind by then, and may be where they were, or past that.
        """
        parts = self._parts_of(place)
        back = [part for part in parts if is_older(after[part], before[part])]
        if back:
            newest = max((before[part] for part in back), key=int)
            before.update(dict.fromkeys(parts, newest))

    def _partition(self, place: Place, part: Part, start: str, end: str) -> Partition:
        tracker = self._trackers.get(place)
        if tracker is None:  # a batch of an earlier driver is read again
            return Partition(place.cluster, part, start, end)
        if is_older(start, end):
            start = tracker.calm_up_to(part.number, start)
        is_event = tracker.ends_with_event(part.number, end)
        return Partition(place.cluster, part, start, end, is_event, tracker.path)

    def _is_empty(self, place: Place, part: Part, start: str, end: str) -> bool:
        """Whether it is known that nothing of a part happened in a range."""
        if start == end:
            return True
        tracker = self._trackers.get(place)
        if tracker is None:
            return False
        is_first = self._is_new and tracker.is_first(start, end)
        return is_first or tracker.is_quiet(part.number, start, end)


def _each(places: Iterable[Place], ask: Callable[[Place], T]) -> dict[Place, T]:
    """Ask several places at once; raise what the first of them raises, and say which it was."""
    with ThreadPoolExecutor(MAX_QUESTIONS, thread_name_prefix="kwatch") as pool:
        asked = {place: pool.submit(partial(ask, place)) for place in places}
    found = {}
    for place, future in asked.items():
        try:
            found[place] = future.result()
        except (KwatchError, httpx.HTTPError, OSError, ValueError) as error:
            raise ClusterError(f"{place}: {type(error).__name__}: {error}") from error
    return found
