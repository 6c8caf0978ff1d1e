"""`Journal`: each thing is told once, however long it lasts."""

import logging

import pytest

from kwatch._journal import QUIET_SECONDS, Journal
from tests.front import Clock

WARNING = logging.WARNING


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(clock: Clock, caplog: pytest.LogCaptureFixture) -> Journal:
    caplog.set_level(logging.DEBUG, "kwatch")
    return Journal(clock)


def test_what_lasts_is_told_once(
    journal: Journal, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(100):
        journal.tell(WARNING, "refused", "connection refused")
        clock.now += 1_000.0
    assert caplog.messages == ["connection refused"]


def test_what_came_to_an_end_is_told_again_but_not_within_a_minute(
    journal: Journal, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(130):  # each second it fails, and goes well again
        journal.tell(WARNING, "refused", f"refused at {clock.now}")
        clock.now += 0.5
        journal.went_well()
        clock.now += 0.5
    assert QUIET_SECONDS == 60.0
    assert caplog.messages == ["refused at 1000.0", "refused at 1060.0", "refused at 1120.0"]


def test_it_must_have_gone_well_since_it_was_told(
    journal: Journal, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    clock.now += 1.0
    journal.went_well()
    clock.now += 1.0
    for _ in range(3):
        journal.tell(WARNING, "refused", "refused")
        clock.now += 100.0
    assert len(caplog.messages) == 1
    journal.went_well()
    journal.tell(WARNING, "refused", "refused")
    assert len(caplog.messages) == 2


def test_topics_that_differ_in_numbers_alone_are_one(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    for seconds in (180, 2_000, 29):
        journal.tell(WARNING, f"no answer in {seconds} s", f"no answer in {seconds} s")
    assert caplog.messages == ["no answer in 180 s"]


def test_other_topics_are_told(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    for topic in ("refused", "reset", "refused", "reset"):
        journal.tell(WARNING, topic, topic)
    assert caplog.messages == ["refused", "reset"]


def test_the_message_is_no_format_string(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    journal.tell(logging.INFO, "%s %d", "100 %s of %d%")
    (record,) = caplog.records
    assert (record.getMessage(), record.levelno, record.name) == (
        "100 %s of %d%",
        logging.INFO,
        "kwatch",
    )


def test_what_is_remembered_ends_some_time_after_it_went_well(
    journal: Journal, clock: Clock
) -> None:
    words = [word * times for word in "abcdefghij" for times in range(1, 11)]
    for topic in words:
        journal.tell(WARNING, topic, topic)
    clock.now += 59.0
    journal.went_well()
    assert len(journal._told_at) == 100
    clock.now += 1.0
    journal.went_well()
    assert len(journal._told_at) == 0
