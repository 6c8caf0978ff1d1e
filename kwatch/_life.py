"""`Life`: when which callback of a watcher is called, and with what."""

import logging
from collections.abc import Callable
from inspect import iscoroutine
from typing import Any, Final, Generic, TypeVar

from kwatch._events import Event
from kwatch._reasons import checked, fail
from kwatch._results import NoReply, Ok, Sign, Stop, described
from kwatch._steps import Arrival, Call, Ended, Exit, Message, Steps, Wait

S = TypeVar("S")

logger = logging.getLogger("kwatch")

ATTEMPTS: Final = 3
"""Where a call raises before it has begun, there may be no event loop any more to call it in."""


class Life(Generic[S]):
    """One life of a watcher, from ``init`` to ``terminate``.

    Args:
        watcher: Has the callbacks.

    Attributes:
        name: The class of the watcher.
        state: What the last callback has returned; None before there was one.
    """

    def __init__(self, watcher: Any) -> None:
        self.name = type(watcher).__name__
        self.state: Any = None
        self._watcher = watcher

    def steps(
        self, init_arg: Any, begin: Callable[[], object], end: Callable[[bool], object]
    ) -> Steps:
        """Live.

        Args:
            init_arg: For ``init``.
            begin: Lets the events come.
            end: Lets no more of them come; is told whether what came last was handled.

        Returns:
            Why it has ended, a normal reason.

        Raises:
            WatcherFailed: The reason is abnormal.
            BaseException: What is no Exception, such as KeyboardInterrupt or the cancellation of a
                task, counts as ``"shutdown"``, and passes through.
        """
        try:
            first = yield from self._ask("init", Ok, init_arg)
        except Exception as error:
            fail(self.name, error)
        if isinstance(first, Stop):
            return checked(self.name, first.reason)
        passing: BaseException | None = None
        is_handled = False
        try:
            yield Call(begin)
            reason = yield from self.handle(first)
            is_handled = True
        except GeneratorExit:  # nobody drives this any more
            raise
        except Exception as error:
            reason = error
        except BaseException as error:
            reason, passing = "shutdown", error
        _, late = yield from surely(end, is_handled)
        last, later = yield from self._terminate(reason)
        passing = later or late or passing
        if passing is not None:
            if last is not reason:
                logger.error("%s has failed in terminate()", self.name, exc_info=last)
            raise passing
        return checked(self.name, last)

    def handle(self, result: NoReply[S] | Stop[S]) -> Steps:
        """Handle one arrival after the other, beginning with what a callback has returned.

        Returns:
            Why it has ended.

        Raises:
            Exception: What a callback or a source of events has raised, or a TypeError about what
                a callback has returned.
        """
        while not isinstance(result, Stop):
            self.state = result.state
            if result.continue_with is not Sign.NOTHING:
                result = yield from self._ask("handle_continue", NoReply, result.continue_with)
                continue
            arrival: Arrival = yield Wait(result.timeout, result.hibernate)
            if isinstance(arrival, Event):
                result = yield from self._ask("handle_event", NoReply, *arrival)
            elif isinstance(arrival, Exit):
                result = Stop(arrival.reason)
            elif isinstance(arrival, Ended):
                if arrival.error is not None:
                    raise arrival.error
                result = Stop("normal")
            else:
                content = arrival.content if isinstance(arrival, Message) else arrival
                result = yield from self._ask("handle_info", NoReply, content)
        return result.reason

    def _ask(self, callback: str, expected: type[NoReply[Any]], *args: Any) -> Steps:
        """Call a callback, with the state last if there is one; give what it returns."""
        if callback != "init":
            args = (*args, self.state)
        result = yield Call(getattr(self._watcher, callback), args)
        if isinstance(result, Stop):
            if result.state is not Sign.KEEP:
                self.state = result.state
        elif type(result) is not expected:
            raise TypeError(
                f"{self.name}.{callback}() must return {expected.__name__} or Stop,"
                f" got {described(result)}"
            )
        return result

    def _terminate(self, reason: Any) -> Steps:
        """Tell the watcher that it is over; give the reason, and what passes through.

        The reason is another one, an exception, if that is what ``terminate`` raises.
        """
        result, error = yield from surely(self._watcher.terminate, reason, self.state)
        if iscoroutine(result):
            error = TypeError(f"{self.name}.terminate() has returned {described(result)}")
        if error is None or not isinstance(error, Exception):
            return reason, error
        if error.__context__ is None and isinstance(reason, Exception):
            error.__context__ = reason
        return error, None


def surely(function: Callable[..., Any], *args: Any) -> Steps:
    """Have a function called once, shielded, whatever a signal or a cancellation raises before.

    Returns:
        What the function has returned, and what was raised last.
    """
    has_begun = False

    def call() -> Any:
        nonlocal has_begun
        has_begun = True
        return function(*args)

    result, error = None, None
    for _ in range(ATTEMPTS):
        try:
            result = yield Call(call, is_shielded=True)
        except GeneratorExit:  # nobody drives this any more
            raise
        except BaseException as raised:
            error = raised
        if has_begun:
            break
    return result, error
