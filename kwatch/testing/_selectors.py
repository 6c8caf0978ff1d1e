"""Label and field selectors as predicates, written from the server's side."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from kwatch.testing._resources import Resource
from kwatch.testing._status import bad_request

Predicate = Callable[[Mapping[str, Any]], bool]

# A comma ends a requirement, but not inside the parentheses of a set.
_COMMA = re.compile(r",(?![^()]*\))")
_KEY = r"[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?"
_VALUE = r"[A-Za-z0-9._-]*"
_EQUALITY = re.compile(rf"(?P<key>{_KEY})\s*(?P<op>==|!=|=)\s*(?P<value>{_VALUE})")
_SET = re.compile(rf"(?P<key>{_KEY})\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)")
_EXISTS = re.compile(rf"(?P<absent>!?)\s*(?P<key>{_KEY})")
_FIELD = re.compile(r"(?P<key>[^=!]+)(?P<op>==|!=|=)(?P<value>.*)")


def label_selector(text: str) -> Predicate:
    """``a=b``, ``a==b``, ``a!=b``, ``a in (b,c)``, ``a notin (b)``, ``a`` and ``!a``, all of them.

    As in Kubernetes ``!=`` and ``notin`` hold for an object without the label, too.

    Raises:
        APIError: 400, the selector cannot be parsed.
    """
    parts = _COMMA.split(text) if text.strip() else []
    requirements = [_requirement(part.strip()) for part in parts]

    def selects(obj: Mapping[str, Any]) -> bool:
        labels = obj["metadata"].get("labels") or {}
        return all(requirement(labels) for requirement in requirements)

    return selects


def field_selector(resource: Resource, text: str) -> Predicate:
    """``metadata.name=a``, ``metadata.namespace!=b``, and what ``resource`` declares.

    Raises:
        APIError: 400, the selector cannot be parsed, or the field cannot be selected by.
    """
    known = {"metadata.name", "metadata.namespace", *resource.selectable}
    requirements = []
    for part in filter(None, text.split(",")):
        if not (found := _FIELD.fullmatch(part.strip())):
            raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        if found["key"] not in known:
            raise bad_request(f"field label not supported: {found['key']}")
        requirements.append((found["key"], found["op"] != "!=", found["value"]))

    def selects(obj: Mapping[str, Any]) -> bool:
        return all((_field(obj, key) == value) is equal for key, equal, value in requirements)

    return selects


def _requirement(text: str) -> Predicate:
    if found := _EQUALITY.fullmatch(text):
        values = {found["value"]}
    elif found := _SET.fullmatch(text):
        values = {value.strip() for value in found["values"].split(",")}
    elif found := _EXISTS.fullmatch(text):
        key, present = found["key"], not found["absent"]
        return lambda labels: (key in labels) is present
    else:
        raise bad_request(f"unable to parse requirement: {text!r}")
    key, negative = found["key"], found["op"] in {"!=", "notin"}
    return lambda labels: (labels.get(key) in values) is not negative


def _field(obj: Any, path: str) -> str:
    for key in path.split("."):
        obj = obj.get(key) if isinstance(obj, Mapping) else None
    return "" if obj is None else str(obj)
