"""`kwatch.cli._summary`: an object in a few words, whatever it looks like."""

from typing import Any

import pytest

from kwatch.cli._summary import LONGEST, age, birth, duration, node, ready, summary

MINUTE, HOUR, DAY = 60, 3_600, 86_400

SHAPES: tuple[Any, ...] = (
    None,
    7,
    "a",
    True,
    [],
    [None],
    [[]],
    {},
    {"a": 1},
    [{"type": 1}],
    [{"state": "a"}],
)


def of(kind: str, spec: Any = None, status: Any = None, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {}, "spec": spec, "status": status, **fields}


def container(ready: bool = False, **state: Any) -> dict[str, Any]:
    return {"name": "main", "ready": ready, "state": state}


def condition(type_: str, status: str) -> dict[str, Any]:
    return {"conditions": [{"type": type_, "status": status}]}


@pytest.mark.parametrize("kind", ["Pod", "Deployment", "Job", "Node", "Event", "Secret", "X", 7])
@pytest.mark.parametrize("shape", SHAPES)
def test_objects_of_any_shape_will_do(kind: Any, shape: Any) -> None:
    fields = ("containerStatuses", "initContainerStatuses", "conditions", "phase", "replicas")
    parts = dict.fromkeys((*fields, "containers", "completions", "nodeName"), shape)
    for obj in (
        {"kind": kind},
        {"kind": kind, "metadata": shape, "spec": shape, "status": shape, "data": shape},
        {"kind": kind, "metadata": parts, "spec": parts, "status": parts},
    ):
        for told in (summary(obj), ready(obj), node(obj), age(obj, 0.0)):
            assert isinstance(told, str)


def test_what_an_object_makes_of_its_state_has_an_end() -> None:
    assert summary(of("X", status={"phase": "a" * 1_000_000})) == "a" * LONGEST


@pytest.mark.parametrize(
    ("obj", "told"),
    [
        (of("Pod", status={"phase": "Running"}), "Running"),
        (of("Pod", status={"phase": "Failed", "reason": "Evicted"}), "Evicted"),
        (
            of("Pod", status={"phase": "Running", "containerStatuses": [container(running={})]}),
            "Running",
        ),
        (
            of("Pod", status={"containerStatuses": [container(waiting={"reason": "BackOff"})]}),
            "BackOff",
        ),
        (
            of(
                "Pod",
                status={"containerStatuses": [container(terminated={"reason": "Completed"})]},
            ),
            "Completed",
        ),
        (
            of("Pod", status={"initContainerStatuses": [container(waiting={"reason": "Pull"})]}),
            "Init:Pull",
        ),
        (
            {**of("Pod", status={"phase": "Running"}), "metadata": {"deletionTimestamp": "now"}},
            "Terminating",
        ),
        (of("Node", status=condition("Ready", "True")), "Ready"),
        (of("Node", status=condition("Ready", "Unknown")), "NotReady"),
        (of("Node", {"unschedulable": True}), "NotReady,SchedulingDisabled"),
        (of("Deployment", {"replicas": 3}, {"readyReplicas": 2}), "2/3 ready"),
        (of("Deployment", {"replicas": 0}, {"readyReplicas": 1, "replicas": 1}), "1/0 ready"),
        (of("DaemonSet", status={"numberReady": 1, "desiredNumberScheduled": 4}), "1/4 ready"),
        (of("Job", status=condition("Failed", "True")), "Failed"),
        (of("Job", status=condition("Failed", "False")), "Running"),
        (of("Namespace", status={"phase": "Active"}), "Active"),
        (of("Service", {"type": "ClusterIP"}), "ClusterIP"),
        (of("ConfigMap", data={"a": ""}, binaryData={"b": ""}), "2 keys"),
        (of("Secret", data={"a": ""}), "1 key"),
        (of("Event", reason="Pulled", message="all of it"), "Pulled: all of it"),
        (of("Widget", status={"state": "happy"}), "happy"),
        (of("Widget", status=condition("Available", "True")), "Available"),
        (of("Widget", status=condition("Ready", "False")), "NotReady"),
        (of("Widget"), ""),
    ],
)
def test_summary(obj: dict[str, Any], told: str) -> None:
    assert summary(obj) == told


@pytest.mark.parametrize(
    ("obj", "told"),
    [
        (of("Pod", {"containers": [{}, {}]}, {"containerStatuses": [container(True)]}), "1/2"),
        (of("Pod", {"containers": [{}]}), "0/1"),
        (of("Pod", status={"containerStatuses": [container(), container(True)]}), "1/2"),
        (of("Pod"), ""),
        (of("Job", {"completions": 3}, {"succeeded": 1}), "1/3"),
        (of("Job"), "0/1"),
        (of("StatefulSet", {"replicas": True}), "0/0"),
        (of("Widget", {"replicas": 3}), ""),
    ],
)
def test_ready(obj: dict[str, Any], told: str) -> None:
    assert ready(obj) == told


def test_node() -> None:
    assert node(of("Pod", {"nodeName": "node-1"})) == "node-1"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "0s"),
        (1.9, "1s"),
        (2 * MINUTE - 1, "119s"),
        (2 * MINUTE, "2m"),
        (10 * MINUTE - 1, "9m59s"),
        (10 * MINUTE + 1, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (8 * HOUR - 1, "7h59m"),
        (8 * HOUR, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY + HOUR, "2d1h"),
        (8 * DAY - 1, "7d23h"),
        (800 * DAY, "800d"),
    ],
)
def test_duration(seconds: float, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("text", "born"),
    [
        ("1970-01-01T00:01:00Z", 60.0),
        ("1970-01-01T00:01:00", 60.0),
        ("1970-01-01T01:01:00+01:00", 60.0),
        ("yesterday", None),
        ("", None),
        (60, None),
    ],
)
def test_birth(text: Any, born: float | None) -> None:
    assert birth({"metadata": {"creationTimestamp": text}}) == born
