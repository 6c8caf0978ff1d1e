"""What differs between two states of an object, value by value."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from kwatch._json import dumps

SHORT = 60
"""A new or old object or array of no more characters than that stays in one piece."""

MERGE_KEYS = (
    ("name",),
    ("type",),
    ("containerPort", "protocol"),
    ("port", "protocol"),
    ("uid",),
    ("ip",),
    ("mountPath",),
    ("devicePath",),
    ("topologyKey",),
    ("key",),
)
"""What tells the elements of a list apart, the best first; only the first of a pair must be there.

Source: ``patchMergeKey`` and ``x-kubernetes-list-map-keys`` in the API of Kubernetes.
"""

_PLAIN = re.compile(r"[\w-]+")
_PLAIN_KEY = re.compile(r"[\w./:@-]+")


class Absent:
    """Stands where there is no value."""


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Hidden:
    """A value that is compared and never shown."""

    value: str


class Change(NamedTuple):
    """A value that was and the one that is, at a path such as ``spec.containers[main].image``."""

    path: str
    before: Any
    after: Any


class _Path(NamedTuple):
    """A path from its end: the paths of deep objects share what they begin with."""

    parent: "_Path | None"
    part: str

    def __str__(self) -> str:
        parts, path = [], self
        while path.parent is not None:
            parts.append(path.part)
            path = path.parent
        return "".join(reversed(parts)).removeprefix(".")


_Pair: TypeAlias = tuple[str, Any, Any]
"""A part of a path, and what was and what is there."""


def changes(before: Any, after: Any) -> Iterator[Change]:
    """Find what differs, without recursion: objects may be nested deeply.

    Elements of lists are matched by what tells them apart, see `MERGE_KEYS`, or else by position.
    What is new or gone comes as its leaves, or in one piece where that is short.

    >>> for change in changes({"a": {"b.c": 1, "d": 2}}, {"a": {"b.c": 3, "d": 2}}):
    ...     print(*change)
    a["b.c"] 1 3
    """
    todo: list[tuple[_Path, Any, Any]] = [(_Path(None, ""), before, after)]
    while todo:
        path, old, new = todo.pop()
        if isinstance(old, dict) and isinstance(new, dict):
            pairs = _of_objects(old, new)
        elif isinstance(old, list) and isinstance(new, list):
            pairs = _of_lists(old, new)
        elif not (_is_one(old) and _is_one(new)):
            pairs = [*_opened(old), *((part, now, was) for part, was, now in _opened(new))]
        else:
            pairs = []
            if type(old) is not type(new) or old != new:
                yield Change(str(path), old, new)
        todo += [(_Path(path, part), was, now) for part, was, now in reversed(pairs)]


def _of_objects(old: dict[str, Any], new: dict[str, Any]) -> list[_Pair]:
    keys = dict.fromkeys([*old, *new])
    return [(_field(key), old.get(key, ABSENT), new.get(key, ABSENT)) for key in keys]


def _of_lists(old: list[Any], new: list[Any]) -> list[_Pair]:
    for names in MERGE_KEYS:
        olds, news = _labelled(old, names), _labelled(new, names)
        if olds is not None and news is not None:
            labels = dict.fromkeys([*olds, *news])
            pairs = [(it, olds.get(it, ABSENT), news.get(it, ABSENT)) for it in labels]
            return [*pairs, *_order(olds, news)]
    length = max(len(old), len(new))
    places = [[*it, *[ABSENT] * (length - len(it))] for it in (old, new)]
    return [(f"[{index}]", was, now) for index, (was, now) in enumerate(zip(*places, strict=True))]


def _order(olds: dict[str, Any], news: dict[str, Any]) -> list[_Pair]:
    """The order of the elements that stayed, if that is another one."""
    was, now = ([it[1:-1] for it in olds if it in news], [it[1:-1] for it in news if it in olds])
    return [] if was == now else [(" (order)", " ".join(was), " ".join(now))]


def _labelled(elements: list[Any], names: tuple[str, ...]) -> dict[str, Any] | None:
    """The elements by what tells them apart; None where these fields do not."""
    labelled = {}
    for element in elements:
        if not isinstance(element, dict) or not isinstance(element.get(names[0]), str | int):
            return None
        values = [element[it] for it in names if isinstance(element.get(it), str | int)]
        labelled[_label("/".join(map(str, values)))] = element
    return labelled if len(labelled) == len(elements) else None


def _opened(value: Any) -> list[_Pair]:
    """What is gone from a path: one level of it, or all in one piece."""
    if isinstance(value, Absent):
        return []
    if _is_one(value):
        return [("", value, ABSENT)]
    return _of_objects(value, {}) if isinstance(value, dict) else _of_lists(value, [])


def _is_one(value: Any) -> bool:
    """Whether a value is shown in one piece where there is none to compare it with."""
    if not isinstance(value, dict | list):
        return True
    todo: list[Any] = [value]
    for count, item in enumerate(todo):  # which grows meanwhile
        if count > SHORT or isinstance(item, Hidden):
            return False
        if isinstance(item, dict | list):
            todo += item.values() if isinstance(item, dict) else item
    return len(dumps(value)) <= SHORT


def _field(name: str) -> str:
    return f".{name}" if _PLAIN.fullmatch(name) else f"[{_quoted(name)}]"


def _label(text: str) -> str:
    return f"[{text if _PLAIN_KEY.fullmatch(text) else _quoted(text)}]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
