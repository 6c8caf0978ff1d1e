"""The fake API server as its user sees it."""

import threading
from collections.abc import Iterable, Mapping
from copy import deepcopy
from types import TracebackType
from typing import Any, NamedTuple, Self

import yaml
from werkzeug.wrappers import Request, Response

from kwatch.testing._api import API, JSON, Call
from kwatch.testing._http import KubernetesHTTPServer, hang_up, has_hung_up
from kwatch.testing._query import Query
from kwatch.testing._resources import DEFAULT_RESOURCES, Resource
from kwatch.testing._store import Object, Snapshot, Store
from kwatch.testing._watch import Watch, encode


class RecordedRequest(NamedTuple):
    """A request that the server has got; the names of the headers are in lower case."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]


class FakeAPIServer:
    """A Kubernetes API server on a loopback port, for as long as its ``with`` block lasts.

    Objects are made, changed and deleted from within the process or over HTTP; both are one store
    with one revision counter. Lists, watches and discovery behave as those of a server 1.36 do.

    Args:
        resources: What it serves.
        token: The bearer token that every request must have; None: none is asked for.
        bookmark_interval: Seconds between the bookmarks of a watch.
        watch_timeout: Seconds that a watch lives, at most; the client may ask for less.
        watch_list: False: ``sendInitialEvents`` is refused with 422, as older servers do.

    Attributes:
        requests: What has been asked, in the order of arrival.
        http: The ``pytest_httpserver.HTTPServer`` beneath. What is expected on it, say with
            ``http.expect_oneshot_request(...)``, is answered by it and not by the API.

    Example:
        >>> with FakeAPIServer() as server:
        ...     pod = server.create("Pod", "web-1", labels={"app": "web"})
        ...     pod = server.patch("Pod", "web-1", status={"phase": "Running"})
        >>> pod["metadata"]["resourceVersion"], pod["status"]
        ('3', {'phase': 'Running'})
    """

    def __init__(
        self,
        *,
        resources: Iterable[Resource] = DEFAULT_RESOURCES,
        token: str | None = None,
        bookmark_interval: float = 60.0,
        watch_timeout: float = 1800.0,
        watch_list: bool = True,
    ) -> None:
        self.requests: list[RecordedRequest] = []
        self.http = KubernetesHTTPServer(self._respond, self._record)
        self._resources = tuple(resources)
        self._token = token
        self._bookmark_interval = bookmark_interval
        self._watch_timeout = watch_timeout
        self._store = Store()
        self._api = API(self._store, self._resources, token=token, watch_list=watch_list)
        self._lock = threading.RLock()
        self._watches: dict[Watch, Any] = {}

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end; it exists once the server has started."""
        return self.http.url_for("/").rstrip("/")

    @property
    def resource_version(self) -> str:
        """The resource version of the latest change, of whatever resource."""
        return str(self._store.revision)

    @property
    def watches(self) -> int:
        """How many watches are open; one whose client has gone counts for 0.2 seconds more."""
        with self._lock:
            return len(self._watches)

    def start(self) -> Self:
        """Start to serve; after ``stop`` with the same objects and at the same URL."""
        self.http.start()
        return self

    def stop(self) -> None:
        """Stop to serve, within a second whatever the clients do. The objects stay."""
        if self.http.is_running():
            self.http.stop()
            self.close_watches()
            self.http.connections.close()

    def kubeconfig(self) -> str:
        """The text of a kubeconfig for this server: namespace ``default``, a user with a token."""
        context = {"cluster": "fake", "user": "fake", "namespace": "default"}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "fake", "cluster": {"server": self.url}}],
            "users": [{"name": "fake", "user": {"token": self._token or "fake"}}],
            "contexts": [{"name": "fake", "context": context}],
            "current-context": "fake",
        }
        return yaml.safe_dump(config, sort_keys=False)

    def create(
        self,
        kind: str,
        obj: Mapping[str, Any] | str,
        namespace: str | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Object:
        """Create an object.

        Args:
            kind: A kind, plural or short name: ``"Pod"``, ``"pods"``, ``"po"``.
            obj: The object, or only its name.
            namespace: None: the object's own, else ``default``; ignored for cluster-scoped kinds.
            labels: Short for ``metadata={"labels": ...}``.
            **fields: Top-level fields, as ``spec={...}``.

        Returns:
            The object with what the server sets; a copy.

        Raises:
            APIError: 409, there is one of that name.
            LookupError: No such kind is served.
        """
        resource, space, body = self._locate(kind, obj, namespace, labels, fields)
        return deepcopy(self._store.create(resource, space, body))

    def update(
        self,
        kind: str,
        obj: Mapping[str, Any] | str,
        namespace: str | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Object:
        """Replace an object, as PUT does; the arguments are those of ``create``.

        Raises:
            APIError: 404; 409 where ``obj`` has an older ``resourceVersion``, or another ``uid``.
            LookupError: No such kind is served.
        """
        resource, space, body = self._locate(kind, obj, namespace, labels, fields)
        name = body["metadata"].get("name", "")
        return deepcopy(self._store.replace(resource, space, name, body))

    def patch(
        self,
        kind: str,
        obj: Mapping[str, Any] | str,
        namespace: str | None = None,
        *,
        labels: Mapping[str, str | None] | None = None,
        **fields: Any,
    ) -> Object:
        """Merge into an object, as a JSON merge patch does: None removes a field.

        The arguments are those of ``create``, the errors those of ``update``.
        """
        resource, space, body = self._locate(kind, obj, namespace, labels, fields)
        name = body["metadata"].get("name", "")
        return deepcopy(self._store.merge(resource, space, name, body))

    def delete(
        self, kind: str, obj: Mapping[str, Any] | str, namespace: str | None = None
    ) -> Object:
        """Delete an object, and return its last state with the deletion's resource version.

        Raises:
            APIError: 404.
            LookupError: No such kind is served.
        """
        resource, space, body = self._locate(kind, obj, namespace, None, {})
        return deepcopy(self._store.delete(resource, space, body["metadata"].get("name", "")))

    def compact(self) -> None:
        """Forget the history: a watch from any older resource version gets a 410.

        So does a list of the state at one, and the next page of a list that has begun at one.
        Watches that are open go on.
        """
        self._store.compact()

    def save(self) -> Snapshot:
        """What is there now, for ``restore``: all objects, and the resource version."""
        return self._store.save()

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to what was saved, as a cluster does whose etcd is restored from a backup.

        Open watches are ended, and all older resource versions are expired. Those that have been
        undone come again, for other changes: a watch from one of them is silent, without even a
        bookmark, until it is passed.

        Example:
            >>> with FakeAPIServer() as server:
            ...     backup = server.save()
            ...     pod = server.create("Pod", "web-1")
            ...     server.restore(backup)
            ...     server.resource_version
            '1'
        """
        with self._lock:  # no watch of before may come to be counted after this
            self._store.restore(snapshot)
            self.close_watches()

    def close_watches(self) -> None:
        """End all watches cleanly, after what has happened so far."""
        with self._lock:
            for watch in self._watches:
                watch.end()

    def disconnect(self) -> None:
        """Cut the connections of all watches in mid-stream, as a broken network does."""
        with self._lock:
            for watch, connection in self._watches.items():
                hang_up(connection)
                watch.end()

    def _locate(
        self,
        kind: str,
        obj: Mapping[str, Any] | str,
        namespace: str | None,
        labels: Mapping[str, str | None] | None,
        fields: Mapping[str, Any],
    ) -> tuple[Resource, str, Object]:
        """The resource, the namespace and the whole object that the arguments describe."""
        resource = next((known for known in self._resources if known.is_called(kind)), None)
        if resource is None:
            served = ", ".join(known.kind for known in self._resources)
            raise LookupError(f"no kind {kind!r} is served here, only {served}")
        body = {"metadata": {"name": obj}} if isinstance(obj, str) else dict(obj)
        metadata = {**(body.get("metadata") or {}), **(fields.get("metadata") or {})}
        if labels is not None:
            metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
        space = namespace or metadata.get("namespace") or "default"
        body |= {**fields, "metadata": metadata}
        return resource, space if resource.namespaced else "", body

    def _record(self, request: Request) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(RecordedRequest(request.path, request.args.to_dict(), headers))

    def _respond(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        params, body = request.args.to_dict(), request.get_data()
        reply = self._api.answer(Call(request.method, request.path, params, headers, body))
        if isinstance(reply, Query):
            return self._stream(reply, request.environ["werkzeug.socket"])
        response = Response(encode(reply.body), reply.code, content_type=reply.content_type)
        response.headers.update(reply.headers)
        return response

    def _stream(self, query: Query, connection: Any) -> Response:
        with self._lock:
            watch = Watch(
                self._store,
                query,
                lifetime=self._watch_timeout,
                bookmark_interval=self._bookmark_interval,
                gone=lambda: has_hung_up(connection),
            )
            self._watches[watch] = connection
        response = Response(iter(watch), content_type=JSON)
        response.call_on_close(lambda: self._forget(watch))
        return response

    def _forget(self, watch: Watch) -> None:
        with self._lock:
            self._watches.pop(watch, None)
