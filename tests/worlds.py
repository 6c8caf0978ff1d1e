"""Runs one test body on threads, asyncio and trio.

The body is that of a thread. An event loop runs in another one; what lives there is `Seen`: its
coroutines are awaited there, while the caller blocks.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from inspect import isawaitable
from typing import Any

import anyio
import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

from kwatch import (
    TIMEOUT,
    AsyncHandle,
    AsyncSupervisor,
    AsyncWatcher,
    NoReply,
    Ok,
    Supervisor,
    Watcher,
)

WORLDS = ("threads", "asyncio", "trio")
PATIENCE_SECONDS = 10.0


def until(condition: Callable[[], object]) -> None:
    """Wait until something is true, and fail if it does not come."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


class Gate:
    """Holds up a callback until it is opened: wait for it by ``await`` in an event loop."""

    def __init__(self, *, is_async: bool) -> None:
        self._event = threading.Event()
        self._is_async = is_async

    def open(self) -> None:
        self._event.set()

    def wait(self, result: Any = None) -> Any:
        return self._wait(result) if self._is_async else self._event.wait() and result

    async def _wait(self, result: Any) -> Any:
        while not self._event.is_set():  # noqa: ASYNC110 - it is another thread that opens it
            await anyio.sleep(0.001)
        return result


class _Log:
    """Keeps all that it was called with; ``answers`` say what else to do, by what has come."""

    def __init__(self, **answers: Callable[[list[Any]], Any]) -> None:
        self.answers = answers
        self.ends: list[Any] = []

    def answer(self, key: str, state: list[Any]) -> Any:
        return self.answers.get(key, NoReply)(state)

    def init(self, init_arg: Any) -> Any:
        return self.answers.get("init", Ok)([])

    def handle_event(self, event_type: Any, obj: dict[str, Any], state: list[Any]) -> Any:
        name = obj["metadata"].get("name")
        return self.answer(str(name), [*state, (str(event_type), name)])

    def handle_info(self, message: Any, state: list[Any]) -> Any:
        return self.answer("TIMEOUT" if message is TIMEOUT else str(message), [*state, message])

    def handle_continue(self, continue_arg: Any, state: list[Any]) -> Any:
        return self.answer(f"continue {continue_arg}", [*state, f"continue {continue_arg}"])

    def terminate(self, reason: Any, state: list[Any]) -> Any:
        self.ends.append((reason, state))
        return self.answers.get("terminate", NoReply)(state)


class Log(_Log, Watcher[list[Any]]):
    """In a thread."""


class AsyncLog(_Log, AsyncWatcher[list[Any]]):
    """In a task; `handle_continue` and `init` stay plain functions."""

    async def handle_event(self, event_type: Any, obj: dict[str, Any], state: list[Any]) -> Any:
        return await _value(super().handle_event(event_type, obj, state))

    async def handle_info(self, message: Any, state: list[Any]) -> Any:
        return await _value(super().handle_info(message, state))

    async def terminate(self, reason: Any, state: list[Any]) -> Any:
        return await _value(super().terminate(reason, state))


async def _value(answer: Any) -> Any:
    await anyio.lowlevel.checkpoint()
    return await answer if isawaitable(answer) else answer


class Seen:
    """An object of an event loop, as a thread sees it."""

    def __init__(self, target: Any, portal: BlockingPortal) -> None:
        self._target = target
        self._portal = portal

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Seen) and self._target is other._target

    def __hash__(self) -> int:
        return hash(self._target)

    def __repr__(self) -> str:
        return repr(self._target)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if not callable(value) or name in ("send", "exit"):  # those are for any thread
            return value
        return partial(self._call, value)

    def __enter__(self) -> "Seen":
        self._portal.call(self._target.__aenter__)
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._portal.call(self._target.__aexit__, *error)

    def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self._seen(self._portal.call(partial(function, *args, **kwargs)))

    def _seen(self, value: Any) -> Any:
        if isinstance(value, AsyncHandle | AsyncSupervisor):
            return Seen(value, self._portal)
        if isinstance(value, list | tuple):
            return type(value)(map(self._seen, value))
        return value


class World:
    """Where watchers live: threads, or an event loop."""

    def __init__(self, name: str, portal: BlockingPortal | None) -> None:
        self.name = name
        self.portal = portal
        self._open = ExitStack()

    @property
    def is_async(self) -> bool:
        return self.portal is not None

    def client(self, url: str) -> Any:
        """Make an httpx client, which is closed when the world ends."""
        if self.portal is None:
            return self._open.enter_context(httpx.Client(base_url=url))
        client = self.portal.call(partial(httpx.AsyncClient, base_url=url))
        self._open.callback(self.portal.call, client.aclose)
        return client

    def log(self, **answers: Callable[[list[Any]], Any]) -> Log | AsyncLog:
        """Make a watcher that keeps what it was called with."""
        return AsyncLog(**answers) if self.is_async else Log(**answers)

    def gate(self) -> Gate:
        """Make something that holds up a callback."""
        return Gate(is_async=self.is_async)

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function where things live, and wait for what comes of it."""
        if self.portal is None:
            return function(*args, **kwargs)
        return Seen(None, self.portal)._call(function, *args, **kwargs)

    def supervisor(self, *args: Any, **kwargs: Any) -> Any:
        """Make a supervisor."""
        if self.portal is None:
            return Supervisor(*args, **kwargs)
        return Seen(AsyncSupervisor(*args, **kwargs), self.portal)

    def close(self) -> None:
        self._open.close()


@contextmanager
def world(name: str) -> Iterator[World]:
    """Have a world, until the context ends."""
    with ExitStack() as stack:
        portal = None
        if name != "threads":
            portal = stack.enter_context(start_blocking_portal(name))
        world = World(name, portal)
        stack.callback(world.close)
        yield world
