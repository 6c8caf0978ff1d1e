"""What names and labels may be, in the server's words."""

import re
from collections.abc import Iterator

_EDGES = "must start and end with an alphanumeric character"
_PART = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_OF = "alphanumeric characters, '-', '_' or '.', and"
_NAMES = "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
_NAME = f"name part must consist of {_OF} {_EDGES} {_NAMES} '{_PART}')"
_KEY = (
    f"a valid label key must consist of {_OF} {_EDGES} {_NAMES} '{_PART}') with an optional DNS "
    "subdomain prefix and '/' (e.g. 'example.com/MyName')"
)
_VALUE = (
    f"a valid label must be an empty string or consist of {_OF} {_EDGES} (e.g. 'MyValue',  or "
    f"'my_value',  or '12345', regex used for validation is '({_PART})?')"
)
_DOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_SUBDOMAIN = (
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    f"'.', and {_EDGES} (e.g. 'example.com', regex used for validation is '{_DOMAIN}')"
)


def problems_of_subdomain(name: str, unit: str = "characters") -> Iterator[str]:
    """What is wrong with the name of an object, or with the prefix of a key."""
    if len(name) > 253:
        yield f"must be no more than 253 {unit}"
    if not re.fullmatch(_DOMAIN, name):
        yield _SUBDOMAIN


def problems_of_key(key: str) -> Iterator[str]:
    """What is wrong with the key of a label or an annotation, or with a finalizer.

    Source: ``IsQualifiedName`` in apimachinery's ``pkg/util/validation/validation.go``.
    """
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        yield _KEY
        return
    if slash and not prefix:
        yield "prefix part must be non-empty"
    elif slash:
        yield from (f"prefix part {why}" for why in problems_of_subdomain(prefix, "bytes"))
    if not name:
        yield "name part must be non-empty"
    elif len(name.encode(errors="replace")) > 63:
        yield "name part must be no more than 63 bytes"
    if not re.fullmatch(_PART, name):
        yield _NAME


def problem_of_value(value: str) -> str | None:
    """What is wrong with the value of a label."""
    if len(value.encode(errors="replace")) > 63:
        return "must be no more than 63 bytes"
    return None if not value or re.fullmatch(_PART, value) else _VALUE
