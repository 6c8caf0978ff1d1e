"""Requests that a `StopEvent` ends before there is a response."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

import httpx
import pytest

from kwatch import StopEvent
from kwatch._interrupt import Interrupted, interruptible

COLOUR: ContextVar[str] = ContextVar("colour", default="none")


class Opening:
    """What opens a response: when it is told to, and not before."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.may_go_on = threading.Event()
        self.entered = threading.Event()
        self.closed = threading.Event()
        self.error = error
        self.colour = ""
        self.thread: threading.Thread | None = None

    @contextmanager
    def __call__(self, extensions: dict[str, Any]) -> Iterator[httpx.Response]:
        self.entered.set()
        self.colour = COLOUR.get()
        self.thread = threading.current_thread()
        assert self.may_go_on.wait(10)
        if self.error is not None:
            raise self.error
        try:
            yield httpx.Response(200)
        finally:
            self.closed.set()


@pytest.fixture
def stop_event() -> StopEvent:
    return StopEvent()


def test_a_response_that_comes_too_late_is_closed(stop_event: StopEvent) -> None:
    opening = Opening()

    def stop() -> None:
        opening.entered.wait(5)
        stop_event.set()

    threading.Thread(target=stop).start()
    with pytest.raises(Interrupted), interruptible(opening, stop_event):
        pytest.fail("there is no response")
    assert not opening.closed.is_set()
    opening.may_go_on.set()
    assert opening.closed.wait(5)


def test_an_error_that_comes_too_late_is_dropped(stop_event: StopEvent) -> None:
    opening = Opening(httpx.ConnectError("refused"))
    stop_event.set()
    with pytest.raises(Interrupted), interruptible(opening, stop_event):
        pytest.fail("there is no response")
    opening.may_go_on.set()


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), KeyboardInterrupt(), ValueError()]
)
def test_what_the_client_raises_is_raised_here(stop_event: StopEvent, error: BaseException) -> None:
    opening = Opening(error)
    opening.may_go_on.set()
    with pytest.raises(type(error)) as caught, interruptible(opening, stop_event):
        pytest.fail("there is no response")
    assert caught.value is error


def test_the_response_is_closed_at_the_end(stop_event: StopEvent) -> None:
    opening = Opening()
    opening.may_go_on.set()
    with interruptible(opening, stop_event) as response:
        assert response.status_code == 200
        assert not opening.closed.is_set()
    assert opening.closed.is_set()


def test_the_response_is_closed_after_an_error(stop_event: StopEvent) -> None:
    opening = Opening()
    opening.may_go_on.set()
    with pytest.raises(RuntimeError, match="the reader's"), interruptible(opening, stop_event):
        raise RuntimeError("the reader's")
    assert opening.closed.is_set()


def test_context_variables_are_those_of_the_caller(stop_event: StopEvent) -> None:
    token = COLOUR.set("blue")
    try:
        opening = Opening()
        opening.may_go_on.set()
        with interruptible(opening, stop_event):
            pass
        assert opening.colour == "blue"
    finally:
        COLOUR.reset(token)


def test_no_thread_is_left(stop_event: StopEvent) -> None:
    opening = Opening()
    opening.may_go_on.set()
    with interruptible(opening, stop_event):
        pass
    assert opening.thread is not None
    assert opening.thread is not threading.current_thread()
    opening.thread.join(5)
    assert not opening.thread.is_alive()


def kept(opening: Opening) -> Callable[[dict[str, Any]], AbstractContextManager[httpx.Response]]:
    """Refer to what it makes for ever: no garbage collector is to close it."""

    def open_and_keep(extensions: dict[str, Any]) -> AbstractContextManager[httpx.Response]:
        KEPT.append(opening(extensions))
        return KEPT[-1]

    return open_and_keep


KEPT: list[AbstractContextManager[httpx.Response]] = []


def test_the_response_is_closed_though_somebody_still_has_it(stop_event: StopEvent) -> None:
    opening = Opening()
    opening.may_go_on.set()
    with interruptible(kept(opening), stop_event):
        pass
    assert opening.closed.is_set()


def test_an_interruption_of_the_caller_closes_what_comes(stop_event: StopEvent) -> None:
    """Ctrl-C while the request is under way."""
    opening = Opening()

    def interrupt() -> None:
        opening.entered.wait(5)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt), interruptible(kept(opening), stop_event):
            pytest.fail("there is no response")
    finally:
        signal.signal(signal.SIGINT, previous)
    opening.may_go_on.set()
    assert opening.closed.wait(5)


def getting(
    client: httpx.Client, url: str
) -> Callable[[dict[str, Any]], AbstractContextManager[httpx.Response]]:
    return lambda extensions: client.stream("GET", url, extensions=extensions)


def test_a_blocked_read_ends_at_the_event(stop_event: StopEvent) -> None:
    """With an HTTP client of the real kind, and a server that has nothing to say."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello")
                threading.Timer(0.05, stop_event.set).start()
                connection.recv(1)  # until the client hangs up

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        read: list[bytes] = []
        with (
            httpx.Client(timeout=10, trust_env=False) as client,
            pytest.raises(httpx.RemoteProtocolError),
            interruptible(getting(client, url), stop_event) as response,
        ):
            read.extend(response.iter_bytes())
        thread.join(5)
    assert read == [b"hello"]
    assert not thread.is_alive()


def test_a_read_after_the_event_ends_at_once(stop_event: StopEvent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
                connection.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with (
            httpx.Client(timeout=10, trust_env=False) as client,
            interruptible(getting(client, url), stop_event) as response,
        ):
            stop_event.set()
            with pytest.raises(httpx.RemoteProtocolError):
                response.read()
        thread.join(5)
    assert not thread.is_alive()


def test_a_connection_without_an_answer_is_shut_down(stop_event: StopEvent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        hung_up = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                stop_event.set()
                if connection.recv(1) == b"":
                    hung_up.set()

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        client = httpx.Client(timeout=10, trust_env=False)
        with pytest.raises(Interrupted), interruptible(getting(client, url), stop_event):
            pytest.fail("there is no response")
        assert hung_up.wait(5)
        thread.join(5)
        client.close()


def test_where_there_can_be_no_more_threads_the_request_is_sent_all_the_same(
    stop_event: StopEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From Python 3.12 on, an interpreter that exits starts none, however long it takes."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    opening = Opening()
    opening.may_go_on.set()
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with interruptible(opening, stop_event) as response:
        assert response.status_code == 200
        assert not opening.closed.is_set()
    assert opening.closed.is_set()
