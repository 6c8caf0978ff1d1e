"""`Life`: when which callback of a watcher is called, and with what."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from kwatch._events import Event
from kwatch._reasons import checked, fail
from kwatch._results import NoReply, Ok, Sign, Stop, described
from kwatch._steps import Arrival, Call, Ended, Exit, Message, Steps, Wait

S = TypeVar("S")


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

    def steps(self, init_arg: Any, begin: Callable[[], object], end: Callable[[], object]) -> Steps:
        """Live.

        Args:
            init_arg: For ``init``.
            begin: Lets the events come.
            end: Lets no more of them come.

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
        try:
            yield Call(begin)
            reason = yield from self.handle(first)
        except GeneratorExit:  # nobody drives this any more
            raise
        except Exception as error:
            reason = error
        except BaseException as error:
            reason, passing = "shutdown", error
        try:
            yield Call(end, is_shielded=True)
        except BaseException as error:  # such as a second Ctrl-C
            passing = error
        reason = yield from self._terminate(reason)
        if passing is not None:
            raise passing
        return checked(self.name, reason)

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
        """Tell the watcher that it is over; give the reason, which is an exception if it raises."""
        try:
            yield Call(self._watcher.terminate, (reason, self.state), is_shielded=True)
        except Exception as error:
            if error.__context__ is None and isinstance(reason, Exception):
                error.__context__ = reason
            return error
        return reason
