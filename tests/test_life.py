"""`Life`: what it asks for, step by step."""

from typing import Any

from kwatch._life import Life
from kwatch._results import NoReply
from kwatch._steps import Call, Message, Wait
from tests.worlds import Log


def begun(log: Log) -> Any:
    """Give the steps of a life that waits."""
    steps = Life(log).steps(None, begin, end)
    call = next(steps)
    assert call == Call(log.init, (None,))
    assert steps.send(log.init(None)) == Call(begin)
    assert steps.send(None) == Wait()
    return steps


def begin() -> None: ...


def end() -> None: ...


def test_it_asks_for_one_thing_at_a_time() -> None:
    log = Log()
    steps = begun(log)
    assert steps.send(Message("hello")) == Call(log.handle_info, ("hello", []))
    assert steps.send(NoReply([1], timeout=2, hibernate=True)) == Wait(2, hibernate=True)


def test_what_ends_it_comes_before_terminate_and_both_are_shielded() -> None:
    log = Log()
    steps = begun(log)
    assert steps.throw(KeyboardInterrupt()) == Call(end, is_shielded=True)
    assert steps.send(None) == Call(log.terminate, ("shutdown", []), is_shielded=True)


def test_it_is_closed_without_a_step() -> None:
    """A task whose loop is gone cannot await anything: Python would complain if it tried."""
    begun(Log()).close()
