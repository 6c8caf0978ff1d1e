"""Label and field selectors: from what is handy in Python to what the server takes.

Sources:
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ and
https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from typing import Any, TypeAlias, TypeGuard

Selector: TypeAlias = str | Mapping[str, Any] | Sequence[str | tuple[Any, ...]] | tuple[Any, ...]
"""What `label_selector` and `field_selector` take, besides None."""

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_DNS_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_LABEL_KEY = re.compile(rf"(?:(?=.{{1,253}}/){_DNS_LABEL}(?:\.{_DNS_LABEL})*/)?{_NAME}")
_LABEL_VALUE = re.compile(rf"(?:{_NAME})?")
_ANY_KEY = re.compile(r"[^\s=!<>,()\\]+")
_WHOLE_NUMBER = re.compile(r"[0-9]+")
_FIELD_ESCAPES = str.maketrans({"\\": r"\\", ",": r"\,", "=": r"\="})

_SPELLINGS = {
    "=": ("=", "==", "eq"),
    "!=": ("!=", "ne", "neq"),
    "in": ("in",),
    "notin": ("notin",),
    "exists": ("exists",),
    "notexists": ("notexists", "doesnotexist"),
    ">": (">", "gt"),
    "<": ("<", "lt"),
}
"""How kubectl, Kubereq and matchExpressions spell them, without case, ``_`` and spaces."""

_OPERATORS = {word: operator for operator, words in _SPELLINGS.items() for word in words}


def label_selector(value: Selector | None) -> str | None:
    """Give a label selector as the server takes it.

    A requirement is one of

    - a string, which is passed on as it is: ``"app=web"``, ``"tier in (a,b)"``, ``"!canary"``
    - ``(key, value)`` for equality, ``(key, [value, ...])`` for one of a list or set
    - ``(key,)`` for a label that is there, ``("!key",)`` for one that is not
    - ``(key, operator, operand)`` or ``(key, (operator, operand))``, where the operator is ``=``,
      ``!=``, ``in``, ``notin``, ``exists``, ``notexists``, ``>`` or ``<``, or one of these as
      Kubereq (``eq``, ``neq``, ``not_in``) or matchExpressions (``NotIn``) spells it

    Two strings are always equality: ``(key, "exists")`` asks for that word, and
    ``(key, "exists", None)`` for the label.

    Args:
        value: A requirement; a sequence of them (a tuple that starts with a key is one
            requirement, so put several into a list); or a mapping from keys to a value, to a
            list, tuple or set of values, or to None for a label that is there. A mapping of
            ``matchLabels`` and ``matchExpressions`` is a Kubernetes LabelSelector. None, and what
            is empty, select everything.

    Returns:
        The selector, None for everything.

    Raises:
        TypeError: Something has a type that it cannot have; a label's value is never an int.
        ValueError: Something cannot be a key, a label's value or an operator, or is ambiguous.

    Example:
        >>> from kwatch._selectors import label_selector
        >>> label_selector({"app": "web", "tier": ["a", "b"]})
        'app=web,tier in (a,b)'
        >>> label_selector([("environment", ("neq", "production")), ("!canary",), "app=web"])
        'environment!=production,!canary,app=web'
    """
    if isinstance(value, Mapping) and _is_label_selector(value):
        value = list(_requirements(value))
    return _selector(value, _label_term)


def field_selector(value: Selector | None) -> str | None:
    r"""Give a field selector as the server takes it.

    The forms are those of `label_selector`, with ``=`` and ``!=`` as the only operators. Values are
    escaped; a string that is a whole requirement is passed on as it is.

    Args:
        value: See `label_selector`. None, and what is empty, select everything.

    Returns:
        The selector, None for everything.

    Raises:
        TypeError: Something has a type that it cannot have.
        ValueError: Something cannot be a key, or the operator is another one.

    Example:
        >>> from kwatch._selectors import field_selector
        >>> field_selector({"metadata.name": "web-0", "spec.nodeName": ""})
        'metadata.name=web-0,spec.nodeName='
        >>> field_selector([("status.phase", "!=", "Running"), ("spec.nodeName", "a,b")])
        'status.phase!=Running,spec.nodeName=a\\,b'
    """
    return _selector(value, _field_term)


def _selector(value: object, write: Callable[[Any, Any, Any], str]) -> str | None:
    if isinstance(value, Mapping):
        terms = [write(key, *_entry(key, operand)) for key, operand in value.items()]
    elif isinstance(value, str) or _is_requirement(value):
        terms = [_term(value, write)]
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        terms = [_term(item, write) for item in value]
    elif value is None:
        terms = []
    else:
        raise TypeError(f"expected a selector as a str, mapping or sequence, got {value!r}")
    return ",".join(filter(None, terms)) or None


def _is_requirement(value: object) -> bool:
    """Tell ``("app", "web")`` from a sequence of requirements."""
    match value:
        case (str(key), *_) if isinstance(value, tuple):
            return _ANY_KEY.fullmatch(key) is not None
    return False


def _term(requirement: object, write: Callable[[Any, Any, Any], str]) -> str:
    if isinstance(requirement, str):
        return requirement.strip()
    if isinstance(requirement, tuple):
        return write(*_triple(requirement))
    raise TypeError(f"expected a requirement as a str or tuple, got {requirement!r}")


def _triple(requirement: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Give the key, operator and operand, none of them checked."""
    match requirement:
        case (str(key),) if key.startswith("!"):
            return key[1:], "notexists", None
        case (key,):
            return key, "exists", None
        case (key, operand) if not isinstance(operand, tuple):
            return key, *_implied(operand)
        case (key, operator, operand) | (key, (operator, operand)):
            return key, operator, operand
    raise ValueError(f"expected (key, value) or (key, operator, operand), got {requirement!r}")


