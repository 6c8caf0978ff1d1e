"""Makes a request of a blocking `httpx.Client` end when a `StopEvent` is set."""

import contextvars
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread

import httpx

from kwatch._stop import StopEvent


class Interrupted(httpx.TransportError):
    """The stop event was set before there was a response."""


@contextmanager
def interruptible(
    opening: AbstractContextManager[httpx.Response], stop_event: StopEvent
) -> Iterator[httpx.Response]:
    """Enter what opens a response; end that, and each read of the response, at the event.

    Nothing wakes a thread that connects, or waits for the head of a response, so that a thread of
    its own does it. At the event it is left behind, and closes what it may get yet. A blocked
    read of the body ends when its socket is shut down.

    Raises:
        Interrupted: The event was set before the response was there.
    """
    with ExitStack() as stack:
        response = _enter(opening, stop_event)
        stack.push(opening)
        stack.enter_context(stop_event.calling(lambda: _shut_down(response)))
        yield response


def _enter(
    opening: AbstractContextManager[httpx.Response], stop_event: StopEvent
) -> httpx.Response:
    outcome: SimpleQueue[httpx.Response | BaseException] = SimpleQueue()
    wake: SimpleQueue[None] = SimpleQueue()  # its put may be called by a signal handler
    abandoned = Event()

    def enter() -> None:
        try:
            outcome.put(opening.__enter__())
        except BaseException as error:  # raised again in the thread that asked
            outcome.put(error)
        wake.put(None)
        if abandoned.is_set():
            close_what_came()

    def close_what_came() -> None:
        with suppress(Empty, httpx.HTTPError):
            if not isinstance(outcome.get_nowait(), BaseException):
                opening.__exit__(None, None, None)

    Thread(
        target=contextvars.copy_context().run, args=(enter,), name="kwatch-request", daemon=True
    ).start()
    try:
        with stop_event.calling(lambda: wake.put(None)):
            wake.get()
        result = outcome.get_nowait()
    except BaseException as error:
        abandoned.set()
        close_what_came()
        if isinstance(error, Empty):
            raise Interrupted("the stop event was set") from None
        raise
    if isinstance(result, BaseException):
        raise result
    return result


def _shut_down(response: httpx.Response) -> None:
    """Wake the thread that reads from a response: only shutting down the socket does that."""
    stream = response.extensions.get("network_stream")
    sock = stream.get_extra_info("socket") if stream is not None else None
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
