"""The watch as a state machine: what to ask next, and what the answers mean. No I/O.

States, and what leads out of them::

    DISCOVERING  asks which path a kind has.
                 path known, a resource version was given  -> WATCHING
                 path known, what exists is wanted         -> SYNCING
                 path known, else, or no streaming list    -> LISTING
    SYNCING      reads a watch that begins with what exists.
                 its end is marked                         -> WATCHING, on the same connection
                 the server cannot do it                   -> LISTING, at once
                 ends, breaks or stalls before             -> WAITING, then SYNCING; at last LISTING
    LISTING      lists what exists in pages, and compares it with what is known.
                 the last page is whole                    -> WATCHING
                 the token or the version is gone          -> LISTING, from the first page
                 a page breaks off                         -> WAITING, then the same page
    WATCHING     reads events; each one and each bookmark moves the cursor.
                 ends or breaks, and all was well          -> WATCHING, at once
                 ends or breaks otherwise                  -> WAITING
                 ends after a silence without a bookmark   -> PROBING
                 tells of a gap                            -> LISTING, or an `ExpiredError`
    PROBING      asks whether the server has reached the cursor at all.
                 it has, or does not tell                  -> WATCHING
                 it has not: a gap                         -> LISTING, or an `ExpiredError`
    WAITING      a `Delay`                                 -> the state before
    ENDED        stopped, closed, or failed.

Every answer and failure ends in one of four methods, which hold all of the policy:
`_refused` (the server said no), `_broken` (the bytes make no sense), `_lost` (the connection is
over) and `_gap` (events are gone for good).
"""

import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, NoReturn

from kwatch._abilities import Abilities
from kwatch._backoff import Backoff
from kwatch._cursor import Cursor, is_older
from kwatch._decoder import Decoder, LineDecoder
from kwatch._errors import ExpiredError, KwatchError, ProtocolError, StatusError, StreamError
from kwatch._events import Event, EventType, NoVersionError, metadata_alone
from kwatch._http import Reply, Request
from kwatch._journal import Journal
from kwatch._known import Known
from kwatch._liveness import Liveness
from kwatch._query import Query
from kwatch._retries import Retries
from kwatch._siblings import Siblings
from kwatch._snapshot import Snapshot
from kwatch._status import WatchState, WatchStatus
from kwatch._stream import BackInTimeError, Stream

SHORT_SECONDS: Final = 0.9
"""A connection that lived longer was no failure, if it brought news or outlived the wait before.

The shortest life that can be asked for is a second.
"""

MAX_SHORT_CONNECTIONS: Final = 10
"""So many short connections in a row may bring events and be reopened at once."""

MAX_EMPTY_CONNECTIONS: Final = 5
"""So many short connections in a row without a single event mean that the cursor is gone."""

MAX_BROKEN_CONNECTIONS: Final = 5
"""So many connections in a row may break the contract; at the next one it is an error."""

MAX_INITIAL_STREAMS: Final = 3
"""So many attempts to stream what exists; then it is listed."""

INITIAL_SECONDS: Final = 30.0
"""So long a streaming list is waited for, since the last object that it brought."""

MAX_IDLE_PAGES: Final = 10
"""So many pages in a row may bring no object and be followed at once."""

MAX_THROTTLED_STARTS: Final = 10
"""So often a start is put off because the server is busy. Source: client-go's maxRetries."""

MAX_THROTTLED_SECONDS: Final = 60.0
"""And so long: a server that is busy for longer shows itself at once."""

PROBE_AFTER_SECONDS: Final = 10.0
"""So long a server that was asked for bookmarks may send nothing at all."""

MAX_REPLY_BYTES: Final = 64 * 2**20
"""The longest answer that is held whole: discovery of the largest clusters takes a tenth."""

MAX_ERROR_BYTES: Final = 65_536
"""The most that is read of an answer that is an error."""

logger = logging.getLogger("kwatch")