def _entry(key: object, operand: object) -> tuple[str, object]:
    """Read a mapping's entry; a tuple holds values there, so one with an operator is refused."""
    match operand:
        case (str(word), str()) if isinstance(operand, tuple) and _spelling(word) in _OPERATORS:
            raise ValueError(
                f"ambiguous {operand!r} for {key!r}: write {list(operand)} for two values, "
                f"{[(key, *operand)]} for the operator"
            )
    return _implied(operand)


def _implied(operand: object) -> tuple[str, object]:
    if operand is None:
        return "exists", None
    return ("in" if _is_collection(operand) else "="), operand


def _is_collection(value: object) -> TypeGuard[Collection[Any]]:
    return isinstance(value, Sequence | Set) and not isinstance(value, str | bytes | bytearray)


def _is_label_selector(value: Mapping[str, Any]) -> bool:
    if not value.keys() <= {"matchLabels", "matchExpressions"}:
        return False
    return not any(isinstance(part, str) for part in value.values())


def _requirements(selector: Mapping[str, Any]) -> Iterator[tuple[Any, Any, Any]]:
    """Read a Kubernetes LabelSelector."""
    labels = selector.get("matchLabels") or {}
    if not isinstance(labels, Mapping):
        raise TypeError(f"expected matchLabels as a mapping, got {labels!r}")
    for key, value in labels.items():
        yield key, "=", value
    expressions = selector.get("matchExpressions") or ()
    if not _is_collection(expressions):
        raise TypeError(f"expected matchExpressions as a sequence, got {expressions!r}")
    for expression in expressions:
        if not isinstance(expression, Mapping):
            raise TypeError(f"expected a mapping in matchExpressions, got {expression!r}")
        yield expression.get("key"), expression.get("operator"), expression.get("values")


def _label_term(key: object, operator: object, operand: object) -> str:
    key = _string("a label's key", key)
    if not _LABEL_KEY.fullmatch(key):
        raise ValueError(f"expected a label's key such as 'app' or 'example.com/app', got {key!r}")
    sign = _sign(key, operator, _SPELLINGS)
    if sign in ("exists", "notexists"):
        if operand not in (None, [], ()):
            raise ValueError(f"expected no value for {key!r} with {operator!r}, got {operand!r}")
        return key if sign == "exists" else "!" + key
    if sign in ("in", "notin"):
        return key + f" {sign} (" + ",".join(_label_values(key, operand)) + ")"
    value = _label_value(key, operand)
    if sign in "<>" and not _WHOLE_NUMBER.fullmatch(value):
        raise ValueError(f"expected digits for {key!r} with {operator!r}, got {value!r}")
    return key + sign + value


def _label_values(key: str, operand: object) -> list[str]:
    if not _is_collection(operand):
        raise TypeError(f"expected a list of values for {key!r}, got {operand!r}")
    values = [_label_value(key, value) for value in operand]
    if not values:
        raise ValueError(f"expected at least one value for {key!r}, got {operand!r}")
    return sorted(values) if isinstance(operand, Set) else values


def _label_value(key: str, value: object) -> str:
    value = _string(f"a value of {key!r}", value)
    if not _LABEL_VALUE.fullmatch(value):
        rule = "at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
        raise ValueError(f"expected a value of {key!r} of {rule}, got {value!r}")
    return value


def _field_term(key: object, operator: object, operand: object) -> str:
    key = _string("a field's path", key)
    if not _ANY_KEY.fullmatch(key):
        raise ValueError(f"expected a field's path such as 'metadata.name', got {key!r}")
    sign = _sign(key, operator, ("=", "!="))
    return key + sign + _string(f"a value of {key!r}", operand).translate(_FIELD_ESCAPES)


def _sign(key: str, operator: object, known: Collection[str]) -> str:
    sign = _OPERATORS.get(_spelling(_string(f"the operator for {key!r}", operator)))
    if sign is None or sign not in known:
        signs = ", ".join(known)
        raise ValueError(f"expected an operator for {key!r} out of {signs}, got {operator!r}")
    return sign


def _spelling(operator: str) -> str:
    return operator.lower().replace("_", "").replace(" ", "")


def _string(what: str, value: object) -> str:
    if isinstance(value, str):
        return value
    hint = ""
    if isinstance(value, int | float):
        hint = f"; write {str(value).lower()!r}"
    elif isinstance(value, bytes | bytearray):
        hint = "; decode it"
    raise TypeError(f"expected {what} as a str, got {value!r}{hint}")
