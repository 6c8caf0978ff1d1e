"""The account of `benchmarks.pipeline`: what was written, next to what came out."""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from benchmarks.pipeline.cluster import MARKER, Change
from benchmarks.pipeline.query import Row
from kwatch._shard import index_of


class Gap(NamedTuple):
    """A range of one shard whose events the server had forgotten."""

    cluster: str
    shard: str
    start: int
    end: int

    def is_of(self, cluster: str, uid: str) -> bool:
        """Whether an object is in its shard."""
        number, _, count = self.shard.partition("/")
        return cluster == self.cluster and index_of(uid, int(count)) == int(number)

    def hides(self, change: Change, after: int, before: int) -> bool:
        """Whether a change that has a version between two others may be in the gap."""
        has_room = max(after, self.start) + 1 <= min(before - 1, self.end)
        return has_room and self.is_of(change.cluster, change.uid)


class Account:
    """Compares; each change must have come out once, and nothing else.

    Args:
        changes: What was written, of each writer in order.
        rows: What came out.
        offsets: Where each batch ended.
        listed: In the end, the version of each object by uid, of each cluster.
    """

    def __init__(
        self,
        changes: Sequence[Change],
        rows: Iterable[Row],
        offsets: Sequence[dict[tuple[str, str], int]],
        listed: dict[str, dict[str, int]],
    ) -> None:
        self.lost: list[Change] = []
        self.hidden: list[Change] = []
        self.repeated: list[Row] = []
        self.never_written: list[Row] = []
        self.differing: list[str] = []
        counted = [row for row in rows if row.number != MARKER]
        self.gap_rows = [row for row in counted if row.event_type == "gap"]
        self.snapshots = [row for row in counted if row.event_type == "snapshot"]
        self.events = [row for row in counted if row.event_type not in ("gap", "snapshot")]
        self.gaps = {gap for row in self.gap_rows for gap in _gaps(row, offsets)}
        self._last = self._written(changes)
        self._compare(changes)
        self._compare_state(listed)

    @property
    def is_well(self) -> bool:
        """Whether all is as it must be."""
        return not (self.lost or self.repeated or self.never_written or self.differing)

    def _written(self, changes: Sequence[Change]) -> dict[tuple[str, str], int]:
        """Sort the changes by what is known of them; give the last version of each object."""
        last: dict[tuple[str, str], int] = {}
        self._versions: dict[tuple[str, str, int], Change] = {}
        self._deletions: dict[tuple[str, str], Change] = {}
        for change in changes:
            if change.version:
                self._versions[change.cluster, change.uid, change.version] = change
                last[change.cluster, change.uid] = change.version
            else:
                self._deletions[change.cluster, change.uid] = change
        return last

    def _bounds(self, changes: Sequence[Change]) -> Iterable[tuple[Change, int, int]]:
        """Give each change with two versions that its own is between.

        That of a deletion is less than what its writer's next change has. Who is next in the list
        on another cluster is another writer.
        """
        cluster, upper = "", 0
        for change in reversed(changes):
            if change.cluster != cluster:
                cluster, upper = change.cluster, sys.maxsize
            if change.version:
                upper = change.version
                yield change, change.version - 1, change.version + 1
            else:
                yield change, self._last[change.cluster, change.uid], upper

    def _compare(self, changes: Sequence[Change]) -> None:
        """See to the changes one by one."""
        came: set[Change] = set()
        versions: Counter[tuple[str, str]] = Counter()
        for row in self.events:
            change = self._of(row)
            versions[row.cluster, row.resource_version] += 1
            if change is None:
                self.never_written.append(row)
            elif change in came or versions[row.cluster, row.resource_version] > 1:
                self.repeated.append(row)
            else:
                came.add(change)
        for change, after, before in self._bounds(changes):
            if change not in came:
                is_hidden = any(gap.hides(change, after, before) for gap in self.gaps)
                (self.hidden if is_hidden else self.lost).append(change)
        for row in self.snapshots:
            if (row.cluster, row.uid or "", int(row.resource_version)) not in self._versions:
                self.never_written.append(row)

    def _of(self, row: Row) -> Change | None:
        """Give the change that a row tells of."""
        key, version = (row.cluster, row.uid or ""), int(row.resource_version)
        if row.event_type == "deleted":  # it shows the object's last state, and a version after it
            deletion = self._deletions.get(key)
            is_later = deletion is not None and version > self._last[key]
            return deletion if is_later else None
        change = self._versions.get((*key, version))
        told = row.event_type, row.number
        return change if change is not None and (change.verb, change.number) == told else None

    def _compare_state(self, listed: dict[str, dict[str, int]]) -> None:
        """See whether whoever folds the rows has what the servers have."""
        newest: dict[tuple[str, str], tuple[int, str]] = defaultdict(lambda: (0, "deleted"))
        for row in (*self.events, *self.snapshots):
            key = row.cluster, row.uid or ""
            newest[key] = max(newest[key], (int(row.resource_version), row.event_type))
        kept = Counter((row.cluster, row.uid, int(row.resource_version)) for row in self.snapshots)

        def is_there(cluster: str, uid: str, version: int) -> bool:  # in each gap's snapshot
            gaps = sum(gap.is_of(cluster, uid) and version <= gap.end for gap in self.gaps)
            return kept[cluster, uid, version] >= gaps

        folded = {
            key: version
            for key, (version, event_type) in newest.items()
            if event_type != "deleted" and is_there(*key, version)
        }
        there = {(name, uid): version for name, of in listed.items() for uid, version in of.items()}
        self.differing = [
            f"{cluster} {uid}: {folded.get((cluster, uid))} is {there.get((cluster, uid))}"
            for cluster, uid in sorted(folded.keys() | there.keys())
            if folded.get((cluster, uid)) != there.get((cluster, uid))
        ]


def _gaps(row: Row, offsets: Sequence[dict[tuple[str, str], int]]) -> Iterable[Gap]:
    """Give what a row that tells of a gap may be of: shards that a batch read up to its version."""
    end = int(row.resource_version)
    for before, after in pairwise(offsets):
        for (cluster, shard), version in after.items():
            start = before[cluster, shard]
            if (cluster, version) == (row.cluster, end) and start != end:
                yield Gap(cluster, shard, start, end)
