"""`Supervisor` and `AsyncSupervisor`: real watchers, on threads, asyncio and trio."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from kwatch import AsyncSupervisor, ChildSpec, NoReply, Stop, Supervisor, WatcherFailed
from kwatch.testing import FakeAPIServer
from tests.worlds import PATIENCE_SECONDS, AsyncLog, Log, World, until


def fail(state: list[Any]) -> Any:
    raise LookupError("broken")


class Bench:
    """Makes specifications of watchers that note their ends, in one list."""

    def __init__(self, world: World, server: FakeAPIServer) -> None:
        self.world = world
        self.client = world.client(server.url)
        self.ends: list[str] = []

    def spec(self, name: str, log: Any = None, **options: Any) -> ChildSpec:
        log = log or self.world.log(web=fail)
        log.answers.setdefault("terminate", lambda _: self.ends.append(name))
        spec: ChildSpec = log.child_spec(self.client, "Pod", id=name, **options)
        return spec

    def supervisor(self, *names: str, **options: Any) -> Any:
        return self.world.supervisor([self.spec(name) for name in names], **options)

    def failing(self, name: str) -> ChildSpec:
        return self.spec(name, self.world.log(init=fail))


@pytest.fixture
def bench(world: World, server: FakeAPIServer) -> Bench:
    return Bench(world, server)


def target(supervisor: Any) -> Any:
    """Give what is to be called in the event loop."""
    return getattr(supervisor, "_target", supervisor)


def handle_of(supervisor: Any, name: Any) -> Any:
    return next(handle for id, handle, _ in supervisor.which_children() if id == name)  # noqa: A001


def crash(supervisor: Any, name: Any) -> Any:
    """Have a watcher fail; give the one that follows."""
    handle = handle_of(supervisor, name)
    handle.send("web")
    until(lambda: handle_of(supervisor, name) != handle)
    return handle_of(supervisor, name)


# The life of a supervisor


def test_with_starts_the_children_and_stops_them_in_reverse(bench: Bench) -> None:
    with bench.supervisor("a", "b", "c") as supervisor:
        children = supervisor.which_children()
        assert [(id, kind) for id, _, kind in children] == [(id, "worker") for id in "abc"]  # noqa: A001
        assert all(handle.is_alive() for _, handle, _ in children)
    assert bench.ends == ["c", "b", "a"]
    assert [handle.reason for _, handle, _ in children] == ["shutdown"] * 3
    assert (supervisor.reason, supervisor.is_alive()) == ("normal", False)


def test_a_block_that_raises_ends_it_for_that(bench: Bench) -> None:
    with pytest.raises(KeyError), bench.supervisor("a") as supervisor:
        raise KeyError("mine")
    assert bench.ends == ["a"]
    assert isinstance(supervisor.reason, KeyError)


def test_a_child_that_does_not_start_ends_it(bench: Bench) -> None:
    specs = [bench.spec("a"), bench.failing("b"), bench.spec("c")]
    for begin in ("start_link", "run", "__enter__"):
        supervisor = bench.world.supervisor(specs)
        if bench.world.is_async and begin == "__enter__":
            begin = "__aenter__"
        with pytest.raises(WatcherFailed, match=r"its child 'b' has not started: .*broken") as e:
            getattr(supervisor, begin)()
        assert e.value.reason[0] == "shutdown"
        assert e.value.reason[1][:2] == ("failed_to_start_child", "b")
        assert not supervisor.is_alive()
        assert bench.ends == ["a"]
        bench.ends.clear()


def test_it_lives_once(bench: Bench) -> None:
    supervisor = bench.supervisor("a")
    with supervisor.start_link(), pytest.raises(RuntimeError, match="started already"):
        supervisor.start_link()
    with pytest.raises(RuntimeError, match="started already"):
        supervisor.run()
    assert bench.ends == ["a"]


# Restarts


def test_what_fails_is_restarted_and_goes_on_watching(bench: Bench, server: FakeAPIServer) -> None:
    with bench.supervisor("a", "b") as supervisor:
        first, other = handle_of(supervisor, "a"), handle_of(supervisor, "b")
        second = crash(supervisor, "a")
        assert second != first
        assert handle_of(supervisor, "b") == other
        until(lambda: second.status.connects)
        server.create("Pod", "new")
        until(lambda: second.state)
    assert second.state == [("created", "new")]
    assert bench.ends == ["a", "b", "a"]


def test_one_for_all_stops_the_others_before_it_starts_all(bench: Bench) -> None:
    with bench.supervisor("a", "b", "c", strategy="one_for_all") as supervisor:
        before = supervisor.which_children()
        crash(supervisor, "b")
        after = supervisor.which_children()
        assert bench.ends == ["b", "c", "a"]
        assert not {handle for _, handle, _ in before} & {handle for _, handle, _ in after}
        assert [handle.reason for _, handle, _ in before][::2] == ["shutdown", "shutdown"]


def test_too_many_restarts_are_raised_by_whoever_is_linked(bench: Bench) -> None:
    supervisor = bench.supervisor("a", "b", max_restarts=1).start_link()
    handle = crash(supervisor, "a")
    handle.send("web")
    with pytest.raises(WatcherFailed, match=r"more than 1 restarts in 5.0 s") as e:
        supervisor.join(PATIENCE_SECONDS)
    assert (e.value.reason, supervisor.reason) == ("shutdown", "shutdown")
    assert e.value.__cause__ is handle.reason
    assert isinstance(handle.reason, LookupError)
    assert bench.ends == ["a", "a", "b"]
    for leave in (supervisor.join, supervisor.stop, partial(supervisor.__exit__, *[None] * 3)):
        with pytest.raises(WatcherFailed):
            leave()


def test_too_many_restarts_are_not_what_a_stop_has_asked_for(bench: Bench) -> None:
    """Both have the reason ``"shutdown"``, but only one of them is a failure."""
    supervisor = bench.supervisor("a", max_restarts=0).start_link()
    handle_of(supervisor, "a").send("web")
    until(lambda: not supervisor.is_alive())
    with pytest.raises(WatcherFailed):
        supervisor.stop("shutdown")


@pytest.mark.parametrize(("restart", "runs"), [("permanent", True), ("transient", False)])
def test_a_child_that_ends_well(bench: Bench, restart: str, runs: bool) -> None:
    log = bench.world.log(done=lambda state: Stop("normal", state))
    with bench.world.supervisor([bench.spec("a", log, restart=restart)]) as supervisor:
        handle = handle_of(supervisor, "a")
        handle.send("done")
        until(lambda: handle_of(supervisor, "a") != handle)
        assert supervisor.count_children()["active"] == runs


# What is asked of it


def test_a_child_is_added_stopped_started_and_deleted(bench: Bench) -> None:
    with bench.supervisor("a") as supervisor:
        handle = supervisor.start_child(bench.spec("b"))
        assert handle == handle_of(supervisor, "b")
        supervisor.terminate_child("b")
        assert (bench.ends, handle.reason) == (["b"], "shutdown")
        assert handle_of(supervisor, "b") is None
        again = supervisor.restart_child("b")
        assert again.is_alive()
        assert again != handle
        with pytest.raises(ValueError, match="runs"):
            supervisor.delete_child("b")
        supervisor.terminate_child("b")
        supervisor.delete_child("b")
        with pytest.raises(LookupError, match="no child 'b'; it has 'a'"):
            supervisor.restart_child("b")
        with pytest.raises(ValueError, match="'a' already"):
            supervisor.start_child(bench.spec("a"))
        counts = {"specs": 1, "active": 1, "supervisors": 0, "workers": 1}
        assert supervisor.count_children() == counts


def test_a_child_that_cannot_be_added_is_forgotten(bench: Bench) -> None:
    with bench.supervisor() as supervisor:
        with pytest.raises(WatcherFailed, match="broken"):
            supervisor.start_child(bench.failing("a"))
        assert supervisor.which_children() == []


REQUESTS: list[tuple[str, Any]] = [
    ("start_child", [ChildSpec("x", print)]),
    ("terminate_child", "a"),
    ("restart_child", "a"),
    ("delete_child", "a"),
    ("which_children", []),
    ("count_children", []),
]


@pytest.mark.parametrize(("method", "args"), REQUESTS)
def test_what_does_not_run_takes_no_request(bench: Bench, method: str, args: Any) -> None:
    supervisor = bench.supervisor("a")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="Supervisor does not run"):
            getattr(supervisor, method)(*args)
        if supervisor.reason is None:
            with supervisor:
                pass


@pytest.mark.parametrize(("method", "args"), [*REQUESTS, ("stop", []), ("join", [])])
def test_what_would_wait_for_itself_is_refused(bench: Bench, method: str, args: Any) -> None:
    with bench.supervisor("a") as supervisor:
        start = partial(getattr(target(supervisor), method), *args)
        with pytest.raises(RuntimeError, match=r"itself|its own end"):
            supervisor.start_child(ChildSpec("b", start))
        assert supervisor.count_children()["active"] == 1


def test_requests_that_wait_when_it_ends_are_refused(bench: Bench) -> None:
    gate = bench.world.gate()
    bench.ends.clear()
    log = bench.world.log(terminate=lambda _: bench.ends.append("ending") or gate.wait())  # type: ignore[func-returns-value]
    supervisor = bench.world.supervisor([bench.spec("a", log)])
    errors: list[Exception] = []

    def ask() -> None:
        try:
            supervisor.count_children()
        except Exception as error:
            errors.append(error)

    asking = [threading.Thread(target=ask) for _ in range(3)]
    with supervisor:
        supervisor.exit()
        until(lambda: bench.ends)
        for thread in asking:
            thread.start()
        until(lambda: len(target(supervisor)._monitors) == 3)
        gate.open()
    for thread in asking:
        thread.join(PATIENCE_SECONDS)
    assert [str(error)[-20:] for error in errors] == ["Supervisor has ended"] * 3
    assert {type(error) for error in errors} == {RuntimeError}


@pytest.mark.parametrize("what", ["nothing", "text", "coroutine", "another world's"])
def test_a_start_that_gives_no_handle_is_named(bench: Bench, what: str) -> None:
    async def coroutine() -> None: ...

    starts: dict[str, Callable[[], Any]] = {
        "nothing": lambda: None,
        "text": lambda: "secret",
        "coroutine": coroutine,
        "another world's": Supervisor if bench.world.is_async else AsyncSupervisor,
    }
    with bench.supervisor() as supervisor:
        with pytest.raises(TypeError, match="start of child 'b' must return what") as e:
            supervisor.start_child(ChildSpec("b", starts[what]))
        assert "secret" not in str(e.value)
        assert supervisor.which_children() == []


def test_a_start_that_gives_what_was_not_started_is_named(bench: Bench) -> None:
    start = type(target(bench.supervisor()))
    with bench.supervisor() as supervisor:
        with pytest.raises(RuntimeError, match="Supervisor has not been started"):
            supervisor.start_child(ChildSpec("b", start))
        assert supervisor.which_children() == []


# The end of children


def test_a_child_that_does_not_end_in_time(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """A task is cancelled; a thread is left behind, and logged."""
    gate = bench.world.gate()
    log = bench.world.log(hold=lambda state: gate.wait(NoReply(state)))
    specs = [bench.spec("a"), bench.spec("b", log, shutdown=0.01), bench.spec("c")]
    with bench.world.supervisor(specs) as supervisor:
        handle = handle_of(supervisor, "b")
        handle.send("hold")
    is_async = bench.world.is_async
    assert bench.ends == (["c", "b", "a"] if is_async else ["c", "a"])
    assert handle.is_alive() != is_async
    left = [record for record in caplog.records if "its child 'b' behind" in record.message]
    assert len(left) == (not is_async)
    gate.open()
    handle.join(PATIENCE_SECONDS)
    assert handle.reason == "shutdown"


# Supervisors of supervisors


def test_a_supervisor_that_fails_is_made_anew_by_its_own(bench: Bench) -> None:
    inner = target(bench.supervisor("a", "b", max_restarts=0))
    specs = [bench.spec("x"), inner.child_spec(id="inner"), bench.spec("y")]
    with bench.world.supervisor(specs) as outer:
        first = handle_of(outer, "inner")
        counts = {"specs": 3, "active": 3, "supervisors": 1, "workers": 2}
        assert outer.count_children() == counts
        handle_of(first, "b").send("web")
        until(lambda: handle_of(outer, "inner") != first)
        second = handle_of(outer, "inner")
        assert second != first
        assert target(second) is not inner
        assert second.count_children()["active"] == 2
        assert bench.ends == ["b", "a"]
    assert bench.ends == ["b", "a", "y", "b", "a", "x"]
    assert not inner.is_alive()


def test_what_was_not_started_neither_ends_nor_has_ended(bench: Bench) -> None:
    supervisor = bench.supervisor("a")
    for call in (supervisor.stop, supervisor.join, supervisor.exit):
        with pytest.raises(RuntimeError, match="has not been started"):
            call()
    with supervisor:
        assert supervisor.count_children()["active"] == 1


def test_the_first_cause_is_found_however_deep_it_lies(bench: Bench) -> None:
    spec = target(bench.supervisor("a", max_restarts=0)).child_spec(id="inner")
    outer = bench.world.supervisor([spec], max_restarts=0).start_link()
    handle_of(handle_of(outer, "inner"), "a").send("web")
    with pytest.raises(WatcherFailed, match=r"child 'inner'.*child 'a'") as failed:
        outer.join(PATIENCE_SECONDS)
    inner = failed.value.__cause__
    assert isinstance(inner, WatcherFailed)
    assert isinstance(inner.__cause__, LookupError)


def test_the_specification_of_a_supervisor(bench: Bench) -> None:
    supervisor = target(bench.supervisor("a"))
    spec = supervisor.child_spec()
    assert (spec.id, spec.type) == (type(supervisor).__name__, "supervisor")
    assert (spec.restart, spec.shutdown) == ("permanent", None)
    spec = supervisor.child_spec(id=7, restart="transient", shutdown=2)
    assert (spec.id, spec.restart, spec.shutdown) == (7, "transient", 2)


# The specification of a watcher


def test_the_class_makes_a_watcher_at_each_start_and_an_instance_does_not(bench: Bench) -> None:
    made: list[Any] = []

    class Mixin:
        def __init__(self) -> None:
            super().__init__(web=fail)  # type: ignore[call-arg]
            made.append(self)

    class Pods(Mixin, AsyncLog if bench.world.is_async else Log):  # type: ignore[misc]
        pass

    specs = [Pods.child_spec(bench.client, "Pod"), Pods().child_spec(bench.client, "Pod", id=1)]
    assert [spec.id for spec in specs] == ["Pods", 1]
    assert len(made) == 1
    with bench.world.supervisor(specs) as supervisor:
        assert len(made) == 2
        crash(supervisor, "Pods")
        crash(supervisor, 1)
        assert supervisor.count_children()["active"] == 2
    assert [len(log.ends) for log in made] == [2, 1, 1]


def test_a_start_link_of_the_users_own_is_called(bench: Bench) -> None:
    class Mixin:
        @classmethod
        def start_link(cls, client: Any, name: str) -> Any:
            return super().start_link(client, "Pod", init_arg=name)  # type: ignore[misc]

        def init(self, init_arg: Any) -> Any:
            bench.ends.append(init_arg)
            return super().init(init_arg)  # type: ignore[misc]

    class Pods(Mixin, AsyncLog if bench.world.is_async else Log):  # type: ignore[misc]
        pass

    spec = Pods.child_spec(bench.client, name="mine", restart="temporary", shutdown=3)
    assert (spec.id, spec.restart, spec.shutdown, spec.type) == ("Pods", "temporary", 3, "worker")
    with bench.world.supervisor([spec]):
        assert bench.ends == ["mine"]


# The end of the process, and of the task


@pytest.mark.parametrize("world", ["asyncio", "trio"], indirect=True)
def test_the_cancellation_of_its_task_stops_the_children_in_reverse(bench: Bench) -> None:
    supervisor = target(bench.supervisor("a", "b"))

    async def body() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(supervisor.run)
            while not supervisor.is_alive():
                await anyio.lowlevel.checkpoint()
            assert (await supervisor.count_children())["active"] == 2
            tasks.cancel_scope.cancel()

    bench.world.call(body)
    assert (bench.ends, supervisor.reason) == (["b", "a"], "shutdown")


PROGRAM = """
    import asyncio, httpx, sys
    from kwatch import AsyncSupervisor, AsyncWatcher, NoReply, Supervisor, Watcher

    class Quiet:
        def init(self, init_arg):
            print("init", init_arg, flush=True)
            return super().init(init_arg)
        def handle_event(self, event_type, obj, state):
            return NoReply(state)
        def terminate(self, reason, state):
            print(reason, state, flush=True)

    class Pods(Quiet, Watcher): ...
    class AsyncPods(Quiet, AsyncWatcher): ...

    def specs(client, pods):
        return [pods.child_spec(client, "Pod", id=id, init_arg=id) for id in "abc"]
