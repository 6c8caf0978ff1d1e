"""`watch`, `awatch`, `connect` and `aconnect` as a user calls them, over real sockets."""

import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing, contextmanager, suppress
from itertools import islice
from typing import Any

import anyio
import httpx
import pytest

from kwatch import (
    Backoff,
    Decoder,
    Event,
    ExpiredError,
    StatusError,
    StopEvent,
    WatchStatus,
    aconnect,
    awatch,
    connect,
    parse_event,
    watch,
)
from kwatch.testing import FakeAPIServer
from tests.frames import added, bookmark, modified

BACKENDS = ("asyncio", "trio")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


Handler = Callable[[socket.socket], None]


class RawServer:
    """A socket server: each connection is handed to the next of some functions.

    One function serves as many connections as there are, the last one all that are left.
    """

    def __init__(self, *handlers: Callable[[socket.socket], None]) -> None:
        self._handlers = list(handlers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.accepted = threading.Semaphore(0)
        self.closed_by_client = threading.Semaphore(0)

    def __enter__(self) -> "RawServer":
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for sock in (self._listener, *self._sockets):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(sock)
            handler = self._handlers.pop(0) if len(self._handlers) > 1 else self._handlers[0]
            self._start(self._serve, handler, sock)
            self.accepted.release()

    def _serve(self, handler: Callable[[socket.socket], None], sock: socket.socket) -> None:
        try:
            handler(sock)
            if sock.fileno() >= 0 and not sock.recv(1):
                self.closed_by_client.release()
        except OSError:
            self.closed_by_client.release()


def request_of(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            raise OSError("closed")
        data += more
    return data


def beats(sock: socket.socket) -> None:
    """Give bookmarks at an interval, and then nothing any more."""
    request_of(sock)
    sock.sendall(HEAD)
    for number in range(6, 10):
        time.sleep(0.03)
        sock.sendall(chunk(bookmark(str(number))))


def sends(*parts: bytes, end: str = "hold") -> Callable[[socket.socket], None]:
    """Answer one request by these bytes, then hold the connection, or end it."""

    def handler(sock: socket.socket) -> None:
        request_of(sock)
        for part in parts:
            sock.sendall(part)
        if end == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        if end != "hold":
            sock.close()

    return handler


def silent(sock: socket.socket) -> None:
    """Take a request, and answer nothing."""
    request_of(sock)


def names(events: list[Event]) -> list[tuple[str, str]]:
    return [(str(e.event_type), e.obj["metadata"]["name"]) for e in events]


# Arguments are checked at the call

BAD_ARGUMENTS = [
    ({}, TypeError, "kind"),
    ({"kind": ""}, ValueError, "''"),
    ({"kind": "pods/log"}, ValueError, "'pods/log'"),
    ({"kind": 5}, TypeError, "5"),
    ({"kind": "Pod", "api_version": "a/b/c"}, ValueError, "'a/b/c'"),
    ({"kind": "Pod", "resource_path": "/api/v1/pods"}, TypeError, "both"),
    ({"resource_path": "api/v1/pods"}, ValueError, "'api/v1/pods'"),
    ({"resource_path": "/api/v1/pods?x=1"}, ValueError, "?x=1"),
    ({"resource_path": "//evil/x"}, ValueError, "//evil/x"),
    ({"resource_path": "/api/v1/pods\n"}, ValueError, "pods"),
    ({"resource_path": "/api/v1/pods", "namespace": "a"}, ValueError, "{namespace}"),
    ({"resource_path": "/api/{version}/pods"}, ValueError, "braces"),
    ({"kind": "Pod", "namespace": ""}, ValueError, "None for all"),
    ({"kind": "Pod", "namespace": "Bad_NS"}, ValueError, "'Bad_NS'"),
    ({"kind": "Pod", "namespace": "a/../b"}, ValueError, "'a/../b'"),
    ({"kind": "Pod", "namespace": 1}, TypeError, "namespace"),
    ({"kind": "Pod", "name": ""}, ValueError, "name"),
    ({"kind": "Pod", "name": "a/b"}, ValueError, "'a/b'"),
    ({"kind": "Pod", "name": 1}, TypeError, "name"),
    ({"kind": "Pod", "resource_version": 7}, TypeError, "7"),
    ({"kind": "Pod", "resource_version": "7\n"}, ValueError, "resource_version"),
    ({"kind": "Pod", "resource_version": "\ud800"}, ValueError, "resource_version"),
    ({"kind": "Pod", "timeout_seconds": 0}, ValueError, "timeout_seconds"),
    ({"kind": "Pod", "timeout_seconds": 2.5}, TypeError, "2.5"),
    ({"kind": "Pod", "timeout_seconds": True}, TypeError, "True"),
    ({"kind": "Pod", "label_selector": 5}, TypeError, "5"),
]


@pytest.mark.parametrize(("arguments", "expected", "told"), BAD_ARGUMENTS)
@pytest.mark.parametrize("function", ["watch", "awatch", "connect", "aconnect"])
def test_a_bad_argument_is_named_at_the_call(
    function: str, arguments: dict[str, Any], expected: type[Exception], told: str
) -> None:
    base = "http://127.0.0.1:9"
    aclient = httpx.AsyncClient(base_url=base)
    with httpx.Client(base_url=base) as client:
        call: Callable[[], object] = {
            "watch": lambda: watch(client, **arguments),
            "connect": lambda: connect(client, **arguments),
            "awatch": lambda: awatch(aclient, **arguments),
            "aconnect": lambda: anyio.run(lambda: aconnect(aclient, **arguments)),
        }[function]
        with pytest.raises(expected) as caught:
            call()
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "arguments", [{"stop_event": threading.Event()}, {"backoff": 5}, {"status": "x"}]
)
def test_what_is_not_of_kwatchs_own_types_is_named_at_the_call(arguments: dict[str, Any]) -> None:
    (name,) = arguments
    with httpx.Client(base_url="http://x") as client:
        with pytest.raises(TypeError, match=f"expected {name} as a kwatch"):
            watch(client, "Pod", **arguments)
        if name != "stop_event":
            aclient = httpx.AsyncClient(base_url="http://x")
            with pytest.raises(TypeError, match=f"expected {name} as a kwatch"):
                awatch(aclient, "Pod", **arguments)


def test_loads_that_is_no_callable_is_named_at_the_call() -> None:
    with httpx.Client(base_url="http://x") as client, pytest.raises(TypeError, match="'json'"):
        watch(client, "Pod", loads="json")  # type: ignore[arg-type]


def test_the_wrong_client_is_told_where_to_go() -> None:
    client = httpx.Client(base_url="http://x")
    with client, pytest.raises(TypeError, match="hand that to watch"):
        awatch(client, "Pod")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="hand that to awatch"):
        watch(httpx.AsyncClient(base_url="http://x"), "Pod")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"expects an httpx.Client, got 'http://x'"):
        watch("http://x", "Pod")  # type: ignore[arg-type]


