"""What a label may be, in the server's words."""

import re

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


def problem_of_key(key: str) -> str | None:
    """What is wrong with the key of a label."""
    if key.count("/") > 1:
        return _KEY
    return None if re.fullmatch(_PART, key.rpartition("/")[2]) else _NAME


def problem_of_value(value: str) -> str | None:
    """What is wrong with the value of a label."""
    if len(value.encode()) > 63:
        return "must be no more than 63 bytes"
    return None if not value or re.fullmatch(_PART, value) else _VALUE
