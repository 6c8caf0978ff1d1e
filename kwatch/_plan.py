"""`Plan`: what a stream that `watch` has made is made of, for whoever reads several at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from weakref import ReferenceType, WeakKeyDictionary, ref

from kwatch._session import Session

W = TypeVar("W")
S = TypeVar("S")

_plans: "WeakKeyDictionary[Any, ReferenceType[Plan[Any]]]" = WeakKeyDictionary()


@dataclass(slots=True, weakref_slot=True)
class Plan(Generic[W]):
    """What `watch` was told, and what it reaches the server by.

    What is read elsewhere than where it is handled has to be handed over with the cursor that goes
    with it. So `merge` does not read such a stream: it makes the sessions of it itself.

    Attributes:
        wire: How the server is reached.
        sessions: Those of the stream.
        again: Makes them anew, such that what they give may be handled elsewhere; the status begins
            anew as well.
        allow_bookmarks: Whether the consumer is to see bookmarks.
        is_taken: Whether a `merge` has the stream.
    """

    wire: W
    sessions: Mapping[str | None, Session]
    again: Callable[[], Mapping[str | None, Session]]
    allow_bookmarks: bool
    is_taken: bool = False

    @property
    def is_begun(self) -> bool:
        """Whether anybody has read of the stream."""
        return any(session.is_begun for session in self.sessions.values())

    def attach_to(self, stream: S) -> S:
        """Be the plan of a stream, whose frame keeps it alive; give the stream.

        A table that kept plans alive would keep all that they refer to: the stream too, where its
        status, say, is an attribute of what has the stream as another one.
        """
        _plans[stream] = ref(self)
        return stream


def plan_of(stream: object) -> "Plan[Any] | None":
    """Give the plan of a stream; None where `watch` has not made it, or it is closed."""
    try:
        found = _plans.get(stream)
    except TypeError:  # it cannot be referred to weakly, or has no hash
        return None
    return None if found is None else found()
