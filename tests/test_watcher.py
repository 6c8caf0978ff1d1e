"""`Watcher`: fold, run and start_link, against the embedded server over real sockets."""

import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from kwatch import (
    TIMEOUT,
    AsyncWatcher,
    NoReply,
    Ok,
    Stop,
    Watcher,
    WatcherFailed,
    WatchStatus,
    watch,
)
from kwatch.testing import FakeAPIServer
from tests.worlds import PATIENCE_SECONDS, World, until

POD: dict[str, Any] = {"kind": "Pod", "metadata": {"name": "web"}}


def fail(state: list[Any]) -> Any:
    raise LookupError("broken")


@pytest.fixture
def client(server: FakeAPIServer, world: World) -> Any:
    return world.client(server.url)


def start(world: World, log: Any, client: Any, **options: Any) -> Any:
    """Start a watcher, and wait until it watches."""
    handle = world.call(log.start_link, client, "Pod", **options)
    namespace = options.get("namespace")
    count = len(namespace) if isinstance(namespace, list) else 1
    until(lambda: handle.status.connects >= count or not handle.is_alive())
    return handle


def sockets(server: FakeAPIServer) -> list[Any]:
    """Give the open connections to a server."""
    port = httpx.URL(server.url).port
    open_ones = psutil.Process().net_connections("tcp")
    return [c for c in open_ones if c.raddr and c.raddr.port == port and c.status == "ESTABLISHED"]


# A fold


def test_a_fold_raises_what_a_callback_raises(world: World) -> None:
    with pytest.raises(LookupError, match="broken"):
        world.call(world.log(web=fail).fold, [("created", POD)], [])


@pytest.mark.parametrize("wrong", [None, POD, Ok([]), [POD]])
def test_a_callback_that_returns_anything_else_is_named(world: World, wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"Log\.handle_event\(\) must return NoReply or Stop, got"):
        world.call(world.log(web=lambda _: wrong).fold, [("created", POD)], [])


def test_a_fold_stops_where_a_callback_says_so(world: World) -> None:
    items = iter([("created", POD), "never"])
    assert world.call(world.log(web=lambda state: Stop("normal", state)).fold, items, []) == [
        ("created", "web")
    ]
    assert next(items) == "never"


def test_a_fold_that_stops_for_an_abnormal_reason_fails(world: World) -> None:
    with pytest.raises(WatcherFailed, match="Log has ended: 'full'") as failed:
        world.call(world.log(web=lambda _: Stop("full")).fold, [("created", POD)], [])
    assert failed.value.reason == "full"


def test_a_fold_tells_events_from_messages_and_continues_at_once(world: World) -> None:
    log = world.log(hello=lambda state: NoReply(state, continue_with=7))
    items = [("created", POD), "hello", TIMEOUT, ("created", "no object")]
    expected = [("created", "web"), "hello", "continue 7", TIMEOUT, ("created", "no object")]
    assert world.call(log.fold, items, []) == expected
    assert log.ends == []


