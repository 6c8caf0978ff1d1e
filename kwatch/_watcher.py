"""`Watcher`: the callbacks that are folded over a watch."""

from collections.abc import Iterable
from typing import Any, Generic, TypeVar, Unpack

import httpx

from kwatch._behaviour import Behaviour, check_behaviour
from kwatch._client import abilities_of, check_client, check_types
from kwatch._drive import fold
from kwatch._either import Method
from kwatch._handle import Handle
from kwatch._life import Life
from kwatch._options import WatchOptions
from kwatch._results import NoReply, Ok, Stop
from kwatch._sessions import sessions_apart
from kwatch._status import WatchStatus
from kwatch._stop import StopEvent
from kwatch._streaming import session_deliveries
from kwatch._wire import Wire

S = TypeVar("S")


class Watcher(Behaviour[S, Ok[S] | Stop[S], NoReply[S] | Stop[S]], Generic[S]):
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
        check_behaviour(self)
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
        handle = _handle(self, client, kind, init_arg, stop_event, options)
        handle.run()
        return handle.state

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
        return _handle(self, client, kind, init_arg, stop_event, options).start_link()


def _handle(
    watcher: Watcher[S],
    client: httpx.Client,
    kind: str | None,
    init_arg: Any,
    stop_event: StopEvent | None,
    options: WatchOptions,
) -> Handle[S]:
    """Check the arguments, and make what runs a watcher."""
    check_behaviour(watcher)
    check_client(client, "Watcher")
    check_types(stop_event=(stop_event, StopEvent))
    status = options.get("status") or WatchStatus()
    stop = StopEvent()
    wire = Wire(client, stop)
    arguments: dict[str, Any] = {**options, "status": status}
    found = sessions_apart(kind, stopped=wire.stopped, abilities=abilities_of(client), **arguments)
    shown = bool(options.get("allow_bookmarks"))
    sources = [
        session_deliveries(wire, session, allow_bookmarks=shown) for session in found.values()
    ]
    return Handle(Life(watcher), init_arg, sources, stop, status, stop_event)