"""
THREADS = """
    supervisor = Supervisor(specs(httpx.Client(base_url=sys.argv[1]), Pods))
"""
EXIT = "supervisor.start_link()"
RUN = """
    supervisor.run()
    print("returned")
"""
ASYNC_RUN = """
    async def main():
        async with httpx.AsyncClient(base_url=sys.argv[1]) as client:
            await AsyncSupervisor(specs(client, AsyncPods)).run()
            print("returned")
    asyncio.run(main())
"""
BEGINS = "init a\ninit b\ninit c\n"
ENDS = "shutdown c\nshutdown b\nshutdown a\n"


def command(server: FakeAPIServer, *parts: str) -> list[str]:
    return [sys.executable, "-W", "error", "-c", "".join(map(textwrap.dedent, parts)), server.url]


def test_the_exit_of_the_interpreter_stops_the_children_in_reverse(server: FakeAPIServer) -> None:
    argv = command(server, PROGRAM, THREADS, EXIT)
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, timeout=30, check=True)
    assert done.stdout == BEGINS + ENDS


@pytest.mark.parametrize("parts", [(THREADS, RUN), (ASYNC_RUN,)], ids=["threads", "asyncio"])
def test_sigterm_ends_what_runs_in_the_main_thread(
    server: FakeAPIServer, parts: tuple[str, ...]
) -> None:
    argv = command(server, PROGRAM, *parts)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert "".join(process.stdout.readline() for _ in "abc") == BEGINS
            os.kill(process.pid, signal.SIGTERM)
            out, _ = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()
    assert (out, process.returncode) == (f"{ENDS}returned\n", 0)