def test_a_client_without_a_base_url_is_no_client() -> None:
    with httpx.Client() as client, pytest.raises(ValueError, match="base_url"):
        watch(client, "Pod")


def test_arguments_are_not_mutated() -> None:
    labels = {"app": ["a", "b"]}
    fields = ["metadata.name=x"]
    with httpx.Client(base_url="http://x") as client:
        watch(client, "Pod", label_selector=labels, field_selector=fields)
    assert (labels, fields) == ({"app": ["a", "b"]}, ["metadata.name=x"])


# A user's first minutes


def test_watch_from_now(server: FakeAPIServer) -> None:
    server.create("Pod", "before")
    with httpx.Client(base_url=server.url) as client:
        status = WatchStatus()
        events = watch(client, "po", namespace="default", status=status)
        collected: list[Event] = []
        thread = threading.Thread(target=lambda: collected.extend(islice(events, 3)))
        thread.start()
        wait_until(lambda: server.watches == 1)
        server.create("Pod", "web")
        server.patch("Pod", "web", spec={"nodeName": "n1"})
        server.delete("Pod", "web")
        thread.join(10)
        events.close()
    assert names(collected) == [("created", "web"), ("modified", "web"), ("deleted", "web")]
    assert status.resource_version == server.resource_version
    assert status.state == "ended"


