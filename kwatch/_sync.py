"""`watch` and `connect`: move bytes between an `httpx.Client` and the session.

They decide nothing. ``_async`` is the twin of this module, and differs in ``await`` alone, but
for the `StopEvent`.
"""

import random
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

import httpx

from kwatch._backoff import Backoff
from kwatch._client import abilities_of, check_client, check_types, options_of
from kwatch._events import Event
from kwatch._http import Reply, Request
from kwatch._plan import Plan
from kwatch._query import Query
from kwatch._selectors import Selector
from kwatch._sessions import sessions
from kwatch._status import WatchStatus
from kwatch._stop import StopEvent
from kwatch._streaming import merged_stream, stream
from kwatch._wire import Wire

T = TypeVar("T")


def watch(
    client: httpx.Client,
    kind: str | None = None,
    *,
    api_version: str | None = None,
    resource_path: str | None = None,
    namespace: str | Iterable[str] | None = None,
    name: str | None = None,
    label_selector: Selector | None = None,
    field_selector: Selector | None = None,
    resource_version: str | Mapping[str, str | None] | None = None,
    send_initial_events: bool = False,
    allow_bookmarks: bool = False,
    metadata_only: bool = False,
    subresource: str | None = None,
    shard: tuple[int, int] | None = None,
    loads: Callable[[bytes], Any] | None = None,
    timeout_seconds: int | None = None,
    backoff: Backoff | None = None,
    status: WatchStatus | None = None,
    stop_event: StopEvent | None = None,
) -> Generator[Event, None, None]:
    """Watch Kubernetes objects.

    An endless generator that yields each change once, in the server's order for one object, as
    soon as its last byte is there, across any number of disconnects. It never skips a change
    silently. Where what happened is gone for good (``410 Gone``), the objects are listed and
    compared with those that are known, and the difference is yielded: folded over a dict, the
    events always end at the server's state. With ``resource_version`` given, what existed before
    is not known, and it raises.

    The first error is raised at once, so that a wrong address, credential, kind or right shows
    itself (a server that is only too busy is asked again, up to 10 times). Once the server has
    answered well, transport errors, 401, 403, 404, 408, 429 and 5xx are retried without an end,
    after the delays of ``backoff`` and at least what the server's Retry-After says. Silence is
    noticed by the interval of the server's bookmarks.

    The connection is closed on every way out: ``break``, ``close()``, an exception. Of each object
    that exists, namespace, name, uid and resource version are held in memory, unless
    ``resource_version`` was given.

    Args:
        client: A client with a ``base_url``; its auth, proxies, transport and all of its timeouts
            but that for reads are used as they are. ``KubeConfig.load().client()`` makes one.
        kind: A kind (``"Pod"``), plural (``"pods"``), short name (``"po"``) or name with a group
            (``"deployments.apps"``), in any case; the server's discovery resolves it.
        api_version: The group version to look in, such as ``"v1"`` or ``"apps/v1"``. None: the
            core first, then each group's preferred version.
        resource_path: The path to watch, such as ``"/api/v1/namespaces/{namespace}/pods"``,
            instead of ``kind`` and ``api_version``; then discovery is not asked.
        namespace: The namespace to watch, or several: one stream, in which a namespace that is
            forbidden or out of reach does not stop the others. None: all of them.
        name: The one object to watch. None: all of them.
        label_selector: Which labels to select, see `Selector`. None: all.
        field_selector: Which fields to select, see `Selector`. None: all.
        resource_version: The cursor to begin right after, such as a stored
            `WatchStatus.resource_version`; for several namespaces, one for all or a mapping.
            ``"0"`` or ``""``: what exists in the server's cache comes first. None: from now.
        send_initial_events: Whether what exists comes first, each object as ``created``; not
            together with ``resource_version``.
        allow_bookmarks: Whether ``("bookmark", obj)`` is yielded too. One with the annotation
            ``k8s.io/initial-events-end`` = ``"true"`` ends what exists, and each relist.
        metadata_only: Whether the objects are to be PartialObjectMetadata: apiVersion, kind,
            metadata. Where a server cannot do that, the whole objects come over the wire.
        subresource: A subresource to watch instead of the objects, such as ``"scale"``, where the
            server has one that can be watched; with ``name``, that of one object.
        shard: ``(index, count)``: the one of ``count`` shards to watch, from 0, such as ``(0, 4)``;
            each object is in one, by the FNV-1a hash of its uid. Servers that can (KEP-5866) send
            no others; what any other server sends of them is left out here. None: all objects.
        loads: Decodes one line of bytes, such as ``orjson.loads``, and raises ValueError where it
            cannot. None: ijson, incrementally.
        timeout_seconds: The server-side life of one connection, whole seconds. None: random in
            [180, 230), each time.
        backoff: The delays between failed attempts. None: ``Backoff()``.
        status: An account to keep current. None: none.
        stop_event: Ends the loop within 100 ms once it is set. None: nothing does. With one, each
            request is sent in a short-lived thread, since nothing else wakes a blocked connect.

    Yields:
        ``(event_type, obj)``, an `Event`: an `EventType`, equal to ``"created"``, ``"modified"`` or
        ``"deleted"``, and the object as ``json.loads`` would give it.

    Raises:
        TypeError: An argument is of the wrong type; at the call.
        ValueError: An argument cannot be right; at the call, but for a namespace given with a
            cluster-scoped kind, which shows itself when the server has been asked.
        UnknownKindError: The server knows no such kind.
        ExpiredError: Events are gone for good, and ``resource_version`` was given: start again
            with ``send_initial_events=True``.
        StatusError: The server refuses.
        StreamError: What the server sends is no watch: at once if it never was one, else when it
            has broken the contract 6 times in a row.
        httpx.TransportError: The server cannot be reached, and never was.

    Source: the Kubernetes API concepts (efficient detection of changes, streaming lists).

    >>> from itertools import islice
    >>> from kwatch.testing import FakeAPIServer
    >>> with FakeAPIServer() as server, httpx.Client(base_url=server.url) as client:
    ...     for name in "abc":
    ...         _ = server.create("Pod", name)
    ...     for event_type, obj in islice(watch(client, "Pod", send_initial_events=True), 3):
    ...         print(event_type, obj["metadata"]["name"])
    created a
    created b
    created c
    """
    check_client(client, "watch")
    check_types(stop_event=(stop_event, StopEvent))
    wire = Wire(client, stop_event)
    queries = Query.each(
        kind,
        api_version=api_version,
        resource_path=resource_path,
        namespace=namespace,
        name=name,
        label_selector=label_selector,
        field_selector=field_selector,
        resource_version=resource_version,
        send_initial_events=send_initial_events,
        metadata_only=metadata_only,
        timeout_seconds=timeout_seconds,
        subresource=subresource,
        shard=shard,
    )
    make = partial(
        sessions,
        queries,
        stopped=wire.stopped,
        abilities=abilities_of(client),
        allow_bookmarks=allow_bookmarks,
        loads=loads,
        backoff=backoff,
        status=status,
    )
    found = make()
    plan = Plan(wire, found, partial(make, apart=True), allow_bookmarks)
    if None in found:
        return plan.attach_to(stream(wire, found[None], plan))
    shown = merged_stream(wire, found, plan, allow_bookmarks=allow_bookmarks)
    return plan.attach_to(shown)


