"""`Life`: what it asks for, step by step."""

import logging
import sys
from types import FrameType
from typing import Any

import pytest

from kwatch._drive import drive
from kwatch._life import Life
from kwatch._results import NoReply
from kwatch._steps import Arrival, Call, Exit, Message, Wait
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


def end(is_handled: bool) -> bool:
    return is_handled


def test_it_asks_for_one_thing_at_a_time() -> None:
    log = Log()
    steps = begun(log)
    assert steps.send(Message("hello")) == Call(log.handle_info, ("hello", []))
    assert steps.send(NoReply([1], timeout=2, hibernate=True)) == Wait(2, hibernate=True)


def test_what_ends_it_comes_before_terminate_and_both_are_shielded() -> None:
    log = Log()
    steps = begun(log)
    first = steps.throw(KeyboardInterrupt())
    assert (first.is_shielded, first.function()) == (True, False)
    second = steps.send(None)
    second.function()
    assert (second.is_shielded, log.ends) == (True, [("shutdown", [])])


def test_it_is_closed_without_a_step() -> None:
    """A task whose loop is gone cannot await anything: Python would complain if it tried."""
    begun(Log()).close()


def test_what_terminate_raises_is_logged_where_something_else_passes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = Log()
    steps = begun(log)
    steps.throw(KeyboardInterrupt()).function()
    steps.send(None).function()
    with caplog.at_level(logging.ERROR, "kwatch"), pytest.raises(KeyboardInterrupt):
        steps.throw(LookupError("broken"))
    assert caplog.messages == ["Log has failed in terminate()"]


class Signal(BaseException):
    """What a signal handler raises."""


class Source:
    """Two messages, and the end."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = [Exit("normal"), Message(2), Message(1)]

    def get(self, timeout: float | None) -> Arrival:
        return self.arrivals.pop()


def interrupted(log: Log, line: int) -> int:
    """Drive a life, and raise a `Signal` at so many lines of `drive`; give the lines there were."""
    lines = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal lines
        if frame.f_code is not drive.__code__:
            return None
        if event == "line":
            lines += 1
            if lines == line:
                raise Signal
        return trace

    steps = Life(log).steps(None, begin, end)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        drive(steps, Source())
    except Signal:
        pass
    finally:
        sys.settrace(before)
    return lines


def test_a_signal_handler_may_raise_anywhere() -> None:
    """Once ``init`` has returned, terminate is called once, between whatever steps that is."""
    number = interrupted(Log(), 0)
    assert number > 30
    for line in range(1, number + 1):
        log = Log()
        interrupted(log, line)
        is_begun = line > 11  # so many lines there are until the state is known
        assert len(log.ends) == is_begun, line
