"""`kwatch._rotating` and `kwatch._arotating`: new certificates, while connections are in use."""

import asyncio
import json
import os
import queue
import signal
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing, suppress
from datetime import UTC, datetime
from email.message import Message
from functools import partial
from inspect import isawaitable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from kwatch import Backoff, Event, StopEvent, WatchStatus, _liveness, awatch, watch
from kwatch._arotating import AsyncRotatingTransport
from kwatch._entry import Entry
from kwatch._files import REREAD_SECONDS
from kwatch._kubeconfig import KubeConfig
from kwatch._rotating import RotatingTransport
from kwatch._tls import Tls
from kwatch._user import auth_of
from tests.frames import added
from tests.https import Server, serve
from tests.kubeconfigs import WAYS
from tests.pki import Issued, Pki
from tests.test_fronts import HEAD, Handler, RawServer, beats, chunk, request_of, sends

pytestmark = pytest.mark.usefixtures("nowhere")

PATIENCE_SECONDS = 5.0
"""Less than what it takes the server to hang up by itself."""


class Client:
    """A client of either kind: in all three ways, what it does is awaited."""

    def __init__(self, inner: httpx.Client | httpx.AsyncClient) -> None:
        self.inner = inner
        self._a = "a" * isinstance(inner, httpx.AsyncClient)

    async def get(self, path: str = "/", **options: Any) -> dict[str, Any]:
        """What the server has seen of a request."""
        response = await _settled(self.inner.get(path, **options))
        assert response.status_code == 200
        seen: dict[str, Any] = response.json()
        return seen

    async def open(self, path: str = "/stream") -> httpx.Response:
        """A response whose body is still to be read."""
        request = self.inner.build_request("GET", path)
        response: httpx.Response = await _settled(self.inner.send(request, stream=True))
        return response

    async def read(self, response: httpx.Response) -> bytes:
        content: bytes = await _settled(getattr(response, f"{self._a}read")())
        return content

    async def close(self, what: Any = None) -> None:
        await _settled(getattr(what or self.inner, f"{self._a}close")())

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for what the server will have seen soon."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < end
            if self._a:
                await anyio.sleep(0.002)
            else:
                time.sleep(0.002)  # noqa: ASYNC251 - there is no event loop


def until(condition: Callable[[], object]) -> None:
    """Wait for it in a thread."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


async def _settled(result: Any) -> Any:
    return await result if isawaitable(result) else result


Body = Callable[[Client], Awaitable[None]]
Run = Callable[..., None]


def run_by(way: str) -> Run:
    def run(loaded: KubeConfig, body: Body, **options: Any) -> None:
        async def whole(client: Client) -> None:
            try:
                await body(client)
            finally:
                await client.close()

        async def in_loop() -> None:
            with anyio.fail_after(4 * PATIENCE_SECONDS):
                await whole(Client(loaded.async_client(**options)))

        if way == "sync":
            with pytest.raises(StopIteration):
                whole(Client(loaded.client(**options))).send(None)
        else:
            anyio.run(in_loop, backend=way)

    return run


@pytest.fixture(params=WAYS)
def run(request: pytest.FixtureRequest) -> Run:
    """Run a body with the client of a configuration, in each of the three ways."""
    return run_by(request.param)


class Badge:
    """A client's certificate and key, in files or from a plugin, and the clock that ages them."""

    def __init__(self, folder: Path, pki: Pki) -> None:
        self.now = 1000.0
        self.certificate = folder / "client.crt"
        self.key = folder / "client.key"
        self.printed = folder / "printed.json"
        self._folder = folder
        self._pki = pki
        self.hold(self.issued("one"))

    def issued(self, name: str) -> Issued:
        return self._pki.issue(name, self._pki.root)

    def hold(self, issued: Issued, token: str = "") -> None:
        """Replace what there is; it is good for as long as files are."""
        self.certificate.write_bytes(issued.pem)
        self.key.write_bytes(issued.key_pem())
        status = {
            "clientCertificateData": issued.pem.decode(),
            "clientKeyData": issued.key_pem().decode(),
            "expirationTimestamp": datetime.fromtimestamp(
                self.now + REREAD_SECONDS, UTC
            ).isoformat(),
        }
        document: dict[str, Any] = {"kind": "ExecCredential", "apiVersion": EXEC_API}
        document["status"] = status | ({"token": token} if token else {})
        self.printed.write_text(json.dumps(document))

    def turn(self, name: str = "two") -> None:
        """Replace what there is, when it is time to look."""
        self.now += REREAD_SECONDS
        self.hold(self.issued(name))

    def config(self, server: str, user: dict[str, Any] | None = None) -> KubeConfig:
        """The configuration for a server whose certificate is the root's."""
        user = user or {"client-certificate": self.certificate.name, "client-key": self.key.name}
        entry, cluster = Entry("user", self._folder, user), Entry("cluster", self._folder, {})
        tls = Tls(self._pki.root.pem)
        auth = auth_of(entry, cluster, httpx.URL(server), tls, clock=lambda: self.now)
        return KubeConfig(server, ssl_context=auth.ssl_context, auth=auth)

    def plugged(self, server: str) -> KubeConfig:
        """The same, with a plugin that prints what there is."""
        plugin = {
            "apiVersion": EXEC_API,
            "command": "cat",
            "args": [str(self.printed)],
            "interactiveMode": "Never",
        }
        return self.config(server, {"exec": plugin})


