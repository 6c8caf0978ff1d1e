"""`Behaviour`: the callbacks that a watcher may have, and what they do by default."""

import logging
from collections.abc import Hashable
from functools import partial
from typing import Any, Generic, TypeVar, cast

from kwatch._child_spec import ChildSpec, Restart
from kwatch._either import Either
from kwatch._events import EventType, Object
from kwatch._results import NoReply, Ok

S = TypeVar("S")
First = TypeVar("First")
Next = TypeVar("Next")

logger = logging.getLogger("kwatch")


class Behaviour(Generic[S, First, Next]):
    """What `Watcher` and `AsyncWatcher` have in common.

    ``S`` is the state, ``First`` what `init` returns, ``Next`` what the other callbacks do.
    """

    def init(self, init_arg: Any) -> First:
        """Give the state to begin with, ``Ok(state)``; is called before the connection is made.

        By default that is ``init_arg``. ``Stop(reason)`` ends it, and `terminate` is not called.
        """
        return cast(First, Ok(init_arg))

    def handle_event(self, event_type: EventType, obj: Object, state: S) -> Next:
        """Handle a change; see `kwatch.watch` for what comes."""
        raise NotImplementedError  # `check_behaviour` sees to it that this is overridden

    def handle_info(self, message: Any, state: S) -> Next:
        """Handle what was sent to the watcher, or `TIMEOUT`; by default it is logged as an error.

        Source: the default ``handle_info`` of GenServer.
        """
        name = type(self).__name__
        logger.error("%s has got an unexpected message in handle_info(): %.200r", name, message)
        return cast(Next, NoReply(state))

    def handle_continue(self, continue_arg: Any, state: S) -> Next:
        """Go on after a callback that has returned ``continue_with``."""
        raise NotImplementedError(
            f"{type(self).__name__} needs handle_continue(): a callback has returned continue_with"
        )

    def terminate(self, reason: Any, state: S) -> object:
        """Clean up; is called once, at the end, whatever the end is. What it returns is ignored.

        Args:
            reason: ``"normal"``, ``"shutdown"``, ``("shutdown", anything)``, or what else a
                callback or ``stop`` has given; an exception, if one was the reason.
            state: The last state.
        """

    @Either
    def child_spec(
        self: Any,
        /,
        *args: Any,
        id: Hashable = None,  # noqa: A002 - OTP's word
        restart: Restart = "permanent",
        shutdown: float | None = 5.0,
        **kwargs: Any,
    ) -> ChildSpec:
        """Say how a supervisor is to start, restart and stop it.

        Called on the class, each start is of a new instance.

        Args:
            *args: For ``start_link``.
            id: See `ChildSpec`, as for those that follow. None: the name of the class.
            restart: See `ChildSpec`.
            shutdown: See `ChildSpec`.
            **kwargs: For ``start_link``.
        """
        owner = self if isinstance(self, type) else type(self)
        start = partial(self.start_link, *args, **kwargs)
        return ChildSpec(owner.__name__ if id is None else id, start, restart, shutdown)


def check_behaviour(behaviour: Behaviour[Any, Any, Any]) -> None:
    """See that a watcher has what it needs.

    Raises:
        NotImplementedError: It does not handle events.
    """
    if type(behaviour).handle_event is Behaviour.handle_event:
        raise NotImplementedError(
            f"{type(behaviour).__name__} needs handle_event(self, event_type, obj, state)"
        )
