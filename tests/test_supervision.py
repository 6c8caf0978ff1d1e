"""`Supervision`: which child is started, restarted and stopped when; no thread, no time passes."""

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from kwatch import ChildSpec, WatcherFailed
from kwatch._steps import Call, Exit, Message, Steps, Wait
from kwatch._supervision import Request, Supervision

Log = list[str]
BAD = LookupError("broken")
NO = OSError("no such port")


class Fake:
    """A process that runs until it is told to end, or `Bench.end` ends it."""

    def __init__(self, stopped: Callable[[float | None], bool]) -> None:
        self.reason: Any = None
        self.failure: WatcherFailed | None = None
        self.shut_down = stopped
        self.supervised: Callable[[], object] | None = None

    def is_alive(self) -> bool:
        return self.reason is None

    def supervise(self, ended: Callable[[], object]) -> None:
        self.supervised = ended
        if self.reason is not None:
            ended()


class Bench:
    """A supervision of fake processes that lives until it waits; keeps what it has done.

    Args:
        children: Words: ``id`` or ``id:restart``.
        options: See `Supervision`.
    """

    def __init__(self, children: str = "a b c", **options: Any) -> None:
        self.log: Log = []
        self.now = 100.0
        self.mail: deque[Any] = deque()
        self.failures: dict[str, list[BaseException]] = {}
        self.meanwhile: list[Callable[[], object]] = []  # what comes while a start fails
        self.short_lived: list[str] = []
        self.stubborn = ""
        self.processes: dict[str, Fake] = {}
        self.supervision = Supervision(
            "Top",
            map(self.spec, children.split()),
            process_type=Fake,
            expected="a Fake",
            clock=lambda: self.now,
            post=lambda message: self.mail.append(Message(message)),
            **{"strategy": "one_for_one", "max_restarts": 3, "max_seconds": 5.0, **options},
        )
        self.steps: Steps = self.supervision.steps(lambda: self.log.append("begin"))
        self.reason: Any = None

    def spec(self, word: str) -> ChildSpec:
        name, _, restart = word.partition(":")
        how: Any = restart or "permanent"
        return ChildSpec(name, lambda: self.start(name), how, shutdown=float(len(word)))

    def start(self, name: str) -> Fake:
        self.log.append(f"start {name}")
        if self.failures.get(name):
            while self.meanwhile:
                self.meanwhile.pop()()
            raise self.failures[name].pop(0)
        process = self.processes[name] = Fake(lambda timeout: self.stop(name, timeout))
        if name in self.short_lived:
            self.short_lived.remove(name)
            process.reason = "bad"
        return process

    def stop(self, name: str, timeout: float | None) -> bool:
        self.log.append(f"stop {name}")
        return name not in self.stubborn

    def live(self) -> "Bench":
        """Start it, and forget that."""
        self.go(next(self.steps))
        self.log.clear()
        return self

    def go(self, step: Any) -> None:
        """Do what it says until it waits for what has not come."""
        try:
            while isinstance(step, Call) or self.mail:
                try:
                    is_call = isinstance(step, Call)
                    answer = step.function(*step.args) if is_call else self.mail.popleft()
                except BaseException as error:
                    step = self.steps.throw(error)
                else:
                    step = self.steps.send(answer)
            assert step == Wait()
        except StopIteration as end:
            self.reason = end.value

    def end(self, name: str, reason: Any = "bad") -> Log:
        """Have a process end; give what is done about it."""
        self.log.clear()
        self.processes[name].reason = reason
        ended = self.processes[name].supervised
        assert ended is not None
        ended()
        self.go(Wait())
        return self.log

    def exit(self, reason: Any = "shutdown") -> Log:
        self.log.clear()
        self.mail.append(Exit(reason))
        self.go(Wait())
        return self.log

    def put(self, function: Callable[[Supervision], Any]) -> "Future[Any]":
        """Put a request in; give its reply."""
        reply: Future[Any] = Future()
        self.mail.append(Message(Request(lambda: function(self.supervision), reply)))
        return reply

    def ask(self, method: str, *args: Any) -> Any:
        """Make a request, and have it answered."""
        self.log.clear()
        reply = self.put(lambda supervision: getattr(supervision, method)(*args))
        self.go(Wait())
        return reply.result(0)

    def ids(self) -> str:
        return " ".join(str(id) for id, _, _ in self.supervision.which_children())  # noqa: A001

    def running(self) -> str:
        children = self.supervision.which_children()
        return " ".join(str(id) for id, process, _ in children if process)  # noqa: A001


# The start and the end


