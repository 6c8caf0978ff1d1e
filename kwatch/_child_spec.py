"""`ChildSpec`: how a supervisor starts, restarts and stops a child."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from kwatch._results import check_seconds

Restart: TypeAlias = Literal["permanent", "transient", "temporary"]
ChildType: TypeAlias = Literal["worker", "supervisor"]


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How a supervisor starts, restarts and stops a child.

    ``child_spec()`` of a watcher or a supervisor makes one.

    Args:
        id: What the supervisor knows the child by; no two of its children have the same.
        start: Starts the child, and returns its handle: ``start_link`` with its arguments. For an
            `AsyncSupervisor`, the handle when awaited.
        restart: What happens when the child ends by itself. ``"permanent"``: it is restarted.
            ``"transient"``: it is restarted if its reason was abnormal. ``"temporary"``: it is not,
            and its specification is forgotten.
        shutdown: How many seconds a child that is told to end has for it. A task is cancelled
            then; a thread, which nothing can end by force, is left behind, and logged. None: as
            long as it takes, as OTP's ``infinity``.
        type: Whether the child is a ``"worker"`` or a ``"supervisor"``.

    Raises:
        TypeError: ``start`` cannot be called, the id cannot be a key, or ``shutdown`` is no number.
        ValueError: ``restart`` or ``type`` is none of these words, or ``shutdown`` is negative.

    Source: the child specification of supervisor in OTP.

    >>> ChildSpec("pods", start=print, restart="sometimes")
    Traceback (most recent call last):
    ValueError: expected restart as 'permanent', 'transient' or 'temporary', got 'sometimes'
    """

    id: Hashable
    start: Callable[[], Any]
    restart: Restart = "permanent"
    shutdown: float | None = 5.0
    type: ChildType = "worker"

    def __post_init__(self) -> None:
        hash(self.id)
        if not callable(self.start):
            raise TypeError(f"expected start as a function of no argument, got {self.start!r}")
        if self.shutdown is not None:
            check_seconds(self.shutdown, "shutdown")
        check_word("restart", self.restart, get_args(Restart))
        check_word("type", self.type, get_args(ChildType))


def check_word(name: str, value: Any, words: tuple[str, ...]) -> None:
    """See that something is one of a few words.

    Raises:
        ValueError: It is not.
    """
    if value not in words:
        *others, last = map(repr, words)
        raise ValueError(f"expected {name} as {', '.join(others)} or {last}, got {value!r}")
