"""Random writes to a real server and to the fake one: both answer, and tell watches, the same."""

import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from typing import Any

import httpx
import pytest

from .conformance import INITIAL, PARTIAL, TABLE
from .fake import TOKEN, fake_server
from .live import Object, namespaces, wait_for
from .script import JSON, MERGE, Script, widget
from .transcript import Step, compare

pytestmark = [pytest.mark.e2e, pytest.mark.real_only("it compares the fake server with this one")]

WRITES = 120
WATCH_SECONDS = "6"
NAMES = ("a", "b", "c", "d-1", "d.2")
HOLDS: tuple[list[str], ...] = (["example.com/a"], ["example.com/b", "example.com/a"], [])
LABELS: tuple[Object, ...] = (
    {},
    {"app": "web"},
    {"app": "db"},
    {"app": "web", "tier": "x"},
    {"tier": "1"},
)
COLLECTIONS = ({"labelSelector": "app=web"}, {"labelSelector": "tier"})
DELETIONS: tuple[Object, ...] = (
    {},
    {"propagationPolicy": "Background"},
    {"gracePeriodSeconds": 0},
    {"dryRun": ["All"]},
)
WATCHES: dict[str, tuple[str, dict[str, str]]] = {
    "all": (JSON, {}),
    "web": (JSON, {"labelSelector": "app=web"}),
    "others": (JSON, {"labelSelector": "app!=web,tier"}),
    "without app": (JSON, {"labelSelector": "!app"}),
    "a": (JSON, {"fieldSelector": "metadata.name=a"}),
    "metadata": (PARTIAL, {"labelSelector": "app"}),
    "table": (TABLE, {"labelSelector": "app in (web,db)"}),
}


class Writer:
    """Writes by chance; the same seed asks the same."""

    def __init__(self, script: Script, seed: int) -> None:
        self._script = script
        self._random = Random(seed)

    def write(self, number: int) -> None:
        """Do one of the things that there are."""
        done = [self.create, self.patch, self.status, self.hold, self.release]
        chance = self._random.choice([*done, self.create, self.patch, self.delete, self.put])
        name = self._random.choice(NAMES)
        chance(f"{number}: {chance.__name__} {name}", name, number)

    def create(self, what: str, name: str, _: int) -> None:
        more: Object = {}
        if self._random.random() < 0.3:
            more["finalizers"] = self._random.choice(HOLDS)
        body = widget(name, self._random.choice(LABELS), **more)
        self._script.ask(what, "POST", json=body | {"status": {"phase": "x"}})

    def patch(self, what: str, name: str, number: int) -> None:
        labels = self._random.choice([*LABELS, None, {"app": None}])
        patches = [{"metadata": {"labels": labels}}, {"spec": {"size": number}}]
        self._merge(what, name, self._random.choice(patches))

    def status(self, what: str, name: str, _: int) -> None:
        self._merge(what, f"{name}/status", {"status": {"phase": self._random.choice("xyz")}})

    def hold(self, what: str, name: str, _: int) -> None:
        self._merge(what, name, {"metadata": {"finalizers": self._random.choice(HOLDS)}})

    def release(self, what: str, name: str, _: int) -> None:
        self._merge(what, name, {"metadata": {"finalizers": None}})

    def delete(self, what: str, name: str, _: int) -> None:
        if self._random.random() < 0.2:
            self._script.ask(what, "DELETE", params=self._random.choice(COLLECTIONS))
        else:
            self._script.ask(what, "DELETE", name, json=self._random.choice(DELETIONS))

    def put(self, what: str, name: str, number: int) -> None:
        obj = self._script.ask(f"{what}, which is", "GET", name)
        if obj["kind"] == "Widget":
            obj["metadata"]["labels"] = self._random.choice(LABELS)
            self._script.ask(what, "PUT", name, json=obj | {"spec": {"list": [number]}})

    def _merge(self, what: str, at: str, patch: Any) -> None:
        self._script.ask(what, "PATCH", at, json=patch, headers={"Content-Type": MERGE})


def play(client: httpx.Client, seed: int) -> list[Object]:
    """Write, and watch from before, from the middle, and afterwards."""
    script = Script(client, f"kwatch-e2e-{uuid.uuid4().hex[:8]}")
    writer, begin = Writer(script, seed), {"resourceVersion": script.begin}

    def watched(when: str, **more: str) -> list[Future[Step]]:
        futures = [
            pool.submit(script.watch, f"{when}: {what}", accept, **more, **selector)
            for what, (accept, selector) in WATCHES.items()
        ]
        wait_for(lambda: {f"{when}: {what}" for what in WATCHES} <= script.opened)
        return futures

    with namespaces(client, script.namespace), ThreadPoolExecutor(3 * len(WATCHES)) as pool:
        watches = watched("before", **begin, timeoutSeconds=WATCH_SECONDS)
        for number in range(WRITES):
            writer.write(number)
            if number == WRITES // 2:
                watches += watched("in the middle", **INITIAL, timeoutSeconds=WATCH_SECONDS)
        watches += watched("afterwards", **begin)
        script.steps += [watch.result() for watch in watches]
        for name in NAMES:
            writer.release(f"release {name}", name, 0)
        script.ask("delete all", "DELETE")
    return compare(script.steps, script.namespace)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_fake_server_tells_the_same(api: httpx.Client, seed: int) -> None:
    with fake_server() as server, ThreadPoolExecutor(1) as pool:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=30.0) as client:
            fake = pool.submit(play, client, seed)
            expected = play(api, seed)
            found = fake.result()
    assert [step["what"] for step in found] == [step["what"] for step in expected]
    for step, other in zip(found, expected, strict=True):
        assert step == other
    assert sum(len(step["answer"]) for step in found if isinstance(step["answer"], list)) > WRITES
