"""The API over HTTP: its exchanges, the watches that are open, and what goes wrong with them."""

import threading
from collections.abc import Iterable

from werkzeug.wrappers import Request, Response

from kwatch.testing._api import API
from kwatch.testing._call import JSON, Call
from kwatch.testing._exchange import Exchange
from kwatch.testing._fault import Script
from kwatch.testing._http import KubernetesHTTPServer
from kwatch.testing._query import Query
from kwatch.testing._resources import Resource, target
from kwatch.testing._store import Snapshot, Store
from kwatch.testing._watch import Watch


class Service:
    """Answers requests from an API, and streams its watches.

    Args:
        http: What the requests come from.
        api: Answers them.
        store: The objects.
        resources: What there is.
        bookmark_interval: Seconds between the bookmarks of a watch.
        watch_timeout: Seconds that a watch lives, at most.

    Attributes:
        script: The faults to come.
    """

    def __init__(
        self,
        http: KubernetesHTTPServer,
        api: API,
        store: Store,
        resources: Iterable[Resource],
        *,
        bookmark_interval: float,
        watch_timeout: float,
    ) -> None:
        self.script = Script()
        self._http = http
        self._api = api
        self._store = store
        self._resources = tuple(resources)
        self._bookmark_interval = bookmark_interval
        self._watch_timeout = watch_timeout
        self._lock = threading.RLock()
        self._open: dict[Exchange, Watch] = {}

    @property
    def watches(self) -> int:
        """How many watches are open."""
        with self._lock:
            return len(self._open)

    @property
    def closing(self) -> threading.Event:
        """Set when the server stops."""
        return self._http.connections.closing

    @property
    def revision(self) -> int:
        """The latest revision."""
        return self._store.revision

    def respond(self, request: Request) -> Response:
        """Answer a request, or let it meet its fault."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        params, body = request.args.to_dict(), request.get_data()
        call = Call(request.method, request.path, params, headers, body)
        found = target(self._resources, request.path.rstrip("/"))
        exchange = Exchange(call, found, request.environ["werkzeug.socket"], self)
        fault = self.script.take(exchange.sort)
        response = fault.strike(exchange) if fault else self.answer(exchange)
        if exchange.watch:
            response.response = exchange.passing(response.iter_encoded())
        return response

    def answer(self, exchange: Exchange) -> Response:
        """What the API says."""
        reply = self._api.answer(exchange.call)
        if isinstance(reply, Query):
            return self._stream(reply, exchange)
        response = Response(reply.content, reply.code, content_type=reply.content_type)
        response.headers.update(reply.headers)
        return response

    def refuse(self, seconds: float) -> None:
        """Let nobody connect for so long; what is open stays so."""
        self._http.refuse(seconds)

    def restore(self, snapshot: Snapshot) -> None:
        """Put back what was saved, and end all watches."""
        with self._lock:  # no watch of before may come to be counted after this
            self._store.restore(snapshot)
            self.close_watches()

    def go_back(self, changes: int) -> int:
        """Undo the last changes, or as many as are kept; the latest revision from now on."""
        with self._lock, self._store.changed:
            revision = self._store.since(self._store.revision - changes).revision
            objects = {r: self._store.snapshot(r, revision)[1] for r in self._resources}
            self.restore(Snapshot(revision, objects))
            return revision

    def close_watches(self) -> None:
        """End all watches cleanly, after what has happened so far."""
        with self._lock:
            for watch in self._open.values():
                watch.end()

    def disconnect(self) -> None:
        """Cut the connections of all watches in mid-stream."""
        with self._lock:
            for exchange, watch in self._open.items():
                exchange.cut()
                watch.end()

    def stall(self, seconds: float | None) -> None:
        """Let nothing more pass on any of the watches that are open."""
        with self._lock:
            for exchange in self._open:
                exchange.stall(seconds)

    def _stream(self, query: Query, exchange: Exchange) -> Response:
        with self._lock:
            exchange.watch = self._open[exchange] = Watch(
                self._store,
                query,
                lifetime=self._watch_timeout,
                bookmark_interval=self._bookmark_interval,
                gone=exchange.gone,
            )
        response = Response(iter(exchange.watch), content_type=JSON)
        response.call_on_close(lambda: self._forget(exchange))
        return response

    def _forget(self, exchange: Exchange) -> None:
        with self._lock:
            self._open.pop(exchange, None)
