"""`Place`: a resource in one namespace of a cluster, and what it is asked besides watches."""

import time
from collections.abc import Generator
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from kwatch._errors import ProtocolError
from kwatch._events import version_of
from kwatch._http import Reply, Request
from kwatch._query import Query
from kwatch._stop import StopEvent
from kwatch._sync import answer
from kwatch._wire import Wire
from kwatch.spark._cluster import Cluster
from kwatch.spark._offsets import check_comparable
from kwatch.spark._options import Options


@dataclass(frozen=True, slots=True)
class Place:
    """What is watched in one namespace, or in all of them as one.

    Attributes:
        cluster: Which cluster.
        namespace: Which namespace; None for all.
        options: What of it.
    """

    cluster: Cluster
    namespace: str | None
    options: Options

    def __str__(self) -> str:
        namespace = "" if self.namespace is None else f", namespace {self.namespace}"
        return f"cluster {self.cluster.name}{namespace}"

    def present(
        self, client: httpx.Client, stop_event: StopEvent | None = None, path: str | None = None
    ) -> tuple[str, str]:
        """Ask for the path of the resource, unless it is known, and for its resource version now.

        The latest is asked for, and not what a cache happens to have: it is not older than
        anything that was read before, unless the server has gone back in time.

        Raises:
            KwatchError: The server refuses, or knows no such kind.
            OffsetError: Its resource versions cannot be compared.
            httpx.TransportError: It cannot be reached.
        """
        query = self.options.query(self.namespace)
        path, version = answer(Wire(client, stop_event), _present(query, path))
        return path, check_comparable(version, str(self))


def _present(query: Query, path: str | None) -> Generator[Request, Reply, tuple[str, str]]:
    if path is None:
        path = yield from query.resolve(time.time)
    reply = yield query.list_request(path, metadata=True, limit=1)
    if reply.code == HTTPStatus.NOT_ACCEPTABLE:
        reply = yield query.list_request(path, limit=1)
    if reply.code != HTTPStatus.OK:
        raise reply.error(time.time())
    version = version_of(reply.json())
    if version is None:
        raise ProtocolError(f"expected a resourceVersion in the list that {reply.request} gave")
    return path, version