@pytest.mark.parametrize("backend", BACKENDS)
def test_awatch_from_now(server: FakeAPIServer, backend: str) -> None:
    server.create("Pod", "before")

    async def main() -> list[Event]:
        collected: list[Event] = []
        async with httpx.AsyncClient(base_url=server.url) as client, anyio.create_task_group() as g:

            async def consume() -> None:
                async with aclosing(awatch(client, "po", namespace="default")) as events:
                    async for event in events:
                        collected.append(event)
                        if len(collected) == 2:
                            return

            g.start_soon(consume)
            with anyio.fail_after(10):
                await anyio.to_thread.run_sync(wait_until, lambda: server.watches == 1)
            server.create("Pod", "web")
            server.delete("Pod", "web")
        return collected

    assert names(anyio.run(main, backend=backend)) == [("created", "web"), ("deleted", "web")]


def test_connect_gives_the_open_response(server: FakeAPIServer) -> None:
    server.create("Widget", "w")
    with httpx.Client(base_url=server.url) as client:
        with closing(connect(client, "widgets.example.com", timeout_seconds=5)) as response:
            decoder = Decoder()
            decoder.receive_data(next(response.iter_bytes()))
            assert [parse_event(d).obj["metadata"]["name"] for d in decoder.documents()] == ["w"]
        assert response.is_closed
        with pytest.raises(StatusError, match="404"):
            connect(client, resource_path="/apis/nowhere/v1/things")


@pytest.mark.parametrize("backend", BACKENDS)
def test_aconnect_gives_the_open_response(server: FakeAPIServer, backend: str) -> None:
    async def main() -> None:
        server.create("Widget", "w")
        async with httpx.AsyncClient(base_url=server.url) as client:
            response = await aconnect(client, "wd", timeout_seconds=1)
            body = await response.aread()
            assert b'"name":"w"' in body
            with pytest.raises(StatusError, match="404"):
                await aconnect(client, resource_path="/apis/nowhere/v1/things")

    anyio.run(main, backend=backend)


def test_faults_of_a_real_connection_lose_and_repeat_nothing(server: FakeAPIServer) -> None:
    with httpx.Client(base_url=server.url) as client:
        stop_event, status = StopEvent(), WatchStatus()
        seen: list[tuple[str, str]] = []

        def consume() -> None:
            quick = Backoff(initial=0.01, maximum=0.01)
            for _, obj in watch(client, "wd", stop_event=stop_event, status=status, backoff=quick):
                seen.append((obj["metadata"]["name"], obj["metadata"]["resourceVersion"]))

        thread = threading.Thread(target=consume)
        thread.start()
        wait_until(lambda: status.connects == 1)
        expected = []
        for n in range(30):
            made = server.create("Widget", f"w{n}")
            expected.append((f"w{n}", made["metadata"]["resourceVersion"]))
            if n % 10 == 5:
                connects = status.connects
                server.disconnect() if n % 20 == 5 else server.close_watches()
                wait_until(lambda before=connects: status.connects > before)  # type: ignore[misc]
        wait_until(lambda: len(seen) >= 30)
        stop_event.set()
        thread.join(10)
    assert seen == expected
    assert status.connects == 4


def test_a_compacted_cursor_is_an_expired_error(server: FakeAPIServer) -> None:
    first = server.create("Widget", "a")["metadata"]["resourceVersion"]
    server.create("Widget", "b")
    server.compact()
    with httpx.Client(base_url=server.url) as client:
        events = watch(client, "wd", resource_version=first)
        with pytest.raises(ExpiredError, match="send_initial_events=True"):
            next(events)


