"""An API server that lives through a drawn history, for the whole watch session to be tested on.

A `Server` is an httpx transport, sync and async, that serves lists and watches of a store while a
`History` goes on. Its steps are taken in order: before each answer, and inside of a watch between
any two frames. Writes just happen; a refusal answers the next request, and ends a watch that is
open; the others befall a watch, and some of them a list. When there are no more steps, the server
is well: it sends what is left, and is quiet until the run ends by `OutOfScript`.

Nothing is ever done that a client cannot notice: a restore brings the server behind the client's
cursor, where it stays until the client has listed, and no (uid, version) comes to mean two things.
"""

import json
from collections import Counter, deque
from collections.abc import Callable, Iterator

import anyio
import httpx

from tests.front import Body, Clock, Part, Run
from tests.model_history import (
    FIRST,
    KEYS,
    REFUSALS,
    WRITES,
    History,
    Json,
    Key,
    Step,
    Store,
    is_in,
    metadata_of,
    state,
    status,
)
from tests.model_stream import CUT, Stream

Reply = tuple[int, Iterator[Part]]

MAX_REQUESTS = 200  # once the server is well
TOO_LARGE = "Too large resource version: 99, current: 9"


class Closing(Body):
    """A body that goes no further once it is closed: nothing happens on the server any more."""

    def close(self) -> None:
        super().close()
        self._parts.close()  # type: ignore[attr-defined]

    async def aclose(self) -> None:
        self.close()


class Network:
    """Stands for the connection, whose ``read`` the client takes over: shows its patience."""

    timeout = 0.0

    def read(self, max_bytes: int, timeout: float) -> bytes:
        self.timeout = timeout
        return b""


