"""The pods of ``Life``: what the kubelet tells of them fits together."""

import time
from itertools import islice
from random import Random
from typing import Any

import pytest

from kwatch.testing import FakeAPIServer, Life, steps

STEPS = 2_000


@pytest.fixture(scope="module")
def states() -> list[dict[str, Any]]:
    """What becomes of each pod, step by step."""
    server, states = FakeAPIServer(), []
    for step in islice(steps(Random(1)), STEPS):
        step.apply(server, "default")
        if step.verb != "delete":
            states.append(server.patch("Pod", step.name))
    return states


def condition(pod: dict[str, Any], name: str) -> str | None:
    for found in pod["status"].get("conditions", []):
        if found["type"] == name:
            status: str = found["status"]
            return status
    return None


def test_a_pod_is_ready_where_its_container_is(states: list[dict[str, Any]]) -> None:
    seen = set()
    for pod in states:
        containers = pod["status"].get("containerStatuses", [])
        ready = any(it["ready"] for it in containers)
        assert (condition(pod, "Ready") == "True") == ready
        assert ready == any("running" in it["state"] for it in containers)
        seen.add(ready)
    assert seen == {True, False}


def test_it_has_a_node_before_it_has_a_container(states: list[dict[str, Any]]) -> None:
    for pod in states:
        has_node = "nodeName" in pod["spec"]
        assert has_node == (condition(pod, "PodScheduled") == "True")
        assert has_node == ("containerStatuses" in pod["status"])


def test_a_container_has_the_image_that_the_spec_wants(states: list[dict[str, Any]]) -> None:
    images = set()
    for pod in states:
        image = pod["spec"]["containers"][0]["image"]
        assert image.endswith(f":{pod['metadata']['labels']['version']}")
        assert all(it["image"] == image for it in pod["status"].get("containerStatuses", []))
        images.add(image)
    assert len(images) > 3


def test_now_and_then_a_container_crashes_and_begins_again(states: list[dict[str, Any]]) -> None:
    restarts: dict[str, list[int]] = {}
    reasons = set()
    for pod in states:
        for container in pod["status"].get("containerStatuses", []):
            restarts.setdefault(pod["metadata"]["uid"], []).append(container["restartCount"])
            reasons.add(container["state"].get("waiting", {}).get("reason"))
    assert "CrashLoopBackOff" in reasons
    assert all(counts == sorted(counts) for counts in restarts.values())
    assert max(map(max, restarts.values())) > 1


def test_life_is_paused_and_goes_on() -> None:
    server = FakeAPIServer()
    begin = server.resource_version
    life = Life(server, interval=0.001, random=Random(1))
    life.pause()
    states = [life.is_paused]
    with life:
        time.sleep(0.01)
        assert server.resource_version == begin
        life.resume()
        states.append(life.is_paused)
        deadline = time.monotonic() + 10
        while server.resource_version == begin:
            assert time.monotonic() < deadline
            time.sleep(0.001)
    assert states == [True, False]


def test_a_life_that_is_paused_ends_and_does_nothing_more() -> None:
    server = FakeAPIServer()
    begin = server.resource_version
    life = Life(server, interval=0.001, random=Random(1))
    life.pause()
    with life:
        pass
    assert server.resource_version == begin