def test_a_truncated_chunk_of_a_real_socket_is_resumed() -> None:
    whole = HEAD + chunk(added("6"))
    cut = whole + chunk(modified("7"))[:60]
    first, second = sends(cut, end="reset"), sends(HEAD + chunk(modified("7")))
    with RawServer(first, second) as raw, httpx.Client(base_url=raw.url) as client:
        events = watch(client, resource_path="/api/v1/pods", resource_version="5")
        got = list(islice(events, 2))
        events.close()
    assert [e.resource_version for e in got] == ["6", "7"]


@pytest.mark.parametrize("with_stop_event", [False, True])
@pytest.mark.parametrize("way_out", [None, RuntimeError, OSError, httpx.ReadTimeout])
def test_the_socket_is_closed_on_every_way_out(
    way_out: type[Exception] | None, with_stop_event: bool
) -> None:
    raw = RawServer(sends(HEAD + chunk(added("6"))))
    with raw, httpx.Client(base_url=raw.url) as client:
        stop_event = StopEvent() if with_stop_event else None
        path = "/api/v1/pods"
        events = watch(client, resource_path=path, resource_version="5", stop_event=stop_event)
        next(events)
        if way_out is None:
            events.close()
        else:
            with pytest.raises(way_out, match="the consumer's own"):
                events.throw(way_out("the consumer's own"))
        assert raw.closed_by_client.acquire(timeout=5)


