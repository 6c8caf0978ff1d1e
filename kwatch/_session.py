"""The watch as a state machine: what to ask next, and what the answers mean. No I/O.

States, and what leads out of them::

    DISCOVERING  asks which path a kind has.
                 path known, a resource version was given  -> WATCHING
                 path known, none was given                -> LISTING
    LISTING      asks for the present resource version, which is where "from now" begins.
                 resource version known                    -> WATCHING
    WATCHING     reads events; each one and each bookmark moves the cursor.
                 ends or breaks, and all was well          -> WATCHING, at once
                 ends or breaks otherwise                  -> WAITING
                 ends after a silence without a bookmark   -> PROBING
                 tells of a gap                            -> `_gap`
    PROBING      asks whether the server has reached the cursor at all.
                 it has, or does not tell                  -> WATCHING
                 it has not                                -> `_gap`
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

from kwatch._backoff import Backoff
from kwatch._cursor import UNORDERED, Cursor
from kwatch._decoder import Decoder, LineDecoder
from kwatch._errors import ExpiredError, KwatchError, ProtocolError, StatusError, StreamError
from kwatch._events import Event, EventType, is_resource_version, parse_event
from kwatch._http import Reply, Request
from kwatch._query import Query
from kwatch._status import WatchState, WatchStatus

logger = logging.getLogger("kwatch")

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

_STORE_READ_ERRORS = ("StorageReadError", "StoreReadError")
_FOR_A_PERSON = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
_RETRIED = (*_FOR_A_PERSON, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


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
            # for each chunk of the body, while session.reading:
            for event in session.receive_data(chunk): ...
            # at the body's end:
            session.receive_eof()
            # or, if the transport failed:
            session.receive_error(error)
        session.close()

    Each method raises what the user of `watch` is to see; any other exception is a bug.

    Args:
        query: What to watch, and where to begin.
        allow_bookmarks: Whether bookmarks are given as events.
        loads: A decoder for one line, or None for ijson.
        backoff: The delays between failed attempts.
        status: Where to keep the account.
        stopped: Tells whether the watch is to end, as if it were exhausted.
        random: Gives numbers in [0, 1).
        clock: Gives seconds that never go back.
        wall_clock: Gives Unix time in seconds.
    """

    def __init__(
        self,
        query: Query,
        *,
        allow_bookmarks: bool,
        loads: Callable[[bytes], Any] | None,
        backoff: Backoff,
        status: WatchStatus,
        stopped: Callable[[], bool],
        random: Callable[[], float],
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        if loads is not None and not callable(loads):
            raise TypeError(f"expected loads as a callable such as orjson.loads, got {loads!r}")
        self.status = status
        self._query = query
        self._allow_bookmarks = allow_bookmarks
        self._loads = loads
        self._backoff = backoff
        self._stopped = stopped
        self._random = random
        self._clock = clock
        self._wall_clock = wall_clock
        # what is known
        self._path = ""
        self._cursor = Cursor(query.resource_version)
        status.begin(self._cursor.resource_version)
        # where we are
        self._state = WatchState.DISCOVERING
        self._delay: float | None = None
        self._resolution: Generator[Request, Reply, str] | None = None
        self._request = Request("/")
        self._code = 0
        self._headers: Mapping[str, str] = {}
        self._body: bytearray | None = None
        self._decoder: Decoder | LineDecoder | None = None
        self._opened_at = 0.0  # when the watch was asked for: a proxy may hold its head back
        self._frames = 0  # events and bookmarks on this connection,
        self._news = 0  # and those of them that are no repetitions
        # how it went
        self._opened = False  # a watch was opened once: transport errors are retried,
        self._proven = False  # and it gave an event, or ended: all else is retried, too
        self._attempt = self._short = self._empty = self._broken_in_row = self._throttled = 0
        self._last_delay = self._silence = 0.0
        self._last_logged = ""

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
        cursor = self._cursor.resource_version
        if self._state is WatchState.LISTING:
            self._request = self._query.list_request(self._path)
        elif self._state is WatchState.PROBING:
            self._request = self._query.probe_request(self._path, cursor or "")
        elif self._state is WatchState.WATCHING:
            begin_at = self._query.resource_version if cursor is None else cursor
            seconds = self._query.lifetime(self._random())
            self._request = self._query.watch_request(self._path, begin_at, seconds)
            self._opened_at = self._clock()
        self._body, self._decoder = None, None
        return self._request

    @property
    def reading(self) -> bool:
        """Whether the body of the present response is of use; if not, it may be closed."""
        return not self._stopped() and (self._body is not None or self._decoder is not None)

    def close(self) -> None:
        """Note that nothing more will be asked."""
        self._decoder = self._body = None
        self.status.state = WatchState.ENDED

    # What came

    def receive_response(self, code: int, headers: Mapping[str, str]) -> None:
        """Take the head of a response; the names of ``headers`` are in lower case, or in any."""
        self.status.contact()
        self._code, self._headers = code, headers
        if self._state is not WatchState.WATCHING or code != HTTPStatus.OK:
            self._body = bytearray()
            return
        self._decoder = Decoder() if self._loads is None else LineDecoder(self._loads)
        self._frames = self._news = 0
        problem = _problem_with(headers)
        if problem:
            self._broken(ProtocolError(f"expected a watch in answer to {self._request}: {problem}"))
            return
        self._opened = True
        self.status.connects += 1
        self.status.synced = self._cursor.ordered

    def receive_data(self, data: bytes) -> Iterator[Event]:
        """Take a chunk of the body.

        Yields:
            The events that end in it.

        Raises:
            KwatchError: What the server sent is an error that is not retried. The events before
                it were yielded.
        """
        self.status.contact()
        if self._body is not None:
            self._body += data
            if self._code != HTTPStatus.OK and len(self._body) > MAX_ERROR_BYTES:
                self._end_of_body(self._body)
            elif len(self._body) > MAX_REPLY_BYTES:
                self._raise(ProtocolError(f"{self._request}: more than {MAX_REPLY_BYTES} bytes"))
        elif self._decoder is not None:
            self._decoder.receive_data(data)
            yield from self._events(self._decoder)

    def receive_eof(self) -> Iterator[Event]:
        """Take the end of the body; like `receive_data`."""
        if self._stopped():
            return
        if self._body is not None:
            self._end_of_body(self._body)
        elif self._decoder is not None:
            decoder = self._decoder
            decoder.receive_eof()
            yield from self._events(decoder)
            if self._decoder is decoder and not self._stopped():
                self._lost("the connection was cut" if decoder.incomplete else None)

    def receive_error(self, error: Exception) -> bool:
        """Take a failure of the transport, at any point of a request.

        Returns:
            Whether it is retried. If not, the caller raises it.
        """
        if self._stopped():
            return True
        self.status.last_error = error
        if self._opened:
            self._lost(f"{type(error).__name__}: {error}")
        return self._opened

    # Events

    def _events(self, decoder: Decoder | LineDecoder) -> Iterator[Event]:
        try:
            for document in decoder.documents():
                if self._stopped():
                    return
                event = self._take(parse_event(document))
                if event is not None:
                    yield event
        except StatusError as error:
            error.where = f"{self._request}, in the stream"
            self._refused(error)
        except StreamError as error:
            self._broken(type(error)(f"{error}, in the answer to {self._request}"))

    def _take(self, event: Event) -> Event | None:
        """Note what came; give the event if it is to be yielded."""
        bookmark = event.event_type is EventType.BOOKMARK
        news = self._cursor.take(event, self.status.connects)
        self._proven = True
        self._frames += 1
        self._empty = 0
        self._silence = 0.0
        if news:
            self._news += 1
            self._broken_in_row = 0
            self._tell_cursor()
        if bookmark:
            return event if self._allow_bookmarks else None
        self.status.events += news
        return event if news else None

    def _tell_cursor(self) -> None:
        self.status.resource_version = self._cursor.resource_version
        self.status.synced = self._cursor.ordered

    # Whole answers

    def _end_of_body(self, body: bytearray) -> None:
        self._body = None
        reply = Reply(self._request, self._code, self._headers, bytes(body))
        if self._state is WatchState.DISCOVERING:
            self._resolve(reply)
        elif self._state is WatchState.PROBING:
            self._probed(reply)
        elif reply.code != HTTPStatus.OK:
            self._refused(reply.error(self._wall_clock()))
        else:
            self._listed(reply)

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
            from_now = self._query.resource_version is None
            self._state = WatchState.LISTING if from_now else WatchState.WATCHING
        except StatusError as error:
            self._resolution = None
            self._refused(error)
        except KwatchError as error:
            self._raise(error)

    def _listed(self, reply: Reply) -> None:
        try:
            metadata = reply.json().get("metadata")
        except StreamError as error:
            self._raise(error)
        version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        if not is_resource_version(version) or version in UNORDERED:
            self._raise(
                ProtocolError(
                    f"expected a list with a resourceVersion in answer to {reply.request}"
                )
            )
        self._cursor.resource_version = self.status.resource_version = version
        self._state = WatchState.WATCHING

    def _probed(self, reply: Reply) -> None:
        self._state = WatchState.WATCHING
        if reply.code not in (HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.INTERNAL_SERVER_ERROR):
            return
        error = reply.error(self._wall_clock())
        if "too large resource version" in error.message.lower():
            self._gap(error)

    # The policy

    def _refused(self, error: StatusError) -> None:
        """The server answered with an error, as a response or in the stream."""
        if self._decoder is not None:
            self._decoder = None
            self._judge()
        watching = self._state is WatchState.WATCHING
        if watching and (error.code == HTTPStatus.GONE or error.reason in _STORE_READ_ERRORS):
            self._gap(error)
        if not self._proven:
            self._throttled += 1
            busy = error.code == HTTPStatus.TOO_MANY_REQUESTS
            patient = (error.retry_after or 0.0) <= MAX_THROTTLED_SECONDS
            if not busy or not patient or self._throttled > MAX_THROTTLED_STARTS:
                self._raise(error)
        elif error.code not in _RETRIED and error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
            self._raise(error)
        self._wait(str(error), error, error.retry_after)

    def _broken(self, error: StreamError) -> None:
        """What came is no watch: never yield it, never pass it, and ask again, but not for ever."""
        self._decoder = None
        self._judge()
        self._broken_in_row += 1
        if not self._proven or self._broken_in_row > MAX_BROKEN_CONNECTIONS:
            self._raise(error)
        self._wait(str(error), error)

    def _lost(self, failure: str | None) -> None:
        """The connection is over: cleanly (None), or by a failure of the transport."""
        watched, self._decoder, self._body = self._decoder is not None, None, None
        self._proven = True
        lived = self._judge() if watched else 0.0
        if failure is not None:
            self._wait(failure)
        elif lived > SHORT_SECONDS:
            self._silence += 0.0 if self._frames else lived
            if self._silence > PROBE_AFTER_SECONDS and self._cursor.resource_version is not None:
                self._silence = 0.0
                self._state = WatchState.PROBING
        elif self._frames:
            self._short += 1
            if self._short > MAX_SHORT_CONNECTIONS:
                self._attempt = 0 if self._news else self._attempt
                self._wait("the server ends each watch after a moment")
        else:
            self._empty += 1
            if self._empty >= MAX_EMPTY_CONNECTIONS and self._cursor.resource_version is not None:
                self._gap(StatusError(HTTPStatus.OK, message="nothing, again and again"))
            self._wait("the server ended the watch at once, with nothing")

    def _gap(self, cause: StatusError) -> NoReturn:
        """Events are gone for good. All gaps come here, so that this is where they are healed."""
        cursor = self._cursor.resource_version
        begun = "where it began" if cursor is None else f"resource version {cursor}"
        error = ExpiredError(
            max(cause.code, HTTPStatus.GONE),
            cause.reason,
            f"{cause.message}. The watch cannot go on from {begun}, and what has happened since is"
            " not known: list the objects again, and watch from the list's resource version",
            status=cause.status,
            where=cause.where or str(self._request),
        )
        error.__cause__ = cause
        self._raise(error)

    def _judge(self) -> float:
        """A watch connection is over: forget earlier failures if it was good; give its seconds."""
        lived = self._clock() - self._opened_at
        if lived > SHORT_SECONDS:
            self._proven = True
            self._empty = self._short = 0
            if self._news or lived > self._last_delay:
                self._attempt = self._broken_in_row = 0
                self._last_delay = 0.0
                self._last_logged = ""
        if not self._cursor.ordered and self.status.events:
            self._gap(StatusError(HTTPStatus.OK, message="the first objects, and no bookmark"))
        return lived

    def _wait(
        self, reason: str, error: Exception | None = None, at_least: float | None = None
    ) -> None:
        """Put the next request off."""
        delay = max(self._backoff.delay(self._attempt, self._random()), at_least or 0.0)
        self._attempt += 1
        self._delay = self._last_delay = delay
        if error is not None:
            self.status.last_error = error
        # A failure that lasts is told once; the request differs each time.
        told = reason.replace(str(self._request), "")
        if told != self._last_logged:
            for_a_person = isinstance(error, StatusError) and error.code in _FOR_A_PERSON
            level = logging.WARNING if for_a_person else logging.INFO
            where = f"{self._request}: " if told == reason else ""
            logger.log(level, "%s%s; asking again in %.1f s", where, reason, delay)
            self._last_logged = told

    def _raise(self, error: KwatchError) -> NoReturn:
        self.status.last_error = error
        raise error


def _problem_with(headers: Mapping[str, str]) -> str:
    """Say what is wrong with the head of a watch, "" if nothing is."""
    codings = headers.get("content-encoding", "").lower().replace(",", " ").split()
    if set(codings) - {"identity"}:
        return f"it is encoded as {headers['content-encoding']!r}, where identity was asked for"
    media_type = headers.get("content-type", "application/json")
    return "" if "json" in media_type.lower() else f"it is {media_type!r}, and not JSON"
