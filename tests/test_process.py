"""What only a watcher in a thread does: signals, the exit of the interpreter, stop events."""

import gc
import inspect
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
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
    watch,
)
from kwatch._options import WatchOptions
from kwatch._process import _alive
from kwatch.testing import FakeAPIServer
from tests.worlds import PATIENCE_SECONDS, Log


@pytest.fixture
def client(server: FakeAPIServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url) as client:
        yield client


def test_a_coroutine_is_not_awaited_and_python_does_not_warn_of_it() -> None:
    async def coroutine() -> None: ...

    with pytest.raises(TypeError, match="a coroutine"):
        Log(hello=lambda _: coroutine()).fold(["hello"], [])
    gc.collect()


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


def said_at_exit(server: FakeAPIServer, program: str) -> str:
    """Run a program to its end, and give what it says."""
    command = [
        sys.executable,
        "-c",
        textwrap.dedent(PROGRAM) + textwrap.dedent(program),
        server.url,
    ]
    return subprocess.run(
        command, stdout=subprocess.PIPE, text=True, timeout=PATIENCE_SECONDS, check=True
    ).stdout


def test_the_exit_of_the_interpreter_ends_what_runs_in_a_daemon_thread(
    server: FakeAPIServer,
) -> None:
    said = said_at_exit(
        server,
        """
        import time
        from kwatch import Ok
        begun = threading.Event()
        class Loud(Quiet):
            def init(self, init_arg):
                return Ok(0, timeout=0)
            def handle_info(self, message, state):
                begun.set()
                return NoReply(state)
        threading.Thread(target=lambda: Loud.run(client, "Pod"), daemon=True).start()
        begun.wait()
        """,
    )
    assert said == "terminate shutdown\n"


def test_a_fork_knows_nothing_of_the_watchers_of_its_parent(server: FakeAPIServer) -> None:
    said = said_at_exit(
        server,
        """
        import os, warnings
        from kwatch import Supervisor
        warnings.simplefilter("ignore")  # of forking while there are threads
        Supervisor([Quiet.child_spec(client, "Pod")]).start_link()
        child = os.fork()
        if child:
            print("the child has ended with", os.waitpid(child, 0)[1], flush=True)
        """,
    )
    assert said == "the child has ended with 0\nterminate shutdown\n"


def test_the_exit_of_the_interpreter_waits_once_for_all_that_are_stuck(
    server: FakeAPIServer,
) -> None:
    said = said_at_exit(
        server,
        """
        import atexit, time
        from kwatch import Handle
        Handle.exit_seconds = 0.5
        class Stuck(Quiet):
            def handle_info(self, message, state):
                threading.Event().wait()
        began = []
        atexit._clear()
        atexit.register(lambda: print(time.monotonic() - began[0] < 1.4, flush=True))
        from kwatch._process import _exit_all
        atexit.register(_exit_all)
        for _ in range(4):
            Stuck.start_link(client, "Pod").send("hello")
        time.sleep(0.1)
        began.append(time.monotonic())
        """,
    )
    assert said == "True\n"


def test_a_thread_that_cannot_start_leaves_nothing_behind(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            Log().start_link(client, "Pod")
    assert not [p for p in _alive if p.name == "Log"]


def test_a_coroutine_function_as_terminate_is_refused(client: httpx.Client) -> None:
    class Wrong(Log):
        async def terminate(self, reason: Any, state: Any) -> None: ...

    handle = Wrong(hello=lambda _: Stop("normal")).start_link(client, "Pod")
    handle.send("hello")
    with pytest.raises(WatcherFailed, match=r"Wrong\.terminate\(\) has returned a coroutine"):
        handle.result(PATIENCE_SECONDS)


def test_the_methods_are_documented_where_they_are_called() -> None:
    assert "Watch, and handle what comes" in (Watcher.run.__doc__ or "")
    assert Watcher.start_link.__name__ == "start_link"


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
