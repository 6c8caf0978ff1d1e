"""`StopEvent`: ends a watch from another thread or a signal handler."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class StopEvent:
    """Ends each watch that it was handed to, whatever that is doing, as if it were exhausted.

    A blocked read, a list, a discovery request and a backoff sleep end within 100 ms. One event
    may be shared by any number of watches, and stays set.

    A request that waits for its answer on a connection that was used before is left to a thread,
    which ends at the read timeout; and with HTTP/2, the connection that is shut down is one that
    other watches of the same client may share.

    `set` may be called from any thread and any signal handler: unlike `threading.Event`, this
    class holds no lock that a handler could find taken by the thread that it interrupts.

    >>> stop_event = StopEvent()
    >>> stop_event.wait(0.0)
    False
    >>> stop_event.set()
    >>> stop_event.is_set(), stop_event.wait(60.0)
    (True, True)
    """

    def __init__(self) -> None:
        self._set = False
        self._gate = threading.Lock()  # taken until `set`; then each waiter passes it on
        self._gate.acquire()
        self._callbacks: dict[object, Callable[[], object]] = {}

    def __repr__(self) -> str:
        return f"<StopEvent {'set' if self._set else 'unset'}>"

    def is_set(self) -> bool:
        """Whether `set` was called."""
        return self._set

    def set(self) -> None:
        """End the watches; calling it once more changes nothing."""
        self._set = True
        with suppress(RuntimeError):  # the gate is open already
            self._gate.release()
        for callback in list(self._callbacks.values()):
            callback()

    def wait(self, seconds: float | None = None) -> bool:
        """Sleep until `set` is called, or for so many seconds; None for as long as it takes.

        Returns:
            Whether `set` was called.
        """
        timeout = -1.0 if seconds is None else max(0.0, min(seconds, threading.TIMEOUT_MAX))
        if self._gate.acquire(timeout=timeout):
            with suppress(RuntimeError):
                self._gate.release()
        return self._set

    @contextmanager
    def calling(self, callback: Callable[[], object]) -> Iterator[None]:
        """Have `set` call something as well, while the context is open.

        It is called at once where the event is set already, and may be called more than once.
        """
        key = object()
        self._callbacks[key] = callback
        try:
            if self._set:
                callback()
            yield
        finally:
            del self._callbacks[key]