EXEC_API = "client.authentication.k8s.io/v1"
Load = Callable[[Badge, str], KubeConfig]


@pytest.fixture
def badge(tmp_path: Path, pki: Pki) -> Badge:
    return Badge(tmp_path, pki)


@pytest.fixture(params=["files", "plugin"])
def load(request: pytest.FixtureRequest) -> Load:
    """The two kinds of certificate that are replaced."""
    return Badge.config if request.param == "files" else Badge.plugged


@pytest.fixture
def server(pki: Pki) -> Iterator[Server]:
    """A server that wants a certificate."""
    with serve(pki.server, client_authority=pki.root) as server:
        yield server


def client_of(seen: dict[str, Any]) -> str:
    name: str = seen["client"]["commonName"]
    return name


def is_only(server: Server, peer: int) -> bool:
    return server.open == {peer}


# What is new is used


def test_a_new_certificate_is_used_when_it_is_time_to_look(
    run: Run, load: Load, server: Server, badge: Badge
) -> None:
    async def body(client: Client) -> None:
        first = await client.get()
        badge.now += REREAD_SECONDS - 1
        badge.hold(badge.issued("two"))
        assert await client.get() | {"headers": 0} == first | {"headers": 0}, "it is too early"
        badge.now += 1
        second = await client.get()
        assert (client_of(first), client_of(second)) == ("one", "two")
        assert first["peer"] != second["peer"]
        await client.until(lambda: server.open == {second["peer"]})

    run(load(badge, server.url), body)


def test_a_new_certificate_is_used_after_a_401(
    run: Run, load: Load, server: Server, badge: Badge
) -> None:
    answers = iter([200, 401, 200])
    server.answer = lambda headers: next(answers)

    async def body(client: Client) -> None:
        assert client_of(await client.get()) == "one"
        badge.hold(badge.issued("two"))
        second = await client.get()
        assert client_of(second) == "two"
        await client.until(lambda: server.open == {second["peer"]})

    run(load(badge, server.url), body)
    assert len(server.connections) == 2


def test_a_401_to_what_is_still_the_same_is_the_answer_and_keeps_the_connection(
    run: Run, server: Server, badge: Badge
) -> None:
    answers = iter([401] * 3)
    server.answer = lambda headers: next(answers)

    async def body(client: Client) -> None:
        for _ in range(3):
            response = await client.open("/")
            await client.read(response)
            assert response.status_code == 401

    run(badge.config(server.url), body)
    assert len(server.connections) == 1