class Server(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The API server of one resource.

    Args:
        history: What happens.
        run: Gives what the watch under test has done so far.

    Attributes:
        clock, requests, times, bodies: As `tests.front.Script` has them.
        faults: How often each thing happened that ends an answer, or is worth to be counted.
        troubled: The faults by the number of the request, from 1.
        fruitful: The numbers of the requests that brought an event.
        gaps: How many of these leave a gap.
        proven: Whether a watch brought something, or ended well.
        base: What the watch begins after.
        restored_at, restored_cursor: How many events had been yielded, and what the cursor was.
    """

    def __init__(self, history: History, run: Callable[[], Run]) -> None:
        self.clock = Clock()
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []
        self.bodies: list[Body] = []
        self.faults: Counter[str] = Counter()
        self.troubled: dict[int, str] = {}
        self.fruitful: set[int] = set()
        self.gaps = 0
        self.proven = False
        self.base: dict[Key, Json] | None = None
        self.restored_at, self.restored_cursor = -1, ""
        self.history, self.steps = history, deque(history.steps)
        self.store = Store(opaque=history.opaque)
        for key in KEYS[: history.objects]:
            self.store.write(key)
        self.settled = history.rough  # whether faults may hit
        self.told: int | None = None  # where the client's cursor is, at least
        self.sent: list[tuple[str, Json]] = []  # what a later watch may repeat
        self.empties = self.idle = 0
        self._left = MAX_REQUESTS
        self._run = run
        self._listed: dict[str, dict[Key, Json]] = {}
        self._network = Network()
        if history.start == "initial":
            self.base = {}
        elif history.start == "version":
            self.told = max(FIRST, self.store.revision - history.back)
            self.base = state(self.store.changes, self.told)

    @property
    def begin_at(self) -> str:
        """The resource version that the watch is given."""
        return self.store.version(self.told or 0)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await anyio.lowlevel.checkpoint()
        response = self.handle_request(request)
        del response.extensions["network_stream"]  # whose reads one would have to await
        return response

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._left -= not self.steps
        assert self._left, "the watch does not come to rest"
        self.requests.append(request)
        self.times.append(self.clock.now)
        self._note_cursor(request.url.params)
        while self.steps and self.steps[0].verb in WRITES[: None if self.settled else 4]:
            self.write(self.steps.popleft())
        code, parts = self._refuse(request) or self._serve(request)
        self.bodies.append(Closing(parts, self.clock))
        headers = {"content-type": "text/html" if code == 502 else "application/json"}
        if code in (429, 503) and len(self.requests) % 2:
            headers["retry-after"] = "7"
        return httpx.Response(
            code,
            headers=headers,
            stream=self.bodies[-1],
            extensions={"http_version": b"HTTP/1.1", "network_stream": self._network},
        )

    def _note_cursor(self, params: httpx.QueryParams) -> None:
        """See what the client knows, as far as a request tells."""
        if "resourceVersion" in params:
            self.told = self.store.revision_of(params["resourceVersion"])
        elif "continue" not in params:
            self.told = self.store.ceiling = None  # it begins anew
        if "watch" not in params or self.told is None:
            self.sent = []
        elif self.base is None:
            self.base = self._listed[params["resourceVersion"]]

    def patience(self, request: httpx.Request) -> float:
        """How long the client waits for the next bytes."""
        self._network.timeout = request.extensions["timeout"]["read"]
        if "read" in vars(self._network):
            self._network.read(1, timeout=0.0)
        return self._network.timeout

    def fault(self, name: str, *, gap: bool = False) -> None:
        self.faults[name] += 1
        self.troubled[len(self.requests)] = name
        self.gaps += gap

    # What nobody is asked about

    def write(self, step: Step) -> None:
        store, key = self.store, KEYS[step.number % len(KEYS)]
        match step.verb:
            case "write":
                store.write(key)
            case "delete":
                store.delete(key)
            case "recreate":
                store.delete(key)
                store.write(key)
            case "other":
                store.write_others(1 + step.number % 7)
            case "compact":
                store.oldest = max(store.oldest, store.revision - step.number % 4)
            case "restore":
                self._restore(max(FIRST, store.revision - 1 - step.number % 8))

    def _restore(self, revision: int) -> None:
        """Go back in time, once, to before the client's cursor, if it has one."""
        if len(self.store.timelines) == 1 and (self.told is None or revision < self.told):
            self.store.restore(revision)
            self.store.ceiling = self.told
            self.restored_at = len(self._run().events)
            self.restored_cursor = self._run().status.resource_version or ""
            self.sent = []
            self.faults["restored"] += 1

    # Answers

    def _refuse(self, request: httpx.Request) -> Reply | None:
        params = request.url.params
        if "sendInitialEvents" in params and self.history.watch_list != 200:
            self.fault("no streaming list")
            return _failure(self.history.watch_list, "Invalid")
        if self.history.partial == 406 and "PartialObject" in request.headers["accept"]:
            self.fault("no metadata alone")
            return _failure(406, "NotAcceptable")
        if not self.settled or not self.steps or self.steps[0].verb not in REFUSALS:
            return None
        verb = self.steps.popleft().verb
        code, reason = REFUSALS[verb]
        too_large, versioned = verb == "too_large", "resourceVersion" in params
        if (code == 410 and not versioned and "continue" not in params) or (
            too_large and ("watch" in params or not versioned)
        ):
            return None  # which no server does
        self.fault(verb, gap=versioned and (code == 410 or too_large))
        if not code:
            raise httpx.ConnectError("connection refused")
        if code == 502:
            return code, _whole(b"<html>Bad Gateway</html>")
        return _failure(code, reason, TOO_LARGE if too_large else "as drawn")

    def _serve(self, request: httpx.Request) -> Reply:
        params, store = request.url.params, self.store
        if "watch" not in params:
            return self._list(request)
        if "sendInitialEvents" in params:
            assert "resourceVersion" not in params
            return 200, Stream(self, request, store.revision, initial=True).parts()
        position = store.revision_of(params["resourceVersion"])
        if position < store.oldest and self.history.gone == "refusal":
            self.fault("compacted", gap=True)
            return _failure(410, "Expired")
        return 200, Stream(self, request, position, initial=False).parts()

    def _list(self, request: httpx.Request) -> Reply:
        params, store = request.url.params, self.store
        if "continue" in params:
            assert set(params) - {"shardSelector"} == {"limit", "continue"}
            timeline, revision, offset, empty = map(int, params["continue"].split(".")[:4])
            if timeline != len(store.timelines) or revision < store.oldest:
                self.fault("token expired")
                return _failure(410, "Expired")
        else:
            offset, empty, revision = 0, int(self.history.empty_pages), store.revision
            if "resourceVersion" in params:
                asked = store.revision_of(params["resourceVersion"])
                if asked > revision:
                    self.fault("went back", gap=True)
                    return _failure(504, "Timeout", TOO_LARGE)
                late = revision - self.history.lag
                revision = max(asked, late, store.oldest, *store.corrupt)
        return 200, self._page(request, revision, offset, empty=bool(empty))

    def _page(
        self, request: httpx.Request, revision: int, offset: int, *, empty: bool
    ) -> Iterator[Part]:
        history, version = self.history, self.store.version(revision)
        every = state(self.store.changes, revision)
        objects = {key: obj for key, obj in every.items() if self.sends(request, obj)}
        limit = min(int(request.url.params["limit"]), history.page_size)
        end = offset + (0 if empty else limit)
        items = [self.view(request, objects[key]) for key in sorted(objects)[offset:end]]
        metadata: Json = {"resourceVersion": version}
        if history.sharding == "proven" and history.shard:
            metadata["shardInfo"] = {"selector": request.url.params["shardSelector"]}
        if end < len(objects):
            again = 0 if empty else int(history.empty_pages)
            metadata["continue"] = (
                f"{len(self.store.timelines)}.{revision}.{end}.{again}.{len(self.requests)}"
            )
        else:
            self._listed[version] = objects
        kind = {"apiVersion": "v1", "kind": "PodList"}
        if self._is_partial(request):
            kind = {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList"}
        elif history.bare_items:
            items = [{"metadata": item["metadata"], "spec": item["spec"]} for item in items]
        body: Json = {"metadata": metadata, "items": items or (None if history.null_items else [])}
        if history.metadata_last:
            body["metadata"] = body.pop("metadata")
        yield from self._send_page(request, json.dumps(kind | body).encode())

    def _send_page(self, request: httpx.Request, data: bytes) -> Iterator[Part]:
        verb, number = self.steps[0] if self.steps and self.settled else Step("")
        if verb not in ("cut", "halt", "stall"):
            yield data
            return
        self.steps.popleft()
        self.fault(f"list {verb}")
        yield data[: number % len(data)]
        if verb == "stall":
            self.clock.now += self.patience(request)
            yield httpx.ReadTimeout("timed out")
        elif verb == "cut":
            yield CUT

    def _is_partial(self, request: httpx.Request) -> bool:
        return self.history.partial == 200 and "PartialObject" in request.headers["accept"]

    def sends(self, request: httpx.Request, obj: Json) -> bool:
        """Whether an object is in the shard that was asked for, where the server makes shards."""
        assert ("shardSelector" in request.url.params) == (self.history.shard is not None)
        return not self.history.sharding or is_in(self.history.shard, obj)

    def view(self, request: httpx.Request, obj: Json) -> Json:
        """An object in the form that was asked for."""
        return metadata_of(obj) if self._is_partial(request) else obj


def _failure(code: int, reason: str, message: str = "as drawn") -> Reply:
    return code, _whole(json.dumps(status(code, reason, message)).encode())


def _whole(data: bytes) -> Iterator[Part]:
    yield data
