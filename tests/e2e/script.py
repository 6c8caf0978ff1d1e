"""Requests to one server, whose answers are noted."""

import json
from typing import Any

import httpx

from .live import Object
from .transcript import Step, step

JSON = "application/json"
MERGE = "application/merge-patch+json"
WIDGETS = "/apis/example.com/v1/namespaces/{}/widgets"


class Script:
    """Asks one server, in a namespace that is nobody else's, and notes what it answers."""

    def __init__(self, client: httpx.Client, namespace: str) -> None:
        self.steps: list[Step] = []
        self.opened: set[str] = set()
        self.namespace = namespace
        self._client = client
        self._path = WIDGETS.format(namespace)
        self.begin: str = client.get(self._path).json()["metadata"]["resourceVersion"]

    def ask(self, what: str, method: str, at: str = "", **request: Any) -> Any:
        """Put a request; ``at`` is below the widgets of the namespace, or a path from ``/`` on."""
        path = at if at.startswith("/") else f"{self._path}/{at}".rstrip("/")
        self.steps.append(step(what, self._client.request(method, path, **request)))
        return self.steps[-1].answer

    def create(self, name: str, labels: Object | None = None, **metadata: Any) -> Any:
        return self.ask(f"create {name}", "POST", json=widget(name, labels, **metadata))

    def patch(self, what: str, at: str, patch: Object) -> Any:
        return self.ask(what, "PATCH", at, json=patch, headers={"Content-Type": MERGE})

    def watch(self, what: str, accept: str = JSON, **params: str) -> Step:
        """Watch until the server ends it."""
        events: list[Object] = []
        asked = {"watch": "1", "timeoutSeconds": "1", **params}
        headers = {"Accept": accept}
        with self._client.stream("GET", self._path, params=asked, headers=headers) as response:
            self.opened.add(what)
            if response.is_error:
                response.read()
                return step(what, response)
            events += map(json.loads, response.iter_lines())
        if asked["timeoutSeconds"] == "1":
            events = list(filter(is_no_regular_bookmark, events))
        return step(what, response, tidy(events))


def widget(name: str, labels: Object | None = None, **metadata: Any) -> Object:
    metadata = {"name": name, "labels": labels or {}} | metadata
    head = {"apiVersion": "example.com/v1", "kind": "Widget"}
    return head | {"metadata": metadata, "spec": {"color": "red", "size": 1}}


def name_of(event: Object) -> str:
    """Give the name of an event's object; a bookmark and an error have none."""
    name: str = (event["object"].get("metadata") or {}).get("name", "")
    return name


def is_no_regular_bookmark(event: Object) -> bool:
    """A regular bookmark comes when the server thinks fit; only the longer watches wait for it."""
    return event["type"] != "BOOKMARK" or "annotations" in event["object"]["metadata"]


def tidy(events: list[Object]) -> list[Object]:
    """Sort what exists at the start, which comes in no order; keep one of bookmarks in a row."""
    ends = (at for at, event in enumerate(events) if event["type"] != "ADDED")
    start = next(ends, len(events))
    events = sorted(events[:start], key=name_of) + events[start:]
    pairs = zip(events, [None, *events], strict=False)
    return [event for event, before in pairs if event["type"] != "BOOKMARK" or event != before]