def test_certificate_and_key_in_one_file_behind_a_link_are_replaced_at_once(
    run: Run, server: Server, badge: Badge, tmp_path: Path
) -> None:
    """As the kubelet does with its own."""
    link = tmp_path / "current.pem"
    link.symlink_to(badge.issued("one").path)

    async def body(client: Client) -> None:
        assert client_of(await client.get()) == "one"
        (tmp_path / "next.pem").symlink_to(badge.issued("two").path)
        os.replace(tmp_path / "next.pem", link)
        badge.now += REREAD_SECONDS
        assert client_of(await client.get()) == "two"

    run(
        badge.config(
            server.url, {"client-certificate": "current.pem", "client-key": "current.pem"}
        ),
        body,
    )


@pytest.mark.parametrize("early", ["certificate", "key"])
def test_half_a_rotation_leaves_the_old_pair_in_use(
    run: Run, server: Server, badge: Badge, caplog: pytest.LogCaptureFixture, early: str
) -> None:
    old_certificate, old_key = badge.certificate.read_bytes(), badge.key.read_bytes()

    async def body(client: Client) -> None:
        first = await client.get()
        badge.turn()
        certificate, key = badge.certificate.read_bytes(), badge.key.read_bytes()
        badge.certificate.write_bytes(certificate if early == "certificate" else old_certificate)
        badge.key.write_bytes(key if early == "key" else old_key)
        assert (await client.get())["peer"] == first["peer"]
        [record] = caplog.records
        assert record.levelname == "WARNING"
        problem = "user: client-key: is not the PEM key of the certificate"
        assert record.getMessage().startswith(problem)
        badge.certificate.write_bytes(certificate)
        badge.key.write_bytes(key)
        badge.now += REREAD_SECONDS
        assert client_of(await client.get()) == "two"
        assert len(caplog.records) == 1

    run(badge.config(server.url), body)
    assert len(server.connections) == 2


def test_a_plugin_s_token_and_certificate_are_both_shown(
    run: Run, server: Server, badge: Badge
) -> None:
    async def body(client: Client) -> None:
        for name in ("one", "two", "three"):
            badge.now += REREAD_SECONDS
            badge.hold(badge.issued(name), token=f"token-{name}")
            seen = await client.get()
            assert client_of(seen) == name
            assert seen["authorization"] == f"Bearer token-{name}"

    run(badge.plugged(server.url), body)
    assert len(server.connections) == 3


def test_what_the_caller_verifies_by_wins_over_a_plugin_s_certificate(
    run: Run, server: Server, badge: Badge, pki: Pki
) -> None:
    own = Tls(pki.root.path).context()
    own.load_cert_chain(pki.client.path)

    async def body(client: Client) -> None:
        for name in ("one", "two"):
            badge.now += REREAD_SECONDS
            badge.hold(badge.issued(name), token=f"token-{name}")
            seen = await client.get()
            assert client_of(seen) == "client"
            assert seen["authorization"] == f"Bearer token-{name}"

    run(badge.plugged(server.url), body, verify=own)
    assert len(server.connections) == 1


# What is not new changes nothing


def test_a_connection_is_kept_while_what_is_read_again_is_the_same(
    run: Run, load: Load, server: Server, badge: Badge
) -> None:
    one = badge.issued("one")
    badge.hold(one)

    async def body(client: Client) -> None:
        for _ in range(10):
            await client.get()
            badge.now += REREAD_SECONDS
            badge.hold(one)

    run(load(badge, server.url), body)
    assert len(server.connections) == 1


def test_a_response_is_what_it_is_without_rotation(run: Run, server: Server, badge: Badge) -> None:
    async def body(client: Client) -> None:
        response = await client.open("/")
        sock = response.extensions["network_stream"].get_extra_info("socket")
        assert sock.getpeername()[1] == server.server_port
        assert response.http_version == "HTTP/1.1"
        assert json.loads(await client.read(response))["peer"] == sock.getsockname()[1]

    run(badge.config(server.url), body)


