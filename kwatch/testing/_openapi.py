"""A minimal OpenAPI: which kinds there are, and that the server validates their fields.

kubectl looks for the parameter ``fieldValidation`` of a PATCH in version 3. Where that is there it
leaves the validation of what it creates to the server; where not, it wants the schemas, and fails.
A ``List`` it validates itself, with version 2, and lets pass what has no schema there.
"""

from collections import defaultdict
from collections.abc import Iterable

from kwatch.testing._object import Object
from kwatch.testing._resources import Resource

_VALIDATION = {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}
V2 = "/openapi/v2"
V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""The form of version 2 that kubectl asks for; no bytes at all are a document without schemas."""

_INFO = {"title": "Kubernetes", "version": "v1.36.0"}
_ANSWER = {"200": {"description": "OK"}}


def openapi(resources: Iterable[Resource]) -> dict[str, Object]:
    """The documents by path: the index, one for each group-version, and version 2 without any."""
    members: dict[str, list[Resource]] = defaultdict(list)
    for resource in resources:
        members[resource.root].append(resource)
    documents = {f"/openapi/v3{root}": _document(served) for root, served in members.items()}
    index = {root[1:]: {"serverRelativeURL": f"/openapi/v3{root}"} for root in members}
    v2 = {"swagger": "2.0", "info": _INFO, "paths": {}, "definitions": {}}
    return {V2: v2, "/openapi/v3": {"paths": index}, **documents}


def _document(resources: Iterable[Resource]) -> Object:
    return {
        "openapi": "3.0.0",
        "info": _INFO,
        "paths": dict(map(_path, resources)),
        "components": {"schemas": dict(map(_schema, resources))},
    }


def _path(resource: Resource) -> tuple[str, Object]:
    space = "/namespaces/{namespace}" if resource.namespaced else ""
    path = f"{resource.root}{space}/{resource.plural}/{{name}}"
    names = ["namespace", "name"] if resource.namespaced else ["name"]
    text = {"type": "string"}
    places = [{"name": name, "in": "path", "required": True, "schema": text} for name in names]
    patch = {
        "parameters": [_VALIDATION],
        "responses": _ANSWER,
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": _kind(resource),
    }
    get = {**patch, "parameters": [], "x-kubernetes-action": "get"}
    return path, {"parameters": places, "get": get, "patch": patch}


def _schema(resource: Resource) -> tuple[str, Object]:
    name = ".".join([*reversed((resource.group or "core").split(".")), resource.version])
    described = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "x-kubernetes-group-version-kind": [_kind(resource)],
    }
    return f"{name}.{resource.kind}", described


def _kind(resource: Resource) -> dict[str, str]:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}
