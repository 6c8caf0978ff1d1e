"""The rows: what they hold, and how an event becomes one."""

from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from pyspark.sql.types import StringType, StructField, StructType, TimestampType

from kwatch._events import Object
from kwatch._json import dumps

Row: TypeAlias = tuple[str, str, str | None, str | None, str | None, str, datetime, str | None]

GAP: Final = "gap"
"""The event type of a row that says that events are gone."""

SNAPSHOT: Final = "snapshot"
"""That of each object that exists after such a row."""

SCHEMA: Final = StructType(
    [
        StructField("cluster", StringType()),
        StructField("event_type", StringType()),
        StructField("namespace", StringType()),
        StructField("name", StringType()),
        StructField("uid", StringType()),
        StructField("resource_version", StringType()),
        StructField("observed_at", TimestampType()),
        StructField("object", StringType()),
    ]
)


def check_schema(schema: StructType) -> None:
    """See that a query expects these rows.

    Raises:
        ValueError: It was given another schema.
    """
    own = [(field.name, field.dataType) for field in SCHEMA]
    if [(field.name, field.dataType) for field in schema] != own:
        raise ValueError(
            f"expected no schema, or {SCHEMA.simpleString()}, got {schema.simpleString()}: leave"
            " out .schema(...), and select from the columns"
        )


def row_of(cluster: str, event_type: str, obj: Object) -> Row:
    """Make a row of what happened to an object."""
    metadata = obj["metadata"]
    return (
        cluster,
        str(event_type),
        _text(metadata.get("namespace")),
        _text(metadata.get("name")),
        _text(metadata.get("uid")),
        metadata["resourceVersion"],
        datetime.now(UTC),
        _encodable(dumps(obj)),
    )


def gap_row(cluster: str, namespace: str | None, end: str) -> Row:
    """Make the row that says that the events up to a version are gone."""
    return (cluster, GAP, namespace, None, None, end, datetime.now(UTC), None)


def _text(value: Any) -> str | None:
    return _encodable(value) if isinstance(value, str) else None


def _encodable(text: str) -> str:
    r"""Write what UTF-8 cannot hold as JSON does, and leave the rest as it is.

    >>> _encodable('"\ud800 \u00e9"')
    '"\\ud800 é"'
    """
    if text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()
