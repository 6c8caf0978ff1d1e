"""The columns of the table that kubectl prints, and what stands in those of the built-in kinds."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Find = Callable[[Mapping[str, Any]], object]


class Column(NamedTuple):
    """A column between the name and the age, as a CRD declares one.

    Attributes:
        name: Its head: ``"Status"``.
        value: Where its value is in the object: ``"status.phase"``; or a function of the object.
    """

    name: str
    value: str | Find

    def cell(self, obj: Mapping[str, Any]) -> str:
        """What stands in it."""
        return text_of(find(obj, self.value) if isinstance(self.value, str) else self.value(obj))


def find(obj: Any, path: str) -> Any:
    """What is at a dotted path; None: nothing.

    Example:
        >>> find({"status": {"phase": "Running"}}, "status.phase")
        'Running'
    """
    for key in path.split("."):
        obj = obj.get(key) if isinstance(obj, Mapping) else None
    return obj


def text_of(value: object) -> str:
    """A value as text; nothing is ``""``."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _ratio(done: str, wanted: str) -> Find:
    return lambda obj: f"{find(obj, done) or 0}/{find(obj, wanted) or 0}"


def _listed(obj: Mapping[str, Any], path: str) -> list[Mapping[str, Any]]:
    """The objects in a list; what else is there has no columns."""
    found = find(obj, path)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _containers(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return _listed(pod, "status.containerStatuses")


def _ready(pod: Mapping[str, Any]) -> str:
    ready = sum(bool(each.get("ready")) for each in _containers(pod))
    return f"{ready}/{len(_listed(pod, 'spec.containers') or _containers(pod))}"


def _restarts(pod: Mapping[str, Any]) -> int:
    return sum(each.get("restartCount", 0) for each in _containers(pod))


def _pod_status(pod: Mapping[str, Any]) -> object:
    """The phase, unless the pod is being deleted, or a container has a reason of its own."""
    if find(pod, "metadata.deletionTimestamp"):
        return "Terminating"
    for each in _containers(pod):
        for state in ("waiting", "terminated"):
            if reason := find(each, f"state.{state}.reason"):
                return reason
    return find(pod, "status.reason") or find(pod, "status.phase")


def _node_status(node: Mapping[str, Any]) -> str:
    ready = [each for each in _listed(node, "status.conditions") if each.get("type") == "Ready"]
    if not ready:
        return "Unknown"
    return "Ready" if ready[0].get("status") == "True" else "NotReady"


def _event_object(event: Mapping[str, Any]) -> str:
    kind, name = find(event, "involvedObject.kind"), find(event, "involvedObject.name")
    return f"{str(kind or '').lower()}/{name or ''}"


PHASE = (Column("Status", "status.phase"),)
POD = (Column("Ready", _ready), Column("Status", _pod_status), Column("Restarts", _restarts))
NODE = (Column("Status", _node_status), Column("Version", "status.nodeInfo.kubeletVersion"))
SECRET = (Column("Type", "type"),)
SERVICE = (Column("Type", "spec.type"), Column("Cluster-IP", "spec.clusterIP"))
EVENT = (
    Column("Type", "type"),
    Column("Reason", "reason"),
    Column("Object", _event_object),
    Column("Message", "message"),
)
DEPLOYMENT = (
    Column("Ready", _ratio("status.readyReplicas", "spec.replicas")),
    Column("Up-to-date", lambda obj: find(obj, "status.updatedReplicas") or 0),
    Column("Available", lambda obj: find(obj, "status.availableReplicas") or 0),
)
REPLICA_SET = (
    Column("Desired", lambda obj: find(obj, "spec.replicas") or 0),
    Column("Current", lambda obj: find(obj, "status.replicas") or 0),
    Column("Ready", lambda obj: find(obj, "status.readyReplicas") or 0),
)
STATEFUL_SET = (Column("Ready", _ratio("status.readyReplicas", "spec.replicas")),)
JOB = (Column("Completions", _ratio("status.succeeded", "spec.completions")),)
CRON_JOB = (Column("Schedule", "spec.schedule"), Column("Last Schedule", "status.lastScheduleTime"))
LEASE = (Column("Holder", "spec.holderIdentity"),)
