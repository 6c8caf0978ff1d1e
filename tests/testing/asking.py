"""Requests to a fake API server, and what comes back."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx

from kwatch.testing import FakeAPIServer

PODS = "/api/v1/pods"
DEFAULT_PODS = "/api/v1/namespaces/default/pods"
WIDGETS = "/apis/example.com/v1/widgets"
DEFAULT_WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
MERGE = "application/merge-patch+json"
AS_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
AS_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
AS_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

Event = tuple[str, dict[str, Any]]


def eventually(condition: Callable[[], bool]) -> None:
    """Wait up to two seconds for what another thread is about to do."""
    deadline = time.monotonic() + 2
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def watch(
    client: httpx.Client, path: str = PODS, accept: str = "*/*", **params: str | int
) -> AbstractContextManager[httpx.Response]:
    query: dict[str, str | int] = {"watch": "1", **params}
    return client.stream("GET", path, params=query, headers={"Accept": accept})


def events(response: httpx.Response) -> Iterator[Event]:
    """The events of a watch, each as soon as it is there."""
    rest = b""
    for data in response.iter_raw():
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            event = json.loads(line)
            yield event["type"], event["object"]
    assert not rest


def names(seen: list[Event]) -> list[tuple[str, str]]:
    return [(event_type, obj["metadata"]["name"]) for event_type, obj in seen]


def version(obj: dict[str, Any]) -> str:
    found = obj["metadata"]["resourceVersion"]
    assert isinstance(found, str)
    return found


@contextmanager
def raw(server: FakeAPIServer, target: str | None = None) -> Iterator[socket.socket]:
    """A bare connection, with a GET for ``target`` sent on it."""
    with socket.create_connection((server.http.host, server.http.port), timeout=5) as connection:
        if target is not None:
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: fake\r\n\r\n".encode())
        yield connection


def read_until(connection: socket.socket, mark: bytes) -> bytes:
    data = b""
    while mark not in data:
        more = connection.recv(65536)
        assert more, data
        data += more
    return data


def names_of(listed: dict[str, Any]) -> str:
    return "".join(item["metadata"]["name"] for item in listed["items"])


def untyped(pod: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in pod.items() if key not in {"kind", "apiVersion"}}


def widget(name: str, **fields: Any) -> dict[str, Any]:
    """A widget as a client sends it; ``metadata`` is merged into its own."""
    metadata = {"name": name, **fields.pop("metadata", {})}
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata, **fields}


def patch(client: httpx.Client, path: str, change: Any, **params: str) -> httpx.Response:
    return client.patch(path, json=change, params=params, headers={"Content-Type": MERGE})


def refused(response: httpx.Response) -> tuple[int, str | None, str]:
    """The code, the reason and the message of a Status."""
    status = response.json()
    assert (status["kind"], status["status"], status["code"]) == (
        "Status",
        "Failure",
        response.status_code,
    )
    return response.status_code, status.get("reason"), status["message"]
