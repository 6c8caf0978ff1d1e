"""`kwatch.testing._life`: pods that come, change and go."""

import time
from itertools import islice
from random import Random

import httpx

from kwatch.testing import FakeAPIServer, Life, steps
from tests.testing.asking import events, eventually, names, watch


def test_steps_are_the_same_for_the_same_seed_and_make_sense() -> None:
    script = list(islice(steps(Random(1)), 300))
    assert script == list(islice(steps(Random(1)), 300))
    assert script != list(islice(steps(Random(2)), 300))
    server = FakeAPIServer()
    for step in script:
        step.apply(server, "default")  # raises where a step does not fit the ones before
    phases = {step.fields["status"]["phase"] for step in script if "status" in step.fields}
    assert phases == {"Pending", "Running", "Succeeded"}
    born = [step.name for step in script if step.verb == "create"]
    assert len(born) > len(set(born)), "none has come back"
    assert any(name.startswith("job-") for name in born)


def test_life_is_what_the_steps_say(server: FakeAPIServer, client: httpx.Client) -> None:
    expected = list(islice(steps(Random(7)), 20))
    types = {"create": "ADDED", "patch": "MODIFIED", "delete": "DELETED"}
    with (
        watch(client, "/api/v1/namespaces/shop/pods") as response,
        Life(server, interval=0.001, random=Random(7), namespace="shop"),
    ):
        seen = names(list(islice(events(response), 20)))
    assert seen == [(types[step.verb], step.name) for step in expected]


def test_life_goes_on_when_somebody_else_changes_its_pods(server: FakeAPIServer) -> None:
    first = next(steps(Random(3)))
    server.create("Pod", first.name)
    with Life(server, interval=0.001, random=Random(3)):
        eventually(lambda: int(server.resource_version) > 20)


def test_life_ends_at_once(server: FakeAPIServer) -> None:
    with Life(server, interval=60):
        eventually(lambda: server.resource_version == "2")
        started = time.monotonic()
    assert time.monotonic() - started < 0.5
