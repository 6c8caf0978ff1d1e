"""`Supervising`: what `Supervisor` and `AsyncSupervisor` have in common."""

from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from kwatch._child_spec import ChildSpec, Restart
from kwatch._linked import Linked
from kwatch._steps import Message, Steps
from kwatch._supervision import Request, Strategy, Supervision


class Supervising(Linked):
    """Lives by the rules of `Supervision`, and passes requests on to that."""

    _process_type: ClassVar[type[Linked]]
    _expected: ClassVar[str]

    def __init__(
        self,
        children: Iterable[ChildSpec] = (),
        *,
        strategy: Strategy = "one_for_one",
        max_restarts: int = 3,
        max_seconds: float = 5.0,
    ) -> None:
        super().__init__(type(self).__name__)
        specs = list(children)
        self._supervision = Supervision(
            self.name,
            specs,
            strategy=strategy,
            max_restarts=max_restarts,
            max_seconds=max_seconds,
            process_type=self._process_type,
            expected=self._expected,
            clock=self._now,
            post=self._post,
        )
        self._again = partial(
            type(self),
            specs,
            strategy=strategy,
            max_restarts=max_restarts,
            max_seconds=max_seconds,
        )

    def child_spec(
        self,
        *,
        id: Hashable = None,  # noqa: A002
        restart: Restart = "permanent",
        shutdown: float | None = None,
    ) -> ChildSpec:
        """Say how another supervisor is to start one like this; each start makes a new one.

        A subclass whose constructor takes something else has a ``child_spec()`` of its own.

        Args:
            id: See `ChildSpec`, as for those that follow. None: the name of the class.
            restart: See `ChildSpec`.
            shutdown: See `ChildSpec`. None: as long as its children take.
        """
        return ChildSpec(
            self.name if id is None else id,
            lambda: self._again().start_link(),
            restart,
            shutdown,
            "supervisor",
        )

    def _now(self) -> float:
        """Give the time in seconds."""
        raise NotImplementedError

    def _steps(self) -> Steps:
        return self._supervision.steps(self._begin)

    def _post(self, message: Any) -> None:
        self._mailbox.put(Message(message))

    def _request(self, function: Callable[[], Any]) -> "Future[Any]":
        """Have it do something in its own thread or task; give what will have come of it."""
        if not self.is_alive() or self.is_own():
            why = "does not run" if not self.is_alive() else "cannot ask itself, and wait for it"
            raise RuntimeError(f"{self.name} {why}")
        reply: Future[Any] = Future()
        self._post(Request(function, reply))
        forget = self._monitor(lambda: self._refuse(reply))
        reply.add_done_callback(lambda _: forget())
        return reply

    def _refuse(self, reply: "Future[Any]") -> None:
        with suppress(InvalidStateError):  # it has been answered, or refused
            reply.set_exception(RuntimeError(f"{self.name} has ended"))
