"""The fake API server as its user sees it."""

from collections.abc import Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self

from werkzeug.wrappers import Request

from kwatch.testing._api import API
from kwatch.testing._arguments import described
from kwatch.testing._call import RecordedRequest
from kwatch.testing._fault import Fault, Sort
from kwatch.testing._gates import Gates
from kwatch.testing._http import KubernetesHTTPServer
from kwatch.testing._json import copied
from kwatch.testing._kubeconfig import kubeconfig
from kwatch.testing._object import Object, merged
from kwatch.testing._resources import DEFAULT_RESOURCES, Resource
from kwatch.testing._service import Service
from kwatch.testing._store import Snapshot, Store


class FakeAPIServer:
    """A Kubernetes API server on a loopback port, for as long as its ``with`` block lasts.

    Objects are made, changed and deleted from within the process or over HTTP; both are one store
    with one revision counter. It answers as a server 1.36 does, down to the words of its refusals,
    and kubectl takes it for one. In the process all is allowed at once; over HTTP the status has
    its own path, as have the rules of the real server.

    There are no controllers: nothing runs the pods of a deployment, ends a pod that is deleted,
    collects what its owner has left, or empties a namespace. There is no admission and no schema:
    of an object its name, its labels and the types of its metadata are checked.

    Args:
        resources: What it serves; ``Resource("stable.example.com/v1", "CronTab")`` is enough.
        token: The bearer token that every request must have; None: none is asked for.
        bookmark_interval: Seconds between the bookmarks of a watch.
        watch_timeout: Seconds that a watch lives, at most; the client may ask for less.
        watch_list: False: ``sendInitialEvents`` is refused with 422, as older servers do.
        sharding: ``shardSelector`` is obeyed; False: ignored, as without ``ShardedListAndWatch``.

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
        sharding: bool = False,
    ) -> None:
        self.requests: list[RecordedRequest] = []
        self.http = KubernetesHTTPServer(
            lambda request: self._service.respond(request), self._record
        )
        self._resources = tuple(resources)
        self._token = token
        self._store = Store()
        self._service = Service(
            self.http,
            API(self._store, self._resources, token=token, gates=Gates(watch_list, sharding)),
            self._store,
            self._resources,
            bookmark_interval=bookmark_interval,
            watch_timeout=watch_timeout,
        )

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
        """The base URL, without a slash at its end; it exists once the server has started.

        Raises:
            RuntimeError: It has never been started.
        """
        if not self.http.port:
            raise RuntimeError("no URL yet: use the server in a with block, or start() it")
        return self.http.url_for("/").rstrip("/")

    @property
    def resource_version(self) -> str:
        """The resource version of the latest change, of whatever resource."""
        return str(self._store.revision)

    @property
    def watches(self) -> int:
        """How many watches are open; one whose client has gone counts for 0.2 seconds more."""
        return self._service.watches

    def start(self) -> Self:
        """Start to serve; after ``stop`` with the same objects and at the same URL."""
        self.http.start()
        return self

    def stop(self) -> None:
        """Stop to serve, within a second whatever the clients do.

        The objects stay, and so do the faults that nobody has met.
        """
        if self.http.is_running():
            self.http.stop()
            self._service.close_watches()
            self.http.connections.close()

    def kubeconfig(self) -> str:
        """The text of a kubeconfig for this server: namespace ``default``, a user with a token."""
        return kubeconfig(self.url, self._token)

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
            APIError: 400, its metadata are of a wrong type; 409, there is one of that name; 422,
                its name or a label cannot be.
            LookupError: No such kind is served.
            ValueError: It cannot be sent as JSON, or it is nested more than 600 deep.
        """
        resource, space, body = described(self._resources, kind, obj, namespace, labels, fields)
        return copied(self._store.create(resource, space, body))

    def get(self, kind: str, obj: Mapping[str, Any] | str, namespace: str | None = None) -> Object:
        """An object as it is now: a copy.

        Raises:
            APIError: 404.
            LookupError: No such kind is served.
        """
        resource, space, body = described(self._resources, kind, obj, namespace)
        return copied(self._store.get(resource, space, body["metadata"].get("name", "")))

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

        An object that is being deleted goes when its last finalizer does; so it does by ``patch``.

        Raises:
            APIError: 404; 409 where ``obj`` has an older ``resourceVersion``, or another ``uid``.
            LookupError: No such kind is served.
        """
        resource, space, body = described(self._resources, kind, obj, namespace, labels, fields)
        name = body["metadata"].get("name", "")
        return copied(self._store.update(resource, space, name, lambda _: body))

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
        resource, space, body = described(self._resources, kind, obj, namespace, labels, fields)
        name = body["metadata"].get("name", "")
        change = partial(merged, patch=body)
        return copied(self._store.update(resource, space, name, change))

    def delete(
        self, kind: str, obj: Mapping[str, Any] | str, namespace: str | None = None
    ) -> Object:
        """Delete an object, and return its last state with the deletion's resource version.

        One with finalizers stays, with a ``deletionTimestamp``, until ``patch`` removes the last.

        Raises:
            APIError: 404.
            LookupError: No such kind is served.
        """
        resource, space, body = described(self._resources, kind, obj, namespace)
        return copied(self._store.delete(resource, space, body["metadata"].get("name", "")))

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
        self._service.restore(snapshot)

    def close_watches(self) -> None:
        """End all watches cleanly, after what has happened so far."""
        self._service.close_watches()

    def disconnect(self) -> None:
        """Cut the connections of all watches in mid-stream, as a broken network does."""
        self._service.disconnect()

    def stall(self, seconds: float | None = None) -> None:
        """Freeze the watches that are open: nothing more comes, and nothing is closed.

        So does a network that drops packets. New watches are well.

        Args:
            seconds: How long; then they go on, and nothing is lost. None: for ever; 0: go on now.
        """
        self._service.stall(seconds)

    def script(self, *faults: Fault, on: Sort = "watch") -> None:
        """Let the next requests meet ``faults``, one each, in this order; then all is well.

        Several calls append. A request that has met a fault has spent it, even if the fault comes
        to nothing: there may be less to cut than was said.

        Args:
            faults: What goes wrong, see `kwatch.testing.faults`.
            on: The sort of request that it goes wrong with: ``"watch"``, ``"list"`` (each page is
                one), ``"discovery"``, ``"get"`` (of one object), ``"write"`` or ``"any"``.

        Raises:
            ValueError: There is no such sort, or a fault cannot strike it.

        Example:
            >>> from kwatch.testing import faults
            >>> with FakeAPIServer() as server:
            ...     server.script(faults.cut(after=100), faults.healthy(), faults.refuse(seconds=1))
            ...     server.unmet
            3
        """
        self._service.script.add(faults, on)

    @property
    def unmet(self) -> int:
        """How many faults of the script no request has met yet."""
        return len(self._service.script)

    def _record(self, request: Request) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(RecordedRequest(request.path, request.args.to_dict(), headers))