def connect(
    client: httpx.Client,
    kind: str | None = None,
    *,
    api_version: str | None = None,
    resource_path: str | None = None,
    namespace: str | None = None,
    name: str | None = None,
    label_selector: Selector | None = None,
    field_selector: Selector | None = None,
    resource_version: str | None = None,
    send_initial_events: bool = False,
    metadata_only: bool = False,
    timeout_seconds: int | None = None,
    subresource: str | None = None,
) -> httpx.Response:
    """Open one watch connection, without reconnecting or healing anything: a lower layer.

    Args:
        client: An `httpx.Client` with a ``base_url``.
        kind: See `watch`, as for those that follow.
        api_version: See `watch`.
        resource_path: See `watch`.
        namespace: See `watch`.
        name: See `watch`.
        label_selector: See `watch`.
        field_selector: See `watch`.
        resource_version: Where to begin. None leaves it to the server, which sends what exists
            first.
        send_initial_events: Whether to ask for a streaming list: what exists, and a bookmark.
        metadata_only: See `watch`.
        timeout_seconds: See `watch`.
        subresource: See `watch`.

    Returns:
        The open response, with status 200; close it by ``response.close()``. Give its chunks
        (``iter_bytes()``) to a `Decoder`, and the documents to `parse_event`.

    Raises:
        StatusError: The server refuses. All else is as in `watch`, and nothing is retried.

    >>> from contextlib import closing
    >>> from kwatch import Decoder, parse_event
    >>> from kwatch.testing import FakeAPIServer
    >>> with FakeAPIServer() as server, httpx.Client(base_url=server.url) as client:
    ...     _ = server.create("Pod", "web")
    ...     decoder = Decoder()
    ...     with closing(connect(client, "Pod", timeout_seconds=1)) as response:
    ...         for chunk in response.iter_bytes():
    ...             decoder.receive_data(chunk)
    ...             for document in decoder.documents():
    ...                 event = parse_event(document)
    ...                 print(event.event_type, event.obj["metadata"].get("name"))
    ...             break
    created web
    """
    check_client(client, "connect")
    query = Query.of(
        kind,
        api_version=api_version,
        resource_path=resource_path,
        namespace=namespace,
        name=name,
        label_selector=label_selector,
        field_selector=field_selector,
        resource_version=resource_version,
        send_initial_events=send_initial_events,
        metadata_only=metadata_only,
        timeout_seconds=timeout_seconds,
        subresource=subresource,
    )
    path = answer(Wire(client), query.resolve(time.time))
    request = query.watch_request(
        path,
        resource_version,
        query.lifetime(random.random()),  # noqa: S311 - no secret
        initial=send_initial_events,
        metadata=metadata_only,
    )
    response = client.send(
        client.build_request("GET", request.path, **options_of(client, request)),
        stream=True,
    )
    if response.status_code == httpx.codes.OK:
        return response
    try:
        body = response.read()
    finally:
        response.close()
    raise Reply(request, response.status_code, response.headers, body).error(time.time())


def answer(wire: Wire, questions: Generator[Request, Reply, T]) -> T:
    """Send each request that a generator yields, and give what it returns."""
    try:
        request = next(questions)
        while True:
            with wire.open(request) as (code, headers, chunks):
                body = bytearray()
                for chunk in chunks:
                    body += chunk
            request = questions.send(Reply(request, code, headers, bytes(body)))
    except StopIteration as result:
        value: T = result.value
        return value
