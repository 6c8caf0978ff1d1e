"""`kwatch._rotation`: which transport a request goes by, and when one is no longer needed."""

import ssl
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from kwatch._rotation import Rotation


def context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Turns:
    """A rotation whose transports are numbers: 1 for the first context, and so on."""

    def __init__(self) -> None:
        self.context = context()
        self.made: list[ssl.SSLContext] = []
        self.rotation = Rotation(self.make, lambda: self.context)

    def make(self, ssl_context: ssl.SSLContext) -> int:
        self.made.append(ssl_context)
        return len(self.made)

    def turn(self) -> None:
        self.context = context()


@pytest.fixture
def turns() -> Turns:
    return Turns()


def test_nothing_is_made_before_a_request_needs_it(turns: Turns) -> None:
    assert turns.made == []
    assert turns.rotation.spent() == []
    assert turns.rotation.all() == []


def test_requests_share_a_transport_while_the_context_is_the_same(turns: Turns) -> None:
    lines = [turns.rotation.take() for _ in range(3)]
    assert [line.transport for line in lines] == [1, 1, 1]
    assert turns.made == [turns.context]
    assert lines[0].ssl_context is turns.context


def test_another_context_needs_another_transport(turns: Turns) -> None:
    turns.rotation.take()
    turns.turn()
    assert turns.rotation.take().transport == 2
    assert turns.made[1] is turns.context


def test_the_present_transport_is_kept_though_nothing_goes_by_it(turns: Turns) -> None:
    turns.rotation.give_back(turns.rotation.take())
    assert turns.rotation.spent() == []
    assert turns.rotation.take().transport == 1


def test_an_idle_transport_is_spent_with_the_first_request_by_the_next_one(turns: Turns) -> None:
    turns.rotation.give_back(turns.rotation.take())
    turns.turn()
    assert turns.rotation.spent() == [], "the next one is not made yet"
    turns.rotation.take()
    assert turns.rotation.spent() == [1]


def test_a_transport_is_spent_with_the_last_of_its_responses(turns: Turns) -> None:
    first, second = turns.rotation.take(), turns.rotation.take()
    turns.turn()
    turns.rotation.take()
    assert turns.rotation.spent() == []
    turns.rotation.give_back(first)
    assert turns.rotation.spent() == []
    turns.rotation.give_back(second)
    assert turns.rotation.spent() == [1]


def test_a_spent_transport_is_given_once(turns: Turns) -> None:
    turns.rotation.give_back(turns.rotation.take())
    turns.turn()
    turns.rotation.take()
    assert turns.rotation.spent() == [1]
    assert turns.rotation.spent() == []
    assert turns.rotation.all() == [2]


def test_old_transports_are_spent_in_any_order(turns: Turns) -> None:
    lines = []
    for _ in range(4):
        lines.append(turns.rotation.take())
        turns.turn()
    turns.rotation.take()
    spent = []
    for position in (2, 0, 3, 1):
        turns.rotation.give_back(lines[position])
        spent.append(turns.rotation.spent())
    assert spent == [[3], [1], [4], [2]]


def test_all_are_given_once_whatever_they_do(turns: Turns) -> None:
    busy = turns.rotation.take()
    turns.turn()
    turns.rotation.give_back(turns.rotation.take())
    turns.turn()
    turns.rotation.take()
    assert sorted(turns.rotation.all()) == [1, 2, 3]
    assert turns.rotation.all() == []
    turns.rotation.give_back(busy)
    assert turns.rotation.spent() == [], "it is closed already"


def test_a_context_that_cannot_be_had_leaves_everything_as_it_was() -> None:
    answers = [context()]
    rotation = Rotation(lambda _: object(), lambda: answers[0])
    line = rotation.take()
    kept = answers.pop()
    with pytest.raises(IndexError):
        rotation.take()
    answers.append(kept)
    assert rotation.take() is line
    assert line.responses == 2


def test_a_transport_that_cannot_be_made_is_tried_again(turns: Turns) -> None:
    faults = [ValueError("no such proxy")]

    def make(ssl_context: ssl.SSLContext) -> int:
        if faults:
            raise faults.pop()
        return turns.make(ssl_context)

    rotation = Rotation(make, lambda: turns.context)
    with pytest.raises(ValueError, match="no such proxy"):
        rotation.take()
    assert rotation.take().transport == 1


@pytest.fixture
def impatient() -> Iterator[None]:
    """Threads that get in between one another wherever they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("impatient")
def test_threads_may_share_it(turns: Turns) -> None:
    """None is spent while a thread uses it, and each is spent once."""
    used: Counter[int] = Counter()
    spent: list[int] = []
    lock = threading.Lock()

    def make(ssl_context: ssl.SSLContext) -> int:
        time.sleep(0.001)
        return turns.make(ssl_context)

    rotation = Rotation(make, lambda: turns.context)

    def request(number: int) -> None:
        line = rotation.take()
        with lock:
            used[line.transport] += 1
            assert line.transport not in spent
        if number % 50 == 0:
            turns.turn()
        with lock:
            used[line.transport] -= 1
        rotation.give_back(line)
        gone = rotation.spent()
        with lock:
            assert not any(used[transport] for transport in gone)
            spent.extend(gone)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(request, range(2000)))
    assert len(turns.made) > 1
    assert sorted(spent + rotation.all()) == list(range(1, len(turns.made) + 1))
