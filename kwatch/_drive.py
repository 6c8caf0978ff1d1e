"""Drives a life in a thread: calls what it says, and waits."""

import gc
from collections.abc import Iterable, Iterator
from inspect import GEN_CLOSED, getgeneratorstate
from typing import Any, Protocol, TypeVar

from kwatch._life import Life
from kwatch._reasons import checked
from kwatch._results import Ok
from kwatch._steps import Arrival, Call, Exit, Steps, arrival_of

S = TypeVar("S")


class Source(Protocol):
    """Where what is to be handled comes from."""

    def get(self, timeout: float | None) -> Arrival:
        """Give what comes next, or `TIMEOUT` after so many seconds."""


def drive(steps: Steps, source: Source) -> Any:
    """Do what a life says, step by step; give what it returns, or raise what it raises."""
    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            while True:
                step = steps.send(answer) if error is None else steps.throw(error)
                error = None
                if isinstance(step, Call):
                    answer = step.function(*step.args)
                else:
                    if step.hibernate:
                        gc.collect()
                    answer = source.get(step.timeout)
        except BaseException as raised:  # also what a signal handler raises, between two steps
            if getgeneratorstate(steps) == GEN_CLOSED:
                if isinstance(raised, StopIteration):
                    return raised.value
                raise
            error = raised


class Items:
    """Events and messages that are there already; no time passes between them."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items: Iterator[Any] = iter(items)

    def get(self, timeout: float | None) -> Arrival:  # noqa: ARG002 - see `Source`
        """Give the next one."""
        for item in self._items:
            return arrival_of(item)
        return Exit("normal")


def fold(life: Life[S], items: Iterable[Any], state: S) -> S:
    """Have a life handle some events and messages, from a state on; give the last state."""
    checked(life.name, drive(life.handle(Ok(state)), Items(items)))
    last: S = life.state
    return last
