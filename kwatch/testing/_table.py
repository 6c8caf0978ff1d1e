"""Objects as the table that kubectl prints."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from kwatch.testing._object import Object
from kwatch.testing._resources import Resource

_NAME = (
    "Name must be unique within a namespace. Is required when creating resources, although some "
    "resources may allow a client to request the generation of an appropriate name automatically. "
    "Name is primarily intended for creation idempotence and configuration definition. Cannot be "
    "updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
_AGE = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. "
    "It is not guaranteed to be set in happens-before order across separate operations. Clients "
    "may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the "
    "system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/"
    "sig-architecture/api-conventions.md#metadata"
)
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def columns(resource: Resource) -> list[Object]:
    """What the columns are, in the server's words."""
    between = [_column(column.name, "string", "", "") for column in resource.columns]
    name = _column("Name", "string", "name", _NAME)
    return [name, *between, _column("Age", "date", "", _AGE)]


def _column(name: str, kind: str, form: str, description: str) -> Object:
    return {"name": name, "type": kind, "format": form, "description": description, "priority": 0}


def cells(resource: Resource, obj: Mapping[str, Any]) -> list[Any]:
    """What stands in the columns."""
    metadata = obj["metadata"]
    between = [column.cell(obj) for column in resource.columns]
    return [metadata.get("name", ""), *between, age(metadata.get("creationTimestamp"))]


def table(metadata: Object, heads: list[Object] | None, rows: Iterable[Object]) -> Object:
    """The table itself; ``heads`` is None where they have been sent before."""
    head = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
    return {**head, "columnDefinitions": heads, "rows": list(rows)}


def age(born: str | None, now: datetime | None = None) -> str | None:
    """How long ago something was, as kubectl says it.

    Example:
        >>> noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
        >>> [age(born, noon) for born in ("2026-01-02T11:59:18Z", "2026-01-02T11:53:50Z")]
        ['42s', '6m10s']
        >>> age("2026-01-01T08:00:00Z", noon), age("2023-06-01T12:00:00Z", noon)
        ('28h', '2y216d')

    Source: ``HumanDuration`` in apimachinery's ``pkg/util/duration/duration.go``.
    """
    if born is None:
        return None
    since = (now or datetime.now(UTC)) - datetime.fromisoformat(born)
    seconds = since // timedelta(seconds=1)
    for below, unit, part in (
        (2 * _MINUTE, 1, 0),
        (10 * _MINUTE, _MINUTE, 1),
        (3 * _HOUR, _MINUTE, 0),
        (8 * _HOUR, _HOUR, _MINUTE),
        (2 * _DAY, _HOUR, 0),
        (8 * _DAY, _DAY, _HOUR),
        (2 * _YEAR, _DAY, 0),
        (8 * _YEAR, _YEAR, _DAY),
    ):
        if seconds < below:
            return _said(max(seconds, 0), unit, part)
    return _said(seconds, _YEAR, 0)


def _said(seconds: int, unit: int, part: int) -> str:
    letters = {1: "s", _MINUTE: "m", _HOUR: "h", _DAY: "d", _YEAR: "y"}
    rest = seconds % unit // part if part else 0
    return f"{seconds // unit}{letters[unit]}" + (f"{rest}{letters[part]}" if rest else "")
