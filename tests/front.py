"""Runs one test body on `watch` and on `awatch`, against scripted answers and an injected clock.

A `Script` is the server: an httpx transport, sync and async, that gives its answers in order and
records what was asked. A `Front` drives the real front end over it; its clock moves by the
delays that the session asks for and by what a script says, never by itself.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx

from kwatch import Backoff, Event, WatchStatus, _astreaming, _streaming
from kwatch._abilities import Abilities
from kwatch._awire import Wire as AsyncWire
from kwatch._query import Query
from kwatch._session import Session
from kwatch._siblings import Siblings
from kwatch._wire import Wire

FRONTS = ("watch", "awatch-asyncio", "awatch-trio")


class Clock:
    """Seconds that pass when somebody says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wall(self) -> float:
        return 1_800_000_000.0 + self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    async def async_sleep(self, seconds: float) -> None:
        self.sleep(seconds)
        await anyio.lowlevel.checkpoint()


@dataclass
class Lasts:
    """A part of a body: so many seconds pass."""

    seconds: float


Part = bytes | Lasts | Exception


@dataclass
class Answer:
    """One response: its body in parts, an exception among them being raised."""

    parts: Iterable[Part] = ()
    code: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a response; notes that it was closed."""

    def __init__(self, parts: Iterable[Part], clock: Clock) -> None:
        self._parts = parts
        self._clock = clock
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            if isinstance(part, Lasts):
                self._clock.now += part.seconds
            elif self.closed:
                raise httpx.ReadError("the response was closed")
            else:
                yield part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part
            await anyio.lowlevel.checkpoint()

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


class OutOfScript(BaseException):
    """More was asked than the script has answers for: the end of a test, or a surprise."""


class Script(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The server: gives each answer once, in order."""

    def __init__(self, *answers: Answer | Exception, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []
        self.bodies: list[Body] = []
        self.answers = deque(answers)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not self.answers:
            raise OutOfScript
        self.requests.append(request)
        self.times.append(self.clock.now)
        answer = self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        self.bodies.append(Body(answer.parts, self.clock))
        return httpx.Response(answer.code, headers=answer.headers, stream=self.bodies[-1])

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await anyio.lowlevel.checkpoint()
        return self.handle_request(request)

    @property
    def watches(self) -> list[httpx.QueryParams]:
        """The queries of the watch requests."""
        return [r.url.params for r in self.requests if "watch" in r.url.params]

    @property
    def lists(self) -> list[httpx.QueryParams]:
        """The queries of the other requests."""
        return [r.url.params for r in self.requests if "watch" not in r.url.params]


@dataclass
class Run:
    """What a watch over a script did."""

    script: Script
    status: WatchStatus
    events: list[Event] = field(default_factory=list)
    cursors: list[str | None] = field(default_factory=list)
    failure: Exception | None = None
    examined: bool = False

    @property
    def error(self) -> Exception | None:
        """What was raised, if anything; a test that never looks fails if there was something."""
        self.examined = True
        return self.failure

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """Each event as (type, name, resource version)."""
        return [
            (str(e.event_type), e.obj["metadata"].get("name", ""), e.resource_version)
            for e in self.events
        ]

    @property
    def sleeps(self) -> list[float]:
        return self.script.clock.sleeps

    def raised(self) -> Exception:
        assert self.error is not None, "no error was raised"
        return self.error


@dataclass(frozen=True)
class Front:
    """One of the front ends."""

    name: str
    runs: list[Run] = field(default_factory=list)

    def check(self) -> None:
        """See that no error went unnoticed."""
        for run in self.runs:
            if run.failure is not None and not run.examined:
                raise run.failure

    def run(
        self,
        script: Script,
        *,
        limit: int = 1000,
        chance: float | Callable[[], float] = 0.0,
        loads: Callable[[bytes], Any] | None = None,
        allow_bookmarks: bool = False,
        backoff: Backoff | None = None,
        stopped: Callable[[], bool] = lambda: False,
        kind: str | None = None,
        abilities: Abilities | None = None,
        siblings: Siblings | None = None,
        status: WatchStatus | None = None,
        **query: Any,
    ) -> Run:
        """Watch until the script is over, an error is raised, or so many events came."""
        if kind is None:
            query.setdefault("resource_path", "/api/v1/pods")
        session = Session(
            Query.of(kind, **query),
            allow_bookmarks=allow_bookmarks,
            loads=loads,
            backoff=backoff or Backoff(),
            status=status or WatchStatus(_clock=script.clock, _wall_clock=script.clock.wall),
            stopped=stopped,
            random=chance if callable(chance) else lambda: chance,
            clock=script.clock,
            wall_clock=script.clock.wall,
            abilities=abilities,
            siblings=siblings,
        )
        run = Run(script, session.status)
        self.runs.append(run)
        try:
            if self.name == "watch":
                _run(script, session, run, limit)
            else:
                anyio.run(_arun, script, session, run, limit, backend=self.name.split("-")[1])
        except OutOfScript:
            pass
        except Exception as error:
            run.failure = error
        assert all(body.closed for body in script.bodies), "a response was left open"
        assert session.status.state == "ended"
        return run


def _run(script: Script, session: Session, run: Run, limit: int) -> None:
    with httpx.Client(transport=script, base_url="https://kube.test") as client:
        events = _streaming.stream(Wire(client, sleep=script.clock.sleep), session)
        for event in events:
            run.events.append(event)
            run.cursors.append(session.status.resource_version)
            if len(run.events) == limit:
                break
        events.close()


async def _arun(script: Script, session: Session, run: Run, limit: int) -> None:
    async with httpx.AsyncClient(transport=script, base_url="https://kube.test") as client:
        wire = AsyncWire(client, sleep=script.clock.async_sleep)
        events = _astreaming.stream(wire, session)
        try:
            async for event in events:
                run.events.append(event)
                run.cursors.append(session.status.resource_version)
                if len(run.events) == limit:
                    break
        finally:
            await events.aclose()