class Stubborn(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that cannot be closed without an error, and does not end when it is."""

    def __iter__(self) -> Iterator[bytes]:
        yield added("6")
        yield b"\n"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield added("6")
        await anyio.sleep_forever()

    def close(self) -> None:
        raise OSError("cannot be closed")

    async def aclose(self) -> None:
        raise OSError("cannot be closed")


def stubborn(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, stream=Stubborn())


def test_a_connection_that_cannot_be_closed_does_not_hold_the_consumer_back() -> None:
    transport = httpx.MockTransport(stubborn)
    with httpx.Client(transport=transport, base_url="http://x") as client:
        events = watch(client, resource_path="/api/v1/pods", resource_version="5")
        next(events)
        events.close()
        events = watch(client, resource_path="/api/v1/pods", resource_version="5")
        next(events)
        with pytest.raises(KeyError):
            events.throw(KeyError())


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_async_connection_that_cannot_be_closed_does_not_either(backend: str) -> None:
    async def main() -> None:
        transport = httpx.MockTransport(stubborn)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            with anyio.fail_after(5):
                events = awatch(client, resource_path="/api/v1/pods", resource_version="5")
                await anext(events)
                await events.aclose()
            with anyio.move_on_after(0.05) as scope:
                events = awatch(client, resource_path="/api/v1/pods", resource_version="5")
                async for _ in events:
                    pass
            assert scope.cancelled_caught

    anyio.run(main, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_socket_is_closed_when_an_async_watch_is_left(backend: str) -> None:
    async def main(url: str) -> None:
        async with httpx.AsyncClient(base_url=url) as client:
            path = "/api/v1/pods"
            events = awatch(client, resource_path=path, resource_version="5")
            async with aclosing(events):
                async for _ in events:
                    break

    with RawServer(sends(HEAD + chunk(added("6")))) as raw:
        anyio.run(main, raw.url, backend=backend)
        assert raw.closed_by_client.acquire(timeout=5)


# Scenario 56: a stop is prompt, whatever the watch is doing


DISCOVERING = {"kind": "Pod", "api_version": "v1"}
LISTING = {"resource_path": "/api/v1/pods"}
WATCHING = {**LISTING, "resource_version": "5"}

CASES: dict[str, tuple[list[Handler], dict[str, Any]]] = {
    "a discovery request": ([silent], DISCOVERING),
    "a list": ([silent], LISTING),
    "a list that drips": ([sends(HEAD, b"1\r\n{\r\n")], LISTING),
    "the wait for the head of a watch": ([silent], WATCHING),
    "a blocked read": ([sends(HEAD)], WATCHING),
    "a blocked read in mid-event": ([sends(HEAD, chunk(added("6")[:50]))], WATCHING),
    "a backoff sleep": ([sends(HEAD + chunk(added("6")), end="reset"), silent], WATCHING),
}


@contextmanager
def consuming(events: Iterator[Event]) -> Iterator[list[float]]:
    ended: list[float] = []

    def consume() -> None:
        for _ in events:
            pass
        ended.append(time.monotonic())

    thread = threading.Thread(target=consume)
    thread.start()
    try:
        yield ended
    finally:
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize("case", CASES)
def test_s56_a_stop_ends_within_100_ms(case: str) -> None:
    handlers, arguments = CASES[case]
    with RawServer(*handlers) as raw, httpx.Client(base_url=raw.url) as client:
        stop_event = StopEvent()
        with consuming(watch(client, stop_event=stop_event, **arguments)) as ended:
            assert raw.accepted.acquire(timeout=5)
            time.sleep(0.1)  # now it waits
            before = time.monotonic()
            stop_event.set()
            wait_until(lambda: bool(ended))
        assert ended[0] - before < 0.1
        if case != "a backoff sleep":
            assert raw.closed_by_client.acquire(timeout=5)


def test_s56_a_set_event_lets_a_watch_ask_nothing() -> None:
    with RawServer(silent) as raw, httpx.Client(base_url=raw.url) as client:
        stop_event = StopEvent()
        stop_event.set()
        assert list(watch(client, "Pod", stop_event=stop_event)) == []
        assert not raw.accepted.acquire(timeout=0.05)


def test_s56_one_event_stops_many_watches(server: FakeAPIServer) -> None:
    stop_event = StopEvent()
    with httpx.Client(base_url=server.url, limits=httpx.Limits(max_connections=None)) as client:
        ended: list[int] = []

        def consume(n: int) -> None:
            for _ in watch(client, "pods", stop_event=stop_event):
                pass
            ended.append(n)

        threads = [threading.Thread(target=consume, args=(n,)) for n in range(10)]
        for thread in threads:
            thread.start()
        wait_until(lambda: server.watches == 10)
        stop_event.set()
        for thread in threads:
            thread.join(5)
    assert sorted(ended) == list(range(10))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", [case for case in CASES if case != "a backoff sleep"])
def test_s56_cancelling_ends_an_async_watch_at_once(case: str, backend: str) -> None:
    handlers, arguments = CASES[case]

    async def main(raw: RawServer) -> float:
        async with httpx.AsyncClient(base_url=raw.url) as client, anyio.create_task_group() as g:

            async def consume() -> None:
                async with aclosing(awatch(client, **arguments)) as events:
                    async for _ in events:
                        pass

            g.start_soon(consume)
            await anyio.to_thread.run_sync(raw.accepted.acquire)
            await anyio.sleep(0.1)
            before = time.monotonic()
            g.cancel_scope.cancel()
        return time.monotonic() - before

    with RawServer(*handlers) as raw:
        assert anyio.run(main, raw, backend=backend) < 0.1
        assert raw.closed_by_client.acquire(timeout=5)


def test_a_slow_consumer_is_never_punished(server: FakeAPIServer) -> None:
    """What was sent while the consumer held an event comes whole, and over one connection."""
    with httpx.Client(base_url=server.url) as client:
        status = WatchStatus()
        events = watch(client, "wd", resource_version="0", status=status)
        server.create("Widget", "first")
        assert next(events).obj["metadata"]["name"] == "first"
        for n in range(500):
            server.create("Widget", f"w{n}", spec={"text": "x" * 1000})
        rest = [e.obj["metadata"]["name"] for e in islice(events, 500)]
        events.close()
    assert rest == [f"w{n}" for n in range(500)]
    assert status.connects == 1


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)
