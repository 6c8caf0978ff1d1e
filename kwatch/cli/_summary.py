"""An object in a few words, as ``kubectl get`` has them; objects of any shape will do."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]

LONGEST = 1_200
"""A state of more characters is cut: an Event, which tells the most, has up to 1,024 of them."""


def summary(obj: Object) -> str:
    """Give the state of an object; empty where none is known.

    >>> summary({"kind": "Pod", "status": {"phase": "Running"}})
    'Running'
    >>> summary({"kind": "Deployment", "status": {"replicas": 3, "readyReplicas": 2}})
    '2/3 ready'
    """
    if _at(obj, "metadata", "deletionTimestamp"):
        return "Terminating"
    special = _SUMMARIES.get(_text(obj.get("kind")))
    return ((special(obj) if special else "") or _of_any(obj))[:LONGEST]


def ready(obj: Object) -> str:
    """Give how many of its parts are ready, as in ``1/2``; empty where it has none.

    >>> ready({"kind": "StatefulSet", "spec": {"replicas": 2}, "status": {"readyReplicas": 1}})
    '1/2'
    """
    match obj.get("kind"):
        case "Pod":
            states = _list(obj, "status", "containerStatuses")
            wanted = len(_list(obj, "spec", "containers")) or len(states)
            return f"{sum(it.get('ready') is True for it in states)}/{wanted}" if wanted else ""
        case "DaemonSet":
            return _of(obj, "numberReady", "desiredNumberScheduled")
        case "Job":
            return f"{_count(obj, 'status', 'succeeded')}/{_count(obj, 'spec', 'completions') or 1}"
        case "Deployment" | "ReplicaSet" | "StatefulSet" | "ReplicationController":
            return _of(obj, "readyReplicas", "replicas")
    return ""


def node(obj: Object) -> str:
    """Give the node that a pod is on; empty where there is none."""
    return _text(_at(obj, "spec", "nodeName"))


def age(obj: Object, now: float) -> str:
    """Give how long it exists, as in ``5m``; empty where that is not known.

    Args:
        obj: The object.
        now: Unix time in seconds.

    >>> age({"metadata": {"creationTimestamp": "1970-01-01T00:00:10Z"}}, 100.0)
    '90s'
    """
    born = birth(obj)
    return "" if born is None else duration(now - born)


def birth(obj: Object) -> float | None:
    """Give when it was created, Unix time in seconds; None where that is not known."""
    try:
        text = _text(_at(obj, "metadata", "creationTimestamp"))
        born = datetime.fromisoformat(text)
        return (born if born.tzinfo else born.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        return None


def duration(seconds: float) -> str:
    """Write a duration in a few characters, the less exact the longer it is.

    Source: ``HumanDuration`` in ``k8s.io/apimachinery/pkg/util/duration``, but for years.

    >>> [duration(it) for it in (0.9, 119, 200, 7_200, 12_000, 90_000, 200_000, 864_000)]
    ['0s', '119s', '3m20s', '120m', '3h20m', '25h', '2d7h', '10d']
    """
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3_600, whole // 86_400
    if minutes < 2:
        return f"{whole}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if days < 2:
        return f"{hours}h"
    return _two(days, "d", hours % 24, "h") if days < 8 else f"{days}d"


def _two(large: int, unit: str, small: int, smaller_unit: str) -> str:
    return f"{large}{unit}{small}{smaller_unit}" if small else f"{large}{unit}"


def _pod(obj: Object) -> str:
    """The phase, or the reason why a container does not run, as kubectl has it.

    Source: ``printPod`` in ``pkg/printers/internalversion/printers.go`` of Kubernetes.
    """
    text = _text(_at(obj, "status", "reason")) or _text(_at(obj, "status", "phase"))
    for state in _list(obj, "status", "initContainerStatuses"):
        if reason := _waits(state):
            return f"Init:{reason}"
    for state in _list(obj, "status", "containerStatuses"):
        text = _waits(state) or _text(_at(state, "state", "terminated", "reason")) or text
    return text


def _waits(state: Object) -> str:
    return _text(_at(state, "state", "waiting", "reason"))


def _node(obj: Object) -> str:
    is_ready = any(it == ("Ready", "True") for it in _conditions(obj))
    cordoned = ",SchedulingDisabled" if _at(obj, "spec", "unschedulable") is True else ""
    return ("Ready" if is_ready else "NotReady") + cordoned


def _job(obj: Object) -> str:
    for name, status in _conditions(obj):
        if status == "True" and name in ("Complete", "Failed", "Suspended"):
            return name
    return "Running"


def _replicas(obj: Object) -> str:
    return f"{parts} ready" if (parts := ready(obj)) else ""


def _event(obj: Object) -> str:
    return ": ".join(part for it in ("reason", "message") if (part := _text(obj.get(it))))


def _keys(obj: Object) -> str:
    fields = (obj.get(name) for name in ("data", "binaryData"))
    count = sum(len(field) for field in fields if isinstance(field, dict))
    return "1 key" if count == 1 else f"{count} keys"


def _service(obj: Object) -> str:
    return _text(_at(obj, "spec", "type"))


_SUMMARIES: dict[str, Callable[[Object], str]] = {
    "ConfigMap": _keys,
    "DaemonSet": _replicas,
    "Deployment": _replicas,
    "Event": _event,
    "Job": _job,
    "Node": _node,
    "Pod": _pod,
    "ReplicaSet": _replicas,
    "ReplicationController": _replicas,
    "Secret": _keys,
    "Service": _service,
    "StatefulSet": _replicas,
}


def _of_any(obj: Object) -> str:
    """The phase or the state, or else what the conditions say of being ready."""
    for name in ("phase", "state"):
        if text := _text(_at(obj, "status", name)):
            return text
    for name, status in _conditions(obj):
        if name in ("Ready", "Available", "Established", "Synced"):
            return name if status == "True" else f"Not{name}"
    return ""


def _conditions(obj: Object) -> Iterator[tuple[str, str]]:
    for condition in _list(obj, "status", "conditions"):
        yield _text(condition.get("type")), _text(condition.get("status"))


def _of(obj: Object, have: str, want: str) -> str:
    """``1/2``; what is wanted stands in the spec, or else in the status."""
    wanted = _count(obj, "spec", want) if _at(obj, "spec", want) is not None else None
    return (
        f"{_count(obj, 'status', have)}/{_count(obj, 'status', want) if wanted is None else wanted}"
    )


def _at(value: Any, *path: str) -> Any:
    """What is at a path; None where the path does not lead anywhere."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _list(obj: Object, *path: str) -> list[Object]:
    found = _at(obj, *path)
    return [it for it in found if isinstance(it, dict)] if isinstance(found, list) else []


def _count(obj: Object, *path: str) -> int:
    found = _at(obj, *path)
    return found if type(found) is int else 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
