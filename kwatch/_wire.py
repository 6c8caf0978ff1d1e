"""How `watch` reaches its client: each request, each read, each wait."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial

import httpx

from kwatch._chunks import Chunks
from kwatch._client import Read, options_of, patient
from kwatch._http import Request
from kwatch._interrupt import interruptible
from kwatch._stop import StopEvent


class Wire:
    """The client, as `stream` uses it.

    Args:
        client: What sends the requests.
        stop_event: Ends whatever is under way. None: nothing does.
        sleep: Waits so many seconds. None: until the stop event is set, at most.
    """

    def __init__(
        self,
        client: httpx.Client,
        stop_event: StopEvent | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._client = client
        self._stop_event = stop_event
        self.sleep = sleep or (time.sleep if stop_event is None else stop_event.wait)

    def stopped(self) -> bool:
        """Whether the stop event is set."""
        return self._stop_event is not None and self._stop_event.is_set()

    @contextmanager
    def stopping(self) -> Iterator[StopEvent]:
        """Have a stop event of its own, which the one that was handed in sets as well.

        From then on it is what ends requests, so that it must be entered before any is sent.

        Yields:
            The event.
        """
        given, own = self._stop_event, StopEvent()
        self._stop_event, self.sleep = own, own.wait
        with nullcontext() if given is None else given.calling(own.set):
            yield own

    @contextmanager
    def open(
        self, request: Request, patience: Callable[[], float] | None = None
    ) -> Iterator[tuple[int, httpx.Headers, Iterator[bytes]]]:
        """Send a request; give the code, headers and chunks of the answer; close it at the end.

        Args:
            request: The request.
            patience: Gives the seconds that each read of the answer may take. None: the request's
                own read timeout, as for a transport that shows no connection to read from.
        """
        options = options_of(self._client, request)
        opening = partial(self._client.stream, "GET", request.path, **options)
        if self._stop_event is None:
            sent = opening()
        else:
            sent = interruptible(lambda more: opening(extensions=more), self._stop_event)
        response = (
            sent.__enter__()
        )  # no `with`: what closing raises must not replace what is raised
        try:
            with patient(response, patience, _reading):
                yield response.status_code, response.headers, response.iter_bytes()
        finally:
            with suppress(httpx.RequestError, OSError):
                sent.__exit__(None, None, None)


def _reading(read: Read, patience: Callable[[], float], chunks: Chunks) -> Read:
    def read_patiently(_max_bytes: int) -> bytes:
        return chunks.receive_data(read(chunks.read_bytes, timeout=patience()))

    return read_patiently
