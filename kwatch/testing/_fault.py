"""What goes wrong, and the order in which it does."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from werkzeug.wrappers import Response

from kwatch.testing._exchange import Exchange

Sort = Literal["watch", "list", "discovery", "get", "write", "any"]
"""A sort of request."""


@dataclass(frozen=True, slots=True, repr=False)
class Fault:
    """One thing that goes wrong with the answer to one request: see ``kwatch.testing.faults``.

    Attributes:
        text: How it was made: ``"cut(after=10)"``.
        strike: Makes the answer.
        streams: Whether it makes sense for watches alone.
    """

    text: str
    strike: Callable[[Exchange], Response]
    streams: bool = False

    def __repr__(self) -> str:
        return f"faults.{self.text}"


class Script:
    """The faults that are still to come, each for a sort of request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[Sort, Fault]] = []

    def __len__(self) -> int:
        return len(self._left)

    def add(self, faults: tuple[Fault, ...], on: Sort) -> None:
        """Let the next requests of a sort meet these faults.

        Raises:
            ValueError: There is no such sort, or a fault cannot strike it.
        """
        if on not in get_args(Sort):
            raise ValueError(f"on={on!r}: expected one of {', '.join(get_args(Sort))}")
        for fault in faults:
            if not isinstance(fault, Fault):
                raise ValueError(f"expected faults such as faults.cut(after=0), got {fault!r}")
            if fault.streams and on != "watch":
                raise ValueError(f"on={on!r}: {fault!r} can only strike a watch")
        with self._lock:
            self._left += [(on, fault) for fault in faults]

    def take(self, sort: str) -> Fault | None:
        """The fault that a request of this sort meets, if any; it is spent then."""
        with self._lock:
            for number, (on, fault) in enumerate(self._left):
                if on in (sort, "any"):
                    del self._left[number]
                    return fault
        return None
