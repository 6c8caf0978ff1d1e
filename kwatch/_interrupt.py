"""Makes a request of a blocking `httpx.Client` end when a `StopEvent` is set."""

import contextvars
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

import httpx

from kwatch._stop import StopEvent

LOOK_SECONDS = 0.05
"""How often it is looked whether a signal has come."""

Opening = AbstractContextManager[httpx.Response]
"""What sends a request when it is entered, and closes the response when it is left."""


class Interrupted(httpx.TransportError):
    """The stop event was set before there was a response."""


@contextmanager
def interruptible(
    opening: Callable[[dict[str, Any]], Opening], stop_event: StopEvent
) -> Iterator[httpx.Response]:
    """Send a request; end that, and each read of its response, when the event is set.

    Nothing wakes a thread that connects or waits for the head of a response, so that a thread of
    its own does it. When the event is set, that is left behind: its socket is shut down if the
    request opened it, and a response that comes all the same is closed. If the connection was
    reused, which socket it is cannot be known, and the thread ends at the read timeout.

    A blocked read of the body ends when its socket is shut down.

    Args:
        opening: Makes what is to be entered, given the request's extensions.
        stop_event: Ends it.

    Raises:
        Interrupted: The event was set before the response was there.
    """
    streams: SimpleQueue[Any] = SimpleQueue()

    def trace(name: str, info: dict[str, Any]) -> None:
        if name in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            streams.put(info["return_value"])  # TLS takes the socket over

    with ExitStack() as stack:
        sending = _Sending(opening({"trace": trace}))
        try:
            response = sending.wait(stop_event)
        except BaseException:
            while not streams.empty():
                _shut_down(streams.get_nowait())
            raise
        stack.push(sending.opening)
        stack.enter_context(
            stop_event.calling(lambda: _shut_down(response.extensions.get("network_stream")))
        )
        yield response


class _Sending:
    """A request that is being sent, in a thread of its own."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self._outcome: SimpleQueue[httpx.Response | BaseException] = SimpleQueue()
        self._wake: SimpleQueue[None] = SimpleQueue()  # a signal handler may put into it
        self._abandoned = Event()

    def wait(self, stop_event: StopEvent) -> httpx.Response:
        """Send it; give the response, or raise what the client raised."""
        try:
            run = contextvars.copy_context().run
            thread = Thread(target=run, args=(self._send,), name="kwatch-request", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # there can be no more threads, as when the interpreter exits
                self._send()  # which nothing ends before its time
            with stop_event.calling(lambda: self._wake.put(None)):
                self._sleep()
            outcome = self._outcome.get_nowait()
        except Empty:
            self._abandon()
            raise Interrupted("the stop event was set") from None
        except BaseException:  # such as KeyboardInterrupt
            self._abandon()
            raise
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _sleep(self) -> None:
        """Wait for the outcome, or the stop event.

        A signal that comes right before a thread blocks does not wake it, so that its handler,
        which may set the event, would not run: now and then it has to be given the chance.
        """
        while True:
            with suppress(Empty):
                return self._wake.get(timeout=LOOK_SECONDS)

    def _send(self) -> None:
        try:
            self._outcome.put(self.opening.__enter__())
        except BaseException as error:  # raised again in the thread that waits
            self._outcome.put(error)
        self._wake.put(None)
        if self._abandoned.is_set():
            self._close()

    def _abandon(self) -> None:
        self._abandoned.set()
        self._close()

    def _close(self) -> None:
        """Close the response, in whichever thread comes to see that nobody wants it."""
        with suppress(Empty, httpx.HTTPError):
            if not isinstance(self._outcome.get_nowait(), BaseException):
                self.opening.__exit__(None, None, None)


def _shut_down(stream: Any) -> None:
    """Wake the thread that reads from a stream of httpx: only shutting its socket down does."""
    sock = stream.get_extra_info("socket") if stream is not None else None
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
