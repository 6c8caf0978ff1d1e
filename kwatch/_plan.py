"""`Plan`: what a stream that `watch` has made is made of, for whoever reads several at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from kwatch._session import Session

W = TypeVar("W")
S = TypeVar("S")

_plans: "WeakKeyDictionary[Any, Plan[Any]]" = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Plan(Generic[W]):
    """What `watch` was told, and what it reaches the server by.

    What is read elsewhere than where it is handled has to be handed over with the cursor that goes
    with it. So `merge` does not read such a stream: it makes the sessions of it itself.

    Attributes:
        wire: How the server is reached.
        sessions: Those of the stream.
        again: Makes them anew, such that what they give may be handled elsewhere.
        allow_bookmarks: Whether the consumer is to see bookmarks.
    """

    wire: W
    sessions: Mapping[str | None, Session]
    again: Callable[[], Mapping[str | None, Session]]
    allow_bookmarks: bool

    @property
    def is_begun(self) -> bool:
        """Whether anybody has read of the stream."""
        return any(session.is_begun for session in self.sessions.values())

    def of(self, stream: S) -> S:
        """Keep this as the plan of a stream, for as long as there is that; give the stream."""
        _plans[stream] = self
        return stream


def plan_of(stream: object) -> "Plan[Any] | None":
    """Give the plan of a stream; None where `watch` has not made it."""
    try:
        return _plans.get(stream)
    except TypeError:  # it cannot be referred to weakly, or has no hash
        return None