def test_children_start_in_order_and_are_stopped_in_reverse() -> None:
    bench = Bench()
    bench.go(next(bench.steps))
    assert bench.log == ["start a", "start b", "start c", "begin"]
    assert bench.exit(("shutdown", "why")) == ["stop c", "stop b", "stop a"]
    assert bench.reason == ("shutdown", "why")


def test_a_child_that_does_not_start_ends_those_that_have() -> None:
    bench = Bench()
    bench.failures["c"] = [NO]
    with pytest.raises(WatcherFailed, match="Top has ended: its child 'c' has not started") as e:
        bench.go(next(bench.steps))
    assert bench.log == ["start a", "start b", "start c", "stop b", "stop a"]
    assert e.value.reason == ("shutdown", ("failed_to_start_child", "c", NO))
    assert e.value.__cause__ is NO


def test_an_abnormal_reason_to_end_is_a_failure_after_all_have_been_stopped() -> None:
    bench = Bench().live()
    with pytest.raises(WatcherFailed) as failed:
        bench.exit("full")
    assert failed.value.reason == "full"
    assert bench.log == ["stop c", "stop b", "stop a"]


def test_what_is_no_exception_passes_through_after_all_have_been_stopped() -> None:
    bench = Bench().live()
    bench.failures["b"] = [SystemExit(3)]
    with pytest.raises(SystemExit):
        bench.end("b")
    assert bench.log == ["start b", "stop c", "stop a"]


def test_a_second_interrupt_gives_one_child_up_and_not_the_others() -> None:
    bench = Bench().live()
    step = bench.steps.throw(KeyboardInterrupt("first"))
    assert step == Call(bench.processes["c"].shut_down, (1.0,), is_shielded=True)
    with pytest.raises(KeyboardInterrupt, match="second"):
        bench.go(bench.steps.throw(KeyboardInterrupt("second")))
    assert bench.log == ["stop b", "stop a"]


def test_it_is_closed_without_a_step() -> None:
    bench = Bench().live()
    bench.steps.close()
    assert bench.log == []


