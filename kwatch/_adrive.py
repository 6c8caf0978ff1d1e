"""Drives a life in a task: the twin of ``_drive``, which awaits what is to be awaited."""

import gc
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import nullcontext
from inspect import GEN_CLOSED, getgeneratorstate, isawaitable
from typing import Any, Protocol, TypeVar

import anyio
from anyio.lowlevel import checkpoint

from kwatch._life import Life
from kwatch._reasons import checked
from kwatch._results import Ok
from kwatch._steps import Arrival, Call, Exit, Steps, arrival_of

S = TypeVar("S")


class Source(Protocol):
    """Where what is to be handled comes from."""

    async def get(self, timeout: float | None) -> Arrival:  # noqa: ASYNC109 - the twin's
        """Give what comes next, or `TIMEOUT` after so many seconds."""


async def drive(steps: Steps, source: Source) -> Any:
    """Do what a life says, step by step; give what it returns, or raise what it raises."""
    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            while True:
                step = steps.send(answer) if error is None else steps.throw(error)
                error = None
                if isinstance(step, Call):
                    answer = await call(step)
                else:
                    if step.hibernate:
                        gc.collect()
                    answer = await source.get(step.timeout)
        except BaseException as raised:  # also what a signal handler raises, between two steps
            if getgeneratorstate(steps) == GEN_CLOSED:
                if isinstance(raised, StopIteration):
                    return raised.value
                raise
            error = raised


async def call(step: Call) -> Any:
    """Call a function, which may be a coroutine function; others have their turn before."""
    with anyio.CancelScope(shield=True) if step.is_shielded else nullcontext():
        await checkpoint()
        answer = step.function(*step.args)
        return await answer if isawaitable(answer) else answer


class Items:
    """Events and messages that are there already, or come when they are asked for."""

    def __init__(self, items: Iterable[Any] | AsyncIterable[Any]) -> None:
        self._items: Iterator[Any] | AsyncIterator[Any] = (
            aiter(items) if isinstance(items, AsyncIterable) else iter(items)
        )

    async def get(self, timeout: float | None) -> Arrival:  # noqa: ARG002, ASYNC109 - see `Source`
        """Give the next one."""
        if isinstance(self._items, AsyncIterator):
            async for item in self._items:
                return arrival_of(item)
        else:
            for item in self._items:
                return arrival_of(item)
        return Exit("normal")


async def fold(life: Life[S], items: Iterable[Any] | AsyncIterable[Any], state: S) -> S:
    """Have a life handle some events and messages, from a state on; give the last state."""
    checked(life.name, await drive(life.handle(Ok(state)), Items(items)))
    last: S = life.state
    return last
