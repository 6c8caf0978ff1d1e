"""`Part`: the status of one namespace keeps that of all of them current."""

import subprocess
import sys
import threading
from collections.abc import Mapping

import pytest

from kwatch import WatchState, WatchStatus
from kwatch._parts import Part, parts
from tests.front import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def whole(clock: Clock) -> WatchStatus:
    return WatchStatus(_clock=clock, _wall_clock=clock.wall)


@pytest.fixture
def found(whole: WatchStatus) -> Mapping[str, Part]:
    return parts(whole, ["a", "b"])


def reach(part: Part, version: str | None, *, synced: bool = True, events: int = 0) -> None:
    part.advance(version, synced=synced)
    part.publish(part.reached, events)


# What must not be told


@pytest.mark.parametrize(("back", "oldest"), [("50", "50"), ("x", None)])
def test_a_namespace_that_goes_back_takes_the_cursor_of_all_with_it(
    whole: WatchStatus, found: Mapping[str, Part], back: str, oldest: str | None
) -> None:
    reach(found["a"], "100")
    reach(found["b"], "60")
    assert whole.resource_version == "60"
    reach(found["a"], back)
    assert whole.resource_version == oldest


def test_what_waits_for_its_turn_moves_no_cursor(
    whole: WatchStatus, found: Mapping[str, Part]
) -> None:
    reach(found["b"], "9")
    reach(found["a"], "5")
    for version in ("6", "7"):
        found["a"].advance(version, synced=True)
    assert found["a"].reached == ("7", True)
    assert (found["a"].resource_version, whole.resource_version) == ("5", "5")
    found["a"].publish(("6", True), 1)
    assert (found["a"].resource_version, whole.resource_version) == ("6", "6")
    assert found["a"].reached == ("7", True)


@pytest.mark.parametrize(
    ("one", "other", "oldest"),
    [
        ("9", "10", "9"),
        ("10", "9", "9"),
        ("7", "7", "7"),
        ("x", "x", "x"),
        (None, "5", None),
        ("5", None, None),
        (None, None, None),
        ("x", "5", None),
        ("5", "x", None),
        ("a", "b", None),
        ("05", "7", None),
        ("9" * 40, "1" + "0" * 40, "9" * 40),
    ],
)
def test_the_cursor_of_all_is_the_oldest_where_that_can_be_told(
    one: str | None, other: str | None, oldest: str | None
) -> None:
    for versions in ([one, other], [one, other, other], [one, other, one]):
        whole = WatchStatus()
        found = parts(whole, map(str, range(len(versions))))
        for part, version in zip(found.values(), versions, strict=True):
            reach(part, version)
        assert whole.resource_version == oldest


def test_all_are_synced_when_each_is(whole: WatchStatus, found: Mapping[str, Part]) -> None:
    seen = []
    for name, synced in (("a", True), ("b", False), ("b", True), ("a", False)):
        reach(found[name], "5", synced=synced)
        seen.append(whole.synced)
    assert seen == [False, False, True, False]


def test_one_that_is_silent_or_ended_is_not_healthy(
    whole: WatchStatus, found: Mapping[str, Part], clock: Clock
) -> None:
    assert not whole.is_healthy(60)
    found["a"].contact()
    assert not whole.is_healthy(60)
    clock.now += 50
    found["b"].contact()
    assert whole.is_healthy(60)
    clock.now += 11
    assert not whole.is_healthy(60)
    found["a"].contact()
    assert whole.is_healthy(60)
    found["b"].state = WatchState.ENDED
    assert not whole.is_healthy(60)


def test_the_state_of_all_is_that_of_the_first_that_does_not_watch(
    whole: WatchStatus, found: Mapping[str, Part]
) -> None:
    found["a"].state = WatchState.WATCHING
    assert whole.state == "new"
    found["b"].state = WatchState.WATCHING
    assert whole.state == "watching"
    found["b"].state = WatchState.WAITING
    assert whole.state == "waiting"
    found["a"].state = WatchState.LISTING
    assert whole.state == "listing"
    for part in found.values():
        part.state = WatchState.ENDED
    assert whole.state == "ended"


