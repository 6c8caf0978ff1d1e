"""One watch, as whoever moves its bytes sees it: what to do next, and what came. No I/O.

What that means, and which states there are, is for `kwatch._policy` to say.
"""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from kwatch._abilities import Abilities
from kwatch._backoff import Backoff
from kwatch._decoder import Decoder
from kwatch._errors import ProtocolError, StatusError, StreamError
from kwatch._events import BOOKMARK, Event, metadata_alone
from kwatch._http import Reply, Request
from kwatch._line_decoder import LineDecoder
from kwatch._liveness import Liveness
from kwatch._policy import Delay, Policy
from kwatch._query import Query
from kwatch._record import Record
from kwatch._siblings import Siblings
from kwatch._snapshot import Snapshot
from kwatch._status import WatchState, WatchStatus
from kwatch._stream import Stream
from kwatch._target import Target

MAX_REPLY_BYTES: Final = 64 * 2**20
"""The longest answer that is held whole: discovery of the largest clusters takes a tenth."""

MAX_ERROR_BYTES: Final = 65_536
"""The most that is read of an answer that is an error."""

BACKLOG_SECONDS: Final = 0.01
"""What a read gives sooner may have been there for long, unless the consumer is fast."""

_MIN_PATIENCE_SECONDS: Final = 0.1


