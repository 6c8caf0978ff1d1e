"""KubeAuth: shows each request's credential to the server, and replaces it in time."""

import logging
import ssl
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import TypeAlias

import anyio
import httpx

from kwatch._credential import Credential, Source
from kwatch._errors import ConfigError
from kwatch._loop import in_loop

KEEP_SECONDS = 60.0
"""How long a credential stays in use when nothing came in its place."""

_Fetching: TypeAlias = Future[None]
_Flow: TypeAlias = Generator[httpx.Request | _Fetching, httpx.Response | None, None]

_log = logging.getLogger(__name__)


class KubeAuth(httpx.Auth):
    """Show a credential with each request, for `httpx.Client` and `httpx.AsyncClient` alike.

    A credential is fetched when the last one has run out, and when the server answers 401; the
    request is then repeated once, if it is another one. One fetch at a time is under way, in a
    thread of its own; whoever needs it waits for it. If it fails, a warning is logged, once while
    that lasts, and the last credential stays in use; where there is none, it is a `ConfigError`.

    One object may serve any number of clients, threads and event loops. An ``Authorization`` that
    a request has already is left as it is.

    Args:
        source: Where credentials come from.
        credential: What to use until the first fetch succeeds; None: nothing.
        headers: Further headers for each request: as whom to act.
        clock: Gives seconds since 1970.
    """

    def __init__(
        self,
        source: Source,
        credential: Credential | None = None,
        *,
        headers: Sequence[tuple[bytes, bytes]] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.source = source
        self._credential = credential
        self._headers = tuple(headers)
        self._clock = clock
        self._lock = threading.Lock()
        self._fetching: _Fetching | None = None
        self._fetched_at = clock()
        self._warned = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.source!r})"

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """What connections are made with at present; the same object while nothing changed."""
        credential = self._credential
        return self.source.tls.context() if credential is None else credential.latest()

    def renew(self) -> None:
        """Fetch a credential now.

        Raises:
            ConfigError: That failed, and there is none in use.
        """
        if (fetching := self._fetch(self._credential, refused=False)) is not None:
            _outcome(fetching)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Authorize ``request``, and once more if it is refused and there is another credential."""
        flow = self._flow(request)
        answer: httpx.Response | None = None
        with suppress(StopIteration):
            while True:
                step = flow.send(answer)
                if isinstance(step, Future):
                    _outcome(step)
                    answer = None
                else:
                    answer = yield step

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Do as `auth_flow` does, and let other tasks run while a credential is fetched."""
        flow = self._flow(request)
        answer: httpx.Response | None = None
        with suppress(StopIteration):
            while True:
                step = flow.send(answer)
                if isinstance(step, Future):
                    await _end(step)
                    _outcome(step)
                    answer = None
                else:
                    answer = yield step

    def _flow(self, request: httpx.Request) -> _Flow:
        """Do the work of both flows: yield a request to be sent, or a fetch to be waited for."""
        if self._headers and "Impersonate-User" not in request.headers:
            request.headers = httpx.Headers([*request.headers.raw, *self._headers])
        if "Authorization" in request.headers:
            yield request
            return
        credential = self._credential
        if credential is None or self._is_due(credential):
            credential = yield from self._renewed(credential, refused=False)
        response = yield _authorized(request, credential)
        if response is None or response.status_code != HTTPStatus.UNAUTHORIZED:
            return
        if self.source.renewable:
            renewed = yield from self._renewed(credential, refused=True)
            if renewed != credential:
                yield _authorized(request, renewed)

    def _is_due(self, credential: Credential) -> bool:
        return not self._fetched_at <= self._clock() < credential.expires_at  # it may be set back

    def _renewed(
        self, known: Credential | None, *, refused: bool
    ) -> Generator[_Fetching, httpx.Response | None, Credential]:
        if (fetching := self._fetch(known, refused=refused)) is not None:
            yield fetching
        assert self._credential is not None  # noqa: S101 - a fetch that gives none raises
        return self._credential

    def _fetch(self, known: Credential | None, *, refused: bool) -> _Fetching | None:
        """Begin to replace a credential, unless that is under way; None if it is done already.

        What replaces one that was refused has to differ from it: the same again may have been
        fetched before the server came to refuse it.
        """
        with self._lock:
            if self._credential is not known and not (refused and self._credential == known):
                return None
            if self._fetching is not None:
                return self._fetching
            fetching = self._fetching = Future()
        thread = threading.Thread(
            target=self._run, args=(fetching,), name="kwatch-credential", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # there can be no more threads, as when the interpreter exits
            self._run(fetching)
        return fetching

    def _run(self, fetching: _Fetching) -> None:
        failure: BaseException | None = None
        credential = self._credential
        try:
            credential = self.source.fetch()
            self._warned = ""
        except BaseException as error:
            if credential is None or not isinstance(error, Exception):
                failure = error
            else:
                self._warn(str(error))
                credential = replace(credential, expires_at=self._clock() + KEEP_SECONDS)
        with self._lock:
            self._credential = credential
            self._fetched_at = self._clock()
            self._fetching = None
        if failure is None:
            fetching.set_result(None)
        else:
            fetching.set_exception(failure)

    def _warn(self, problem: str) -> None:
        """Log what a fetch failed with, once while it lasts."""
        if problem != self._warned:
            _log.warning("%s; the last good credential stays in use", problem)
        self._warned = problem


def _authorized(request: httpx.Request, credential: Credential) -> httpx.Request:
    if credential.authorization:
        request.headers["Authorization"] = credential.authorization
    else:
        request.headers.pop("Authorization", None)
    return request


def _outcome(fetching: _Fetching) -> None:
    """Wait for a fetch, and raise what it raised."""
    error = fetching.exception()
    if isinstance(error, ConfigError):
        raise ConfigError(str(error)) from error.__cause__  # each who waits has one of its own
    if error is not None:
        raise error


async def _end(fetching: _Fetching) -> None:
    """Wait for the end of a fetch, however it ends."""
    ended = anyio.Event()
    call = in_loop()
    fetching.add_done_callback(lambda _: call(ended.set))
    await ended.wait()