def test_a_watcher_that_handles_no_event_is_refused_at_the_start(client: Any, world: World) -> None:
    plain: Any = AsyncWatcher if world.is_async else Watcher
    with pytest.raises(NotImplementedError, match="handle_event"):
        world.call(plain.fold, [], None)
    for begin in (plain.run, plain.start_link):
        with pytest.raises(NotImplementedError, match="handle_event"):
            world.call(begin, client, "Pod")


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
        ({"timeout": 10**400}, ValueError),
        ({"timeout": "5"}, TypeError),
        ({"timeout": 1, "continue_with": 1}, ValueError),
    ],
)
def test_a_result_that_cannot_be_right(wrong: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        NoReply(None, **wrong)


# Ways out: terminate is called once on each


def test_an_exception_in_a_callback(server: FakeAPIServer, client: Any, world: World) -> None:
    log = world.log(web=fail)
    handle = start(world, log, client)
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


def test_a_failed_connection(server: FakeAPIServer, client: Any, world: World) -> None:
    log = world.log()
    with pytest.raises(WatcherFailed, match="nosuch"):
        world.call(log.run, client, "nosuch")
    assert len(log.ends) == 1


def test_an_init_that_fails_or_stops(client: Any, world: World) -> None:
    answers: list[Callable[[Any], Any]] = [fail, lambda _: Stop("no"), lambda _: None]
    for answer in answers:
        log = world.log(init=answer)
        with pytest.raises(WatcherFailed):
            world.call(log.start_link, client, "Pod")
        assert log.ends == []
    log = world.log(init=lambda _: Stop("normal"))
    assert not world.call(log.start_link, client, "Pod").is_alive()


@pytest.mark.parametrize("reason", ["normal", "shutdown", ("shutdown", "full")])
def test_a_callback_that_stops(
    server: FakeAPIServer, client: Any, world: World, reason: Any
) -> None:
    log = world.log(web=lambda state: Stop(reason, [*state, "end"]))
    server.create("Pod", "web")
    last = [("created", "web"), "end"]
    assert world.call(log.run, client, "Pod", send_initial_events=True) == last
    assert log.ends == [(reason, last)]


def test_a_terminate_that_raises(client: Any, world: World) -> None:
    handle = start(world, world.log(terminate=fail), client)
    with pytest.raises(WatcherFailed, match="broken"):
        handle.stop()


def test_stop_ends_a_blocked_read_and_closes_its_socket(
    server: FakeAPIServer, client: Any, world: World
) -> None:
    log = world.log()
    before = threading.active_count()
    handle = start(world, log, client)
    assert sockets(server)
    handle.stop("mine", timeout=PATIENCE_SECONDS)
    assert log.ends == [("mine", [])]
    assert not sockets(server)
    assert not [t for t in threading.enumerate() if t.name.startswith(("kwatch-Log", "kwatch-rea"))]
    assert threading.active_count() <= before + 1  # the server's own
    with pytest.raises(WatcherFailed):
        handle.join()


def test_a_stop_that_takes_too_long(server: FakeAPIServer, client: Any, world: World) -> None:
    gate = world.gate()
    handle = start(world, world.log(wait=lambda state: gate.wait(NoReply(state))), client)
    handle.send("wait")
    with pytest.raises(TimeoutError, match="Log"):
        handle.stop(timeout=0.01)
    gate.open()
    assert handle.result(PATIENCE_SECONDS) == ["wait"]


def test_a_watcher_does_not_stop_itself(client: Any, world: World) -> None:
    handles: list[Any] = []
    handle = start(world, world.log(stop=lambda _: handles[0].stop()), client)
    handles.append(handle._target if world.is_async else handle)
    handle.send("stop")
    with pytest.raises(WatcherFailed, match="return Stop"):
        handle.result(PATIENCE_SECONDS)


def test_a_block_that_raises_ends_the_watcher_for_that(client: Any, world: World) -> None:
    log = world.log()
    with pytest.raises(KeyError), start(world, log, client):
        raise KeyError("mine")
    assert [type(reason) for reason, _ in log.ends] == [KeyError]


# Time, messages, and the cursor


def test_a_timeout_comes_after_what_waits_and_is_cancelled_by_what_comes(
    client: Any,
    world: World,
) -> None:
    log = world.log(first=lambda state: NoReply(state, timeout=0))
    log.answers["init"] = lambda _: Ok([], timeout=60)
    log.answers["second"] = lambda state: NoReply(state, hibernate=True)
    handle = start(world, log, client)
    gate = world.gate()
    log.answers["hold"] = lambda state: gate.wait(NoReply(state))
    for message in ("hold", "first", "second", "first"):
        handle.send(message)
    gate.open()
    until(lambda: len(handle.state) == 5)
    handle.stop()
    assert handle.state == ["hold", "first", "second", "first", TIMEOUT]


def test_each_message_is_handled_once_and_in_order_per_sender(
    server: FakeAPIServer, client: Any, world: World
) -> None:
    log = world.log()
    state: dict[Any, list[int]] = {sender: [] for sender in range(8)} | {"events": []}

    def count(seen: list[Any]) -> Any:
        kind, number = seen[-1]
        state[kind if isinstance(kind, int) else "events"].append(number)
        return NoReply([])

    log.answer = lambda _, seen: count(seen)  # type: ignore[assignment]
    handle = start(world, log, client)

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
    until(lambda: len(state["events"]) == 20)
    handle.stop()
    assert all(state[sender] == list(range(1250)) for sender in range(8))


def test_the_cursor_waits_for_a_slow_handler(
    server: FakeAPIServer, client: Any, world: World
) -> None:
    gate = world.gate()
    status = WatchStatus()
    log = world.log(**{"pod-0": lambda state: gate.wait(NoReply(state))})
    handle = start(world, log, client, status=status)
    assert handle.status is status
    pods = [server.create("Pod", f"pod-{number}") for number in range(40)]
    versions = [pod["metadata"]["resourceVersion"] for pod in pods]
    until(lambda: status.events == 1)
    assert status.resource_version == versions[0]
    gate.open()
    until(lambda: len(handle.state) == 40)
    handle.stop()
    assert (status.events, status.resource_version) == (40, versions[-1])


def test_what_a_stop_leaves_unhandled_is_not_behind_the_cursor(
    server: FakeAPIServer, client: Any, world: World
) -> None:
    gate = world.gate()
    handle = start(world, world.log(**{"pod-0": lambda state: gate.wait(NoReply(state))}), client)
    for number in range(5):
        server.create("Pod", f"pod-{number}")
    until(lambda: handle.status.events == 1)
    handle.exit()
    gate.open()
    handle.join(PATIENCE_SECONDS)
    assert handle.state == [("created", "pod-0")]
    with httpx.Client(base_url=server.url) as another:
        events = watch(another, "Pod", resource_version=handle.status.resource_version)
        assert next(events).obj["metadata"]["name"] == "pod-1"
        events.close()


@pytest.mark.parametrize("namespace", [None, ["default", "other"]])
def test_the_cursor_goes_back_to_before_what_a_callback_has_failed_of(
    server: FakeAPIServer, client: Any, world: World, namespace: Any
) -> None:
    log = world.log(web=fail)
    handle = start(world, log, client, namespace=namespace)
    version = server.create("Pod", "first")["metadata"]["resourceVersion"]
    server.create("Pod", "web")
    with pytest.raises(WatcherFailed):
        handle.result(PATIENCE_SECONDS)
    status = handle.status if namespace is None else handle.status.namespaces["default"]
    assert status.resource_version == version


def test_the_cursor_stays_at_what_was_handled_before_something_else_fails(
    server: FakeAPIServer, client: Any, world: World
) -> None:
    handle = start(world, world.log(hello=fail), client)
    version = server.create("Pod", "web")["metadata"]["resourceVersion"]
    until(lambda: handle.state)
    handle.send("hello")
    with pytest.raises(WatcherFailed):
        handle.result(PATIENCE_SECONDS)
    assert handle.status.resource_version == version


def test_an_event_that_stops_the_watcher_is_handled(
    server: FakeAPIServer, client: Any, world: World
) -> None:
    handle = start(world, world.log(web=lambda _: Stop("full")), client)
    version = server.create("Pod", "web")["metadata"]["resourceVersion"]
    with pytest.raises(WatcherFailed):
        handle.result(PATIENCE_SECONDS)
    assert handle.status.resource_version == version


def test_a_failure_is_raised_each_time_as_it_was(client: Any, world: World) -> None:
    handle = start(world, world.log(hello=fail), client)
    handle.send("hello")
    lengths = []
    for _ in range(3):
        with pytest.raises(WatcherFailed) as failed:
            handle.result(PATIENCE_SECONDS)
        lengths.append(len(failed.traceback))
    assert lengths[1] == lengths[2]


def test_what_has_ended_keeps_no_message(client: Any, world: World) -> None:
    handle = start(world, world.log(), client)
    handle.stop()
    messages = [object()]
    handle.send(messages[0])
    assert sys.getrefcount(messages[0]) == sys.getrefcount(object()) + 1


@pytest.mark.parametrize("shown", [False, True])
def test_bookmarks_move_the_cursor_and_are_shown_on_request_only(
    server: FakeAPIServer, client: Any, world: World, shown: bool
) -> None:
    options = {"allow_bookmarks": shown, "send_initial_events": True}
    handle = start(world, world.log(), client, **options)
    until(lambda: handle.status.synced)
    handle.stop()
    assert handle.state == ([("bookmark", None)] if shown else [])


def test_a_failure_is_logged_where_nobody_may_look(
    server: FakeAPIServer, client: Any, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    handle = start(world, world.log(web=fail), client)
    with caplog.at_level(logging.ERROR, "kwatch"):
        server.create("Pod", "web")
        until(lambda: not handle.is_alive())
    assert "Log has ended: LookupError: broken" in caplog.text
