"""`Liveness`: how long a read may take, learned from bookmarks."""

import pytest

from kwatch._liveness import INTERVALS, MIN_SILENCE_SECONDS, SILENT_INTERVALS, Liveness

AT_MOST = 260.0


def learned(*bookmarks: float, opened: float = 0.0) -> Liveness:
    """Have bookmarks come at some times."""
    liveness = Liveness()
    liveness.opened(opened)
    for now in bookmarks:
        liveness.bookmark(now)
    return liveness


def test_s53_no_bookmark_seen_is_the_hard_bound_alone() -> None:
    liveness = learned()
    assert liveness.patience(AT_MOST) == AT_MOST
    liveness.silent()
    assert liveness.patience(AT_MOST) == AT_MOST


# The values are those of the documentation, and no constants of the code.
def test_s53_bookmarks_make_the_bound() -> None:
    assert (SILENT_INTERVALS, MIN_SILENCE_SECONDS, INTERVALS) == (2.5, 1.0, 5)
    assert learned(60.0, 120.0).patience(AT_MOST) == 150.0
    assert learned(160.0, 220.0, opened=100.0).patience(AT_MOST) == 150.0
    assert learned(60.0, 120.0, 180.0).patience(AT_MOST) == 150.0


def test_the_bound_is_never_more_than_the_hard_one() -> None:
    assert learned(200.0, 400.0).patience(AT_MOST) == AT_MOST
    assert learned(60.0, 120.0).patience(31.0) == 31.0


def test_one_bookmark_alone_tells_nothing() -> None:
    """One may come right after the start, and the next one after a minute."""
    assert learned(0.5).patience(AT_MOST) == AT_MOST
    assert learned(0.5, 60.0).patience(AT_MOST) == 2.5 * 59.5


@pytest.mark.parametrize("interval", [0.0, 0.001, 0.3, 0.4])
def test_fast_bookmarks_do_not_make_it_hasty(interval: float) -> None:
    assert learned(interval, 2 * interval).patience(AT_MOST) == 1.0


def test_the_longest_of_the_last_intervals_counts() -> None:
    """The last interval of a connection's life is shorter."""
    liveness = learned(60.0, 62.0)
    assert liveness.patience(AT_MOST) == 150.0
    for now in (72.0, 82.0, 92.0):
        liveness.bookmark(now)
    assert liveness.patience(AT_MOST) == 150.0
    liveness.bookmark(102.0)
    assert liveness.patience(AT_MOST) == 25.0


def test_the_time_between_two_connections_is_no_interval() -> None:
    liveness = learned(10.0)
    liveness.opened(1_000.0)
    liveness.bookmark(1_010.0)
    assert liveness.patience(AT_MOST) == 25.0


def test_each_silence_doubles_the_bound_until_a_bookmark_comes() -> None:
    liveness = learned(10.0, 20.0)
    bounds = []
    for _ in range(5):
        bounds.append(liveness.patience(AT_MOST))
        liveness.silent()
    assert bounds == [25.0, 50.0, 100.0, 200.0, AT_MOST]
    liveness.opened(5_000.0)
    assert liveness.patience(AT_MOST) == AT_MOST
    liveness.bookmark(5_010.0)
    assert liveness.patience(AT_MOST) == 25.0


def test_any_number_of_silences() -> None:
    liveness = learned(10.0, 20.0)
    for _ in range(5_000):
        liveness.silent()
    assert liveness.patience(AT_MOST) == AT_MOST


@pytest.mark.parametrize(("reading", "keeps_up"), [(0.0, False), (4.9, False), (5.1, True)])
def test_who_reads_for_most_of_the_time_keeps_up(reading: float, keeps_up: bool) -> None:
    """Counted anew from each bookmark, and from the start of each connection."""
    liveness = learned(10.0)
    liveness.waited(reading)
    assert liveness.keeps_up(20.0) is keeps_up
    liveness.bookmark(20.0)
    assert not liveness.keeps_up(30.0)
    liveness.waited(10.0)
    liveness.opened(40.0)
    assert not liveness.keeps_up(41.0)
