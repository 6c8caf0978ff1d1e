"""What the callbacks of a watcher return: `Ok`, `NoReply`, `Stop`; and the message `TIMEOUT`."""

import inspect
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Generic, Literal, TypeVar

S = TypeVar("S")


class Sign(Enum):
    """A value that is like no other."""

    TIMEOUT = "TIMEOUT"
    NOTHING = "NOTHING"
    KEEP = "KEEP"

    def __repr__(self) -> str:
        return self.name


TIMEOUT: Final = Sign.TIMEOUT
"""The message to ``handle_info`` that a ``timeout`` has passed."""


@dataclass(frozen=True, slots=True)
class NoReply(Generic[S]):
    """What a callback returns for the watcher to go on.

    Args:
        state: The new state, any value.
        timeout: Seconds, 0 or more, from the return of the callback: if neither an event nor a
            message comes by then, ``handle_info`` gets `TIMEOUT`. Whatever comes cancels it; what
            waits already comes first, even with 0. None: no timeout.
        hibernate: Whether to collect garbage before waiting, since the wait may be long.
        continue_with: An argument for ``handle_continue``, which is called at once, before any
            event or message. What that returns counts, and so this goes with neither of the others.

    Raises:
        TypeError: The timeout is no number.
        ValueError: The timeout is negative, or given together with ``continue_with``.

    Source: the return values of gen_server in OTP, and of GenServer in Elixir.

    >>> NoReply({}, timeout=5)
    NoReply(state={}, timeout=5, hibernate=False, continue_with=NOTHING)
    """

    state: S
    timeout: float | None = None
    hibernate: bool = False
    continue_with: Any = Sign.NOTHING

    def __post_init__(self) -> None:
        if self.timeout is not None:
            check_seconds(self.timeout, f"timeout of {type(self).__name__}")
        if self.continue_with is not Sign.NOTHING and (self.timeout is not None or self.hibernate):
            raise ValueError(
                f"expected {type(self).__name__} with continue_with alone, got timeout or hibernate"
                " too: return those from handle_continue()"
            )


@dataclass(frozen=True, slots=True)
class Ok(NoReply[S]):
    """What ``init`` returns: the state to begin with, and what `NoReply` may say besides.

    >>> Ok({})
    Ok(state={}, timeout=None, hibernate=False, continue_with=NOTHING)
    """


@dataclass(frozen=True, slots=True)
class Stop(Generic[S]):
    """What a callback returns for the watcher to end.

    Args:
        reason: Why: ``"normal"``, ``"shutdown"`` or ``("shutdown", anything)``; whatever else, such
            as an exception, is abnormal, and raises `WatcherFailed` in whatever is linked to it.
        state: The last state. Not given: what the callback was called with.

    >>> Stop("normal", {})
    Stop(reason='normal', state={})
    """

    reason: Any
    state: S | Literal[Sign.KEEP] = Sign.KEEP


def check_seconds(value: Any, name: str) -> None:
    """See that something is a number of seconds.

    Raises:
        TypeError: It is no number.
        ValueError: It is less than 0, not a number, or beyond a float.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected {name} in seconds, got {value!r}")
    try:
        is_right = float(value) >= 0
    except OverflowError:
        is_right = False
    if not is_right:
        raise ValueError(f"expected {name} of 0 seconds or more, got {value!r:.60}")


def described(value: Any) -> str:
    """Name what a function of the user's has returned, never by its content: it may be secret."""
    if value is None:
        return "None"
    if inspect.iscoroutine(value):
        value.close()  # or Python would warn that nobody has awaited it
        return "a coroutine, which only the async front end awaits"
    return f"a value of type {type(value).__name__}"
