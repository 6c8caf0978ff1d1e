"""A server, the objects of one test on it, and both front ends watching them."""

import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx
from anyio.from_thread import start_blocking_portal

from kwatch import Event, KubeConfig, StopEvent, WatchStatus, awatch, watch

Object = dict[str, Any]

PATIENCE_SECONDS = 15.0  # for whatever a test waits for
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NAMESPACES = "/api/v1/namespaces"
WIDGETS = "/apis/example.com/v1/widgets"
WIDGETS_CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {
            "kind": "Widget",
            "listKind": "WidgetList",
            "plural": "widgets",
            "singular": "widget",
            "shortNames": ["wd"],
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}


def serve_widgets(client: httpx.Client) -> None:
    """Have the server know the custom resource that all tests use."""
    if client.get(WIDGETS, params={"limit": 1}).status_code != httpx.codes.OK:
        client.post(CRDS, json=WIDGETS_CRD)
        wait_for(lambda: client.get(WIDGETS).is_success)


@contextmanager
def namespaces(client: httpx.Client, *names: str) -> Iterator[None]:
    """Have the server know some namespaces, if it knows of namespaces at all."""
    made = []
    for name in names:
        response = client.post(NAMESPACES, json={"metadata": {"name": name}})
        assert response.status_code in (httpx.codes.CREATED, httpx.codes.NOT_FOUND)
        if response.status_code == httpx.codes.CREATED:
            made.append(name)
    yield
    for name in made:
        client.delete(f"{NAMESPACES}/{name}").raise_for_status()


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something is true, and fail if it does not come."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.005)


class Box:
    """The widgets of one test: its names and its label are nobody else's."""

    def __init__(self, client: httpx.Client, namespace: str = "default") -> None:
        self.key = f"e2e-{uuid.uuid4().hex[:8]}"
        self.selector = f"e2e={self.key}"
        self.namespace = namespace
        self._client = client
        self._others: list[Box] = []
        self._path = f"/apis/example.com/v1/namespaces/{namespace}/widgets"

    def elsewhere(self, namespace: str) -> "Box":
        """Give the same test's box in another namespace."""
        other = Box(self._client, namespace)
        other.key, other.selector = self.key, self.selector
        self._others.append(other)
        return other

    def name(self, name: str) -> str:
        return f"{self.key}-{name}"

    def body(self, name: str, labels: dict[str, str] | None = None) -> Object:
        metadata = {"name": self.name(name), "labels": {"e2e": self.key} | (labels or {})}
        return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata}

    def create(self, name: str, spec: Object | None = None, **labels: str) -> Object:
        body = self.body(name, labels) | {"spec": spec or {}}
        return self._answer(self._client.post(self._path, json=body))

    def create_raw(self, name: str, spec: str) -> None:
        """Create an object whose spec is this very text."""
        metadata = f'"metadata":{{"name":"{self.name(name)}","labels":{{"e2e":"{self.key}"}}}}'
        body = f'{{"apiVersion":"example.com/v1","kind":"Widget",{metadata},"spec":{spec}}}'
        headers = {"Content-Type": "application/json"}
        self._client.post(self._path, content=body.encode(), headers=headers).raise_for_status()

    def patch(self, name: str, patch: Object) -> Object:
        headers = {"Content-Type": "application/merge-patch+json"}
        return self._answer(self._client.patch(self._url(name), json=patch, headers=headers))

    def delete(self, name: str) -> None:
        self._client.delete(self._url(name)).raise_for_status()

    def get(self, name: str) -> bytes:
        return self._client.get(self._url(name)).raise_for_status().content

    def version(self) -> str:
        """Give the present resource version."""
        listed = self._answer(self._client.get(self._path, params={"labelSelector": self.selector}))
        version: str = listed["metadata"]["resourceVersion"]
        return version

    def wait_until_cached(self) -> None:
        """Wait until the server's watch cache has all that was written: it follows its storage."""
        written = int(self.version())
        params = {"labelSelector": self.selector, "resourceVersion": "0"}

        def is_cached() -> bool:
            cached = self._answer(self._client.get(self._path, params=params))
            return int(cached["metadata"]["resourceVersion"]) >= written

        wait_for(is_cached)

    def clean_up(self) -> None:
        for other in self._others:
            other.clean_up()
        self._client.delete(self._path, params={"labelSelector": self.selector}).raise_for_status()

    def _url(self, name: str) -> str:
        return f"{self._path}/{self.name(name)}"

    @staticmethod
    def _answer(response: httpx.Response) -> Object:
        answer: Object = response.raise_for_status().json()
        return answer