# What is under way goes on


def test_a_response_goes_on_over_the_old_connection_which_is_closed_after_it(
    run: Run, load: Load, server: Server, badge: Badge
) -> None:
    async def body(client: Client) -> None:
        response = await client.open()
        [old] = server.open
        badge.turn()
        seen = await client.get()
        assert client_of(seen) == "two"
        assert (await client.get())["peer"] == seen["peer"]
        assert server.open == {old, seen["peer"]}
        server.stopping.set()
        assert await client.read(response) == b"x"
        await client.until(lambda: server.open == {seen["peer"]})

    run(load(badge, server.url), body)


def test_an_idle_old_connection_is_closed_before_the_new_response_ends(
    run: Run, server: Server, badge: Badge
) -> None:
    """A watch may go on for an hour."""

    async def body(client: Client) -> None:
        old = (await client.get())["peer"]
        badge.turn()
        response = await client.open()
        await client.until(lambda: old not in server.open)
        assert len(server.open) == 1
        server.stopping.set()
        assert await client.read(response) == b"x"

    run(badge.config(server.url), body)


def test_a_response_that_is_given_up_closes_the_old_connection(
    run: Run, server: Server, badge: Badge
) -> None:
    async def body(client: Client) -> None:
        idle, given_up = await client.open(), await client.open()
        badge.turn()
        seen = await client.get()
        await client.close(given_up)
        server.stopping.set()
        assert await client.read(idle) == b"x"
        await client.until(lambda: server.open == {seen["peer"]})

    run(badge.config(server.url), body)


def test_a_response_that_is_closed_twice_counts_once(
    run: Run, server: Server, badge: Badge
) -> None:
    async def body(client: Client) -> None:
        twice, other = await client.open(), await client.open()
        badge.turn()
        seen = await client.get()
        for _ in range(2):
            await client.close(twice.stream)
        server.stopping.set()
        assert await client.read(other) == b"x"
        await client.until(lambda: server.open == {seen["peer"]})

    run(badge.config(server.url), body)


def test_at_most_the_present_connection_is_left_of_many(
    run: Run, server: Server, badge: Badge
) -> None:
    async def body(client: Client) -> None:
        for number in range(20):
            badge.turn(f"turn-{number}")
            seen = await client.get()
            assert client_of(seen) == f"turn-{number}"
            await client.until(partial(is_only, server, seen["peer"]))

    run(badge.config(server.url), body)
    assert len(server.connections) == 20


def test_responses_over_many_old_connections_end_with_one_left(
    run: Run, server: Server, badge: Badge
) -> None:
    async def body(client: Client) -> None:
        responses = []
        for number in range(20):
            badge.turn(f"turn-{number}")
            responses.append(await client.open())
        badge.turn()
        seen = await client.get()
        assert len(server.open) == 21
        server.stopping.set()
        assert [await client.read(response) for response in responses] == [b"x"] * 20
        await client.until(lambda: server.open == {seen["peer"]})

    run(badge.config(server.url), body)


def test_closing_the_client_closes_old_and_new_whatever_they_do(
    run: Run, server: Server, badge: Badge
) -> None:
    async def body(client: Client) -> None:
        responses = []
        for number in range(3):
            badge.turn(f"turn-{number}")
            await client.get()
            responses.append(await client.open())
        badge.turn()
        await client.get()
        assert len(server.open) == 4
        await client.close()
        server.stopping.set()
        await client.until(lambda: not server.open)
        for response in responses:
            await client.close(response)

    run(badge.config(server.url), body)


def test_clients_of_one_configuration_have_connections_of_their_own(
    run: Run, server: Server, badge: Badge
) -> None:
    loaded = badge.config(server.url)

    async def body(client: Client) -> None:
        response = await client.open()
        badge.turn()
        run_by("sync")(loaded, get_two)
        server.stopping.set()
        assert await client.read(response) == b"x"
        assert client_of(await client.get()) == "two"

    async def get_two(client: Client) -> None:
        assert client_of(await client.get()) == "two"

    run(loaded, body)
    assert len(server.connections) == 3


