"""`Watcher`: fold, run and start_link, against the embedded server over real sockets."""

import gc
import inspect
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, assert_type, get_type_hints

import httpx
import pytest

from kwatch import (
    TIMEOUT,
    EventType,
    Handle,
    NoReply,
    Ok,
    Stop,
    StopEvent,
    Watcher,
    WatcherFailed,
    WatchStatus,
    watch,
)
from kwatch._options import WatchOptions
from kwatch.testing import FakeAPIServer

POD: dict[str, Any] = {"kind": "Pod", "metadata": {"name": "web"}}
PATIENCE_SECONDS = 10.0


class Log(Watcher[list[Any]]):
    """Keeps all that it was called with; ``answers`` say what else to do, by what has come."""

    def __init__(self, **answers: Callable[[list[Any]], Any]) -> None:
        self.answers = answers
        self.ends: list[Any] = []

    def answer(self, key: str, state: list[Any]) -> Any:
        return self.answers.get(key, NoReply)(state)

    def init(self, init_arg: Any) -> Any:
        return self.answers.get("init", Ok)([])

    def handle_event(self, event_type: EventType, obj: dict[str, Any], state: list[Any]) -> Any:
        name = obj["metadata"].get("name")
        return self.answer(str(name), [*state, (str(event_type), name)])

    def handle_info(self, message: Any, state: list[Any]) -> Any:
        return self.answer("TIMEOUT" if message is TIMEOUT else str(message), [*state, message])

    def handle_continue(self, continue_arg: Any, state: list[Any]) -> Any:
        return self.answer(f"continue {continue_arg}", [*state, f"continue {continue_arg}"])

    def terminate(self, reason: Any, state: list[Any]) -> None:
        self.ends.append((reason, state))
        if "terminate" in self.answers:
            self.answers["terminate"](state)


def fail(state: list[Any]) -> Any:
    raise LookupError("broken")


@pytest.fixture
def server() -> Iterator[FakeAPIServer]:
    with FakeAPIServer() as server:
        yield server


@pytest.fixture
def client(server: FakeAPIServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url) as client:
        yield client


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def start(log: Log, client: httpx.Client, **options: Any) -> Handle[list[Any]]:
    handle = log.start_link(client, "Pod", **options)
    until(lambda: handle.status.connects or not handle.is_alive())
    return handle


def wait_until_synced(handle: Handle[Any]) -> None:
    until(lambda: handle.status.synced)


# A fold


def test_a_fold_raises_what_a_callback_raises() -> None:
    with pytest.raises(LookupError, match="broken"):
        Log(web=fail).fold([("created", POD)], [])


@pytest.mark.parametrize("wrong", [None, POD, Ok([]), [POD]])
def test_a_callback_that_returns_anything_else_is_named(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"Log\.handle_event\(\) must return NoReply or Stop, got"):
        Log(web=lambda _: wrong).fold([("created", POD)], [])


def test_a_coroutine_is_not_awaited_and_python_does_not_warn_of_it() -> None:
    async def coroutine() -> None: ...

    with pytest.raises(TypeError, match="a coroutine"):
        Log(web=lambda _: coroutine()).fold([("created", POD)], [])
    gc.collect()


def test_a_fold_stops_where_a_callback_says_so() -> None:
    items = iter([("created", POD), "never"])
    assert Log(web=lambda state: Stop("normal", state)).fold(items, []) == [("created", "web")]
    assert next(items) == "never"


def test_a_fold_that_stops_for_an_abnormal_reason_fails() -> None:
    with pytest.raises(WatcherFailed, match="Log has ended: 'full'") as failed:
        Log(web=lambda _: Stop("full")).fold([("created", POD)], [])
    assert failed.value.reason == "full"


def test_a_fold_tells_events_from_messages_and_continues_at_once() -> None:
    log = Log(hello=lambda state: NoReply(state, continue_with=7))
    items = [("created", POD), "hello", TIMEOUT, ("created", "no object")]
    expected = [("created", "web"), "hello", "continue 7", TIMEOUT, ("created", "no object")]
    assert log.fold(items, []) == expected
    assert log.ends == []


def test_a_watcher_that_handles_no_event_is_refused_at_the_start(client: httpx.Client) -> None:
    for begin in (
        lambda: Watcher[Any]().fold([], None),
        lambda: Watcher[Any].run(client, "Pod"),
        lambda: Watcher[Any].start_link(client, "Pod"),
    ):
        with pytest.raises(NotImplementedError, match="handle_event"):
            begin()


