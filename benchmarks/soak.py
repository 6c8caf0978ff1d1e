"""Watch through crashes and cuts, and account for every single change.

A process of its own creates, modifies and deletes custom objects, and logs what the API server
acknowledged. Between kwatch and that server stands a TCP proxy that cuts the connection at
random, by FIN and by RST, between frames and in the middle of one; a command may kill and restart
the server as well. In the end each logged change must have been yielded exactly once, and the
events, folded over a dict, must equal the server's list::

    python benchmarks/soak.py --kubeconfig ~/.kube/test --restart "./restart-the-server"

The proxy listens on 127.0.0.1 and passes TLS through, so that the server's certificate must hold
for that address. Exit status: 0 if nothing was lost, repeated or wrong, and 1 otherwise.
"""

import argparse
import asyncio
import json
import logging
import multiprocessing
import random
import resource
import shlex
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.synchronize import Event as ProcessEvent
from pathlib import Path
from typing import Any, NamedTuple, Self

import anyio
import httpx

from kwatch import (
    Event,
    EventType,
    ExpiredError,
    KubeConfig,
    StatusError,
    StopEvent,
    UnknownKindError,
    WatchStatus,
    awatch,
    watch,
)

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/widgets"
CRD = {
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
THE_END = "the-end"  # the name of the last object to be created
GRACE_SECONDS = 1.5  # after the last event, for repetitions that should not come
PATIENCE_SECONDS = 100.0  # for the last event, once the writer is done
START_ERRORS = (httpx.TransportError, StatusError, UnknownKindError)
OUTAGE_SECONDS = 120.0  # for one write to succeed

Object = dict[str, Any]


class Options(NamedTuple):
    """The command line."""

    kubeconfig: str
    context: str | None
    namespace: str
    restart: str
    objects: int
    restarts: int
    cuts: int
    seconds: float
    settle: float
    seed: int
    recover: bool
    backend: str


class Change(NamedTuple):
    """One change, as it is counted; ``version`` is "" for a deletion, which tells none."""

    verb: str
    uid: str
    version: str

    @classmethod
    def of(cls, event_type: str, obj: Object) -> "Change":
        """Give the change that an event tells of."""
        version = "" if event_type == EventType.DELETED else obj["metadata"]["resourceVersion"]
        return cls(str(event_type), obj["metadata"]["uid"], version)


# The writer


class Server:
    """The API server as the writer sees it: asked again until the outcome is known.

    Nobody else writes these objects, so that after a broken request a look at the server tells
    whether it had been carried out.
    """

    def __init__(self, options: Options, run: str) -> None:
        config = KubeConfig.load(options.kubeconfig, options.context)
        self._client = config.client(timeout=10.0)
        self._run = run
        self._path = f"/apis/example.com/v1/namespaces/{options.namespace}/widgets"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def prepare(self) -> None:
        """Have the custom resource served."""
        if self._client.get(WIDGETS).status_code != httpx.codes.OK:
            self._client.post(CRDS, json=CRD)
        for _ in self._attempts():
            if self._client.get(WIDGETS).status_code == httpx.codes.OK:
                return

    def create(self, name: str, spec: Object) -> Object:
        """Create an object that is not there."""
        body: Object = {"apiVersion": "example.com/v1", "kind": "Widget", "spec": spec}
        body["metadata"] = {"name": name, "labels": {"soak": self._run}}
        for _ in self._attempts():
            if found := self._ask("POST", self._path, body):
                return found
            found = self._ask("GET", f"{self._path}/{name}")
            if found and found["spec"] == spec:
                return found
        raise AssertionError

    def replace(self, obj: Object, spec: Object) -> Object:
        """Give an object a new spec."""
        path = f"{self._path}/{obj['metadata']['name']}"
        for _ in self._attempts():
            if found := self._ask("PUT", path, obj | {"spec": spec}):
                return found
            found = self._ask("GET", path)
            if found and found["spec"] == spec:
                return found
        raise AssertionError

    def delete(self, obj: Object) -> None:
        """Delete an object."""
        metadata = obj["metadata"]
        body: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        body["preconditions"] = {"uid": metadata["uid"]}
        path = f"{self._path}/{metadata['name']}"
        for _ in self._attempts():
            if self._ask("DELETE", path, body) or self._ask("GET", path) == {}:
                return

    def list(self) -> tuple[dict[tuple[str, str], Object], str]:
        """Give what is there, and its resource version."""
        for _ in self._attempts():
            if found := self._ask("GET", f"{self._path}?labelSelector=soak={self._run}"):
                return {key_of(obj): obj for obj in found["items"]}, version_of(found)
        raise AssertionError

    def clean_up(self) -> None:
        """Delete all objects of the run."""
        self._ask("DELETE", f"{self._path}?labelSelector=soak={self._run}")

    def _attempts(self) -> Iterator[None]:
        until = time.monotonic() + OUTAGE_SECONDS
        while time.monotonic() < until:
            yield
            time.sleep(0.05)
        raise TimeoutError(f"the server was away for {OUTAGE_SECONDS} s")

    def _ask(self, method: str, url: str, body: Object | None = None) -> Object | None:
        """Give the answer; {} if there is no such object, None if that is not known."""
        try:
            response = self._client.request(method, url, json=body)
        except httpx.TransportError:
            return None
        if response.is_success:
            answer: Object = response.json()
            return answer
        # Right after a start the custom resource itself is not there: a 404 of another kind.
        if response.status_code == httpx.codes.NOT_FOUND and method == "GET":
            with suppress(ValueError, KeyError):
                return {} if response.json()["details"]["name"] else None
        return None


def key_of(obj: Object) -> tuple[str, str]:
    """Give namespace and name."""
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def version_of(obj: Object) -> str:
    """Give the resource version."""
    version: str = obj["metadata"]["resourceVersion"]
    return version


def lives(options: Options, chance: random.Random) -> list[str]:
    """Give the names of the objects to touch, in order; what happens is the object's own turn."""
    turns = [
        f"w-{number}" for number in range(options.objects) for _ in range(chance.randint(2, 7))
    ]
    chance.shuffle(turns)
    return turns


def write(options: Options, run: str, log: Path, begin: ProcessEvent, pause: ProcessEvent) -> None:
    """Create, modify and delete, evenly over the time; the body of the writer's process."""
    chance = random.Random(options.seed)
    turns = lives(options, chance)
    alive: dict[str, Object] = {}
    with Server(options, run) as server, log.open("w", buffering=1) as lines:
        begin.wait()
        began, paused = time.monotonic(), 0.0
        for number, name in enumerate(turns):
            wait = began + paused + options.seconds * number / len(turns) - time.monotonic()
            time.sleep(max(0.0, wait))
            while pause.is_set():
                time.sleep(0.02)
                paused += 0.02
            spec = {"number": number, "text": "x" * chance.choice((10, 1_000, 20_000))}
            known = alive.pop(name, None)
            if known is None:
                obj, verb = server.create(name, spec), EventType.CREATED
            elif chance.random() < 0.7:
                obj, verb = server.replace(known, spec), EventType.MODIFIED
            else:
                server.delete(known)
                obj, verb = known, EventType.DELETED
            if verb is not EventType.DELETED:
                alive[name] = obj
            lines.write(json.dumps([*Change.of(verb, obj), time.time()]) + "\n")


# The proxy


@dataclass(eq=False)
class Link:
    """One connection through the proxy."""

    down: asyncio.StreamWriter
    up: asyncio.StreamWriter
    cut_after: int | None = None  # bytes of the server's next ones that still pass
    abruptly: bool = False

    def close(self) -> None:
        """End both sides: by RST, or by FIN."""
        for writer in (self.down, self.up):
            sock = writer.get_extra_info("socket")
            if self.abruptly and sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            else:
                writer.close()


class Proxy:
    """Forwards TCP connections, in a thread of its own, and cuts them when told to."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._links: set[Link] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0
        self.cuts = 0  # those that found a connection to cut

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self.cut(abruptly=True, inside=False, after=0)
        time.sleep(0.1)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def is_linked(self) -> bool:
        """Whether there is a connection to cut."""
        return bool(self._links)

    def cut(self, *, abruptly: bool, inside: bool, after: int) -> None:
        """Cut all connections: at once, or so many bytes into what the server sends next."""

        async def do() -> None:
            self.cuts += bool(self._links)
            for link in self._links:
                link.abruptly = abruptly
                link.cut_after = after
                self._loop.call_later(0.5 if inside else 0.0, link.close)

        asyncio.run_coroutine_threadsafe(do(), self._loop).result()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        link = Link(writer, up_writer)
        self._links.add(link)
        pumps = (self._pump(reader, up_writer, None), self._pump(up_reader, writer, link))
        await asyncio.wait([asyncio.ensure_future(pump) for pump in pumps])
        self._links.discard(link)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link | None
    ) -> None:
        try:
            while data := await reader.read(65_536):
                if link is not None and link.cut_after is not None:
                    writer.write(data[: link.cut_after])
                    await writer.drain()
                    link.close()
                    return
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()


# The consumer


class Account(WatchStatus):
    """A status that counts over all watches: the connections, and the errors that were retried."""

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter()
        self.opened = 0
        super().__init__()

    def __setattr__(self, name: str, value: object) -> None:
        if name == "last_error" and value is not None:
            code = getattr(value, "code", "")
            self.errors[f"{type(value).__name__} {code}".strip()] += 1
        if name == "connects" and value:  # zero at the beginning of a watch
            self.opened += 1
        super().__setattr__(name, value)


@dataclass
class Gap:
    """What `Consumer.recover` bridged by a list: the versions, and the uids on either side."""

    low: int
    high: int
    before: set[str]
    after: set[str]

    def hides(self, changes: Iterable[Change]) -> set[Change]:
        """Give those of the changes that happened in the gap, and so were never yielded."""
        hidden = {c for c in changes if c.version and self.low < int(c.version) <= self.high}
        gone = (self.before | {change.uid for change in hidden}) - self.after
        return hidden | {change for change in changes if not change.version and change.uid in gone}


@dataclass
class Consumer:
    """Folds the events, and remembers each."""

    options: Options
    run: str
    base_url: str
    status: Account = field(default_factory=Account)
    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    seen: Counter[Change] = field(default_factory=Counter)
    seen_at: dict[Change, float] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    starts_failed: int = 0
    failure: BaseException | None = None
    stop_event: StopEvent = field(default_factory=StopEvent)
    ended: bool = False

    def take(self, event: Event) -> None:
        """Fold one event."""
        event_type, obj = event
        change = Change.of(event_type, obj)
        self.seen[change] += 1
        self.seen_at.setdefault(change, time.time())
        if event_type is EventType.DELETED:
            self.objects.pop(key_of(obj), None)
        else:
            self.objects[key_of(obj)] = obj
        self.ended = self.ended or obj["metadata"]["name"] == THE_END

    def recover(self, error: ExpiredError) -> str:
        """Begin again from a fresh list, if that was asked for."""
        cursor = self.status.resource_version or "0"
        self.expired.append(f"{time.strftime('%H:%M:%S')} at {cursor}: {error.message[:60]}")
        if not self.options.recover:
            raise error
        with Server(self.options, self.run) as server:
            objects, version = server.list()
        before, after = (
            {obj["metadata"]["uid"] for obj in known.values()} for known in (self.objects, objects)
        )
        self.gaps.append(Gap(int(cursor), int(version), before, after))
        self.objects = objects
        self.ended = any(name == THE_END for _, name in objects)
        return version

    def check_start(self, error: Exception) -> None:
        """Bear with the first error of a watch that began after `recover`: it is not retried."""
        if not self.gaps or self.status.connects:
            raise error
        self.starts_failed += 1

    def arguments(self, version: str | None) -> dict[str, Any]:
        """Give what both front ends are called with."""
        return {
            "namespace": self.options.namespace,
            "label_selector": f"soak={self.run}",
            "resource_version": version,
            "status": self.status,
            "timeout_seconds": 20,
        }

    def watch(self) -> None:
        """Consume `kwatch.watch` to the end."""
        version = None
        config = KubeConfig.load(self.options.kubeconfig, self.options.context)
        with config.client(base_url=self.base_url) as client:
            while not self.stop_event.is_set():
                arguments = self.arguments(version) | {"stop_event": self.stop_event}
                try:
                    for event in watch(client, "Widget", **arguments):
                        self.take(event)
                        if self.ended:
                            threading.Timer(GRACE_SECONDS, self.stop_event.set).start()
                except ExpiredError as error:
                    version = self.recover(error)
                    if self.ended:  # the list showed it
                        return
                except START_ERRORS as error:
                    self.check_start(error)
                    self.stop_event.wait(0.2)

    async def awatch(self) -> None:
        """Consume `kwatch.awatch` to the end."""
        version = None
        config = KubeConfig.load(self.options.kubeconfig, self.options.context)
        async with config.async_client(base_url=self.base_url) as client:
            with anyio.CancelScope() as scope:
                while True:
                    try:
                        events = awatch(client, "Widget", **self.arguments(version))
                        async with aclosing(events):
                            async for event in events:
                                self.take(event)
                                if self.ended:
                                    scope.deadline = anyio.current_time() + GRACE_SECONDS
                    except ExpiredError as error:
                        version = self.recover(error)
                        if self.ended:
                            return
                    except START_ERRORS as error:
                        self.check_start(error)
                        await anyio.sleep(0.2)

    def consume(self, front: str) -> None:
        """Consume one front end; the body of the consumer's thread."""
        try:
            if front == "watch":
                self.watch()
            else:
                anyio.run(self.awatch, backend=self.options.backend)
        except BaseException as error:
            self.failure = error


# The run


def torment(
    options: Options, proxy: Proxy, pause: ProcessEvent, status: Account
) -> tuple[list[str], float]:
    """Cut connections and restart the server, spread over the time."""

    def is_open() -> bool:
        return proxy.is_linked or status.state == "ended"

    def is_open_again(before: int) -> bool:
        return status.opened > before or status.state == "ended"

    chance = random.Random(options.seed + 1)
    restarts = options.restarts if options.restart else 0
    part = options.seconds / max(1, restarts)
    plan = [(part * (number + chance.uniform(0.2, 0.8)), "restart") for number in range(restarts)]
    plan += [(chance.uniform(0.0, options.seconds), "cut") for _ in range(options.cuts)]
    began = time.monotonic()
    done, down = [], 0.0
    for at, action in sorted(plan):
        time.sleep(max(0.0, began + down + at - time.monotonic()))
        if action == "cut":
            cuts = proxy.cuts
            while proxy.cuts == cuts and status.state != "ended":
                wait_for(is_open, OUTAGE_SECONDS)
                time.sleep(chance.uniform(0.2, 3.0))
                inside, abruptly = chance.random() < 0.5, chance.random() < 0.5
                proxy.cut(abruptly=abruptly, inside=inside, after=chance.randrange(400))
            continue
        started = time.monotonic()
        if options.settle:
            pause.set()
            time.sleep(options.settle)
        done.append(time.strftime("%H:%M:%S"))
        opened = status.opened
        subprocess.run(
            shlex.split(options.restart), check=True, timeout=OUTAGE_SECONDS, capture_output=True
        )
        if options.settle:
            wait_for(partial(is_open_again, opened), OUTAGE_SECONDS)
        pause.clear()
        down += time.monotonic() - started
    return done, down


def soak(options: Options, front: str) -> dict[str, object]:
    """Run once with one front end; give the rows of the table."""
    spawn = multiprocessing.get_context("spawn")
    run = uuid.uuid4().hex[:8]
    begin, pause = spawn.Event(), spawn.Event()
    url = httpx.URL(KubeConfig.load(options.kubeconfig, options.context).server)
    began = time.monotonic()
    with ExitStack() as stack:
        log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "log"
        server = stack.enter_context(Server(options, run))
        server.prepare()
        stack.callback(server.clean_up)
        proxy = stack.enter_context(Proxy(url.host, url.port or 443))
        base_url = str(url.copy_with(host="127.0.0.1", port=proxy.port))
        consumer = Consumer(options, run, base_url)
        thread = threading.Thread(target=consumer.consume, args=(front,), daemon=True)
        thread.start()
        writer = spawn.Process(target=write, args=(options, run, log, begin, pause), daemon=True)
        writer.start()
        wait_for(lambda: consumer.status.connects > 0 or not thread.is_alive(), 20)
        begin.set()
        restarts, down = torment(options, proxy, pause, consumer.status)
        writer.join(options.seconds + OUTAGE_SECONDS)
        wrote_all = writer.exitcode == 0
        changes = [json.loads(line) for line in log.read_text().splitlines()]
        end = server.create(THE_END, {})
        changes.append([*Change.of(EventType.CREATED, end), time.time()])
        thread.join(PATIENCE_SECONDS)
        cuts = proxy.cuts
        hung = thread.is_alive()
        state_at_hang = f"{consumer.status.state}, ended={consumer.ended}" if hung else ""
        if hung:
            consumer.stop_event.set()
        listed, _ = server.list()
    expected = {Change(*change[:3]): change[3] for change in changes}
    hidden = {change for gap in consumer.gaps for change in gap.hides(expected)}
    lost = expected.keys() - consumer.seen.keys() - hidden
    delays = sorted(at - expected[c] for c, at in consumer.seen_at.items() if c in expected)
    return {
        "front end": front if front == "watch" else f"{front} ({options.backend})",
        "changes written": len(expected),
        "events": consumer.seen.total(),
        "restarts": len(restarts),
        "cuts": cuts,
        "reconnects": consumer.status.opened - 1,
        "errors retried": " ".join(f"{k}:{n}" for k, n in consumer.status.errors.items()) or "-",
        "expired": f"{len(consumer.expired)} {'; '.join(consumer.expired)}",
        "restarted at": ", ".join(restarts) or "-",
        "starts failed": consumer.starts_failed,
        "hidden by a list": len(hidden - consumer.seen.keys()),
        "lost": len(lost),
        "repeated": sum(count - 1 for count in consumer.seen.values()),
        "never written": sum(change not in expected for change in consumer.seen),
        "wrong in the end": wrong(consumer.objects, listed),
        "median delay, ms": round(1_000 * delays[len(delays) // 2], 1) if delays else "-",
        "longest delay, s": round(delays[-1], 1) if delays else "-",
        "seconds": round(time.monotonic() - began, 1),
        "server down, s": round(down - len(restarts) * options.settle, 1),
        "max resident, MiB": max_resident(),
        "failure": "; ".join(
            filter(
                None,
                (
                    repr(consumer.failure) if consumer.failure else "",
                    f"hung: {state_at_hang}" if hung else "",
                    "" if wrote_all else "the writer failed",
                ),
            )
        )
        or "-",
    }


def wrong(folded: dict[tuple[str, str], Object], listed: dict[tuple[str, str], Object]) -> int:
    """Count the objects that differ in uid, resource version or spec, or are on one side only."""

    def essence(obj: Object | None) -> object:
        metadata = obj["metadata"] if obj else {}
        return obj and (metadata["uid"], metadata["resourceVersion"], obj["spec"])

    keys = folded.keys() | listed.keys()
    return sum(essence(folded.get(key)) != essence(listed.get(key)) for key in keys)


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until something is true."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"nothing for {seconds} s")
        time.sleep(0.01)


def max_resident() -> int:
    """Give the process's largest resident memory so far, MiB."""
    unit = 1 if sys.platform == "darwin" else 1_024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 2**20


def main() -> int:
    """Parse the command line, run, print the table."""
    parser = argparse.ArgumentParser(description="Watch through crashes; account for each change.")
    parser.add_argument("--kubeconfig", required=True, help="of a server to be tormented")
    parser.add_argument("--context", help="of the kubeconfig (default: its current one)")
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--restart", default="", metavar="CMD", help="kills and starts the server")
    parser.add_argument("--objects", type=int, default=500)
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0, help="that the writes are spread on")
    parser.add_argument(
        "--settle",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="write nothing so long before a restart, and after it until the watch is open again",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--front", choices=("watch", "awatch", "both"), default="both")
    parser.add_argument("--backend", choices=("asyncio", "trio"), default="asyncio")
    parser.add_argument(
        "--recover", action="store_true", help="list again where the events are gone for good"
    )
    parser.add_argument("--verbose", action="store_true", help="show kwatch's log")
    arguments = vars(parser.parse_args())
    verbose, front = arguments.pop("verbose"), arguments.pop("front")
    options = Options(**arguments)
    failed = False
    for name in ("watch", "awatch") if front == "both" else (front,):
        # a process of its own, so that the largest resident memory is this run's
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, spawn, set_up, (verbose,)) as pool:
            rows = pool.submit(soak, options, name).result()
        for label, value in rows.items():
            print(f"{label:18} {value}")
        print()
        bad = ("lost", "repeated", "never written", "wrong in the end")
        failed |= any(rows[label] for label in bad) or rows["failure"] != "-"
    return int(failed)


def set_up(verbose: bool) -> None:
    """Prepare the process of a run."""
    if verbose:
        logging.basicConfig(format="%(asctime)s %(name)s %(message)s")
        logging.getLogger("kwatch").setLevel(logging.DEBUG)


if __name__ == "__main__":
    sys.exit(main())
