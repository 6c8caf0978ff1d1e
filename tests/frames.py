"""What a server sends, for scripts: objects, frames of a watch, lists, refusals."""

import json
from typing import Any

import httpx

from tests.front import Answer, Lasts

Json = dict[str, Any]


def obj(version: str, name: str = "web", uid: str = "", **metadata: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "default",
            "uid": uid or f"uid-{name}",
            "resourceVersion": version,
            **metadata,
        },
    }


def frame(kind: str, body: Json) -> bytes:
    return json.dumps({"type": kind, "object": body}, separators=(",", ":")).encode() + b"\n"


def added(version: str, name: str = "web", **metadata: Any) -> bytes:
    return frame("ADDED", obj(version, name, **metadata))


def modified(version: str, name: str = "web") -> bytes:
    return frame("MODIFIED", obj(version, name))


def deleted(version: str, name: str = "web", **metadata: Any) -> bytes:
    return frame("DELETED", obj(version, name, **metadata))


def bookmark(version: str, **metadata: Any) -> bytes:
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"resourceVersion": version, **metadata}}
    return frame("BOOKMARK", body)


def status(code: int, reason: str = "", message: str = "", **details: Any) -> Json:
    body: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    body |= {"code": code, "reason": reason, "message": message}
    return {**body, "details": details} if details else body


def initial_end(version: str) -> bytes:
    """The bookmark that ends what exists."""
    return bookmark(version, annotations={"k8s.io/initial-events-end": "true"})


def error(code: int, reason: str = "", message: str = "", **details: Any) -> bytes:
    return frame("ERROR", status(code, reason, message, **details))


def refusal(code: int, reason: str = "", message: str = "", **headers: str) -> Answer:
    fields = {"content-type": "application/json"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer([json.dumps(status(code, reason, message)).encode()], code, fields)


def listed(version: str | None, *items: Json, token: str = "", **more: Any) -> Answer:
    """A list, or a page of one, as of a built-in kind: metadata first, items without a kind."""
    metadata: Json = {} if version is None else {"resourceVersion": version}
    metadata |= ({"continue": token} if token else {}) | more
    bare = [{"metadata": item["metadata"]} for item in items]
    body = {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": bare or None}
    return Answer([json.dumps(body).encode()])


def watched(*parts: bytes | Lasts | Exception) -> Answer:
    return Answer(parts)


QUIET = Lasts(200.0)
CUT = httpx.RemoteProtocolError("peer closed connection without sending complete message body")
REFUSED = httpx.ConnectError("connection refused")
