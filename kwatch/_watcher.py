"""`Watcher`: the callbacks that are folded over a watch."""

import logging
from collections.abc import Iterable
from typing import Any, Generic, TypeVar, Unpack

import httpx

from kwatch._client import abilities_of, check_client, check_types
from kwatch._drive import fold
from kwatch._either import Method
from kwatch._events import EventType, Object
from kwatch._handle import Handle
from kwatch._life import Life
from kwatch._options import WatchOptions
from kwatch._results import NoReply, Ok, Stop
from kwatch._sessions import sessions
from kwatch._status import WatchStatus
from kwatch._stop import StopEvent
from kwatch._sync import deliveries
from kwatch._wire import Wire

S = TypeVar("S")

logger = logging.getLogger("kwatch")


class Watcher(Generic[S]):
    """A state machine over the events of a watch: subclass it, and write `handle_event`.

    Its callbacks are called one at a time, in one thread. Each is given the state, and returns
    the next one in a `NoReply`, or `Stop`. What it raises, or returns else, ends the watcher, and
    so does the error of a watch that cannot go on; `terminate` is called on every way out.

    The events are read in another thread, 16 ahead at most: a slow callback slows the reading down.

    Source: Kubereq.Watcher, and GenServer in Elixir.

    >>> class Counter(Watcher[int]):
    ...     def handle_event(self, event_type, obj, state):
    ...         return NoReply(state + 1)
    >>> Counter().fold([("created", {"kind": "Pod"}), ("deleted", {"kind": "Pod"})], 0)
    2
    """

    def init(self, init_arg: Any) -> Ok[S] | Stop[S]:
        """Give the state to begin with, ``Ok(state)``; is called before the connection is made.

        By default that is ``init_arg``. ``Stop(reason)`` ends it, and `terminate` is not called.
        """
        return Ok(init_arg)

    def handle_event(self, event_type: EventType, obj: Object, state: S) -> NoReply[S] | Stop[S]:
        """Handle a change; see `kwatch.watch` for what comes."""
        raise NotImplementedError  # `check` sees to it that this is overridden

    def handle_info(self, message: Any, state: S) -> NoReply[S] | Stop[S]:
        """Handle what was sent to the watcher, or `TIMEOUT`; by default it is logged as an error.

        Source: the default ``handle_info`` of GenServer.
        """
        name = type(self).__name__
        logger.error("%s has got an unexpected message in handle_info(): %.200r", name, message)
        return NoReply(state)

    def handle_continue(self, continue_arg: Any, state: S) -> NoReply[S] | Stop[S]:
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

    @Method
    def fold(self, events: Iterable[Any], state: S) -> S:
        """Handle events and messages one after the other; give the last state.

        Pure but for the callbacks: no cluster, no thread, and no time passes. `init` and
        `terminate` are not called. What a callback raises passes through.

        Args:
            events: Pairs of an event type and an object are events, all else is a message.
            state: The state to begin with.

        Raises:
            WatcherFailed: A callback has returned `Stop` with an abnormal reason.
        """
        _check(self)
        return fold(Life(self), events, state)

    @Method
    def run(
        self,
        client: httpx.Client,
        kind: str | None = None,
        *,
        init_arg: Any = None,
        stop_event: StopEvent | None = None,
        **options: Unpack[WatchOptions],
    ) -> S:
        """Watch, and handle what comes, until the end; give the last state.

        In the main thread, SIGTERM ends it with the reason ``"shutdown"``, as does SIGINT, which
        is a KeyboardInterrupt after `terminate`; a second signal does what it always does. A
        program that handles these signals itself keeps doing so.

        Args:
            client: See `kwatch.watch`, as for the other options.
            kind: See `kwatch.watch`.
            init_arg: For `init`.
            stop_event: Ends it with the reason ``"normal"``.
            **options: See `kwatch.watch`.

        Raises:
            WatcherFailed: It has ended for an abnormal reason. An exception is its cause.
            TypeError: An argument is of the wrong type; at the call.
            ValueError: An argument cannot be right; at the call.
        """
        return _handle(self, client, kind, init_arg, stop_event, options).run()

    @Method
    def start_link(
        self,
        client: httpx.Client,
        kind: str | None = None,
        *,
        init_arg: Any = None,
        stop_event: StopEvent | None = None,
        **options: Unpack[WatchOptions],
    ) -> Handle[S]:
        """Do what `run` does in a thread of its own, once `init` has returned there.

        The connection is made after that: ``handle.status.synced`` tells when "from now" was.

        Raises:
            WatcherFailed: `init` has failed. What fails later is raised by the handle.
        """
        return _handle(self, client, kind, init_arg, stop_event, options).start()


def _handle(
    watcher: Watcher[S],
    client: httpx.Client,
    kind: str | None,
    init_arg: Any,
    stop_event: StopEvent | None,
    options: WatchOptions,
) -> Handle[S]:
    """Check the arguments, and make what runs a watcher."""
    _check(watcher)
    check_client(client, "watch")
    check_types(stop_event=(stop_event, StopEvent))
    status = options.get("status") or WatchStatus()
    stop = StopEvent()
    wire = Wire(client, stop)
    arguments: dict[str, Any] = {**options, "status": status}
    found = sessions(
        kind, apart=True, stopped=wire.stopped, abilities=abilities_of(client), **arguments
    )
    shown = bool(options.get("allow_bookmarks"))
    sources = [deliveries(wire, session, allow_bookmarks=shown) for session in found.values()]
    return Handle(Life(watcher), init_arg, sources, stop, status, stop_event)


def _check(watcher: Watcher[Any]) -> None:
    """See that a watcher has what it needs.

    Raises:
        NotImplementedError: It does not handle events.
    """
    if type(watcher).handle_event is Watcher.handle_event:
        raise NotImplementedError(
            f"{type(watcher).__name__} needs handle_event(self, event_type, obj, state)"
        )