class Asked(NamedTuple):
    """What a watch asked of the server."""

    path: str
    params: dict[str, str]
    accept: str


def leave(_: Any) -> None:
    """Change nothing."""


@dataclass
class Run:
    """A watch that runs in a thread of its own.

    Its requests are noted in ``asked``, discovery apart. Then ``change`` may change them before
    they are sent, and ``change_response`` what the client sees of a response.
    """

    box: Box | None
    change: Callable[[httpx.Request], None] = leave
    change_response: Callable[[httpx.Response], None] = leave
    asked: list[Asked] = field(default_factory=list)
    status: WatchStatus = field(default_factory=WatchStatus)
    events: list[Event] = field(default_factory=list)
    error: Exception | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def wait_until_open(self) -> None:
        """Wait until the watch is open, or has failed."""
        self.wait_for(lambda: self.status.connects > 0)

    def wait_until_synced(self, connects: int = 1) -> None:
        """Wait until all that exists has come, and so many watches are open."""
        self.wait_for(lambda: self.status.synced and self.status.connects >= connects)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true, and fail if it does not come, or if the watch fails."""
        wait_for(lambda: condition() or self.ended.is_set())
        if self.error is not None:
            raise self.error

    def take(self, count: int, quiet: float = 0.0) -> list[tuple[str, str]]:
        """Wait for so many events; see that no more come in so many seconds; give them all."""
        self.wait_for(lambda: len(self.events) >= count)
        time.sleep(quiet)
        return self.changes

    def see(self, request: httpx.Request) -> None:
        """Note a request, and change it."""
        if request.url.path.endswith("widgets"):
            params, accept = dict(request.url.params), request.headers["Accept"]
            self.asked.append(Asked(request.url.path, params, accept))
            self.change(request)

    def hooks(self, *, sync: bool) -> dict[str, list[Callable[..., Any]]]:
        """Give httpx's event hooks that show what is asked and answered."""

        async def see(request: httpx.Request) -> None:
            self.see(request)

        async def change(response: httpx.Response) -> None:
            self.change_response(response)

        if sync:
            return {"request": [self.see], "response": [lambda r: self.change_response(r)]}
        return {"request": [see], "response": [change]}

    @property
    def watches(self) -> list[dict[str, str]]:
        """The parameters of the watch requests."""
        return [asked.params for asked in self.asked if "watch" in asked.params]

    @property
    def lists(self) -> list[dict[str, str]]:
        """The parameters of the list requests."""
        return [asked.params for asked in self.asked if "watch" not in asked.params]

    def failure(self) -> Exception:
        """Wait for the error that the watch raises."""
        wait_for(self.ended.is_set)
        assert self.error is not None, "no error was raised"
        return self.error

    @property
    def cursor(self) -> int:
        """The cursor, which a bookmark may move at any time."""
        return int(self.status.resource_version or 0)

    @property
    def changes(self) -> list[tuple[str, str]]:
        """Each event as its type and the object's name, without the test's prefix."""
        prefix = f"{self.box.key}-" if self.box else ""
        return [
            (str(event_type), obj["metadata"].get("name", "").removeprefix(prefix))
            for event_type, obj in self.events
        ]