# What is told of all


def test_counts_are_sums(whole: WatchStatus, found: Mapping[str, Part]) -> None:
    found["a"].connects += 1
    found["b"].connects = 4
    found["b"].relists += 2
    reach(found["a"], "5", events=2)
    reach(found["b"], "5", events=0)
    reach(found["b"], "6", events=3)
    assert (whole.connects, whole.relists, whole.events) == (5, 2, 5)


def test_the_last_error_of_any_is_that_of_all(
    whole: WatchStatus, found: Mapping[str, Part]
) -> None:
    one, other = KeyError("one"), KeyError("other")
    found["a"].last_error = one
    found["b"].last_error = other
    assert whole.last_error is other
    found["b"].begin(None)  # as where it starts: no error is none for the others
    assert whole.last_error is other
    assert found["b"].last_error is None


def test_a_contact_of_any_is_one_of_all(
    whole: WatchStatus, found: Mapping[str, Part], clock: Clock
) -> None:
    found["b"].contact()
    assert whole.last_contact == found["b"].last_contact == clock.wall()
    assert found["a"].last_contact is None


def test_a_watch_of_one_that_goes_on_is_one_of_all(
    whole: WatchStatus, found: Mapping[str, Part], clock: Clock
) -> None:
    for part in found.values():
        part.contact()
    contact = clock.wall()
    clock.now += 10
    found["b"].alive()
    assert found["b"].is_healthy(5)
    assert not found["a"].is_healthy(5)
    assert not whole.is_healthy(5)
    assert whole._monotonic_contact == clock.now
    assert whole.last_contact == found["b"].last_contact == contact  # no byte has come


def test_a_status_that_is_used_again_begins_anew(whole: WatchStatus) -> None:
    found = parts(whole, ["a", "b"])
    for part in found.values():
        part.contact()
        part.state = WatchState.WATCHING
        part.connects += 3
        part.last_error = KeyError()
        reach(part, "5", events=1)
    assert list(whole.namespaces) == ["a", "b"]
    again = parts(whole, iter(["c"]))
    assert list(whole.namespaces) == ["c"]
    assert whole.namespaces["c"] is again["c"]
    assert (whole.resource_version, whole.synced, whole.state) == (None, False, "new")
    assert (whole.last_contact, whole.last_error) == (None, None)
    assert (whole.events, whole.connects, whole.relists) == (0, 0, 0)


def test_parts_share_the_clocks(whole: WatchStatus, found: Mapping[str, Part]) -> None:
    for part in found.values():
        assert (part._clock, part._wall_clock) == (whole._clock, whole._wall_clock)


def test_any_thread_may_change_a_part() -> None:
    whole = WatchStatus()
    found = parts(whole, map(str, range(4)))

    def change(part: Part) -> None:
        for _ in range(300):
            part.connects += 1
            part.state = WatchState.WATCHING
            part.contact()

    threads = [threading.Thread(target=change, args=(part,)) for part in found.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (whole.connects, whole.state) == (1_200, "watching")


ABANDONED = """
import gc, os, threading
from kwatch import WatchState, WatchStatus
from kwatch._parts import parts

timer = threading.Timer(20, os._exit, [1])
timer.start()
running, abandoned = parts(WatchStatus(), "ab"), parts(WatchStatus(), "cd")

class Consumer:  # of a generator that nobody closes, in a circle of references
    def __init__(self):
        self.me = self

    def __del__(self):
        abandoned["c"].state = WatchState.ENDED

for allocations in range(1, 40):  # wherever in the change of a part the collector comes
    gc.disable()
    gc.collect()
    Consumer()
    gc.set_threshold(allocations)
    gc.enable()
    running["a"].connects += 1
timer.cancel()
print("done")
"""


def test_a_stream_that_the_garbage_collector_closes() -> None:
    command = [sys.executable, "-c", ABANDONED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "done\n", done.stderr
