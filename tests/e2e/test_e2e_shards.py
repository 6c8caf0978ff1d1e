"""Shards, on a server: each has its part of the changes, and all of them have all."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from random import Random
from typing import Any

import httpx
import pytest

from kwatch import Backoff, Event, Source, WatchStatus, merge, watch

from .live import Box, Front, Object, Proxy, Run, gap, wait_for

pytestmark = pytest.mark.e2e

COUNT = 3
NAMES = [f"w-{number}" for number in range(20)]
SOON = Backoff(initial=0.05, maximum=0.1)
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture
def makes_shards(api: httpx.Client) -> bool:
    """Whether the server does it itself: lists of built-in kinds tell, others do not."""
    half = "shardRange(object.metadata.uid, '0x0000000000000000', '0x8000000000000000')"
    listed = api.get(CRDS, params={"shardSelector": half}).raise_for_status().json()
    return "shardInfo" in listed["metadata"]


class Writer:
    """Creates, changes and deletes objects by chance."""

    def __init__(self, box: Box, seed: int) -> None:
        self._box, self._random = box, Random(seed)
        self._there: set[str] = set()
        self._numbers = iter(range(10_000))

    def write(self, count: int) -> None:
        for _ in range(count):
            name = self._random.choice(NAMES)
            if name not in self._there:
                self._box.create(name)
                self._there.add(name)
            elif self._random.random() < 0.4:
                self._box.delete(name)
                self._there.remove(name)
            else:
                self._box.patch(name, {"spec": {"number": next(self._numbers)}})


def by_uid(events: list[Event]) -> dict[str, list[tuple[str, str]]]:
    """The changes of each object, in their order."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for event in events:
        uid = event.obj["metadata"]["uid"]
        found[uid].append((str(event.event_type), event.resource_version))
    return found


SHARDS = (None, *((index, COUNT) for index in range(COUNT)))
"""All objects, and then each part of them."""


@contextmanager
def watching(front: Front, cursors: Any = (None,) * 4, **options: Any) -> Iterator[list[Run]]:
    """Watch all, and each shard."""
    with ExitStack() as stack:
        runs = [
            stack.enter_context(front.start(shard=shard, resource_version=cursor, **options))
            for shard, cursor in zip(SHARDS, cursors, strict=True)
        ]
        for run in runs:
            run.wait_until_synced()
        yield runs


def counts(runs: list[Run]) -> tuple[int, int]:
    """How many events the whole has told, and all shards together."""
    return len(runs[0].events), sum(len(run.events) for run in runs[1:])


def assert_union(runs: list[Run]) -> None:
    """See that the shards have told, together, what the whole has, and each object once."""
    whole, *parts = (by_uid(run.events) for run in runs)
    assert sum(len(part) for part in parts) == len(whole)
    assert {uid: told for part in parts for uid, told in part.items()} == whole
    assert all(parts), "a shard had nothing to tell"


@pytest.mark.parametrize("initial", [False, True], ids=["from-now", "initial"])
def test_s64_the_union_of_the_shards_is_what_is_not_sharded(
    front: Front, box: Box, proxy: Proxy, makes_shards: bool, initial: bool
) -> None:
    """With a gap in the middle that each heals for itself; no object is in two of them."""
    options: Object = {"client": {"base_url": proxy.url}, "backoff": SOON}
    writer = Writer(box, seed=8)
    writer.write(30)
    with watching(front, box=box, send_initial_events=initial, **options) as runs:
        before = counts(runs)[0]
        writer.write(60)
        wait_for(lambda: counts(runs) == (before + 60, before + 60))
        with ExitStack() as stack:
            for run in runs:
                stack.enter_context(gap(run, box, proxy))
            writer.write(40)
        for run in runs:
            run.wait_for(lambda run=run: run.status.relists == 1)  # type: ignore[misc]
        writer.write(40)
        end = box.create("end")["metadata"]["resourceVersion"]
        whole, *shards = runs
        wait_for(lambda: end in [event.resource_version for event in whole.events])
        wait_for(lambda: counts(runs)[1] >= counts(runs)[0])
    assert_union(runs)
    assert whole.status.skipped == 0
    assert [run.status.skipped == 0 for run in shards] == [makes_shards] * COUNT


def test_a_shard_goes_on_from_its_cursor(front: Front, box: Box) -> None:
    """Also where what came last was in another one."""
    writer = Writer(box, seed=9)
    with watching(front, box=box) as runs:
        writer.write(30)
        wait_for(lambda: counts(runs) == (30, 30))
    writer.write(30)
    cursors = [run.status.resource_version for run in runs]
    with watching(front, cursors, box=box) as runs:
        wait_for(lambda: counts(runs) == (30, 30))
    assert_union(runs)


def test_shards_are_merged_to_the_whole(api: httpx.Client, box: Box) -> None:
    """Each source with the cursor of what was yielded."""
    statuses = [WatchStatus() for _ in range(COUNT)]
    begin = box.version()
    sources = [
        Source(
            f"{index}",
            watch(
                api,
                "Widget",
                label_selector=box.selector,
                resource_version=begin,
                shard=(index, COUNT),
                status=status,
            ),
        )
        for index, status in enumerate(statuses)
    ]
    writer = Writer(box, seed=10)
    writer.write(40)
    with closing(merge(*sources)) as merged:
        found = [event for _, event in islice(merged, 40)]
    with closing(
        watch(api, "Widget", label_selector=box.selector, resource_version=begin)
    ) as events:
        assert by_uid(found) == by_uid(list(islice(events, 40)))
    assert sum(status.events for status in statuses) == 40
