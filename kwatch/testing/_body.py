"""The body of a request: an object or a patch, refused in the words of the real server."""

from typing import Any

import yaml

from kwatch.testing._call import JSON, Call
from kwatch.testing._invalid import another_kind, unpatchable
from kwatch.testing._json import copied, decode, encode
from kwatch.testing._object import Object
from kwatch.testing._protobuf import PROTOBUF, read_protobuf
from kwatch.testing._resources import Resource, Target
from kwatch.testing._schema import kind_of, mismatch, problem_of_metadata
from kwatch.testing._status import APIError, bad_request, unsupported_media_type

YAML = "application/yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"

_PATCHES = f"application/json-patch+json, {MERGE}, application/apply-patch+yaml"
_HEAD = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
    'Kind string "json:\\"kind,omitempty\\"" }'
)


class _YAML(yaml.SafeLoader):
    """YAML as the server reads it: a date is text."""


_YAML.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)


def read_object(call: Call, at: Target) -> dict[str, Any]:
    """The object in the body of a POST or a PUT.

    Raises:
        APIError: 400, 415, 422: it is not an object of this kind, or for another place.
    """
    resource = at.resource
    obj = _parsed(call, resource)
    _check_kind(resource, obj, call.body)
    metadata = obj.get("metadata")
    if metadata is None:
        metadata = obj["metadata"] = {}
    if problem := problem_of_metadata(metadata):
        raise bad_request(_unhandled(resource, resource.kind, resource.version, problem))
    if metadata.get("namespace") not in (None, "", at.namespace):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if at.name is not None:
        _check_name(at.name, metadata.get("name") or "")
    return obj


def read_patch(call: Call, at: Target) -> dict[str, Any]:
    """The merge patch in the body.

    A strategic merge patch for a built-in kind is taken as a merge patch, without its directives:
    lists are replaced, and not merged by the keys of their items.

    Raises:
        APIError: 400, 415.
    """
    strategic = call.content_type == STRATEGIC and not at.resource.custom
    if call.content_type != MERGE and not strategic:
        raise unsupported_media_type(_PATCHES)
    try:
        patch = decode(call.body, _undirected if strategic else dict)
    except ValueError as error:
        raise bad_request(f"error decoding patch: {error}") from error
    if patch is None:
        raise bad_request("Invalid JSON Patch")
    if not isinstance(patch, dict):
        why = f"json: cannot unmarshal {kind_of(patch)} into Go value of type "
        raise bad_request(f"error decoding patch: {why}map[string]interface {{}}")
    return patch


def check_patched(at: Target, patched: Object) -> None:
    """Refuse a patch that makes another object of an object.

    Raises:
        APIError: 400, 422.
    """
    metadata = patched.get("metadata") or {}
    kind, api_version = patched.get("kind", ""), patched.get("apiVersion", "")
    if (api_version, kind) != (at.resource.api_version, at.resource.kind):
        raise another_kind(at.resource, str(api_version), str(kind), at.name or "")
    if problem := problem_of_metadata(metadata):
        raise unpatchable(encode(patched).decode(), problem)
    if metadata.get("namespace") != at.namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    _check_name(at.name or "", metadata.get("name") or "")


def json_object(call: Call) -> dict[str, Any]:
    """The JSON object in the body.

    Raises:
        APIError: 400, there is none, or one that says what it is with something else than text.
    """
    try:
        return _object(decode(call.body))
    except ValueError as error:
        raise bad_request(f"couldn't get version/kind; json parse error: {error}") from error


def _parsed(call: Call, resource: Resource) -> dict[str, Any]:
    body = call.body
    if call.content_type == PROTOBUF and not resource.custom:
        return read_protobuf(body)
    if call.content_type not in {JSON, YAML}:
        raise unsupported_media_type()
    try:
        found = decode(body) if call.content_type == JSON else _from_yaml(body)
        if found is not None:
            return _object(found)
    except yaml.YAMLError as error:
        raise _unrecognized(resource, body, f"couldn't get version/kind; {error}") from error
    except ValueError as error:
        why = f"couldn't get version/kind; json parse error: {error}"
        raise _unrecognized(resource, body, why) from error
    raise _unrecognized(resource, body, "Object 'Kind' is missing in 'null'")


def _from_yaml(body: bytes) -> Any:
    try:
        return copied(yaml.load(body, _YAML))  # noqa: S506 - it is a safe loader
    except (TypeError, RecursionError) as error:  # no JSON has that, and PyYAML recurses
        raise ValueError(str(error)) from error


def _object(found: Any) -> dict[str, Any]:
    """What is found, if it is an object; a ValueError tells in Go's words why not."""
    if not isinstance(found, dict):
        raise ValueError(f"json: cannot unmarshal {kind_of(found)} into Go value of type {_HEAD}")
    if problem := mismatch("", {"apiVersion": "string", "kind": "string"}, found):
        raise ValueError(problem)
    return found


def _check_kind(resource: Resource, obj: dict[str, Any], body: bytes) -> None:
    """Refuse what says that it is something else; a built-in kind need not say what it is."""
    kind, api_version = obj.get("kind"), obj.get("apiVersion")
    if not kind and resource.custom:
        said = body.decode(errors="replace")
        raise _unrecognized(resource, body, f"Object 'Kind' is missing in '{said}'")
    if kind not in (None, "", resource.kind) and not resource.custom:
        why = f'no kind "{kind}" is registered for version "{api_version}" in scheme '
        version = str(api_version).rpartition("/")[2]
        scheme = '"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"'
        raise bad_request(_unhandled(resource, str(kind), version, why + scheme))
    if api_version != resource.api_version and (api_version or resource.custom):
        raise bad_request(
            f"the API version in the data ({api_version or ''}) does not match the expected API "
            f"version ({resource.api_version})"
        )
    if kind not in (None, "", resource.kind):
        name = (obj.get("metadata") or {}).get("name") or ""
        raise another_kind(resource, str(api_version), str(kind), str(name))


def _check_name(url: str, name: str) -> None:
    if not name:
        why = f"the name of the object ({url} based on URL) was undeterminable"
        raise bad_request(f"{why}: name must be provided")
    if name != url:
        raise bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({url})"
        )


def _unhandled(resource: Resource, kind: str, version: str, why: str) -> str:
    return f'{kind} in version "{version}" cannot be handled as a {resource.kind}: {why}'


def _unrecognized(resource: Resource, body: bytes, why: str) -> APIError:
    """A body that is not an object at all, with the beginning of it: text as it is, else in hex."""
    more = " ..." if len(body) > 30 else ""
    shown = body[:30].decode(errors="replace") if body[:1] == b"{" else body[:30].hex()
    must = f"(must be of type {resource.kind})"
    return bad_request(
        f"the object provided is unrecognized {must}: {why} ({shown + more if body else '<empty>'})"
    )


def _undirected(members: list[tuple[str, Any]]) -> Object:
    """An object in a strategic merge patch without what begins with ``$``."""
    return {key: value for key, value in members if key[:1] != "$"}
