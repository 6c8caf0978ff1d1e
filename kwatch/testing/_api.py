"""What the fake API server answers, without the HTTP around it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kwatch.testing._list import listed
from kwatch.testing._query import DISCOVERY, PARTIAL, Query, accepts, parse, partial
from kwatch.testing._resources import Resource, Target, aggregated_discovery, discovery, target
from kwatch.testing._status import (
    APIError,
    bad_request,
    method_not_allowed,
    no_such_path,
    unauthorized,
    unsupported_media_type,
)
from kwatch.testing._store import Object, Store

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
AGGREGATED = f"{JSON};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True, slots=True)
class Call:
    """One request; the names of its headers are in lower case."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer that is complete."""

    body: Object
    code: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


class API:
    """The requests of an API server, answered from a store.

    Args:
        store: The objects.
        resources: What there is.
        token: The bearer token that is required; None: none.
        watch_list: Whether ``sendInitialEvents`` is known.
    """

    def __init__(
        self,
        store: Store,
        resources: Iterable[Resource],
        *,
        token: str | None,
        watch_list: bool,
    ) -> None:
        self._store = store
        self._resources = tuple(resources)
        self._token = token
        self._watch_list = watch_list
        self._discovery = discovery(self._resources)
        self._aggregated = aggregated_discovery(self._resources)

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
        if path in self._discovery:
            return self._discover(call, path)
        found = target(self._resources, path)
        if found is None:
            raise no_such_path()
        if found.name is None:
            return self._collection(call, found)
        return self._object(call, found, found.name)

    def _discover(self, call: Call, path: str) -> Reply:
        if call.method != "GET":
            raise method_not_allowed()
        if accepts(call.headers.get("accept"), DISCOVERY) and path in self._aggregated:
            return Reply(self._aggregated[path], content_type=AGGREGATED)
        return Reply(self._discovery[path])

    def _collection(self, call: Call, at: Target) -> Reply | Query:
        resource = at.resource
        if call.method == "GET":
            accept = call.headers.get("accept")
            query = parse(at, call.params, accept, watch_list=self._watch_list)
            return query if query.watch else Reply(listed(self._store, query))
        if call.method == "POST" and (at.namespace or not resource.namespaced):
            obj = _body(call, JSON, resource)
            return Reply(self._store.create(resource, at.namespace or "", obj), 201)
        raise method_not_allowed()

    def _object(self, call: Call, at: Target, name: str) -> Reply:
        store, resource, namespace = self._store, at.resource, at.namespace or ""
        if at.subresource and call.method != "GET":
            raise method_not_allowed()
        match call.method:
            case "GET":
                metadata_only = accepts(call.headers.get("accept"), PARTIAL)
                obj = store.get(resource, namespace, name)
                return Reply(partial(obj) if metadata_only else obj)
            case "PUT":
                obj = _body(call, JSON, resource)
                return Reply(store.replace(resource, namespace, name, obj))
            case "PATCH":
                return Reply(store.merge(resource, namespace, name, _body(call, MERGE_PATCH)))
            case "DELETE":
                return Reply(_deleted(resource, store.delete(resource, namespace, name)))
        raise method_not_allowed()


def _body(call: Call, media_type: str, resource: Resource | None = None) -> dict[str, Any]:
    """The body as an object, of the ``resource`` where one is given."""
    if call.headers.get("content-type", JSON).partition(";")[0].strip() != media_type:
        raise unsupported_media_type(media_type)
    try:
        obj = json.loads(call.body)
    except ValueError as error:
        raise bad_request(f"couldn't get version/kind; json parse error: {error}") from error
    if not isinstance(obj, dict):
        raise bad_request("couldn't get version/kind; json parse error: not an object")
    if resource and (obj.get("apiVersion"), obj.get("kind")) != (
        resource.api_version,
        resource.kind,
    ):
        raise bad_request(
            f"the object in the data ({obj.get('apiVersion', '')}, {obj.get('kind', '')}) does not "
            f"match the expected one ({resource.api_version}, {resource.kind})"
        )
    return obj


def _deleted(resource: Resource, obj: Object) -> Object:
    details = {"name": obj["metadata"]["name"], "kind": resource.plural}
    if resource.group:
        details["group"] = resource.group
    details["uid"] = obj["metadata"]["uid"]
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}}
    return {**head, "status": "Success", "details": details}