def test_a_child_that_does_not_end_in_time_is_named(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench().live()
    bench.stubborn = "b"
    assert bench.exit() == ["stop c", "stop b", "stop a"]
    assert caplog.messages == ["Top leaves its child 'b' behind, which has not ended in 1.0 s"]


# Which are restarted


@pytest.mark.parametrize(
    ("strategy", "ended", "expected", "left"),
    [
        ("one_for_one", "b", "start b", "a b t c"),
        ("one_for_all", "b", "stop c, stop t, stop a, start a, start b, start c", "a b c"),
        ("one_for_all", "c", "stop t, stop b, stop a, start a, start b, start c", "a b c"),
        ("rest_for_one", "a", "stop c, stop t, stop b, start a, start b, start c", "a b c"),
        ("rest_for_one", "b", "stop c, stop t, start b, start c", "a b c"),
        ("rest_for_one", "c", "start c", "a b t c"),
        ("one_for_one", "t", "", "a b c"),
        ("one_for_all", "t", "", "a b c"),
        ("rest_for_one", "t", "", "a b c"),
    ],
)
def test_a_strategy_stops_in_reverse_and_starts_in_order_and_forgets_the_temporary(
    strategy: str, ended: str, expected: str, left: str
) -> None:
    bench = Bench("a b t:temporary c", strategy=strategy).live()
    assert ", ".join(bench.end(ended)) == expected
    assert bench.ids() == bench.running() == left


@pytest.mark.parametrize(
    ("reason", "is_normal"),
    [
        ("normal", True),
        ("shutdown", True),
        (("shutdown", "full"), True),
        ("full", False),
        (("shut", "down"), False),
        (BAD, False),
    ],
)
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
def test_what_ends_is_restarted_as_its_specification_says(
    strategy: str, reason: Any, is_normal: bool
) -> None:
    bench = Bench("p t:transient x:temporary", strategy=strategy).live()
    assert bench.end("x", reason) == []
    assert bench.ids() == "p t"
    assert ("start t" not in bench.end("t", reason)) == is_normal
    assert bench.ids() == "p t"
    assert bench.running() == ("p" if is_normal else "p t")
    assert "start p" in bench.end("p", reason)


def test_one_for_all_starts_what_did_not_run_as_well() -> None:
    """Source: OTP, where the children are started as they were at first."""
    bench = Bench("a t:transient c", strategy="one_for_all").live()
    bench.ask("terminate_child", "a")
    bench.end("t", "normal")
    assert bench.end("c") == ["start a", "start t", "start c"]


def test_what_ends_while_it_is_restarted_with_others_is_restarted_once() -> None:
    bench = Bench("a b", strategy="one_for_all", max_restarts=1).live()
    for process in bench.processes.values():
        process.reason = "bad"
        assert process.supervised is not None
        process.supervised()
    bench.go(Wait())
    assert bench.log == ["stop b", "start a", "start b"]


def test_what_has_ended_before_it_is_supervised_is_restarted() -> None:
    bench = Bench("a b").live()
    bench.short_lived = ["a"]
    assert bench.end("a") == ["start a", "start a"]
    assert bench.running() == "a b"


# How often


@pytest.mark.parametrize("max_restarts", [0, 1, 3])
def test_one_restart_too_many_ends_all(max_restarts: int, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench("a b c", max_restarts=max_restarts, max_seconds=5).live()
    for number in range(max_restarts):
        assert bench.end("abc"[number % 3], BAD) == [f"start {'abc'[number % 3]}"]
    for message, name in zip(caplog.messages, "abc"[:max_restarts], strict=True):
        assert f"child {name!r} has ended: {BAD!r}" in message
    with pytest.raises(WatcherFailed, match=rf"more than {max_restarts} restarts in 5 s") as failed:
        bench.end("b", BAD)
    assert bench.log == ["stop c", "stop a"]
    assert (failed.value.name, failed.value.reason) == ("Top", "shutdown")
    assert failed.value.__cause__ is BAD
    assert "child 'b' has ended" in str(failed.value)


def test_a_reason_that_is_no_exception_is_no_cause() -> None:
    bench = Bench("a", max_restarts=0).live()
    with pytest.raises(WatcherFailed, match="'normal'") as failed:
        bench.end("a", "normal")
    assert failed.value.__cause__ is None


@pytest.mark.parametrize(("seconds", "is_too_many"), [(5.0, True), (5.01, False)])
def test_old_restarts_are_forgotten(seconds: float, is_too_many: bool) -> None:
    bench = Bench("a", max_restarts=2, max_seconds=5).live()
    bench.end("a")
    bench.now += 4
    bench.end("a")
    bench.now += seconds - 4
    if is_too_many:
        with pytest.raises(WatcherFailed):
            bench.end("a")
        return
    assert bench.end("a") == ["start a"]
    for _ in range(9):
        bench.now += 5
        assert bench.end("a") == ["start a"]


@pytest.mark.parametrize(
    ("strategy", "attempt"),
    [
        ("one_for_one", ["start b"]),
        ("one_for_all", ["stop a", "start a", "start b"]),
        ("rest_for_one", ["start b"]),
    ],
)
def test_an_attempt_that_fails_is_a_restart_as_well(strategy: str, attempt: Log) -> None:
    stopped = [] if strategy == "one_for_one" else ["stop c"]
    bench = Bench(strategy=strategy, max_restarts=3).live()
    bench.failures["b"] = [NO, NO]
    first, last = attempt, [*attempt, *(["start c"] if stopped else [])]
    assert bench.end("b") == [*stopped, *first, *attempt, *last]
    with pytest.raises(WatcherFailed):
        bench.end("c")
    bench = Bench(strategy=strategy, max_restarts=3).live()
    bench.failures["b"] = [NO, NO, NO]
    with pytest.raises(WatcherFailed) as failed:
        bench.end("b")
    end = ["stop c", "stop a"] if strategy == "one_for_one" else ["stop a"]
    assert bench.log == [*stopped, *attempt * 3, *end]
    assert failed.value.__cause__ is NO


def test_requests_and_the_end_come_between_two_attempts() -> None:
    bench = Bench("a b").live()
    replies: list[Future[Any]] = []

    def ask() -> None:
        replies.append(bench.put(lambda s: s.which_children()))
        replies.append(bench.put(lambda s: s.delete_child("a")))
        replies.append(bench.put(lambda s: s.restart_child("a")))

    bench.failures["a"], bench.meanwhile = [NO], [ask]
    assert bench.end("a") == ["start a", "start a"]
    assert [process for _, process, _ in replies[0].result(0)] == [None, bench.processes["b"]]
    assert [type(reply.exception(0)) for reply in replies[1:]] == [ValueError, ValueError]
    bench.failures["a"], bench.meanwhile = [NO], [lambda: bench.mail.append(Exit("normal"))]
    assert bench.end("a") == ["start a", "stop b"]
    assert bench.reason == "normal"


def test_what_is_terminated_between_two_attempts_is_not_tried_again() -> None:
    bench = Bench("a b").live()
    bench.failures["a"] = [NO]
    bench.meanwhile = [lambda: bench.put(lambda s: s.terminate_child("a"))]
    assert bench.end("a") == ["start a"]
    assert (bench.ids(), bench.running()) == ("a b", "b")
    bench.ask("restart_child", "a")
    assert bench.running() == "a b"


# What is asked of it


def test_a_child_is_added_stopped_started_and_deleted() -> None:
    bench = Bench("a").live()
    assert bench.ask("start_child", bench.spec("b")) is bench.processes["b"]
    assert bench.ask("which_children")[1] == ("b", bench.processes["b"], "worker")
    bench.ask("terminate_child", "b")
    assert bench.log == ["stop b"]
    bench.ask("terminate_child", "b")
    assert bench.log == []
    counts = {"specs": 2, "active": 1, "supervisors": 0, "workers": 2}
    assert bench.ask("count_children") == counts
    assert bench.ask("restart_child", "b") is bench.processes["b"]
    bench.ask("terminate_child", "b")
    bench.ask("delete_child", "b")
    assert bench.exit() == ["stop a"]


def test_a_child_that_was_terminated_is_not_restarted() -> None:
    bench = Bench("a").live()
    bench.ask("terminate_child", "a")
    assert bench.end("a") == []


def test_a_temporary_child_that_is_terminated_is_forgotten() -> None:
    bench = Bench("a t:temporary").live()
    bench.ask("terminate_child", "t")
    assert bench.ids() == "a"
    bench.ask("start_child", bench.spec("t:permanent"))
    assert bench.running() == "a t"


def test_supervisors_are_counted_apart() -> None:
    bench = Bench("a").live()
    bench.ask("start_child", ChildSpec("b", lambda: bench.start("b"), type="supervisor"))
    counts = {"specs": 2, "active": 2, "supervisors": 1, "workers": 1}
    assert bench.ask("count_children") == counts


def test_a_child_that_cannot_be_added_is_forgotten() -> None:
    bench = Bench("a").live()
    bench.failures["b"] = [NO]
    with pytest.raises(OSError, match="no such port"):
        bench.ask("start_child", bench.spec("b"))
    assert bench.ids() == "a"
    assert bench.ask("start_child", bench.spec("b")) is bench.processes["b"]


def test_a_child_that_cannot_be_started_again_stays_and_is_not_tried() -> None:
    bench = Bench("a").live()
    bench.ask("terminate_child", "a")
    bench.failures["a"] = [NO]
    with pytest.raises(OSError, match="no such port"):
        bench.ask("restart_child", "a")
    assert (bench.log, bench.ids(), bench.running()) == (["start a"], "a", "")


@pytest.mark.parametrize(
    ("method", "argument", "error", "match"),
    [
        ("start_child", ChildSpec("a", print), ValueError, "Top has a child 'a' already"),
        ("start_child", Bench, TypeError, r"expected a kwatch\.ChildSpec, .* got <class"),
        ("terminate_child", "x", LookupError, "Top has no child 'x'; it has 'a', 'b'"),
        ("restart_child", "x", LookupError, "no child 'x'"),
        ("delete_child", "x", LookupError, "no child 'x'"),
        ("restart_child", "a", ValueError, r"child 'a' of Top runs: call terminate_child\(\)"),
        ("delete_child", "a", ValueError, "runs"),
    ],
)
def test_a_request_that_cannot_be_right_changes_nothing(
    method: str, argument: Any, error: type[Exception], match: str
) -> None:
    bench = Bench("a b").live()
    with pytest.raises(error, match=match):
        bench.ask(method, argument)
    assert (bench.log, bench.running()) == ([], "a b")


# Arguments


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"strategy": "all"}, ValueError),
        ({"max_restarts": -1}, ValueError),
        ({"max_restarts": True}, TypeError),
        ({"max_restarts": 1.5}, TypeError),
        ({"max_seconds": -1}, ValueError),
        ({"max_seconds": "5"}, TypeError),
        ({"max_seconds": float("nan")}, ValueError),
        ({"children": "a b a"}, ValueError),
    ],
)
def test_an_argument_that_cannot_be_right(wrong: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Bench(**wrong)


@pytest.mark.parametrize(
    ("wrong", "error", "match"),
    [
        ({"restart": "sometimes"}, ValueError, "expected restart as 'permanent', 'transient' or"),
        ({"type": "boss"}, ValueError, "expected type as 'worker' or 'supervisor', got 'boss'"),
        ({"start": None}, TypeError, "expected start as a function of no argument, got None"),
        ({"id": []}, TypeError, "unhashable"),
        ({"shutdown": -1}, ValueError, "shutdown"),
        ({"shutdown": "infinity"}, TypeError, "shutdown"),
    ],
)
def test_a_specification_that_cannot_be_right(
    wrong: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        ChildSpec(**{"id": "a", "start": print, **wrong})


def test_restarts_are_warnings_and_what_was_asked_for_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench("a t:temporary").live()
    with caplog.at_level(logging.DEBUG, "kwatch"):
        bench.ask("terminate_child", "a")
        bench.ask("restart_child", "a")
        bench.end("t", "normal")
        assert caplog.records == []
        bench.end("a")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
