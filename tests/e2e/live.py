"""A real API server, the objects of one test on it, and both front ends watching them."""

import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from anyio.from_thread import start_blocking_portal

from kwatch import Event, KubeConfig, StopEvent, WatchStatus, awatch, watch

Object = dict[str, Any]

PATIENCE_SECONDS = 15.0  # for whatever a test waits for
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
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
    if client.get(WIDGETS).status_code != httpx.codes.OK:
        client.post(CRDS, json=WIDGETS_CRD)
        wait_for(lambda: client.get(WIDGETS).status_code == httpx.codes.OK)


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
        self._path = f"/apis/example.com/v1/namespaces/{namespace}/widgets"

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

    def clean_up(self) -> None:
        self._client.delete(self._path, params={"labelSelector": self.selector}).raise_for_status()

    def _url(self, name: str) -> str:
        return f"{self._path}/{self.name(name)}"

    @staticmethod
    def _answer(response: httpx.Response) -> Object:
        answer: Object = response.raise_for_status().json()
        return answer


@dataclass
class Run:
    """A watch that runs in a thread of its own."""

    box: Box | None
    status: WatchStatus = field(default_factory=WatchStatus)
    events: list[Event] = field(default_factory=list)
    error: Exception | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def wait_until_open(self) -> None:
        """Wait until the watch is open, or has failed."""
        wait_for(lambda: self.status.connects > 0 or self.ended.is_set())
        assert self.error is None, self.error

    def take(self, count: int, quiet: float = 0.0) -> list[tuple[str, str]]:
        """Wait for so many events; see that no more come in so many seconds; give them all."""
        wait_for(lambda: len(self.events) >= count or self.ended.is_set())
        time.sleep(quiet)
        return self.changes

    def failure(self) -> Exception:
        """Wait for the error that the watch raises."""
        wait_for(self.ended.is_set)
        assert self.error is not None, "no error was raised"
        return self.error

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
        **options: Any,
    ) -> Iterator[Run]:
        """Start a watch, of the box's objects unless the options say otherwise."""
        run = Run(box)
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
            with ending(run), self.config.client(**client) as http:
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
            with ending(run):
                async with (
                    self.config.async_client(**client) as http,
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
    """Forwards TCP connections, and cuts them in the middle of what the server sends."""

    def __init__(self, server: str) -> None:
        url = httpx.URL(server)
        self._target = url.host, url.port or 443
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._cut_after: int | None = None
        self.cuts = 0
        self.url = str(url.copy_with(host="127.0.0.1", port=self._listener.getsockname()[1]))
        self._spawn(self._accept)

    def cut(self, after: int) -> None:
        """Let so many more bytes of the server pass, and then reset the connection."""
        self._cut_after = after

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
            server = socket.create_connection(self._target)
            self._sockets += [client, server]
            self._spawn(self._forward, client, server)
            self._spawn(self._return, server, client)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while data := client.recv(65_536):
                server.sendall(data)
        except OSError:
            pass
        hang_up(server)

    def _return(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while data := server.recv(65_536):
                if self._cut_after is not None:
                    client.sendall(data[: self._cut_after])
                    if len(data) > self._cut_after:
                        self._cut_after = None
                        self.cuts += 1
                        client.setsockopt(
                            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                        )
                        break
                    self._cut_after -= len(data)
                    continue
                client.sendall(data)
        except OSError:
            pass
        hang_up(server)
        hang_up(client)


def hang_up(sock: socket.socket) -> None:
    """End a connection, so that whoever reads from it is woken."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
