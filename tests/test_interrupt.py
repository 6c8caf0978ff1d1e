"""Requests that a `StopEvent` ends before there is a response."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
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

    @contextmanager
    def __call__(self, extensions: dict[str, Any]) -> Iterator[httpx.Response]:
        self.entered.set()
        self.colour = COLOUR.get()
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
    for thread in threading.enumerate():
        if thread.name == "kwatch-request":
            thread.join(5)
            assert not thread.is_alive()