# Requests that fail


class Hold:
    """Has a server answer a request with the header ``Hold`` late, by hanging up."""

    def __init__(self, server: Server) -> None:
        self.waiting = threading.Event()
        self.over = threading.Event()
        server.answer = self

    def __call__(self, headers: Message) -> int:
        if "Hold" in headers:
            self.waiting.set()
            self.over.wait(PATIENCE_SECONDS)
            raise ConnectionAbortedError
        return 200


HELD = {"Hold": "yes"}


def refused() -> str:
    """A URL where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"https://127.0.0.1:{closed.getsockname()[1]}/"


@pytest.mark.parametrize("fault", ["no connection", "no answer"])
def test_a_request_that_failed_keeps_nothing_open(
    run: Run, server: Server, badge: Badge, fault: str
) -> None:
    hold = Hold(server)

    async def body(client: Client) -> None:
        response = await client.open()
        [old] = server.open
        if fault == "no connection":
            with pytest.raises(httpx.ConnectError):
                await client.get(refused())
        else:
            with pytest.raises(httpx.ReadTimeout):
                await client.get(headers=HELD, timeout=0.05)
        hold.over.set()
        server.stopping.set()
        await client.read(response)
        await client.until(lambda: server.open == {old})
        badge.turn()
        seen = await client.get()
        await client.until(lambda: server.open == {seen["peer"]})

    run(badge.config(server.url), body)


@pytest.mark.parametrize("fault", [httpx.TransportError, KeyboardInterrupt])
def test_a_request_that_fails_as_the_last_one_of_its_certificate_closes_what_is_left(
    server: Server, badge: Badge, fault: type[BaseException]
) -> None:
    hold = Hold(server)

    def turn() -> set[int]:
        assert hold.waiting.wait(PATIENCE_SECONDS)
        client.get("/")
        badge.turn()
        seen = client.get("/").json()
        assert len(server.open) == 3
        if fault is KeyboardInterrupt:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        else:
            hold.over.set()
        return {seen["peer"]}

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with badge.config(server.url).client() as client, ThreadPoolExecutor(1) as pool:
            left = pool.submit(turn)
            with pytest.raises(fault):
                client.get("/", headers=HELD)
            hold.over.set()
            until(lambda: server.open == left.result())
    finally:
        signal.signal(signal.SIGINT, previous)


Step = Callable[[], Coroutine[Any, Any, object]]


async def cancel_scope(begin: Step, meanwhile: Step) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(begin)
        await meanwhile()
        group.cancel_scope.cancel()


async def cancel_task(begin: Step, meanwhile: Step) -> None:
    task = asyncio.ensure_future(begin())
    await meanwhile()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("way", "cancel"), [("asyncio", cancel_scope), ("asyncio", cancel_task), ("trio", cancel_scope)]
)
@pytest.mark.parametrize("waits_for", ["head", "body"])
def test_a_cancelled_request_closes_what_is_left_of_its_certificate(
    server: Server,
    badge: Badge,
    way: str,
    cancel: Callable[[Step, Step], Awaitable[None]],
    waits_for: str,
) -> None:
    hold = Hold(server)
    has_body = threading.Event()

    async def body(client: Client) -> None:
        peers: list[int] = []

        async def request() -> None:
            assert isinstance(client.inner, httpx.AsyncClient)
            path, headers = ("/", HELD) if waits_for == "head" else ("/stream", {})
            async with client.inner.stream("GET", path, headers=headers) as response:
                has_body.set()
                await response.aread()

        async def turn() -> None:
            await client.until(lambda: hold.waiting.is_set() or has_body.is_set())
            await client.get()
            badge.turn()
            peers.append((await client.get())["peer"])
            assert len(server.open) == 3

        await cancel(request, turn)
        hold.over.set()
        server.stopping.set()
        await client.until(lambda: server.open == set(peers))

    run_by(way)(badge.config(server.url), body)


class Unclosable(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body whose connection breaks when it is closed."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"x"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"x"

    def close(self) -> None:
        raise httpx.CloseError("broken")

    async def aclose(self) -> None:
        self.close()


class Line(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport that answers with such a body, and notes that it is closed."""

    closed = False

    def __init__(self, ssl_context: ssl.SSLContext) -> None:
        self.ssl_context = ssl_context

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Unclosable())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_response_that_cannot_be_closed_counts_as_closed(way: str) -> None:
    contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) for _ in range(2)]
    lines: list[Line] = []

    def make(ssl_context: ssl.SSLContext) -> Line:
        lines.append(Line(ssl_context))
        return lines[-1]

    async def body(client: Client) -> None:
        response = await client.open()
        contexts.pop()
        await client.open()
        assert [line.closed for line in lines] == [False, False]
        with pytest.raises(httpx.CloseError):
            await client.close(response)
        assert [line.closed for line in lines] == [True, False]

    rotating = RotatingTransport if way == "sync" else AsyncRotatingTransport
    run_by(way)(KubeConfig("http://a"), body, transport=rotating(make, lambda: contexts[-1]))