def test_an_unexpected_message_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Silent(Watcher[int]):
        def handle_event(self, event_type: Any, obj: Any, state: int) -> NoReply[int]:
            return NoReply(state)

    assert Silent().fold(["hello"], 1) == 1
    assert "Silent has got an unexpected message in handle_info(): 'hello'" in caplog.text


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"timeout": -1}, ValueError),
        ({"timeout": float("nan")}, ValueError),
        ({"timeout": "5"}, TypeError),
        ({"timeout": 1, "continue_with": 1}, ValueError),
    ],
)
def test_a_result_that_cannot_be_right(wrong: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        NoReply(None, **wrong)


# Ways out: terminate is called once on each


def test_an_exception_in_a_callback(server: FakeAPIServer, client: httpx.Client) -> None:
    log = Log(web=fail)
    handle = start(log, client)
    server.create("Pod", "web")
    with pytest.raises(WatcherFailed, match="LookupError: broken") as failed:
        handle.result(PATIENCE_SECONDS)
    assert isinstance(failed.value.__cause__, LookupError)
    assert log.ends == [(failed.value.reason, [])]
    with pytest.raises(WatcherFailed):
        handle.join()
    with pytest.raises(WatcherFailed), handle:
        pass
    assert not handle.is_alive()


def test_a_failed_connection(server: FakeAPIServer, client: httpx.Client) -> None:
    log = Log()
    with pytest.raises(WatcherFailed, match="nosuch"):
        log.run(client, "nosuch")
    assert len(log.ends) == 1


def test_an_init_that_fails_or_stops(client: httpx.Client) -> None:
    answers: list[Callable[[Any], Any]] = [fail, lambda _: Stop("no"), lambda _: None]
    for answer in answers:
        log = Log(init=answer)
        with pytest.raises(WatcherFailed):
            log.start_link(client, "Pod")
        assert log.ends == []
    assert not Log(init=lambda _: Stop("normal")).start_link(client, "Pod").is_alive()


@pytest.mark.parametrize("reason", ["normal", "shutdown", ("shutdown", "full")])
def test_a_callback_that_stops(server: FakeAPIServer, client: httpx.Client, reason: Any) -> None:
    log = Log(web=lambda state: Stop(reason, [*state, "end"]))
    server.create("Pod", "web")
    last = [("created", "web"), "end"]
    assert log.run(client, "Pod", send_initial_events=True) == last
    assert log.ends == [(reason, last)]


def test_a_terminate_that_raises(client: httpx.Client) -> None:
    handle = start(Log(terminate=fail), client)
    with pytest.raises(WatcherFailed, match="broken"):
        handle.stop()


def test_stop_ends_a_blocked_read_and_closes_its_socket(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    log = Log()
    before = threading.active_count()
    handle = start(log, client)
    handle.stop("mine", timeout=PATIENCE_SECONDS)
    assert log.ends == [("mine", [])]
    assert not [t for t in threading.enumerate() if t.name.startswith(("kwatch-Log", "kwatch-rea"))]
    assert threading.active_count() <= before + 1  # the server's own
    with pytest.raises(WatcherFailed):
        handle.join()


def test_a_stop_that_takes_too_long(server: FakeAPIServer, client: httpx.Client) -> None:
    gate = threading.Event()
    handle = start(Log(wait=lambda state: gate.wait() and NoReply(state)), client)
    handle.send("wait")
    with pytest.raises(TimeoutError, match="Log"):
        handle.stop(timeout=0.01)
    gate.set()
    assert handle.result(PATIENCE_SECONDS) == ["wait"]


def test_a_watcher_does_not_stop_itself(client: httpx.Client) -> None:
    handles: list[Handle[Any]] = []
    handle = start(Log(stop=lambda _: handles[0].stop()), client)
    handles.append(handle)
    handle.send("stop")
    with pytest.raises(WatcherFailed, match="return Stop"):
        handle.result(PATIENCE_SECONDS)


def test_a_block_that_raises_ends_the_watcher_for_that(client: httpx.Client) -> None:
    log = Log()
    with pytest.raises(KeyError), start(log, client):
        raise KeyError("mine")
    assert [type(reason) for reason, _ in log.ends] == [KeyError]


def test_the_stop_event_of_the_caller_ends_it(client: httpx.Client) -> None:
    stop_event, log = StopEvent(), Log(init=lambda _: Ok([], timeout=0))
    log.answers["TIMEOUT"] = lambda state: stop_event.set() or NoReply(state)  # type: ignore[func-returns-value]
    assert log.run(client, "Pod", stop_event=stop_event) == [TIMEOUT]
    assert log.ends == [("normal", [TIMEOUT])]


PROGRAM = """
    import httpx, sys, threading
    from kwatch import NoReply, Watcher

    class Quiet(Watcher):
        def handle_event(self, event_type, obj, state):
            return NoReply(state)
        def terminate(self, reason, state):
            print("terminate", reason, flush=True)

    client = httpx.Client(base_url=sys.argv[1])
"""


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [(signal.SIGTERM, 0, "returned"), (signal.SIGINT, 1, "interrupted")],
)
def test_a_signal_ends_what_runs_in_the_main_thread(
    server: FakeAPIServer, number: int, status: int, said: str
) -> None:
    program = textwrap.dedent(PROGRAM) + textwrap.dedent("""
        class Loud(Quiet):
            def handle_info(self, message, state):
                print("runs", flush=True)
                return NoReply(state)
            def init(self, init_arg):
                from kwatch import Ok
                return Ok(0, timeout=0.2)
        try:
            Loud.run(client, "Pod")
            print("returned")
        except KeyboardInterrupt:
            print("interrupted")
            sys.exit(1)
    """)
    command = [sys.executable, "-c", program, server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "runs\n"
        os.kill(process.pid, number)
        out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert out == f"terminate shutdown\n{said}\n"
    assert process.returncode == status


def test_the_exit_of_the_interpreter_ends_what_runs_in_a_thread(server: FakeAPIServer) -> None:
    program = textwrap.dedent(PROGRAM) + 'Quiet.start_link(client, "Pod")\n'
    command = [sys.executable, "-c", program, server.url]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=30, check=True)
    assert done.stdout == "terminate shutdown\n"


# Time, messages, and the cursor


def test_a_timeout_comes_after_what_waits_and_is_cancelled_by_what_comes(
    client: httpx.Client,
) -> None:
    log = Log(first=lambda state: NoReply(state, timeout=0))
    log.answers["init"] = lambda _: Ok([], timeout=60)
    log.answers["second"] = lambda state: NoReply(state, hibernate=True)
    handle = start(log, client)
    gate = threading.Event()
    log.answers["hold"] = lambda state: gate.wait() and NoReply(state)
    for message in ("hold", "first", "second", "first"):
        handle.send(message)
    gate.set()
    until(lambda: len(handle.state) == 5)
    handle.stop()
    assert handle.state == ["hold", "first", "second", "first", TIMEOUT]


def test_each_message_is_handled_once_and_in_order_per_sender(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    class Count(Watcher[dict[Any, list[int]]]):
        def handle_event(self, event_type: Any, obj: Any, state: Any) -> Any:
            state.setdefault("events", []).append(1)
            return NoReply(state)

        def handle_info(self, message: Any, state: Any) -> Any:
            sender, number = message
            state.setdefault(sender, []).append(number)
            return NoReply(state)

    handle = Count.start_link(client, "Pod", init_arg={})
    until(lambda: handle.status.connects)

    def send(sender: int) -> None:
        for number in range(1250):
            handle.send((sender, number))

    senders = [threading.Thread(target=send, args=(sender,)) for sender in range(8)]
    for sender in senders:
        sender.start()
    for number in range(20):
        server.create("Pod", f"pod-{number}")
    for sender in senders:
        sender.join()
    until(lambda: len(handle.state.get("events", ())) == 20)
    handle.stop()
    assert all(handle.state[sender] == list(range(1250)) for sender in range(8))


def test_the_cursor_waits_for_a_slow_handler(server: FakeAPIServer, client: httpx.Client) -> None:
    gate = threading.Event()
    status = WatchStatus()
    log = Log(**{"pod-0": lambda state: gate.wait() and NoReply(state)})
    handle = start(log, client, status=status)
    assert handle.status is status
    pods = [server.create("Pod", f"pod-{number}") for number in range(40)]
    versions = [pod["metadata"]["resourceVersion"] for pod in pods]
    until(lambda: status.events == 1)
    assert status.resource_version == versions[0]
    gate.set()
    until(lambda: len(handle.state) == 40)
    handle.stop()
    assert (status.events, status.resource_version) == (40, versions[-1])


def test_what_a_stop_leaves_unhandled_is_not_behind_the_cursor(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    gate = threading.Event()
    handle = start(Log(**{"pod-0": lambda state: gate.wait() and NoReply(state)}), client)
    for number in range(5):
        server.create("Pod", f"pod-{number}")
    until(lambda: handle.status.events == 1)
    handle.exit()
    gate.set()
    handle.join(PATIENCE_SECONDS)
    assert handle.state == [("created", "pod-0")]
    events = watch(client, "Pod", resource_version=handle.status.resource_version)
    assert next(events).obj["metadata"]["name"] == "pod-1"
    events.close()


def test_bookmarks_move_the_cursor_and_are_shown_on_request_only(
    server: FakeAPIServer, client: httpx.Client
) -> None:
    for shown in (False, True):
        handle = start(Log(), client, allow_bookmarks=shown, send_initial_events=True)
        wait_until_synced(handle)
        handle.stop()
        assert handle.state == ([("bookmark", None)] if shown else [])


# Types


def test_the_options_are_those_of_watch() -> None:
    parameters = set(inspect.signature(watch).parameters) - {"client", "kind", "stop_event"}
    assert set(WatchOptions.__annotations__) == parameters
    ours, theirs = get_type_hints(WatchOptions), get_type_hints(watch)
    assert all(ours[name] == theirs[name] for name in parameters)


def test_the_state_has_a_type(client: httpx.Client) -> None:
    class Counter(Watcher[int]):
        def handle_event(self, event_type: EventType, obj: Any, state: int) -> NoReply[int]:
            return NoReply(state + 1)

    assert_type(Counter().fold([], 0), int)
    handle = Counter.start_link(client, "Pod", init_arg=0)
    assert_type(handle, Handle[int])
    assert_type(handle.state, int)
    with handle:
        pass


def test_a_failure_is_logged_where_nobody_may_look(
    server: FakeAPIServer, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    handle = start(Log(web=fail), client)
    with caplog.at_level(logging.ERROR, "kwatch"):
        server.create("Pod", "web")
        until(lambda: not handle.is_alive())
    assert "Log has ended: LookupError: broken" in caplog.text