class Session:
    """One watch, across all of its connections.

    Drive it like this::

        while (step := session.next_step()) is not None:
            # a Delay: wait. A Request: send it, then call
            session.receive_response(code, headers)
            # for each chunk of the body, while session.reading, each read for no longer than
            # session.patience seconds:
            for event in session.receive_data(chunk): ...
            # at the body's end:
            for event in session.receive_eof(): ...
            # or, if the transport failed:
            session.receive_error(error)
        session.close()

    Each method raises what the user of `watch` is to see; any other exception is a bug.

    Args:
        query: What to watch, and where to begin.
        allow_bookmarks: Whether bookmarks are given as events.
        marks_start: Whether one is given even where the start is from now.
        loads: A decoder for one line, or None for ijson.
        backoff: The delays between failed attempts.
        status: Where to keep the account.
        stopped: Tells whether the watch is to end, as if it were exhausted.
        random: Gives numbers in [0, 1).
        clock: Gives seconds that never go back.
        wall_clock: Gives Unix time in seconds.
        abilities: What is known of the server, and learns; None for nothing.
        siblings: The sessions of the same stream; None for no others.

    Attributes:
        status: See above.
        mark: The bookmark that ``marks_start`` has given, and that is for nobody else.
        is_begun: Whether anybody has asked for the first step.
    """

    def __init__(
        self,
        query: Query,
        *,
        allow_bookmarks: bool,
        marks_start: bool = False,
        loads: Callable[[bytes], Any] | None,
        backoff: Backoff,
        status: WatchStatus,
        stopped: Callable[[], bool],
        random: Callable[[], float],
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        abilities: Abilities | None = None,
        siblings: Siblings | None = None,
    ) -> None:
        if loads is not None and not callable(loads):
            raise TypeError(f"expected loads as a callable such as orjson.loads, got {loads!r}")
        self.status = status
        self.mark: Event | None = None
        self.is_begun = False
        self._allow_bookmarks = allow_bookmarks
        self._marks_start = marks_start
        self._metadata_only = query.metadata_only
        self._loads = loads
        self._stopped = stopped
        self._clock = clock
        self._record = Record(backoff, random, siblings or Siblings())
        target = Target(query, abilities or Abilities(), random, wall_clock)
        self._policy = Policy(target, self._record, status, clock, wall_clock)
        self._liveness = Liveness()
        status.begin(self._policy.cursor.resource_version)
        self._code = 0
        self._headers: Mapping[str, str] = {}
        self._body: bytearray | None = None  # what the answer is read into: this,
        self._page: Snapshot | None = None  # or this,
        self._stream: Stream | None = None  # or this
        self._idle_since = clock()  # since when nothing was done but to read
        self._waited = 0.0  # how long that was, since the last object of a streaming list

    def next_step(self) -> Request | Delay | None:
        """Give what is to be done now; None when the watch was stopped.

        Raises:
            ValueError: The kind is cluster-scoped, and a namespace was given.
        """
        self.is_begun = True
        if self._stopped():
            return None
        step = self._policy.next_step()
        waiting = isinstance(step, Delay)
        self.status.state = WatchState.WAITING if waiting else self._policy.state
        self._forget_response()
        self._idle_since = self._clock()
        return step

    @property
    def reading(self) -> bool:
        """Whether the body of the present response is of use; if not, it may be closed."""
        readers = (self._body, self._page, self._stream)
        return not self._stopped() and any(reader is not None for reader in readers)

    @property
    def patience(self) -> float:
        """How many seconds the next read of the present response may take, by what came so far."""
        if self._stream is None:
            return self._bound
        if self._stream.initial:
            return max(_MIN_PATIENCE_SECONDS, self._bound - self._waited)
        return self._liveness.patience(self._policy.hard_bound)

    @property
    def _bound(self) -> float:
        return self._policy.request.read_timeout

    def close(self) -> None:
        """Note that nothing more will be asked."""
        self._forget_response()
        self.status.state = WatchState.ENDED

    # What came

    def receive_response(self, code: int, headers: Mapping[str, str]) -> None:
        """Take the head of a response; the names of ``headers`` are in lower case, or in any."""
        self._contact()
        self._idle_since = self._clock()
        self._code, self._headers = code, headers
        state = self._policy.state
        if code != HTTPStatus.OK or state in (WatchState.DISCOVERING, WatchState.PROBING):
            self._body = bytearray()
            return
        self._record.reached = True
        if state is WatchState.LISTING:
            self._page = self._policy.snapshot
            self._page.begin_page()
        else:
            self._open(headers, initial=state is WatchState.SYNCING)

    def _open(self, headers: Mapping[str, str], *, initial: bool) -> None:
        """A watch begins."""
        cursor, known = self._policy.cursor, self._policy.known
        decoder = Decoder() if self._loads is None else LineDecoder(self._loads)
        number = self.status.connects + 1
        sieve = self._policy.sieve
        self._stream = Stream(number, decoder, cursor, known, initial=initial, sieve=sieve)
        problem = _problem_with(headers)
        if problem:
            error = f"expected a watch in answer to {self._policy.request}: {problem}"
            self._policy.broken(ProtocolError(error), self._take_stream())
            return
        self._waited = 0.0
        self._liveness.opened(self._policy.asked_at)
        self.status.connects = number
        if cursor.ordered and not initial:
            self.status.advance(cursor.resource_version, synced=True)

    def receive_data(self, data: bytes) -> Iterator[Event]:
        """Take a chunk of the body.

        Yields:
            The events that end in it.

        Raises:
            KwatchError: What the server sent is an error that is not retried. The events before
                it were yielded.
        """
        waited = self._contact()
        if self._body is not None:
            self._collect(self._body, data)
        elif self._page is not None:
            yield from self._listed(self._page.receive_data(data))
        elif self._stream is not None:
            yield from self._watched(self._stream, data, waited)
        self._idle_since = self._clock()

    def receive_eof(self) -> Iterator[Event]:
        """Take the end of the body; like `receive_data`."""
        if self._stopped():
            return
        if self._body is not None:
            self._end_of_body(self._body)
        elif self._page is not None:
            yield from self._end_of_page(self._page)
        elif self._stream is not None:
            stream = self._stream
            yield from self._streamed(stream, stream.receive_eof())
            if self._stream is stream and not self._stopped():
                cut = "the connection was cut" if stream.incomplete else None
                self._policy.lost(cut, self._take_stream())

    def receive_error(self, error: Exception) -> bool:
        """Take a failure of the transport, at any point of a request.

        Returns:
            Whether it is retried. If not, the caller raises it.
        """
        if self._stopped():
            return True
        self.status.last_error = error
        stalled = self._clock() - self._idle_since >= self.patience
        bounded = stalled and self._policy.state is WatchState.SYNCING
        if not bounded and not self._record.may_start():
            return False
        if stalled and self._stream is not None and not self._stream.initial:
            self._liveness.silent()
        stream = self._take_stream()
        self._forget_response()
        self._policy.lost(f"{type(error).__name__}: {error}", stream, stalled=stalled)
        return True

    def _contact(self) -> float:
        """The server was heard of; give how long it took, without what the consumer took."""
        self.status.contact()
        waited = self._clock() - self._idle_since
        self._waited += waited
        return waited

    def _take_stream(self) -> Stream | None:
        """Read no more of the stream."""
        stream, self._stream = self._stream, None
        return stream

    def _forget_response(self) -> None:
        self._body = self._page = self._stream = None

    # A watch

    def _watched(self, stream: Stream, data: bytes, waited: float) -> Iterator[Event]:
        arrived_at, bookmarks, created = self._clock(), stream.bookmarks, stream.created
        self._liveness.waited(waited)
        yield from self._streamed(stream, stream.receive_data(data))
        if stream.bookmarks > bookmarks and (
            waited > BACKLOG_SECONDS or self._liveness.keeps_up(arrived_at)
        ):
            self._liveness.bookmark(arrived_at)
        if stream.created > created:
            self._waited = 0.0
        elif self._stream is stream and stream.initial and self._waited > self._bound:
            stalled = f"what exists did not end, nor came more of it in {self._bound:.0f} s"
            self._policy.lost(stalled, self._take_stream(), stalled=True)

    def _streamed(self, stream: Stream, news: Iterator[Event]) -> Iterator[Event]:
        policy, cursor, status = self._policy, self._policy.cursor, self.status
        was_initial: bool | None = None  # when the policy was told last
        try:
            for event in news:
                if self._stopped():
                    return
                status.alive()
                if stream.initial is not was_initial:
                    policy.heard(stream)
                    was_initial = stream.initial
                if not stream.initial:
                    status.advance(cursor.resource_version, synced=cursor.ordered)
                if event.event_type is not BOOKMARK or self._allow_bookmarks:
                    yield self._given(event)
            status.alive()
            policy.heard(stream)
            if not stream.initial:  # what was left out has moved the cursor too
                status.advance(cursor.resource_version, synced=cursor.ordered)
        except StatusError as error:
            policy.heard(stream)
            error.where = f"{policy.request}, in the stream"
            policy.refused(error, self._take_stream())
        except StreamError as error:
            policy.heard(stream)
            policy.broken(self._located(error), self._take_stream())

    def _given(self, event: Event) -> Event:
        """Count an event that the consumer is given, in the form that was asked for."""
        if event.event_type is not BOOKMARK:
            self._record.given = True
            self.status.count()
        return metadata_alone(event) if self._metadata_only else event

    def _located(self, error: StreamError) -> StreamError:
        return type(error)(f"{error}, in the answer to {self._policy.request}")

    # A list

    def _listed(self, events: Iterator[Event]) -> Iterator[Event]:
        try:
            for event in events:
                if self._stopped():
                    return
                self._record.listed = True
                self.status.alive()
                yield self._given(event)
        except StreamError as error:
            self._page = None
            self._policy.broken(self._located(error), None)

    def _end_of_page(self, page: Snapshot) -> Iterator[Event]:
        self._page = None
        if page.incomplete and (self._record.proven or self._record.listed):
            self._policy.lost("the connection was cut", None)
            return
        try:
            page.receive_eof()
        except StreamError as error:
            self._policy.broken(self._located(error), None)
            return
        self._policy.page_ended()
        if not page.complete or not self._policy.accepts(page):
            return
        yield from self._listed(page.vanished())
        if self._stopped():
            return
        self._policy.listed(page)
        if self._allow_bookmarks and not page.quiet:
            yield self._given(page.bookmark())
        elif self._marks_start and page.quiet:
            self.mark = page.bookmark()
            yield self.mark

    # Anything else

    def _collect(self, body: bytearray, data: bytes) -> None:
        body += data
        if self._code != HTTPStatus.OK and len(body) > MAX_ERROR_BYTES:
            self._end_of_body(body)
        elif len(body) > MAX_REPLY_BYTES and self._policy.state is WatchState.PROBING:
            self._end_of_body(bytearray())  # it tells nothing
        elif len(body) > MAX_REPLY_BYTES:
            error = f"{self._policy.request}: more than {MAX_REPLY_BYTES} bytes"
            self._policy.fail(ProtocolError(error))

    def _end_of_body(self, body: bytearray) -> None:
        self._body = None
        reply = Reply(self._policy.request, self._code, self._headers, bytes(body))
        self._policy.replied(reply)


def _problem_with(headers: Mapping[str, str]) -> str:
    """Say what is wrong with the head of a watch, "" if nothing is."""
    codings = headers.get("content-encoding", "").lower().replace(",", " ").split()
    if set(codings) - {"identity"}:
        return f"it is encoded as {headers['content-encoding']!r}, where identity was asked for"
    media_type = headers.get("content-type", "application/json")
    return "" if "json" in media_type.lower() else f"it is {media_type!r}, and not JSON"
