"""Field selectors as predicates, written from the server's side."""

import re
from collections.abc import Mapping
from typing import Any

from kwatch.testing._columns import find, text_of
from kwatch.testing._label_selector import Predicate
from kwatch.testing._resources import Resource
from kwatch.testing._status import APIError, bad_request

_TERM = re.compile(r"(?:[^\\,]|\\.)+", re.DOTALL)
_FIELD = re.compile(r"(?P<key>[^=!]*)(?P<op>==|!=|=)(?P<value>.*)", re.DOTALL)
_UNESCAPED = re.compile(r"(?<!\\)(?:\\\\)*=")


def field_selector(resource: Resource, text: str) -> Predicate:
    r"""``metadata.name=a``, ``metadata.namespace!=b``, and what ``resource`` declares.

    In a value a backslash goes before ``,``, ``=`` and itself.

    Raises:
        APIError: 400, the selector cannot be parsed, or the field cannot be selected by.
    """
    known = {"metadata.name", "metadata.namespace", *resource.selectable}
    requirements = []
    for term in _TERM.findall(text):
        if not (found := _FIELD.fullmatch(term)):
            raise bad_request(f"invalid selector: '{term}'; can't understand '{term}'")
        value = _unescaped(found["value"])
        if found["key"] not in known:
            raise _unknown(resource, found["key"])
        requirements.append((found["key"], found["op"] != "!=", value))

    def selects(obj: Mapping[str, Any]) -> bool:
        return all(
            (text_of(find(obj, key)) == value) is equal for key, equal, value in requirements
        )

    return selects


def _unescaped(value: str) -> str:
    if _UNESCAPED.search(value):
        raise bad_request("invalid field selector: unescaped character in value: 61")
    if wrong := re.search(r"\\([^\\,=])", value.replace("\\\\", "")):
        raise bad_request(f"invalid field selector: invalid escape sequence: \\{wrong[1]}")
    return re.sub(r"\\(.)", r"\1", value)


def _unknown(resource: Resource, key: str) -> APIError:
    if resource.custom or resource.selectable:
        return bad_request(f"field label not supported: {key}")
    known = '"metadata.name", "metadata.namespace"'
    return bad_request(f'"{key}" is not a known field selector: only {known}')
