"""What a life asks of whoever drives it, and what that hands it.

A life is a generator: that of a watcher, or of a supervisor. It decides what comes next and does
nothing itself. A thread drives it, or a task of asyncio or trio.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from kwatch._events import Event, EventType
from kwatch._results import Sign


@dataclass(frozen=True, slots=True)
class Call:
    """Call a function; hand over what it returns, or throw in what it raises.

    Args:
        function: In a task, it may be a coroutine function.
        args: Its arguments.
        is_shielded: Whether a task that is cancelled still runs it to its end.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    is_shielded: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for what comes next, an `Arrival`; hand it over.

    Args:
        timeout: After so many seconds, `TIMEOUT` has come. None: never.
        hibernate: Whether to collect garbage first.
    """

    timeout: float | None = None
    hibernate: bool = False


class Message(NamedTuple):
    """Somebody has sent something."""

    content: Any


class Exit(NamedTuple):
    """Somebody has asked for the end."""

    reason: Any


class Ended(NamedTuple):
    """A source of events has ended: is exhausted (None), or has raised an error."""

    error: BaseException | None


Arrival: TypeAlias = Event | Message | Exit | Ended | Sign
Steps: TypeAlias = Generator[Call | Wait, Any, Any]

_EVENT_TYPES = frozenset(EventType)


def arrival_of(item: Any) -> Arrival:
    """Tell events from messages: an event is an `Event`, or a pair that looks like one.

    >>> arrival_of(("created", {"kind": "Pod"}))
    Event(event_type=<EventType.CREATED: 'created'>, obj={'kind': 'Pod'})
    >>> arrival_of("hello")
    Message(content='hello')
    """
    if isinstance(item, Event):
        return item
    if isinstance(item, tuple) and len(item) == 2:
        event_type, obj = item
        if isinstance(event_type, str) and event_type in _EVENT_TYPES and isinstance(obj, dict):
            return Event(EventType(event_type), obj)
    return Message(item)
