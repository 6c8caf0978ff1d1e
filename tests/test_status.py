"""The account that a watch keeps of itself."""

import pytest

from kwatch import WatchState, WatchStatus


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def status(clock: Time) -> WatchStatus:
    return WatchStatus(_clock=clock, _wall_clock=lambda: clock.now + 5000)


def test_a_watch_that_has_not_begun_is_not_healthy(status: WatchStatus) -> None:
    assert not status.is_healthy(1e9)
    assert status.last_contact is None


def test_contact_counts_and_not_events(status: WatchStatus, clock: Time) -> None:
    status.contact()
    clock.now += 60
    assert status.is_healthy(60)
    clock.now += 0.1
    assert not status.is_healthy(60)
    assert status.last_contact == 5100


def test_a_watch_that_ended_is_not_healthy(status: WatchStatus) -> None:
    status.contact()
    status.state = WatchState.ENDED
    assert not status.is_healthy(1e9)


def test_steps_of_the_wall_clock_do_not_matter(clock: Time) -> None:
    wall = Time()
    status = WatchStatus(_clock=clock, _wall_clock=wall)
    status.contact()
    wall.now -= 1e6
    clock.now += 120
    assert not status.is_healthy(60)


def test_states_equal_their_strings() -> None:
    assert {str(state) for state in WatchState} == {
        "new", "discovering", "syncing", "listing", "watching", "probing", "waiting", "ended",
    }  # fmt: skip


def test_the_representation_shows_no_clocks(status: WatchStatus) -> None:
    assert "clock" not in repr(status)
