"""What a watch yields: `Event`, and how it is made of one document of the stream."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias, TypeGuard

from kwatch._errors import ProtocolError, StatusError
from kwatch._http import status_error

Object: TypeAlias = dict[str, Any]
"""A Kubernetes object as ``json.loads`` would give it."""


class NoVersionError(ProtocolError):
    """An object has no resource version, so that nobody knows where in the order it stands."""


class EventType(StrEnum):
    """What happened to the object of an event; each equals its plain string.

    >>> EventType.CREATED == "created"
    True
    """

    CREATED = "created"
    MODIFIED = "modified"
    DELETED = "deleted"
    BOOKMARK = "bookmark"


CREATED, MODIFIED, DELETED, BOOKMARK = EventType
"""The members, in their order, for what looks at each event: an enum is slow to tell them."""


class Event(NamedTuple):
    """One change: unpack it as ``event_type, obj``.

    ``obj`` of a ``deleted`` event is the last state of the object, with the resource version of
    its deletion.

    >>> event_type, obj = Event(EventType.CREATED, {"kind": "Pod", "metadata": {"name": "web"}})
    >>> f"{event_type} {obj['metadata']['name']}"
    'created web'
    """

    event_type: EventType
    obj: Object

    @property
    def resource_version(self) -> str:
        """The opaque version of the object after this change."""
        version: str = self.obj["metadata"]["resourceVersion"]
        return version


FRAME_TYPES = {
    "ADDED": EventType.CREATED,
    "MODIFIED": EventType.MODIFIED,
    "DELETED": EventType.DELETED,
    "BOOKMARK": EventType.BOOKMARK,
}
"""What the server calls them."""

_PLACES = {name: f"the {name} event" for name in FRAME_TYPES}


def parse_event(document: Any) -> Event:
    """Make an `Event` of one decoded document of a watch response.

    Args:
        document: ``{"type": "ADDED", "object": {...}}``, of any shape.

    Raises:
        StatusError: It is an ``ERROR`` event, or a bare Status; `ExpiredError` for code 410.
        ProtocolError: It is anything else than an event whose object has a resource version.

    >>> parse_event({"type": "DELETED", "object": {"metadata": {"resourceVersion": "7"}}})[0]
    <EventType.DELETED: 'deleted'>
    """
    if not isinstance(document, dict):
        raise ProtocolError(f"expected a watch event, got {describe(document)}")
    kind = document.get("type")
    if not isinstance(kind, str) or kind not in FRAME_TYPES:
        raise _failure(document)
    return Event(FRAME_TYPES[kind], check_object(document.get("object"), _PLACES[kind]))


def _failure(document: Mapping[str, Any]) -> StatusError | ProtocolError:
    """Make an error of what is no event."""
    kind, obj = document.get("type"), document.get("object")
    if kind == "ERROR" and _is_status(obj, status="Failure"):
        return status_error(obj)
    if kind is None and _is_status(document):
        return status_error(document)
    return ProtocolError(
        f"expected a watch event of type {', '.join(FRAME_TYPES)} or ERROR with a Status,"
        f" got {describe(document)}"
    )


def check_object(obj: Any, where: str) -> Object:
    """See that it is an object, and one that has a resource version.

    Raises:
        NoVersionError: It has none.
        ProtocolError: It is no object.
    """
    if not isinstance(obj, dict) or (obj.get("kind") == "Status" and _is_status(obj)):
        raise ProtocolError(f"expected an object in {where}, got {describe(obj)}")
    if version_of(obj) is None:
        raise NoVersionError(f"expected metadata.resourceVersion in {where}, got {describe(obj)}")
    return obj


def version_of(obj: Mapping[str, Any]) -> str | None:
    """Give the resource version of an object or a list; None if it has none, as with ``"0"``."""
    metadata = obj.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    return version if is_resource_version(version) and version != "0" else None


def metadata_alone(event: Event) -> Event:
    """Give an event whose object is a PartialObjectMetadata, whatever the server has sent."""
    obj = event.obj
    if obj.get("kind") == "PartialObjectMetadata":
        return event
    partial = {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata"}
    return Event(event.event_type, {**partial, "metadata": obj["metadata"]})


def is_resource_version(value: Any) -> TypeGuard[str]:
    """Whether it can be one: opaque, but not empty, and fit for a URL."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and value != ""


def _is_status(obj: Any, status: str | None = None) -> TypeGuard[Mapping[str, Any]]:
    """Whether it is what the server tells errors by, and no custom resource of the same name.

    Args:
        obj: The object.
        status: What its field ``status`` counts as where it is missing.
    """
    return (
        isinstance(obj, dict)
        and obj.get("kind") == "Status"
        and obj.get("apiVersion", "v1") == "v1"
        and isinstance(obj.get("status", status), str)
    )


def describe(value: Any) -> str:
    """Name a value by its shape, never by its content, which may be secret."""
    if not isinstance(value, dict):
        return f"a value of type {type(value).__name__}"
    names = {key: value[key] for key in ("type", "kind") if isinstance(value.get(key), str)}
    metadata = value.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("name"), str):
        names["name"] = metadata["name"]
    if names:
        return "an object with " + ", ".join(f"{key} {text[:80]!r}" for key, text in names.items())
    return f"an object with the keys {[str(key)[:80] for key in sorted(value, key=str)[:5]]}"