# Many at once


def test_threads_may_share_a_client_while_the_certificate_is_replaced(
    server: Server, badge: Badge
) -> None:
    def ask(number: int) -> int:
        if number % 20 == 0:
            badge.turn(f"turn-{number}")
        return client.get("/").status_code

    with badge.config(server.url).client() as client:
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(ask, range(100))) == [200] * 100
        badge.turn("last")
        seen = client.get("/").json()
        assert client_of(seen) == "last"
        until(lambda: server.open == {seen["peer"]})


@pytest.mark.parametrize("way", ["asyncio", "trio"])
def test_tasks_may_share_a_client_while_the_certificate_is_replaced(
    server: Server, badge: Badge, way: str
) -> None:
    async def body(client: Client) -> None:
        async def ask(number: int) -> None:
            for turn in range(10):
                if number == turn:
                    badge.turn(f"turn-{number}")
                answers.append(client_of(await client.get()))

        answers: list[str] = []
        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(ask, number)
        assert len(answers) == 80
        assert len(set(answers)) > 1
        badge.turn("last")
        seen = await client.get()
        assert client_of(seen) == "last"
        await client.until(lambda: server.open == {seen["peer"]})

    run_by(way)(badge.config(server.url), body)


# Watches


class SecureServer(RawServer):
    """A socket server that speaks TLS, wants certificates, and keeps the names in them."""

    def __init__(self, pki: Pki, *handlers: Handler) -> None:
        super().__init__(*handlers)
        self.url = self.url.replace("http:", "https:")
        self.names: list[str] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_verify_locations(pki.root.path)
        self._context.load_cert_chain(pki.server.path)
        self._context.verify_mode = ssl.CERT_REQUIRED

    def _serve(self, handler: Handler, sock: socket.socket) -> None:
        with suppress(OSError), self._context.wrap_socket(sock, server_side=True) as secure:
            certificate: Any = secure.getpeercert()
            self.names.append(dict(name for [name] in certificate["subject"])["commonName"])
            super()._serve(handler, secure)


