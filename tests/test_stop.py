"""`StopEvent`: from threads, from signal handlers, and for many at once."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from kwatch import StopEvent


def test_it_is_unset_at_first_and_stays_set() -> None:
    stop_event = StopEvent()
    assert not stop_event.is_set()
    assert repr(stop_event) == "<StopEvent unset>"
    stop_event.set()
    stop_event.set()
    assert stop_event.is_set()
    assert repr(stop_event) == "<StopEvent set>"


def test_a_wait_lasts_as_long_as_asked() -> None:
    before = time.monotonic()
    assert not StopEvent().wait(0.05)
    assert time.monotonic() - before >= 0.05


@pytest.mark.parametrize("seconds", [None, 60.0, 1e300])
def test_setting_it_wakes_every_waiter(seconds: float | None) -> None:
    stop_event = StopEvent()
    results: list[bool] = []
    waiters = [
        threading.Thread(target=lambda: results.append(stop_event.wait(seconds))) for _ in range(20)
    ]
    for waiter in waiters:
        waiter.start()
    stop_event.set()
    for waiter in waiters:
        waiter.join(5)
    assert results == [True] * 20


def test_it_can_be_set_from_many_threads_at_once() -> None:
    for _ in range(50):
        stop_event = StopEvent()
        setters = [threading.Thread(target=stop_event.set) for _ in range(4)]
        waiter = threading.Thread(target=stop_event.wait)
        for thread in (waiter, *setters):
            thread.start()
        for thread in (waiter, *setters):
            thread.join(5)
            assert not thread.is_alive()
        assert stop_event.wait(0)


def test_callbacks_are_called_while_their_context_is_open() -> None:
    stop_event = StopEvent()
    calls: list[str] = []
    with stop_event.calling(lambda: calls.append("closed")):
        pass
    with (
        stop_event.calling(lambda: calls.append("a")),
        stop_event.calling(lambda: calls.append("b")),
    ):
        stop_event.set()
        assert calls == ["a", "b"]
    with stop_event.calling(lambda: calls.append("late")):
        assert calls == ["a", "b", "late"]


def test_a_callback_is_forgotten_after_an_error() -> None:
    stop_event = StopEvent()
    calls: list[int] = []
    with pytest.raises(KeyError), stop_event.calling(lambda: calls.append(1)):
        raise KeyError
    stop_event.set()
    assert calls == []


SIGNALLED = """
import os, signal, sys, threading, time
from kwatch import StopEvent

stop_event = StopEvent()
signal.signal(signal.SIGUSR1, lambda *_: stop_event.set())
for _ in range(200):  # the handler interrupts the very thread that waits, at any bytecode
    stop_event = StopEvent()
    timer = threading.Timer(0.0005, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    while not stop_event.wait(0.0001):
        stop_event.is_set()
    stop_event.set()
    timer.join()
print("done")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no SIGUSR1")
def test_a_signal_handler_may_set_it_wherever_the_main_thread_is() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "done\n"


WATCHED = """
import os, signal, sys, threading, time
import httpx
from kwatch import StopEvent, watch
from kwatch.testing import FakeAPIServer

stop_event = StopEvent()
signal.signal(signal.SIGTERM, lambda *_: stop_event.set())
with FakeAPIServer() as server, httpx.Client(base_url=server.url) as client:
    server.create("Pod", "web")
    for _, obj in watch(client, "Pod", resource_version="0", stop_event=stop_event):
        print(obj["metadata"]["name"], flush=True)
    print("ended", flush=True)
"""


def test_s56_sigterm_ends_a_watch_that_the_main_thread_reads() -> None:
    with subprocess.Popen([sys.executable, "-c", WATCHED], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"web\n"
        time.sleep(0.1)  # now it blocks in a read
        before = time.monotonic()
        os.kill(process.pid, signal.SIGTERM)
        assert process.stdout.readline() == b"ended\n"
        assert time.monotonic() - before < 0.1
        assert process.wait(10) == 0


@pytest.mark.parametrize("seconds", [0.0, -1.0, -0.5])
def test_no_wait_at_all(seconds: float) -> None:
    """Minus one, which is for ever to a lock, is none to us."""
    assert not StopEvent().wait(seconds)


def test_a_waiter_that_gives_up_does_not_take_it_from_another() -> None:
    stop_event = StopEvent()
    results: list[bool] = []
    waiter = threading.Thread(target=lambda: results.append(stop_event.wait(10)))
    waiter.start()
    for _ in range(20):
        assert not stop_event.wait(0.0)
    stop_event.set()
    waiter.join(5)
    assert results == [True]
    assert [stop_event.wait(0.0) for _ in range(3)] == [True] * 3


def test_a_callback_may_set_it_once_more() -> None:
    stop_event = StopEvent()
    calls: list[int] = []

    def once_more() -> None:
        calls.append(1)
        if len(calls) < 3:
            stop_event.set()

    with stop_event.calling(once_more):
        stop_event.set()
    assert calls == [1, 1, 1]


def test_a_callback_may_end_another_one() -> None:
    """As where a reader ends by its own while `set` goes through them."""
    stop_event = StopEvent()
    calls: list[str] = []
    with contextlib.ExitStack() as stack:
        stack.enter_context(stop_event.calling(lambda: calls.append("a")))
        with contextlib.ExitStack() as inner:
            inner.enter_context(stop_event.calling(inner.close))
            stack.enter_context(stop_event.calling(lambda: calls.append("b")))
            stop_event.set()
    assert calls == ["a", "b"]
