"""What of a Secret may be written down: that it is there, and which keys it has."""

from typing import Any, Final

from kwatch._events import Object

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which ``kubectl apply`` keeps a copy of the object, values and all."""


def is_secret(obj: Object) -> bool:
    """Whether it is a Secret of Kubernetes, and no custom resource of the same name.

    >>> is_secret({"apiVersion": "v1", "kind": "Secret"})
    True
    >>> is_secret({"apiVersion": "example.com/v1", "kind": "Secret"})
    False
    """
    return obj.get("kind") == "Secret" and obj.get("apiVersion", "v1") == "v1"


def redacted(obj: Object) -> Object:
    """Give an object without the values of ``data`` and ``stringData``, and any copy of them.

    >>> redacted({"metadata": {"name": "db"}, "data": {"password": "aHVudGVyMg=="}})
    {'metadata': {'name': 'db'}, 'data': {'password': ''}}
    """
    blank = {field: _blank(obj[field]) for field in ("data", "stringData") if obj.get(field)}
    metadata = obj["metadata"]
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict) and LAST_APPLIED in annotations:
        kept = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
        blank["metadata"] = {**metadata, "annotations": kept}
    return {**obj, **blank}


def _blank(data: Any) -> Any:
    return dict.fromkeys(data, "") if isinstance(data, dict) else ""