PATH = "/api/v1/pods"
FRONTS = ("watch", "watch-stoppable", "awatch-asyncio", "awatch-trio")
OPTIONS: dict[str, Any] = {
    "resource_path": PATH,
    "resource_version": "5",
    "backoff": Backoff(initial=0.01, maximum=0.01),
}


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def take(
    front: str, loaded: KubeConfig, count: int, after: Callable[[int], None], **options: Any
) -> list[str]:
    """Take so many events, and do something after each; give their resource versions."""
    options = OPTIONS | options
    if front == "watch-stoppable":
        options["stop_event"] = StopEvent()
    versions: list[str] = []

    def is_last(event: Event) -> bool:
        versions.append(str(event.resource_version))
        after(len(versions))
        return len(versions) == count

    async def main() -> None:
        with anyio.fail_after(4 * PATIENCE_SECONDS):
            async with (
                loaded.async_client() as client,
                aclosing(awatch(client, **options)) as stream,
            ):
                async for event in stream:
                    if is_last(event):
                        return

    if front.startswith("watch"):
        with loaded.client() as client, closing(watch(client, **options)) as stream:
            any(is_last(event) for event in stream)
    else:
        anyio.run(main, backend=front.partition("-")[2])
    return versions


@pytest.mark.parametrize("renewed", ["in time", "on a 401"])
def test_events_come_before_across_and_after_a_rotation(
    front: str, pki: Pki, badge: Badge, load: Load, renewed: str
) -> None:
    feed: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def stream(sock: socket.socket) -> None:
        request_of(sock)
        sock.sendall(HEAD + chunk(added("6")))
        while data := feed.get(timeout=PATIENCE_SECONDS):
            sock.sendall(data)
        if renewed == "on a 401":
            request_of(sock)
            sock.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    def after(count: int) -> None:
        if count == 1:
            if renewed == "in time":
                badge.turn()
            else:
                badge.hold(badge.issued("two"))
            feed.put(chunk(added("7", "b")))
        if count == 2:
            feed.put(chunk(b""))
            feed.put(b"")

    status = WatchStatus()
    raw = SecureServer(pki, stream, sends(HEAD + chunk(added("8", "c"))))
    with raw:
        versions = take(front, load(badge, raw.url), 3, after, status=status)
        for _ in range(2):
            assert raw.closed_by_client.acquire(timeout=PATIENCE_SECONDS)
    assert versions == ["6", "7", "8"]
    assert raw.names == ["one", "two"]
    assert status.last_error is None


def test_silence_is_noticed_through_a_rotating_transport(
    front: str, pki: Pki, badge: Badge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_liveness, "MIN_SILENCE_SECONDS", 0.15)

    status = WatchStatus()
    with SecureServer(pki, beats, sends(HEAD + chunk(added("10")))) as raw:
        loaded = badge.config(raw.url)
        assert take(front, loaded, 1, lambda _: None, status=status) == ["10"]
        assert raw.closed_by_client.acquire(timeout=PATIENCE_SECONDS)
    assert status.connects == 2
    assert isinstance(status.last_error, httpx.ReadTimeout)


@pytest.mark.parametrize("turns", [0, 1])
@pytest.mark.parametrize("waits_for", ["head", "body"])
def test_a_stop_event_ends_what_is_blocked_by_a_rotating_transport(
    pki: Pki, badge: Badge, turns: int, waits_for: str
) -> None:
    stop_event = StopEvent()
    set_at: list[float] = []

    def stop() -> None:
        set_at.append(time.monotonic())
        stop_event.set()

    def last(sock: socket.socket) -> None:
        request_of(sock)
        if waits_for == "body":
            sock.sendall(HEAD + chunk(added("7")))
        else:
            threading.Timer(0.05, stop).start()

    ends = sends(HEAD + chunk(added("6")) + chunk(b""), end="close")
    versions = []
    with SecureServer(pki, *[ends] * turns, last) as raw:
        with (
            badge.config(raw.url).client() as client,
            closing(watch(client, **OPTIONS, stop_event=stop_event)) as stream,
        ):
            for event in stream:
                versions.append(event.resource_version)
                badge.turn()
                if event.resource_version == "7":
                    threading.Timer(0.05, stop).start()
            took = time.monotonic() - set_at[0]
        assert raw.closed_by_client.acquire(timeout=PATIENCE_SECONDS)
    assert versions == ["6"] * turns + ["7"] * (waits_for == "body")
    assert took < 1, "it waited for a timeout"
