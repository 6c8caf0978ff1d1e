"""The watch as a state machine: what to ask next, and what a failure means. No I/O, and no bytes.

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
    PROBING      asks whether the server has come as far as the cursor at all.
                 it has, or does not tell                  -> WATCHING
                 it has not: a gap                         -> LISTING, or an `ExpiredError`
    WAITING      a `Delay`                                 -> the state before
    ENDED        stopped, closed, or failed.

Every failure ends in one of four methods: `refused` (the server said no), `broken` (the bytes make
no sense), `lost` (the connection is over) and `_gap` (events are gone for good).
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NoReturn

from kwatch._cursor import Cursor, is_older
from kwatch._errors import ExpiredError, KwatchError, StatusError, StreamError
from kwatch._events import NoVersionError, version_of
from kwatch._http import Reply, Request
from kwatch._journal import Journal, logger
from kwatch._known import Known
from kwatch._query import READ_MARGIN_SECONDS
from kwatch._record import FOR_A_PERSON, SHORT_SECONDS, Record
from kwatch._shard import Sieve
from kwatch._snapshot import Snapshot
from kwatch._status import WatchState, WatchStatus
from kwatch._stream import BackInTimeError, Stream
from kwatch._target import Target

MAX_SHORT_CONNECTIONS: Final = 10
"""So many short connections in a row may bring events and be reopened at once."""

EARLY_SECONDS: Final = 5.0
"""What is quiet and ends before that, and before half of its time, is another short one."""

MAX_EMPTY_CONNECTIONS: Final = 5
"""So many short connections in a row without a single event mean that the cursor is gone."""

MAX_BROKEN_CONNECTIONS: Final = 5
"""So many connections in a row may break the contract; at the next one it is an error."""

MAX_INITIAL_STREAMS: Final = 3
"""So many attempts to stream what exists; then it is listed."""

MAX_IDLE_PAGES: Final = 10
"""So many pages in a row may bring no object and be followed at once; times the shards."""

PROBE_AFTER_SECONDS: Final = 10.0
"""So long a server that was asked for bookmarks may send nothing at all."""

_STORE_READ_ERRORS = ("StorageReadError", "StoreReadError")
_NOT_SO = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
_NO_STREAMING = (*_NOT_SO, HTTPStatus.FORBIDDEN)


@dataclass(frozen=True, slots=True)
class Delay:
    """A step of the session: wait so many seconds."""

    seconds: float


class Policy:
    """Decides, of all the connections of one watch, what comes next.

    Args:
        target: What to ask of the server.
        record: What happened so far.
        status: Where to keep the account.
        clock: Gives seconds that never go back.
        wall_clock: Gives Unix time in seconds.

    Attributes:
        state: What is asked, or will be after a delay.
        request: The last one,
        asked_at: and when it was sent: a proxy may hold back the head of the answer.
        cursor: Where the watch is.
        known: The objects that exist; None where a resource version was given: what existed before
            that is not known, and no gap can be healed.
        snapshot: What is listed, where that is the state.
        sieve: Holds back the objects of other shards; None where there are no shards.
    """

    def __init__(
        self,
        target: Target,
        record: Record,
        status: WatchStatus,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        query = target.query
        self.state = WatchState.DISCOVERING
        self.request = Request("/")
        self.cursor = Cursor(query.resource_version)
        self.known = Known() if query.resource_version is None else None
        self.sieve = None if query.shard is None else Sieve(query.shard)
        known = Known() if self.known is None else self.known
        quiet = not query.send_initial_events
        self.snapshot = Snapshot(known, quiet=quiet, sieve=self.sieve)
        self._target = target
        self._record = record
        self._status = status
        self._clock = clock
        self._wall_clock = wall_clock
        self._journal = Journal(clock)
        self._question: Request | None = None  # what the discovery asks next
        self._delay: float | None = None
        self._healed_from: str | None = None  # the cursor before the last gap
        self.asked_at = 0.0

    def next_step(self) -> Request | Delay:
        """Give what is to be done now.

        Raises:
            KwatchError: The kind is unknown.
            ValueError: It is cluster-scoped, and a namespace was given.
        """
        if self._delay is not None:
            delay, self._delay = self._delay, None
            return Delay(delay)
        if self.state is WatchState.DISCOVERING and self._question is None:
            self._resolve(None)
        cursor = self.cursor.resource_version
        if self.state is WatchState.DISCOVERING and self._question is not None:
            self.request = self._question
        elif self.state is WatchState.PROBING:
            self.request = self._target.probe(cursor)
        elif self.state is WatchState.LISTING:
            self.request = self._target.list(self.snapshot)
        else:
            self.request = self._target.watch(cursor, initial=self.state is WatchState.SYNCING)
        self.asked_at = self._clock()
        return self.request

    @property
    def hard_bound(self) -> float:
        """How many seconds a watch may be silent, whatever its bookmarks tell."""
        return float(self.request.params["timeoutSeconds"]) + READ_MARGIN_SECONDS

    # What went well

    def replied(self, reply: Reply) -> None:
        """A whole answer came, to what is neither a list nor a watch, or was refused."""
        if self.state is WatchState.DISCOVERING:
            self._resolve(reply)
        elif self.state is WatchState.PROBING:
            self._probed(reply)
        else:
            self.refused(reply.error(self._wall_clock()), None)

    def _resolve(self, reply: Reply | None) -> None:
        """Go one step further in the discovery; None for its first step."""
        try:
            self._question = self._target.resolve(reply)
        except StatusError as error:
            self._question = None
            self.refused(error, None)
        except KwatchError as error:
            self.fail(error)
        else:
            if self._question is None:
                self.state = self._first_state()

    def _first_state(self) -> WatchState:
        if self.known is None:
            return WatchState.WATCHING
        streaming = self._target.query.send_initial_events and self._target.can_stream
        return WatchState.SYNCING if streaming else WatchState.LISTING

    def _probed(self, reply: Reply) -> None:
        if reply.code != HTTPStatus.OK:
            error = reply.error(self._wall_clock())
            if self._adapted(error, in_stream=False):
                return  # it is asked once more
            self.state = WatchState.WATCHING
            if _is_too_large(error):
                self._gap(error)
            return
        self.state = WatchState.WATCHING
        cursor, version = self.cursor.resource_version, None
        with suppress(StreamError):
            version = version_of(reply.json())
        if is_older(version, cursor):
            self._gap(BackInTimeError(reply.code, message=f"{cursor} was asked for, got {version}"))

    def heard(self, stream: Stream) -> None:
        """Something came on a connection."""
        if not stream.frames:
            return
        self._count_skipped()
        self._record.heard(stream)
        if self.state is WatchState.SYNCING and not stream.initial:
            self.state = self._status.state = WatchState.WATCHING

    def page_ended(self) -> None:
        """A page of the snapshot came whole."""
        self._count_skipped()
        self._record.page(idle=self.snapshot.is_idle, again=self.snapshot.restarts > 0)
        shards = 1 if self.sieve is None else self.sieve.shard.count
        if not self.snapshot.complete and self._record.idle_pages > MAX_IDLE_PAGES * shards:
            self._wait("a list goes on, page after page, with nothing")

    def _count_skipped(self) -> None:
        """Keep account of what was held back, and tell it once."""
        if self.sieve is None or self.sieve.skipped == self._status.skipped:
            return
        self._status.skipped = self.sieve.skipped
        reason = "the server sends objects of other shards too"
        self._tell(logging.INFO, reason, "they are left out here")

    def accepts(self, snapshot: Snapshot) -> bool:
        """Whether a complete snapshot is what was asked for; if not, it is asked for once more."""
        version, cursor = snapshot.resource_version, self.cursor.resource_version
        if not is_older(version, cursor):
            return True
        if snapshot.at_least is not None:
            self.snapshot = Snapshot(snapshot.known, sieve=self.sieve)
            return False
        back = f"from resource version {cursor} to {version}"
        self._tell(logging.WARNING, "the server has gone back in time", back)
        return True

    def listed(self, snapshot: Snapshot) -> None:
        """All of a snapshot was yielded: go on from there."""
        version = snapshot.resource_version or ""
        self._status.relists += self.cursor.resource_version is not None
        self.cursor.restart(version)
        self._status.advance(version, synced=True)
        self.state = self._status.state = WatchState.WATCHING

    # What went wrong

    def refused(self, error: StatusError, stream: Stream | None) -> None:
        """The server answered with an error, as a response or (``stream``) in one."""
        if self._adapted(error, in_stream=stream is not None):
            return
        if stream is not None:
            self._ended(stream)
        elif self.state is WatchState.SYNCING and self._record.proven:
            self._initial_failed()
        if self.state is WatchState.WATCHING and _is_of_a_gap(error):
            self._gap(error)
            return
        if not self._record.may_retry(error, listing=self.state is WatchState.LISTING):
            self.fail(error)
        self._wait(str(error), error, error.retry_after)
        if self.state is WatchState.WATCHING and _is_too_large(error):
            self._probe()

    def _adapted(self, error: StatusError, *, in_stream: bool) -> bool:
        """Ask for something else, where the server cannot do this; tell whether that is so."""
        gone = error.code == HTTPStatus.GONE
        if error.code == HTTPStatus.NOT_ACCEPTABLE and self.request.asks_for_metadata:
            self._target.cannot_tell_metadata()
            return True
        if self.state is WatchState.SYNCING and error.code in _NO_STREAMING and not in_stream:
            self._target.cannot_stream()
            self._list_instead(str(error))
            return True
        if self.state is WatchState.SYNCING and gone:
            self._list_instead(str(error))
            return True
        return self.state is WatchState.LISTING and self._listed_anew(error)

    def _listed_anew(self, error: StatusError) -> bool:
        """Begin a list again, where what it asked for is refused; tell whether that is so."""
        snapshot, gone = self.snapshot, error.code == HTTPStatus.GONE
        if snapshot.at_least is not None or snapshot.continue_token:
            if not gone and error.code not in _NOT_SO and not _is_too_large(error):
                return False
        elif not gone or not self._record.listed:
            return False
        snapshot.restart()
        if snapshot.restarts > 1:
            self._wait(str(error), error)
        return True

    def _list_instead(self, reason: str) -> None:
        self.state = WatchState.LISTING
        self._tell(logging.INFO, reason, "listing what exists, instead of having it streamed")

    def broken(self, error: StreamError, stream: Stream | None) -> None:
        """What came is no watch: never yield it, never pass it, and ask again, but not for ever."""
        record, listing = self._record, self.state is WatchState.LISTING
        in_a_row = 0 if stream is not None and stream.news else record.broken
        if stream is not None:
            self._ended(stream)
        proven = record.proven or (listing and record.listed)
        unplaced = isinstance(error, NoVersionError) and self.state is WatchState.WATCHING
        if proven and unplaced:
            self._gap(StatusError(HTTPStatus.OK, message=str(error)))
            return
        record.broken = in_a_row + 1
        if not proven or record.broken > MAX_BROKEN_CONNECTIONS:
            self.fail(error)
        self._wait(str(error), error)

    def lost(self, failure: str | None, stream: Stream | None, *, stalled: bool = False) -> None:
        """A connection is over: cleanly (None), or by a failure of the transport.

        Args:
            failure: What happened.
            stream: What was being read; None if that was something else, or nothing yet.
            stalled: Whether it was given up because nothing came.
        """
        if stream is None:
            if self.state is WatchState.SYNCING and stalled:
                self._record.endless += 1
                self._initial_failed()
            self._wait(failure or "the connection was closed")
            return
        record = self._record
        record.proven = True
        record.endless += stream.initial and (stalled or failure is None)
        lived = self._ended(stream)
        if failure is not None:
            self._wait(failure)
            record.stalled += stalled and not stream.recent
            if record.stalled > 1:
                self._probe()
        elif stream.initial:
            self._wait("the server ended the watch before the end of what exists")
        elif lived > SHORT_SECONDS:
            logger.debug("%s: ended by the server after %.1f s", self.request, lived)
            self._ended_quietly(stream, lived)
        else:
            self._ended_at_once(stream)

    def _ended(self, stream: Stream) -> float:
        """A watch connection is over; give the seconds that it lived."""
        lived = self._clock() - self.asked_at
        if self._record.ended(stream, lived):
            self._journal.went_well()
        if stream.initial:
            self._initial_failed()
        elif not self.cursor.ordered and self._record.given:
            self._gap(StatusError(HTTPStatus.OK, message="the first objects, and no bookmark"))
        return lived

    def _initial_failed(self) -> None:
        """An attempt to stream what exists came to nothing."""
        self._record.initial += 1
        if self._record.initial >= MAX_INITIAL_STREAMS:
            if self._record.endless >= MAX_INITIAL_STREAMS:  # and none was cut or refused
                self._target.cannot_stream()
            self._list_instead("the end of what exists did not come")

    def _ended_quietly(self, stream: Stream, lived: float) -> None:
        record, asked_for = self._record, float(self.request.params["timeoutSeconds"])
        early = not stream.frames and lived < min(EARLY_SECONDS, asked_for / 2)
        record.early = record.early + 1 if early else 0
        record.silence += 0.0 if stream.recent else lived
        if record.early > MAX_SHORT_CONNECTIONS:
            record.forget_attempts()
            self._wait("the server ends each quiet watch long before its time")
        if record.silence > PROBE_AFTER_SECONDS:
            self._probe()

    def _ended_at_once(self, stream: Stream) -> None:
        record = self._record
        if stream.frames:
            record.short += 1
            if record.short > MAX_SHORT_CONNECTIONS:
                if stream.news > stream.bookmarks:
                    record.forget_attempts()
                self._wait("the server ends each watch after a moment")
            return
        record.empty += 1
        if record.empty < MAX_EMPTY_CONNECTIONS or self.cursor.resource_version is None:
            self._wait("the server ended the watch at once, with nothing")
        else:
            record.empty = 0
            self._gap(StatusError(HTTPStatus.OK, message="nothing, again and again"))

    def _probe(self) -> None:
        self._record.silence, self._record.stalled = 0.0, 0
        if self.cursor.resource_version is not None:
            self.state = WatchState.PROBING

    def _gap(self, cause: StatusError) -> None:
        """Events are gone for good: find out what differs, or raise where that cannot be known."""
        cursor = self.cursor.resource_version
        if self.known is None:
            self.fail(_expired(cause, cursor, cause.where or str(self.request)))
        self._status.last_error = cause
        ahead = is_ahead(cause)
        # it is the same again where an old server takes `resourceVersion` for the very one
        again, self._healed_from = cursor == self._healed_from, cursor
        at_least = None if ahead or again else cursor
        self.snapshot = Snapshot(self.known, at_least, sieve=self.sieve)
        self.state = WatchState.LISTING
        self._record.list_began()
        self._delay = self._record.gap(self._clock()) or None
        level = logging.WARNING if ahead else logging.INFO
        when = f"in {self._delay:.1f} s" if self._delay else "now"
        self._tell(level, str(cause), f"listing what exists {when}, to heal the gap after {cursor}")

    def fail(self, error: KwatchError) -> NoReturn:
        """Raise what the user is to see."""
        self._status.last_error = error
        raise error

    # Waiting and telling

    def _wait(
        self, reason: str, error: Exception | None = None, at_least: float | None = None
    ) -> None:
        """Put the next request off."""
        self._delay = self._record.delay(at_least)
        if error is not None:
            self._status.last_error = error
        for_a_person = isinstance(error, StatusError) and error.code in FOR_A_PERSON
        level = logging.WARNING if for_a_person else logging.INFO
        self._tell(level, reason, f"asking again in {self._delay:.1f} s")

    def _tell(self, level: int, reason: str, then: str) -> None:
        """Log what came of a request, and what is done about it."""
        request = str(self.request)
        topic = reason.replace(request, "")  # each request differs, and is told once
        where = "" if request in reason else f"{request}: "
        self._journal.tell(level, topic, f"{where}{reason}; {then}")


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


def is_ahead(cause: StatusError) -> bool:
    """Whether a gap means that the cursor is ahead of the server, which has gone back in time."""
    return isinstance(cause, BackInTimeError) or _is_too_large(cause)


def _is_too_large(error: StatusError) -> bool:
    """Whether the server has not come as far as the resource version that it was asked for.

    Source: IsTooLargeResourceVersion in apimachinery, where the code is 504; older servers had 500.
    """
    codes = (HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.INTERNAL_SERVER_ERROR)
    return error.code in codes and "too large resource version" in error.message.lower()
