"""Where batches end, by the events of one watch."""

from typing import Any

import pytest

from kwatch._events import Event, EventType
from kwatch._shard import index_of
from kwatch.spark._progress import Progress

UIDS = [
    next(uid for uid in map("{}-0000-0000".format, range(99)) if index_of(uid, 2) == shard)
    for shard in range(2)
]


def event(shard: int, version: str, event_type: str = "modified") -> Event:
    metadata: dict[str, Any] = {"uid": UIDS[shard], "resourceVersion": version}
    return Event(EventType(event_type), {"metadata": metadata})


def bookmark(version: str) -> Event:
    return Event(EventType.BOOKMARK, {"metadata": {"resourceVersion": version}})


def progress_of(count: int, version: str) -> Progress:
    """One whose first offset was told."""
    progress = Progress(count, version)
    assert progress.offsets() == [version] * count
    return progress


def test_an_event_moves_its_own_shard() -> None:
    progress = progress_of(2, "9")
    progress.take(event(1, "10"))
    assert progress.offsets() == ["9", "10"]
    assert not progress.is_quiet(1, "9", "10")
    assert progress.is_quiet(1, "10", "10")


def test_a_bookmark_moves_all_and_leaves_them_quiet() -> None:
    progress = progress_of(2, "9")
    progress.take(event(1, "10"))
    progress.take(bookmark("12"))
    assert progress.offsets() == ["12", "12"]
    assert progress.is_quiet(0, "9", "12")
    assert progress.is_quiet(1, "10", "12")
    assert not progress.is_quiet(1, "9", "12")
    progress.take(bookmark("11"))
    assert progress.offsets() == ["12", "12"]


@pytest.mark.parametrize(("start", "end"), [("8", "12"), ("", "12"), ("9", "99"), ("12", "10")])
def test_what_is_not_known_is_not_quiet(start: str, end: str) -> None:
    progress = progress_of(1, "9")
    progress.take(bookmark("12"))
    assert not progress.is_quiet(0, start, end)


def test_a_late_deletion_is_in_the_range_that_follows() -> None:
    progress = progress_of(1, "9")
    progress.take(event(0, "12"))
    progress.take(event(0, "10", "deleted"))
    assert progress.offsets() == ["12"]
    progress.take(bookmark("15"))
    assert not progress.is_quiet(0, "12", "15")
    progress.take(bookmark("16"))
    assert progress.is_quiet(0, "15", "16")
    assert not progress.is_quiet(0, "12", "16")


def test_after_a_gap_nothing_is_known_of_it() -> None:
    progress = progress_of(2, "9")
    progress.restart("20", broke=False)
    assert progress.offsets() == ["20", "20"]
    assert not progress.is_quiet(0, "9", "20")
    progress.take(bookmark("21"))
    assert progress.is_quiet(0, "20", "21")


def test_a_server_that_went_back_is_told_before_it_passes_where_it_was() -> None:
    progress = progress_of(2, "9")
    progress.take(event(0, "30"))
    assert progress.offsets() == ["30", "9"]
    progress.take(event(0, "31"))
    assert progress.is_past("20")
    assert not progress.is_past("31")
    progress.restart("20", broke=True)
    progress.take(event(0, "40"))
    assert progress.offsets() == ["20", "8"]
    assert progress.offsets() == ["40", "20"]
    assert not progress.is_quiet(0, "30", "20")
    assert not progress.is_quiet(1, "9", "8")
    assert progress.is_quiet(1, "8", "20")  # what exists was read up to there, in the gap
    progress.take(event(1, "50"))
    progress.offsets()
    assert progress.calm_up_to(1, "8") == "8"
    assert progress.calm_up_to(1, "20") == "40"


def test_a_server_that_went_back_and_is_past_where_it_was() -> None:
    progress = progress_of(1, "9")
    progress.restart("20", broke=True)
    assert progress.offsets() == ["8"]
    assert progress.offsets() == ["20"]
    progress.restart("30", broke=True)
    assert progress.offsets() == ["19"]
    assert progress.offsets() == ["30"]


def test_what_comes_after_a_break_before_that_is_told() -> None:
    progress = progress_of(1, "9")
    progress.restart("20", broke=True)
    progress.take(event(0, "21"))
    assert progress.is_past("19")
    assert progress.offsets() == ["8"]
    assert progress.offsets() == ["21"]
    assert progress.calm_up_to(0, "8") == "20"


def test_two_gaps_between_two_questions() -> None:
    progress = progress_of(1, "30")
    progress.restart("20", broke=True)
    assert progress.is_past("19")
    assert not progress.is_past("25")  # 30 is past, but that is to be told
    progress.restart("25", broke=False)
    assert [progress.offsets() for _ in range(3)] == [["20"], ["25"], ["25"]]
    assert not progress.is_quiet(0, "20", "25")


def test_the_first_offset_is_where_it_began_whatever_came_by_then() -> None:
    """Spark asks for the end of the first batch before its start: it is empty, and no gap."""
    progress = Progress(2, "9")
    progress.restart("10", broke=False)  # all that existed at the beginning came
    progress.take(event(0, "12"))
    assert progress.offsets() == [progress.begun] * 2 == ["9", "9"]
    assert progress.offsets() == ["12", "10"]


def test_the_first_batch_of_a_driver_that_has_died() -> None:
    """Its end was kept, and its start was not: what happened since its end comes next."""
    progress = Progress(1, "20")
    assert progress.is_first("20", "9")
    assert not progress.is_first("9", "20")
    assert not progress.is_first("19", "9")
    progress.restart("30", broke=True)
    assert not progress.is_first("20", "9")


@pytest.mark.parametrize("broke", [True, False])
def test_a_server_that_went_back_before_anything_was_told(broke: bool) -> None:
    progress = Progress(1, "20")
    progress.restart("10", broke=broke)
    told = progress.offsets() + progress.offsets()
    assert told == ["20", "10"]
    assert not progress.is_first(*told)


def test_which_ranges_end_with_an_event() -> None:
    progress = progress_of(1, "9")
    progress.take(event(0, "10"))
    progress.take(bookmark("12"))
    assert progress.ends_with_event(0, "10")
    assert not progress.ends_with_event(0, "9")
    assert not progress.ends_with_event(0, "12")


def test_a_range_begins_where_the_last_event_of_any_shard_was() -> None:
    progress = progress_of(2, "9")
    progress.take(event(0, "12"))
    assert progress.offsets() == ["12", "9"]
    assert progress.calm_up_to(0, "9") == "9"
    progress.take(event(1, "20"))
    progress.take(event(0, "21"))
    progress.take(event(1, "22"))
    assert progress.offsets() == ["21", "22"]
    assert progress.calm_up_to(1, "9") == "12"
    assert progress.calm_up_to(0, "12") == "20"
    assert progress.calm_up_to(0, "11") == "11"
    progress.take(bookmark("30"))
    assert progress.offsets() == ["30", "30"]
    progress.restart("40", broke=False)
    progress.take(event(1, "41"))
    assert progress.offsets() == ["40", "41"]
    assert progress.calm_up_to(1, "30") == "30"  # what happened after that is not known
    progress.take(event(0, "50"))
    progress.restart("60", broke=False)
    assert progress.offsets() == ["60", "60"]
    assert progress.calm_up_to(1, "41") == "50"