@dataclass(frozen=True)
class Front:
    """One of the front ends: `watch`, or `awatch` on one of its event loops."""

    name: str
    config: KubeConfig

    @contextmanager
    def start(
        self,
        kind: str | None = "Widget",
        *,
        box: Box | None = None,
        client: dict[str, Any] | None = None,
        change: Callable[[httpx.Request], None] = leave,
        change_response: Callable[[httpx.Response], None] = leave,
        **options: Any,
    ) -> Iterator[Run]:
        """Start a watch, of the box's objects unless the options say otherwise."""
        run = Run(box, change, change_response)
        if box is not None:
            options.setdefault("label_selector", box.selector)
        options |= {"kind": kind, "status": run.status}
        start = self._start_sync if self.name == "watch" else self._start_async
        with start(run, client or {}, options):
            yield run

    def fails(self, **options: Any) -> Exception:
        """Give the error that a watch raises before its first event."""
        with self.start(**options) as run:
            error = run.failure()
        assert not run.events
        return error

    @contextmanager
    def _start_sync(self, run: Run, client: dict[str, Any], options: Object) -> Iterator[None]:
        stop_event = StopEvent()

        def consume() -> None:
            hooks = run.hooks(sync=True)
            with ending(run), self.config.client(event_hooks=hooks, **client) as http:
                run.events.extend(watch(http, stop_event=stop_event, **options))

        thread = threading.Thread(target=consume)
        thread.start()
        try:
            yield
        finally:
            stop_event.set()
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()

    @contextmanager
    def _start_async(self, run: Run, client: dict[str, Any], options: Object) -> Iterator[None]:
        async def consume() -> None:
            hooks = run.hooks(sync=False)
            with ending(run):
                async with (
                    self.config.async_client(event_hooks=hooks, **client) as http,
                    aclosing(awatch(http, **options)) as events,
                ):
                    async for event in events:
                        run.events.append(event)

        with start_blocking_portal(self.name.partition("-")[2]) as portal:
            task = portal.start_task_soon(consume)
            try:
                yield
            finally:
                task.cancel()
                wait_for(run.ended.is_set)


@contextmanager
def ending(run: Run) -> Iterator[None]:
    """Note how a run ended."""
    try:
        yield
    except Exception as error:
        run.error = error
    finally:
        run.ended.set()


class Proxy:
    """Forwards TCP connections, and does to them what networks do."""

    def __init__(self, server: str) -> None:
        url = httpx.URL(server)
        self._target = url.host, url.port or 443
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._cut_after: int | None = None
        self._refusing = False
        self._accepting = threading.Lock()  # no connection comes through while it is refused
        self._frozen: set[socket.socket] = set()
        self.cuts = 0
        self.url = str(url.copy_with(host="127.0.0.1", port=self._listener.getsockname()[1]))
        self._spawn(self._accept)

    def cut(self, after: int) -> None:
        """Let so many more bytes of the server pass, and then reset the connection."""
        self._cut_after = after

    def freeze(self) -> None:
        """Forward nothing more on the connections that are open, and do not close them."""
        self._frozen.update(self._sockets)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """End all connections, and each new one at once."""
        with self._accepting:
            self._refusing = True
        for sock in self._sockets:
            hang_up(sock)
        yield
        self._refusing = False

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            hang_up(sock)
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
        for sock in self._sockets:
            sock.close()

    def _spawn(self, target: Callable[..., None], *args: socket.socket) -> None:
        thread = threading.Thread(target=target, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._accepting:
                if self._refusing:
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
            self._spawn(self._forward, client, server)
            self._spawn(self._return, server, client)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65_536):
                if client not in self._frozen:
                    server.sendall(data)
        hang_up(server)

    def _return(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65_536):
                if client in self._frozen:
                    continue
                if self._cut_after is None:
                    client.sendall(data)
                    continue
                client.sendall(data[: self._cut_after])
                if len(data) > self._cut_after:
                    self._cut_after = None
                    self.cuts += 1
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
                self._cut_after -= len(data)
        hang_up(server)
        if client not in self._frozen:
            hang_up(client)


def hang_up(sock: socket.socket) -> None:
    """End a connection, so that whoever reads from it is woken."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def gap(run: Run, box: Box, proxy: Proxy, path: str = "") -> Iterator[None]:
    """Cut watches off; what is written meanwhile is a gap to them, until they list.

    Each is answered 410 in the stream. The server's cache has all that was written when they list.
    """

    def change(request: httpx.Request) -> None:
        if path not in request.url.path:
            return
        if "watch" in request.url.params:
            request.url = request.url.copy_set_param("resourceVersion", "1")
        else:
            run.change = leave

    run.change = change  # before any request that may come through when the proxy serves again
    with proxy.refusing():
        yield
        box.wait_until_cached()
