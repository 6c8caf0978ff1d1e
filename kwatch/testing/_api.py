"""What the fake API server answers, without the HTTP around it."""

from collections.abc import Iterable

from kwatch.testing._about import About
from kwatch.testing._call import JSON, Call, Reply, text
from kwatch.testing._discovery import aggregated_discovery, discovery
from kwatch.testing._form import DISCOVERY, PARTIAL, accepted, form_of
from kwatch.testing._gates import Gates
from kwatch.testing._list import listed
from kwatch.testing._openapi import V2, V2_PROTOBUF, openapi
from kwatch.testing._query import Query, parse
from kwatch.testing._resources import Resource, Target, target
from kwatch.testing._status import (
    APIError,
    bad_request,
    method_not_allowed,
    unauthorized,
    unsupported_verb,
)
from kwatch.testing._store import Store
from kwatch.testing._writes import create, delete, delete_collection, patch, replace

AGGREGATED = f"{JSON};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
NO_SUCH_PATH = text("404 page not found\n", 404)


class API:
    """The requests of an API server, answered from a store.

    Args:
        store: The objects.
        resources: What there is.
        token: The bearer token that is required; None: none.
        gates: What of it all this server has.
    """

    def __init__(
        self,
        store: Store,
        resources: Iterable[Resource],
        *,
        token: str | None,
        gates: Gates,
    ) -> None:
        self._store = store
        self._resources = tuple(resources)
        self._token = token
        self._gates = gates
        self._documents = discovery(self._resources) | openapi(self._resources)
        self._aggregated = aggregated_discovery(self._resources)
        self._about = About(self._documents)

    def answer(self, call: Call) -> Reply | Query:
        """Answer a request; a Query is a watch, to be streamed by the caller."""
        try:
            return self._answer(call)
        except APIError as error:
            return Reply(error.status, error.code, headers=error.headers)

    def _answer(self, call: Call) -> Reply | Query:
        if self._token is not None and call.headers.get("authorization") != f"Bearer {self._token}":
            raise unauthorized()
        path = call.path.rstrip("/")
        if path in self._documents:
            return self._document(call, path)
        if reply := self._about.answer(call, path):
            return reply
        found = target(self._resources, path)
        if found is None:
            return NO_SUCH_PATH
        return self._collection(call, found) if found.name is None else self._object(call, found)

    def _document(self, call: Call, path: str) -> Reply:
        if call.method not in {"GET", "HEAD"}:
            raise method_not_allowed()
        if path in self._aggregated and accepted(call.accept, DISCOVERY):
            return Reply(self._aggregated[path], content_type=AGGREGATED)
        if path == V2 and "proto-openapi" in (call.accept or ""):
            return Reply("", content_type=V2_PROTOBUF)
        return Reply(self._documents[path])

    def _collection(self, call: Call, at: Target) -> Reply | Query:
        resource, everywhere = at.resource, at.resource.namespaced and at.namespace is None
        match call.method:
            case "GET" | "HEAD":
                query = parse(at, call.params, call.accept, self._gates)
                return query if query.watch else Reply(listed(self._store, query))
            case "POST" if not everywhere:
                return create(self._store, call, at)
            case "DELETE" if not everywhere:
                return delete_collection(self._store, call, at, self._gates)
        if everywhere and resource.custom:
            return NO_SUCH_PATH
        if call.method in {"PUT", "PATCH"} and resource.custom:
            raise bad_request("name must be provided")
        raise unsupported_verb(resource, VERBS.get(call.method, ""))

    def _object(self, call: Call, at: Target) -> Reply:
        store, resource = self._store, at.resource
        match call.method:
            case "GET" | "HEAD":
                form = form_of(resource, call.params, call.accept, PARTIAL)
                return Reply(form.one(store.get(resource, at.namespace or "", at.name or "")))
            case "PUT":
                return replace(store, call, at)
            case "PATCH":
                return patch(store, call, at)
            case "DELETE" if not at.subresource:
                return delete(store, call, at)
            case "POST" if resource.custom and not at.subresource:  # its name is not looked at
                return create(store, call, Target(resource, at.namespace, None))
        raise unsupported_verb(resource, VERBS.get(call.method, ""))
