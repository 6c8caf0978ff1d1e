"""The two API servers of `benchmarks.pipeline`, and who writes to them."""

import os
import random
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from kwatch import KubeConfig
from tests.e2e.live import serve_widgets

MARKER = 0
"""The number of changes that only show that a query has begun, and are not counted."""

PATHS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")

Object = dict[str, Any]


class Change(NamedTuple):
    """One acknowledged change; ``version`` is 0 for a deletion, which the server tells none of."""

    cluster: str
    verb: str
    uid: str
    version: int
    number: int


class Cluster:
    """One API server; nobody else writes the objects of a run.

    Args:
        name: What its context is called.
        config: How to reach it.
        namespace: Where to write.
        run: The label of the run's objects.
    """

    def __init__(self, name: str, config: KubeConfig, namespace: str, run: str) -> None:
        self.name = name
        self.client = config.client(timeout=30.0)
        self.flows = threading.Event()  # cleared while nobody is to write
        self.flows.set()
        self._run = run
        self._path = f"/apis/example.com/v1/namespaces/{namespace}/widgets"

    def prepare(self) -> None:
        """Have the custom resource served."""
        serve_widgets(self.client)

    def create(self, name: str, number: int) -> Object:
        """Create an object that is not there."""
        metadata = {"name": f"{self._run}-{name}", "labels": {"pipeline": self._run}}
        body = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata}
        return self._ask("POST", self._path, body | {"spec": _spec(number)})

    def patch(self, name: str, number: int) -> Object:
        """Change an object."""
        return self._ask("PATCH", self._url(name), {"spec": _spec(number)})

    def delete(self, name: str) -> None:
        """Delete an object."""
        self._ask("DELETE", self._url(name))

    def mark(self) -> None:
        """Make a change that does not count."""
        self.create(f"marker-{time.monotonic_ns()}", MARKER)

    def list(self) -> dict[str, int]:
        """Give the version of each object of the run that counts, by uid."""
        url = f"{self._path}?labelSelector=pipeline={self._run}"
        return {
            obj["metadata"]["uid"]: int(obj["metadata"]["resourceVersion"])
            for obj in self._ask("GET", url)["items"]
            if obj["spec"]["change"] != MARKER
        }

    def clean_up(self) -> None:
        """Delete all objects of the run."""
        self._ask("DELETE", f"{self._path}?labelSelector=pipeline={self._run}")

    def requests(self) -> int:
        """Give how many requests for widgets the server has answered, watches that ended too."""
        text = self.client.get("/metrics").raise_for_status().text
        return sum(
            int(float(line.rpartition(" ")[2]))
            for line in text.splitlines()
            if line.startswith("apiserver_request_total{") and 'resource="widgets"' in line
        )

    def _url(self, name: str) -> str:
        return f"{self._path}/{self._run}-{name}"

    def _ask(self, method: str, url: str, body: Object | None = None) -> Object:
        kind = "merge-patch+json" if method == "PATCH" else "json"
        headers = {"Content-Type": f"application/{kind}"}
        response = self.client.request(method, url, json=body, headers=headers)
        answer: Object = response.raise_for_status().json()
        return answer


class Writer(threading.Thread):
    """Creates, changes and deletes objects of its own, by chance, in one cluster.

    Args:
        cluster: Where.
        names: How its objects are called.
        numbers: Of its changes.
        rate: Changes a second; 0 for as fast as it can.
        seed: Of the chance.
    """

    def __init__(
        self, cluster: Cluster, names: str, numbers: range, rate: float, seed: object
    ) -> None:
        super().__init__(name=f"writer {names}", daemon=True)
        self.cluster = cluster
        self.changes: list[Change] = []
        self.is_idle = False
        self.error: Exception | None = None
        self._names = names
        self._numbers = numbers
        self._rate = rate
        self._chance = random.Random(f"{seed} {names}")
        self._alive: dict[str, str] = {}

    def run(self) -> None:
        """Write all."""
        try:
            for number in self._numbers:
                began = time.monotonic()
                if not self.cluster.flows.is_set():
                    self.is_idle = True
                    self.cluster.flows.wait()
                    self.is_idle = False
                self.changes.append(self._turn(number))
                if self._rate:
                    time.sleep(max(0.0, began + 1 / self._rate - time.monotonic()))
        except Exception as error:  # whatever it is, `written` raises it
            self.error = error
        self.is_idle = True

    def _turn(self, number: int) -> Change:
        name = f"{self._names}-{self._chance.randrange(50)}"
        cluster, uid = self.cluster, self._alive.pop(name, None)
        if uid is not None and self._chance.random() < 0.25:
            cluster.delete(name)
            return Change(cluster.name, "deleted", uid, 0, number)
        verb = "created" if uid is None else "modified"
        obj = cluster.create(name, number) if uid is None else cluster.patch(name, number)
        metadata = obj["metadata"]
        self._alive[name] = metadata["uid"]
        version = int(metadata["resourceVersion"])
        return Change(cluster.name, verb, metadata["uid"], version, number)


def writers(
    clusters: list[Cluster], names: str, changes: int, count: int, rate: float, seed: object
) -> list[Writer]:
    """Start so many writers, which make so many changes together."""
    first = [1 + changes * number // count for number in range(count + 1)]
    made = [
        Writer(
            clusters[number % len(clusters)],
            f"{names}{number}",
            range(first[number], first[number + 1]),
            rate / count,
            seed,
        )
        for number in range(count)
    ]
    for writer in made:
        writer.start()
    return made


def written(writers: Iterable[Writer]) -> list[Change]:
    """Give what was written up to now.

    Raises:
        RuntimeError: One of them has failed.
    """
    for writer in writers:
        if writer.error is not None:
            raise RuntimeError(f"{writer.name} failed") from writer.error
    return [change for writer in writers for change in list(writer.changes)]


def combine(paths: dict[str, str], path: Path) -> None:
    """Write one kubeconfig with a context for each of several; only its owner may read it."""
    found: Object = {"apiVersion": "v1", "kind": "Config"}
    found |= {"clusters": [], "users": [], "contexts": []}
    for name, source in paths.items():
        config = yaml.safe_load(Path(source).read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        for kind in ("cluster", "user"):
            entry = _named(config[f"{kind}s"], context[kind])[kind]
            folder = Path(source).resolve().parent
            entry |= {key: str(folder / entry[key]) for key in PATHS if key in entry}
            found[f"{kind}s"].append({"name": name, kind: entry})
        found["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        yaml.safe_dump(found, file)


def _named(entries: list[Object], name: str) -> Object:
    return next(entry for entry in entries if entry["name"] == name)


def _spec(number: int) -> Object:
    return {"change": number, "text": "x" * 500}