_MIN_PATIENCE_SECONDS = 0.1
_STORE_READ_ERRORS = ("StorageReadError", "StoreReadError")
_FOR_A_PERSON = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
_RETRIED = (*_FOR_A_PERSON, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_NO_STREAMING = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
_OPEN = (WatchState.SYNCING, WatchState.WATCHING)


@dataclass(frozen=True, slots=True)
class Delay:
    """A step of the session: wait so many seconds."""

    seconds: float


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
        self._query = query
        self._allow_bookmarks = allow_bookmarks
        self._marks_start = marks_start
        self._loads = loads
        self._stopped = stopped
        self._random = random
        self._clock = clock
        self._wall_clock = wall_clock
        self._abilities = abilities or Abilities()
        self._siblings = siblings or Siblings()
        # what is known
        self._path = self._resource = ""
        self._cursor = Cursor(query.resource_version)
        self._known = Known() if query.resource_version is None else None
        self._liveness = Liveness()
        status.begin(self._cursor.resource_version)
        # where we are
        self._state = WatchState.DISCOVERING
        self._delay: float | None = None
        self._resolution: Generator[Request, Reply, str] | None = None
        known = Known() if self._known is None else self._known
        self._snapshot = Snapshot(known, quiet=not query.send_initial_events)
        self._request = Request("/")
        self._code = 0
        self._headers: Mapping[str, str] = {}
        self._body: bytearray | None = None  # what the answer is read into: this,
        self._page: Snapshot | None = None  # or this,
        self._stream: Stream | None = None  # or this
        self._asked_at = 0.0  # when the watch was asked for: a proxy may hold its head back
        self._idle_since = clock()  # since when nothing was done but to read
        self._waited = 0.0  # how long that was, since the last object of a streaming list
        # how it went
        self._opened = False  # a list or watch was answered: transport errors are retried,
        self._was_listed = False  # a list gave something: other errors of a list are, too,
        self._proven = False  # a watch gave an event, or ended: and all others
        self._silence = (
            0.0  # seconds of connections that the server ended, and had used for nothing
        )
        self._retries = Retries(backoff, random)
        self._journal = Journal(clock)

    # What to do next

    def next_step(self) -> Request | Delay | None:
        """Give what is to be done now; None when the watch was stopped.

        Raises:
            ValueError: The kind is cluster-scoped, and a namespace was given.
        """
        if self._stopped():
            return None
        if self._delay is not None:
            delay, self._delay = self._delay, None
            self.status.state = WatchState.WAITING
            return Delay(delay)
        if self._state is WatchState.DISCOVERING and self._resolution is None:
            self._resolve(None)
        self.status.state = self._state
        if self._state is not WatchState.DISCOVERING:
            self._request = self._next_request()
        self._body = self._page = self._stream = None
        return self._request

    def _next_request(self) -> Request:
        query, path, cursor = self._query, self._path, self._cursor.resource_version
        able = self._resource not in self._abilities.no_metadata
        if self._state is WatchState.PROBING:
            return query.list_request(path, resource_version=cursor, metadata=able, limit=1)
        if self._state is WatchState.LISTING:
            return query.list_request(
                path,
                resource_version=self._snapshot.at_least,
                continue_token=self._snapshot.continue_token,
                metadata=able and (query.metadata_only or self._snapshot.quiet),
            )
        self._asked_at = self._clock()
        return query.watch_request(
            path,
            query.resource_version if cursor is None else cursor,
            query.lifetime(self._random()),
            initial=self._state is WatchState.SYNCING,
            metadata=able and query.metadata_only,
        )

    @property
    def reading(self) -> bool:
        """Whether the body of the present response is of use; if not, it may be closed."""
        readers = (self._body, self._page, self._stream)
        return not self._stopped() and any(reader is not None for reader in readers)

    @property
    def patience(self) -> float:
        """How many seconds the next read of the present response may take, by what came so far."""
        at_most = self._request.read_timeout
        if self._stream is None:
            return at_most
        if self._stream.initial:
            return min(at_most, max(_MIN_PATIENCE_SECONDS, INITIAL_SECONDS - self._waited))
        return self._liveness.patience(at_most)

    def close(self) -> None:
        """Note that nothing more will be asked."""
        self._body = self._page = self._stream = None
        self.status.state = WatchState.ENDED

    # What came

    def receive_response(self, code: int, headers: Mapping[str, str]) -> None:
        """Take the head of a response; the names of ``headers`` are in lower case, or in any."""
        self._contact()
        self._idle_since = self._clock()
        self._code, self._headers = code, headers
        if code == HTTPStatus.OK and self._state is WatchState.LISTING:
            self._opened = True
            self._page = self._snapshot
            self._page.begin_page()
        elif code == HTTPStatus.OK and self._state in (WatchState.SYNCING, WatchState.WATCHING):
            self._open(headers)
        else:
            self._body = bytearray()

    def _open(self, headers: Mapping[str, str]) -> None:
        """A watch begins."""
        initial = self._state is WatchState.SYNCING
        decoder = Decoder() if self._loads is None else LineDecoder(self._loads)
        number = self.status.connects + 1
        self._stream = Stream(number, decoder, self._cursor, self._known, initial=initial)
        problem = _problem_with(headers)
        if problem:
            self._broken(ProtocolError(f"expected a watch in answer to {self._request}: {problem}"))
            return
        self._opened = True
        self._waited = 0.0
        self._liveness.opened(self._clock())
        self.status.connects = number
        self.status.synced |= self._cursor.ordered and not initial

    def receive_data(self, data: bytes) -> Iterator[Event]:
        """Take a chunk of the body.

        Yields:
            The events that end in it.

        Raises:
            KwatchError: What the server sent is an error that is not retried. The events before
                it were yielded.
        """
        self._contact()
        if self._body is not None:
            self._collect(self._body, data)
        elif self._page is not None:
            yield from self._listed(self._page.receive_data(data))
        elif self._stream is not None:
            yield from self._watched(self._stream, data)
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
                self._lost("the connection was cut" if stream.incomplete else None)

    def receive_error(self, error: Exception) -> bool:
        """Take a failure of the transport, at any point of a request.

        Returns:
            Whether it is retried. If not, the caller raises it.
        """
        if self._stopped():
            return True
        self.status.last_error = error
        if not self._opened and not self._siblings.bear(self):
            return False
        if self._stream is not None and self._clock() - self._idle_since >= self.patience:
            self._liveness.silent()
            self._retries.silent += not self._stream.frames
        self._lost(f"{type(error).__name__}: {error}")
        return True

    def _contact(self) -> None:
        """The server was heard of; how long it took counts, but not what the consumer took."""
        self.status.contact()
        self._waited += self._clock() - self._idle_since

    # A watch

    def _watched(self, stream: Stream, data: bytes) -> Iterator[Event]:
        arrived_at, bookmarks, created = self._clock(), stream.bookmarks, stream.created
        yield from self._streamed(stream, stream.receive_data(data))
        if stream.bookmarks > bookmarks:
            self._liveness.bookmark(arrived_at)
        if stream.created > created:
            self._waited = 0.0
        elif self._stream is stream and stream.initial and self._waited > INITIAL_SECONDS:
            self._lost(f"what exists did not end, and nothing more came in {INITIAL_SECONDS:.0f} s")

    def _streamed(self, stream: Stream, news: Iterator[Event]) -> Iterator[Event]:
        try:
            for event in news:
                if self._stopped():
                    return
                self._note(stream)
                if event.event_type is not EventType.BOOKMARK or self._allow_bookmarks:
                    yield self._given(event)
            self._note(stream)
        except StatusError as error:
            self._note(stream)
            error.where = f"{self._request}, in the stream"
            self._refused(error)
        except StreamError as error:
            self._note(stream)
            self._broken(type(error)(f"{error}, in the answer to {self._request}"))

    def _note(self, stream: Stream) -> None:
        """Take account of what has come on a connection."""
        if not stream.frames:
            return
        self._proven = True
        self._siblings.succeed()
        self._silence = 0.0
        self._retries.empty = self._retries.silent = 0
        if stream.news:
            self._retries.broken = 0
        if not stream.initial:
            self._state = self.status.state = WatchState.WATCHING
            self.status.advance(self._cursor.resource_version, synced=self._cursor.ordered)

    def _given(self, event: Event) -> Event:
        """Count an event that the consumer is given, in the form that was asked for."""
        self.status.events += event.event_type is not EventType.BOOKMARK
        return metadata_alone(event) if self._query.metadata_only else event

    # A list

    def _listed(self, events: Iterator[Event]) -> Iterator[Event]:
        try:
            for event in events:
                if self._stopped():
                    return
                self._was_listed = True
                yield self._given(event)
        except StreamError as error:
            self._broken(type(error)(f"{error}, in the answer to {self._request}"))

    def _end_of_page(self, page: Snapshot) -> Iterator[Event]:
        try:
            page.receive_eof()
        except StreamError as error:
            self._broken(type(error)(f"{error}, in the answer to {self._request}"))
            return
        self._page = None
        self._was_listed = True
        self._siblings.succeed()
        self._retries.broken = 0
        self._retries.idle_pages = self._retries.idle_pages + 1 if page.is_idle else 0
        if page.complete:
            yield from self._end_of_list(page)
        elif self._retries.idle_pages > MAX_IDLE_PAGES:
            self._wait("a list goes on, page after page, with nothing")

    def _end_of_list(self, snapshot: Snapshot) -> Iterator[Event]:
        version, cursor = snapshot.resource_version or "", self._cursor.resource_version
        if is_older(version, cursor):
            if snapshot.at_least is not None:  # not what was asked for
                self._snapshot = Snapshot(snapshot.known)
                return
            self._tell(
                logging.WARNING,
                "the server has gone back in time",
                f"from resource version {cursor} to {version}",
            )
        yield from self._listed(snapshot.vanished())
        if self._stopped():
            return
        self.status.relists += cursor is not None
        self._cursor.restart(version)
        self.status.advance(version, synced=True)
        self._state = WatchState.WATCHING
        if self._allow_bookmarks and (self._marks_start or not snapshot.quiet):
            yield self._given(snapshot.bookmark())

    # Whole answers

    def _collect(self, body: bytearray, data: bytes) -> None:
        body += data
        if self._code != HTTPStatus.OK and len(body) > MAX_ERROR_BYTES:
            self._end_of_body(body)
        elif len(body) > MAX_REPLY_BYTES:
            self._raise(ProtocolError(f"{self._request}: more than {MAX_REPLY_BYTES} bytes"))

    def _end_of_body(self, body: bytearray) -> None:
        self._body = None
        reply = Reply(self._request, self._code, self._headers, bytes(body))
        if self._state is WatchState.DISCOVERING:
            self._resolve(reply)
        elif self._state is WatchState.PROBING:
            self._probed(reply)
        else:
            self._refused(reply.error(self._wall_clock()))

    def _resolve(self, reply: Reply | None) -> None:
        """Go one step further in the discovery; None for its first step."""
        try:
            if reply is None or self._resolution is None:
                self._resolution = self._query.resolve(self._wall_clock)
                self._request = next(self._resolution)
            else:
                self._request = self._resolution.send(reply)
        except StopIteration as found:
            self._path = found.value
            self._resource = self._query.resource_of(self._path)
            self._state = self._first_state()
        except StatusError as error:
            self._resolution = None
            self._refused(error)
        except KwatchError as error:
            self._raise(error)

    def _first_state(self) -> WatchState:
        if self._known is None:
            return WatchState.WATCHING
        streaming = self._resource not in self._abilities.no_streaming
        wanted = self._query.send_initial_events and streaming
        return WatchState.SYNCING if wanted else WatchState.LISTING

    def _probed(self, reply: Reply) -> None:
        self._state = WatchState.WATCHING
        error = reply.error(self._wall_clock())
        if _is_too_large(error):
            self._gap(error)

    # The policy

    def _refused(self, error: StatusError) -> None:
        """The server answered with an error, as a response or in the stream."""
        stream, self._stream = self._stream, None
        if self._adapted(error, in_stream=stream is not None):
            return
        if stream is not None:
            self._judge(stream)
        if self._state is WatchState.WATCHING and _is_of_a_gap(error):
            self._gap(error)
            return
        if not self._may_retry(error):
            self._raise(error)
        self._wait(str(error), error, error.retry_after)
        if self._state is WatchState.WATCHING and _is_too_large(error):
            self._state = WatchState.PROBING

    def _may_retry(self, error: StatusError) -> bool:
        listed = self._was_listed and self._state is WatchState.LISTING
        if self._proven or listed or self._siblings.bear(self):
            return error.code in _RETRIED or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR
        self._retries.throttled += 1
        return (
            error.code == HTTPStatus.TOO_MANY_REQUESTS
            and (error.retry_after or 0.0) <= MAX_THROTTLED_SECONDS
            and self._retries.throttled <= MAX_THROTTLED_STARTS
        )

    def _adapted(self, error: StatusError, *, in_stream: bool) -> bool:
        """Ask otherwise, where the server cannot do what it was asked for; tell whether that is."""
        snapshot, gone = self._snapshot, error.code == HTTPStatus.GONE
        if error.code == HTTPStatus.NOT_ACCEPTABLE and self._request.asks_for_metadata:
            self._abilities.no_metadata.add(self._resource)
            return True
        if self._state is WatchState.SYNCING:
            if error.code in _NO_STREAMING and not in_stream:
                self._abilities.no_streaming.add(self._resource)
                self._list_instead(f"{error}: what exists cannot be streamed")
                return True
            if gone:
                self._list_instead(str(error))
            return gone
        if self._state is WatchState.LISTING:
            can_restart = snapshot.at_least is not None or snapshot.continue_token != ""
            if can_restart and (gone or _is_too_large(error)):
                snapshot.restart()
                if snapshot.restarts > 1:
                    self._wait(str(error), error)
                return True
        return False

    def _list_instead(self, reason: str) -> None:
        self._state = WatchState.LISTING
        self._tell(logging.INFO, reason, "listing it instead")

    def _broken(self, error: StreamError) -> None:
        """What came is no watch: never yield it, never pass it, and ask again, but not for ever."""
        self._page = None
        stream, self._stream = self._stream, None
        if stream is not None:
            self._judge(stream)
        if (
            self._state is WatchState.WATCHING
            and self._proven
            and isinstance(error, NoVersionError)
        ):
            self._gap(StatusError(HTTPStatus.OK, message=str(error)))
            return
        self._retries.broken += 1
        proven = self._proven or (self._was_listed and self._state is WatchState.LISTING)
        if not proven or self._retries.broken > MAX_BROKEN_CONNECTIONS:
            self._raise(error)
        self._wait(str(error), error)

    def _lost(self, failure: str | None) -> None:
        """The connection is over: cleanly (None), or by a failure of the transport."""
        stream, self._stream = self._stream, None
        self._body = self._page = None
        if stream is None:
            self._wait(failure or "")
            return
        self._proven = True
        self._siblings.succeed()
        lived = self._judge(stream)
        if failure is not None:
            self._wait(failure)
            if self._retries.silent > 1:
                self._probe()
        elif stream.initial:
            self._wait("the server ended the watch before the end of what exists")
        elif lived > SHORT_SECONDS:
            logger.debug("%s: ended by the server after %.1f s", self._request, lived)
            self._silence += 0.0 if stream.frames else lived
            if self._silence > PROBE_AFTER_SECONDS:
                self._probe()
        elif stream.frames:
            self._retries.short += 1
            if self._retries.short > MAX_SHORT_CONNECTIONS:
                if stream.news:
                    self._retries.forget_attempts()
                self._wait("the server ends each watch after a moment")
        else:
            self._lost_with_nothing()

    def _lost_with_nothing(self) -> None:
        self._retries.empty += 1
        if self._retries.empty < MAX_EMPTY_CONNECTIONS or self._cursor.resource_version is None:
            self._wait("the server ended the watch at once, with nothing")
        else:
            self._retries.empty = 0
            self._gap(StatusError(HTTPStatus.OK, message="nothing, again and again"))

    def _probe(self) -> None:
        self._silence, self._retries.silent = 0.0, 0
        if self._cursor.resource_version is not None:
            self._state = WatchState.PROBING

    def _gap(self, cause: StatusError) -> None:
        """Events are gone for good: find out what differs, or raise where that cannot be known."""
        cursor = self._cursor.resource_version
        if self._known is None:
            self._raise(_expired(cause, cursor, cause.where or str(self._request)))
        self.status.last_error = cause
        ahead = isinstance(cause, BackInTimeError) or _is_too_large(cause)
        self._snapshot = Snapshot(self._known, None if ahead else cursor)
        self._state = WatchState.LISTING
        level = logging.WARNING if ahead else logging.INFO
        self._tell(level, str(cause), f"listing what exists, to heal the gap after {cursor}")
        seconds = self._retries.gap(self._clock())
        if seconds:
            self._wait(str(cause), cause, seconds)

    def _judge(self, stream: Stream) -> float:
        """A watch connection is over: forget earlier failures if it was good; give its seconds."""
        lived = self._clock() - self._asked_at
        if lived > SHORT_SECONDS:
            self._proven = True
            self._retries.empty = self._retries.short = 0
            if stream.news or lived > self._retries.last_delay:
                self._retries.forgive()
                self._journal.went_well()
        if stream.initial:
            self._retries.initial += 1
            if self._retries.initial >= MAX_INITIAL_STREAMS:
                self._list_instead("the end of what exists did not come")
        elif not self._cursor.ordered and self.status.events:
            self._gap(StatusError(HTTPStatus.OK, message="the first objects, and no bookmark"))
        return lived

    def _wait(
        self, reason: str, error: Exception | None = None, at_least: float | None = None
    ) -> None:
        """Put the next request off."""
        self._delay = self._retries.delay(at_least)
        if error is not None:
            self.status.last_error = error
        for_a_person = isinstance(error, StatusError) and error.code in _FOR_A_PERSON
        level = logging.WARNING if for_a_person else logging.INFO
        self._tell(level, reason, f"; asking again in {self._delay:.1f} s")

    def _tell(self, level: int, reason: str, then: str) -> None:
        """Log a line: which request, what came of it, and what is done about it."""
        request = str(self._request)
        topic = reason.replace(request, "")  # each request differs, and is told once
        where = "" if request in reason else f"{request}: "
        self._journal.tell(level, topic, f"{where}{reason}; {then}")

    def _raise(self, error: KwatchError) -> NoReturn:
        self.status.last_error = error
        raise error


def _expired(cause: StatusError, cursor: str | None, where: str) -> ExpiredError:
    begun = "where it began" if cursor is None else f"resource version {cursor}"
    error = ExpiredError(
        max(cause.code, HTTPStatus.GONE),
        cause.reason,
        f"{cause.message}. The watch cannot go on from {begun}, and what has happened since is"
        " not known: start again with send_initial_events=True instead of a resource_version",
        status=cause.status,
        where=where,
    )
    error.__cause__ = cause
    return error


def _is_of_a_gap(error: StatusError) -> bool:
    gone = error.code == HTTPStatus.GONE or error.reason in _STORE_READ_ERRORS
    return gone or isinstance(error, BackInTimeError)


def _is_too_large(error: StatusError) -> bool:
    """Whether the server has not reached a resource version.

    Source: IsTooLargeResourceVersion in apimachinery, where the code is 504; older servers had 500.
    """
    internal = (HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.INTERNAL_SERVER_ERROR)
    return error.code in internal and "too large resource version" in error.message.lower()


def _problem_with(headers: Mapping[str, str]) -> str:
    """Say what is wrong with the head of a watch, "" if nothing is."""
    codings = headers.get("content-encoding", "").lower().replace(",", " ").split()
    if set(codings) - {"identity"}:
        return f"it is encoded as {headers['content-encoding']!r}, where identity was asked for"
    media_type = headers.get("content-type", "application/json")
    return "" if "json" in media_type.lower() else f"it is {media_type!r}, and not JSON"
