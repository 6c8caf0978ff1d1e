"""Several namespaces as one stream, over real HTTP, for both front ends."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from itertools import islice
from typing import Any

import anyio
import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from kwatch import (
    Backoff,
    Event,
    ExpiredError,
    StatusError,
    StopEvent,
    UnknownKindError,
    WatchStatus,
    awatch,
    watch,
)
from kwatch.testing import FakeAPIServer

QUICK = Backoff(initial=0.02, maximum=0.02)
PATIENCE_SECONDS = 10.0
FRONTS = ("watch", "awatch-asyncio", "awatch-trio")


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.005)


class Running:
    """A stream of several namespaces, in a thread of its own."""

    def __init__(self) -> None:
        self.status = WatchStatus()
        self.events: list[Event] = []
        self.error: Exception | None = None
        self.ended = threading.Event()

    @property
    def names(self) -> list[str]:
        return [
            f"{kind} {obj['metadata'].get('namespace')}/{obj['metadata'].get('name')}"
            for kind, obj in self.events
        ]

    def take(self, count: int) -> list[str]:
        """Wait for so many events, and give them all, sorted: between namespaces is no order."""
        wait_until(lambda: len(self.events) >= count or self.ended.is_set())
        return sorted(self.names)

    def wait_until_open(self, count: int = 2) -> None:
        wait_until(lambda: self.status.connects >= count or self.ended.is_set())


@contextmanager
def running(front: str, url: str, namespaces: Any, **options: Any) -> Iterator[Running]:
    run = Running()
    options = {"namespace": namespaces, "status": run.status, "backoff": QUICK, **options}
    stop_event = StopEvent()

    def consume() -> None:
        try:
            with httpx.Client(base_url=url) as client:
                for event in watch(client, "Pod", stop_event=stop_event, **options):
                    run.events.append(event)
        except Exception as error:
            run.error = error
        finally:
            run.ended.set()

    async def aconsume() -> None:
        try:
            async with (
                httpx.AsyncClient(base_url=url) as client,
                aclosing(awatch(client, "Pod", **options)) as events,
            ):
                async for event in events:
                    run.events.append(event)
        except Exception as error:
            run.error = error
        finally:
            run.ended.set()

    if front == "watch":
        thread = threading.Thread(target=consume)
        thread.start()
        try:
            yield run
        finally:
            stop_event.set()
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()
    else:
        with start_blocking_portal(front.partition("-")[2]) as portal:
            task = portal.start_task_soon(aconsume)
            try:
                yield run
            finally:
                task.cancel()
                wait_until(run.ended.is_set)


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def forbid(server: FakeAPIServer, namespace: str) -> None:
    """Answer 403 to all that is asked of a namespace."""
    body = {"kind": "Status", "apiVersion": "v1", "code": 403, "reason": "Forbidden"}
    handler = server.http.expect_request(f"/api/v1/namespaces/{namespace}/pods")
    handler.respond_with_json(body, status=403)


# Faults


def test_a_forbidden_namespace_does_not_stop_the_others(server: FakeAPIServer, front: str) -> None:
    forbid(server, "b")
    with running(front, server.url, ["a", "b"]) as run:
        run.wait_until_open(1)
        server.create("Pod", "one", "a")
        server.create("Pod", "unseen", "b")
        assert run.take(1) == ["created a/one"]
        part = run.status.namespaces["b"]
        wait_until(lambda: isinstance(part.last_error, StatusError))
        assert run.status.namespaces["a"].connects == 1
        assert not part.is_healthy(0.0)
        server.http.clear_all_handlers()
        wait_until(lambda: part.connects == 1)
        server.create("Pod", "two", "b")
        assert run.take(2) == ["created a/one", "created b/two"]


def test_all_namespaces_forbidden_is_an_error(server: FakeAPIServer, front: str) -> None:
    for namespace in "ab":
        forbid(server, namespace)
    with running(front, server.url, ["a", "b"]) as run:
        wait_until(run.ended.is_set)
    assert isinstance(run.error, StatusError)
    assert run.error.code == 403


def test_a_server_that_is_not_there_is_an_error(front: str) -> None:
    with running(front, "http://127.0.0.1:9", ["a", "b"]) as run:
        wait_until(run.ended.is_set)
    assert isinstance(run.error, httpx.ConnectError)


def test_an_error_of_one_that_no_patience_heals_is_raised(
    server: FakeAPIServer, front: str
) -> None:
    server.create("Pod", "one", "a")
    cursor = server.resource_version
    server.create("Pod", "two", "a")
    server.create("Pod", "three", "a")
    server.compact()
    versions = {"a": cursor, "b": server.resource_version}
    with running(front, server.url, ["a", "b"], resource_version=versions) as run:
        wait_until(run.ended.is_set)
    assert isinstance(run.error, ExpiredError)


def test_an_unknown_kind_is_an_error_once(server: FakeAPIServer) -> None:
    with (
        httpx.Client(base_url=server.url) as client,
        pytest.raises(UnknownKindError),
    ):
        next(watch(client, "Gadget", namespace=["a", "b"]))


def test_a_disconnect_of_one_loses_nothing(server: FakeAPIServer, front: str) -> None:
    with running(front, server.url, ["a", "b"]) as run:
        run.wait_until_open()
        for number in range(4):
            server.disconnect()
            for namespace in "ab":
                server.create("Pod", f"p{number}", namespace)
            assert len(run.take(2 * number + 2)) == 2 * number + 2
    assert len(set(run.names)) == 8


# What it does


def test_events_of_all_namespaces_and_of_no_other(server: FakeAPIServer, front: str) -> None:
    with running(front, server.url, ["a", "b"]) as run:
        run.wait_until_open()
        for namespace in "acb":
            server.create("Pod", "web", namespace)
        server.delete("Pod", "web", "a")
        assert run.take(3) == ["created a/web", "created b/web", "deleted a/web"]
        assert (run.status.events, run.status.connects, run.status.state) == (3, 2, "watching")
        assert run.status.is_healthy(60)
    assert run.status.state == "ended"


def test_what_exists_comes_first_in_each(server: FakeAPIServer, front: str) -> None:
    for namespace in "ab":
        server.create("Pod", "web", namespace)
    with running(
        front, server.url, ["a", "b"], send_initial_events=True, allow_bookmarks=True
    ) as run:
        assert run.take(4)[2:] == ["created a/web", "created b/web"]
        wait_until(lambda: run.status.synced)
        assert run.status.resource_version == server.resource_version


def test_a_cursor_each_and_the_oldest_for_all(server: FakeAPIServer, front: str) -> None:
    with running(front, server.url, ["a", "b"]) as run:
        wait_until(lambda: run.status.synced)
        start = server.resource_version
        assert run.status.resource_version == start
        server.create("Pod", "one", "a")
        run.take(1)
        cursors = {name: part.resource_version for name, part in run.status.namespaces.items()}
        assert cursors == {"a": server.resource_version, "b": start}
        assert run.status.resource_version == start
    server.create("Pod", "two", "a")
    server.create("Pod", "three", "b")
    with running(front, server.url, ["a", "b"], resource_version=cursors) as run:
        assert run.take(2) == ["created a/two", "created b/three"]
    with running(front, server.url, ["a", "b"], resource_version=start) as run:
        assert run.take(3) == ["created a/one", "created a/two", "created b/three"]


def test_a_cursor_is_never_ahead_of_what_was_yielded(server: FakeAPIServer) -> None:
    """Though the connections are read while the consumer is busy."""
    status = WatchStatus()
    with httpx.Client(base_url=server.url) as client:
        start = server.resource_version
        events = watch(client, "Pod", namespace=["a", "b"], resource_version=start, status=status)
        for number in range(20):
            server.create("Pod", f"p{number}", "ab"[number % 2])
        seen: dict[str, list[str]] = {"a": [], "b": []}
        for _, obj in islice(events, 20):
            metadata = obj["metadata"]
            seen[metadata["namespace"]].append(metadata["resourceVersion"])
            time.sleep(0.002)
            for name, part in status.namespaces.items():
                assert part.resource_version == (seen[name] or [start])[-1]
        events.close()
    assert status.events == 20


def test_from_now_there_is_no_bookmark_of_a_start(server: FakeAPIServer, front: str) -> None:
    """The sessions mark it for each other, and for nobody else."""
    with running(front, server.url, ["a", "b"], allow_bookmarks=True) as run:
        wait_until(lambda: run.status.synced)
        server.create("Pod", "one", "a")
        assert run.take(1) == ["created a/one"]


def test_events_count_when_they_are_yielded(server: FakeAPIServer) -> None:
    status = WatchStatus()
    for number in range(6):
        server.create("Pod", f"p{number}", "ab"[number % 2])
    with httpx.Client(base_url=server.url) as client:
        events = watch(client, "Pod", namespace=["a", "b"], resource_version="0", status=status)
        for count in range(1, 7):
            next(events)
            time.sleep(0.02)
            assert status.events == count
            assert sum(part.events for part in status.namespaces.values()) == count
            assert not any(
                part.synced and part.resource_version is None for part in status.namespaces.values()
            )
        events.close()


def test_one_namespace_in_a_list_is_a_list(server: FakeAPIServer) -> None:
    status = WatchStatus()
    with httpx.Client(base_url=server.url) as client:
        events = watch(client, "Pod", namespace=("a",), resource_version="1", status=status)
        server.create("Pod", "one", "a")
        next(events)
        events.close()
    assert list(status.namespaces) == ["a"]
    assert status.namespaces["a"].resource_version == status.resource_version


def test_a_stop_ends_all_of_it_at_once(server: FakeAPIServer) -> None:
    before = threading.active_count()
    stop_event, status = StopEvent(), WatchStatus()
    with httpx.Client(base_url=server.url) as client:
        events = watch(
            client, "Pod", namespace=["a", "b", "c"], stop_event=stop_event, status=status
        )
        thread = threading.Thread(target=lambda: list(events))
        thread.start()
        wait_until(lambda: status.connects == 3)
        began = time.monotonic()
        stop_event.set()
        thread.join(PATIENCE_SECONDS)
        assert time.monotonic() - began < 1.0
    wait_until(lambda: threading.active_count() <= before + 3)  # the fake server's own


def test_a_consumer_that_leaves_closes_all_connections(server: FakeAPIServer) -> None:
    with httpx.Client(base_url=server.url) as client:
        events = watch(client, "Pod", namespace=["a", "b"], resource_version="0")
        server.create("Pod", "one", "a")
        for _ in events:
            break
        wait_until(lambda: server.watches == 2)
        events.close()
        wait_until(lambda: server.watches == 0)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_scope_around_one_step_does_no_harm(server: FakeAPIServer, backend: str) -> None:
    """As it would with a task group that is open between two events."""

    async def main() -> list[str]:
        names: list[str] = []
        async with (
            httpx.AsyncClient(base_url=server.url) as client,
            aclosing(awatch(client, "Pod", namespace=["a", "b"], resource_version="0")) as events,
        ):
            for number in range(3):
                server.create("Pod", f"p{number}", "ab"[number % 2])
                with anyio.fail_after(PATIENCE_SECONDS):
                    event = await anext(events)
                names.append(event.obj["metadata"]["name"])
        return sorted(names)

    assert anyio.run(main, backend=backend) == ["p0", "p1", "p2"]


# Arguments


@pytest.mark.parametrize(
    ("arguments", "expected", "told"),
    [
        ({"namespace": []}, ValueError, "at least one"),
        ({"namespace": ["a", "B!"]}, ValueError, "'B!'"),
        ({"namespace": ["a", 5]}, TypeError, "5"),
        ({"namespace": ["a"], "resource_version": {"b": "5"}}, ValueError, "'b'"),
        ({"namespace": ["a"], "resource_version": {"a": 5}}, TypeError, "5"),
        ({"namespace": "a", "resource_version": {"a": "5"}}, TypeError, "namespaces"),
        ({"resource_version": "5", "send_initial_events": True}, ValueError, "either"),
        ({"subresource": "a/b"}, ValueError, "'a/b'"),
        ({"subresource": 5}, TypeError, "5"),
    ],
)
def test_a_bad_argument_is_named_at_the_call(
    arguments: dict[str, Any], expected: type[Exception], told: str
) -> None:
    with httpx.Client(base_url="http://x") as client, pytest.raises(expected, match=told):
        watch(client, "Pod", **arguments)
    with pytest.raises(expected, match=told):
        awatch(httpx.AsyncClient(base_url="http://x"), "Pod", **arguments)
