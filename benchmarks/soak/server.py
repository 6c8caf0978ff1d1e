"""The API server, as the writer and the accountant see it."""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Self

import httpx

from benchmarks.soak.options import Options
from kwatch import KubeConfig
from tests.e2e.live import serve_widgets

OUTAGE_SECONDS = 120.0
"""So long one request may take to succeed."""

Object = dict[str, Any]


class Server:
    """The API server, without a proxy: asked again until the outcome is known.

    Nobody else writes the objects of a run, so that after a broken request a look at the server
    tells whether it had been carried out.

    Args:
        options: Which server.
        run: The label of the run's objects.
    """

    def __init__(self, options: Options, run: str) -> None:
        config = KubeConfig.load(options.kubeconfig, options.context)
        self._client = config.client(timeout=10.0)
        self._run = run
        self._path = f"/apis/example.com/v1/namespaces/{options.namespace}/widgets"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def prepare(self) -> None:
        """Have the custom resource served."""
        serve_widgets(self._client)

    def create(self, name: str, spec: Object) -> Object:
        """Create an object that is not there."""
        body: Object = {"apiVersion": "example.com/v1", "kind": "Widget", "spec": spec}
        body["metadata"] = {"name": name, "labels": {"soak": self._run}}
        for _ in self._attempts():
            if found := self._ask("POST", self._path, body):
                return found
            found = self._ask("GET", f"{self._path}/{name}")
            if found and found["spec"] == spec:
                return found
        raise AssertionError

    def replace(self, obj: Object, spec: Object) -> Object:
        """Give an object a new spec."""
        path = f"{self._path}/{name_of(obj)}"
        for _ in self._attempts():
            if found := self._ask("PUT", path, obj | {"spec": spec}):
                return found
            found = self._ask("GET", path)
            if found and found["spec"] == spec:
                return found
        raise AssertionError

    def delete(self, obj: Object) -> None:
        """Delete an object."""
        body: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        body["preconditions"] = {"uid": obj["metadata"]["uid"]}
        path = f"{self._path}/{name_of(obj)}"
        for _ in self._attempts():
            if self._ask("DELETE", path, body) or self._ask("GET", path) == {}:
                return

    def list(self) -> dict[str, Object]:
        """Give what is there, by name."""
        for _ in self._attempts():
            if found := self._ask("GET", f"{self._path}?labelSelector=soak={self._run}"):
                return {name_of(obj): obj for obj in found["items"]}
        raise AssertionError

    def clean_up(self) -> None:
        """Delete all objects of the run."""
        self._ask("DELETE", f"{self._path}?labelSelector=soak={self._run}")

    def _attempts(self) -> Iterator[None]:
        until = time.monotonic() + OUTAGE_SECONDS
        while time.monotonic() < until:
            yield
            time.sleep(0.05)
        raise TimeoutError(f"the server was away for {OUTAGE_SECONDS} s")

    def _ask(self, method: str, url: str, body: Object | None = None) -> Object | None:
        """Give the answer; {} if there is no such object, None if that is not known."""
        try:
            response = self._client.request(method, url, json=body)
        except httpx.TransportError:
            return None
        if response.is_success:
            answer: Object = response.json()
            return answer
        # Right after a start the custom resource itself is not there: a 404 of another kind.
        if response.status_code == httpx.codes.NOT_FOUND and method == "GET":
            with suppress(ValueError, KeyError):
                return {} if response.json()["details"]["name"] else None
        return None


def name_of(obj: Object) -> str:
    """Give the name."""
    name: str = obj["metadata"]["name"]
    return name


def version_of(obj: Object) -> int:
    """Give the resource version, which is a number on the servers that this is made for."""
    return int(obj["metadata"]["resourceVersion"])
