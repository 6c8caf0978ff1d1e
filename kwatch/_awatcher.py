"""`AsyncWatcher`: the twin of `Watcher`, whose callbacks may be coroutine functions."""

from collections.abc import AsyncIterable, Awaitable, Iterable
from typing import Any, Generic, TypeAlias, TypeVar, Unpack

import httpx

from kwatch._adrive import fold
from kwatch._ahandle import AsyncHandle
from kwatch._astreaming import session_deliveries
from kwatch._awire import Wire
from kwatch._behaviour import Behaviour, check_behaviour
from kwatch._client import abilities_of, check_client
from kwatch._either import Method
from kwatch._life import Life
from kwatch._options import WatchOptions
from kwatch._results import NoReply, Ok, Stop
from kwatch._sessions import sessions_apart
from kwatch._status import WatchStatus

S = TypeVar("S")
First: TypeAlias = Ok[S] | Stop[S]
Next: TypeAlias = NoReply[S] | Stop[S]


class AsyncWatcher(
    Behaviour[S, First[S] | Awaitable[First[S]], Next[S] | Awaitable[Next[S]]], Generic[S]
):
    """A `Watcher` on asyncio or trio: each callback may be a coroutine function, or a function.

    Its callbacks are called one at a time, in one task. If that is cancelled, whatever it does,
    `terminate` is called, shielded, with the reason ``"shutdown"``; only a second ``cancel()`` of
    asyncio, which knows no shields, cuts that off.

    The events are read in another task, 16 ahead at most: a slow callback slows the reading down.

    >>> import anyio
    >>> class Counter(AsyncWatcher[int]):
    ...     async def handle_event(self, event_type, obj, state):
    ...         return NoReply(state + 1)
    >>> events = [("created", {"kind": "Pod"}), ("deleted", {"kind": "Pod"})]
    >>> anyio.run(Counter().fold, events, 0)
    2
    """

    @Method
    async def fold(self, events: Iterable[Any] | AsyncIterable[Any], state: S) -> S:
        """Do what `Watcher.fold` does, over what ``for`` or ``async for`` can iterate over.

        Args:
            events: Pairs of an event type and an object are events, all else is a message.
            state: The state to begin with.

        Raises:
            WatcherFailed: A callback has returned `Stop` with an abnormal reason.
        """
        check_behaviour(self)
        return await fold(Life(self), events, state)

    @Method
    async def run(
        self,
        client: httpx.AsyncClient,
        kind: str | None = None,
        *,
        init_arg: Any = None,
        **options: Unpack[WatchOptions],
    ) -> S:
        """Watch, and handle what comes, until the end; give the last state.

        In the main thread, SIGTERM ends it with the reason ``"shutdown"``; a second one does what
        it always does. A program that handles this signal itself keeps doing so. SIGINT is the
        event loop's: as ever, it cancels the main task.

        Args:
            client: See `kwatch.awatch`, as for the other options.
            kind: See `kwatch.awatch`.
            init_arg: For `init`.
            **options: See `kwatch.awatch`.

        Raises:
            WatcherFailed: It has ended for an abnormal reason. An exception is its cause.
            TypeError: An argument is of the wrong type.
            ValueError: An argument cannot be right.
        """
        handle = _handle(self, client, kind, init_arg, options)
        await handle.run()
        return handle.state

    @Method
    async def start_link(
        self,
        client: httpx.AsyncClient,
        kind: str | None = None,
        *,
        init_arg: Any = None,
        **options: Unpack[WatchOptions],
    ) -> AsyncHandle[S]:
        """Do what `run` does in a task of its own, once `init` has returned there.

        The task is no child of the caller's, and outlives it; `AsyncHandle.stop` ends it, as does
        the end of ``async with``, and that of the event loop.

        The connection is made after that: ``handle.status.synced`` tells when "from now" was.

        Raises:
            WatcherFailed: `init` has failed. What fails later is raised by the handle.
        """
        return await _handle(self, client, kind, init_arg, options).start_link()


def _handle(
    watcher: AsyncWatcher[S],
    client: httpx.AsyncClient,
    kind: str | None,
    init_arg: Any,
    options: WatchOptions,
) -> AsyncHandle[S]:
    """Check the arguments, and make what runs a watcher."""
    check_behaviour(watcher)
    check_client(client, "AsyncWatcher")
    status = options.get("status") or WatchStatus()
    wire = Wire(client)
    arguments: dict[str, Any] = {**options, "status": status}
    found = sessions_apart(kind, stopped=wire.stopped, abilities=abilities_of(client), **arguments)
    shown = bool(options.get("allow_bookmarks"))
    sources = [
        session_deliveries(wire, session, allow_bookmarks=shown) for session in found.values()
    ]
    return AsyncHandle(Life(watcher), init_arg, sources, status)
