"""The format ``diff``: what changed in each object."""

import re
import sys
import time
from collections.abc import Iterator
from typing import Any, TypeAlias

from kwatch import Event
from kwatch._json import dumps
from kwatch._redaction import LAST_APPLIED
from kwatch.cli._changes import ABSENT, Change, Hidden, changes
from kwatch.cli._formats import Clock, Line
from kwatch.cli._output import encoding_of, escape, has, name_of, printable
from kwatch.cli._style import Style

Object: TypeAlias = dict[str, Any]

_SECRETS = ("Secret", "PartialObjectMetadata")
"""The latter may be that of a Secret."""

_WORD = re.compile(r"[\w./:@+-]+")
_NUMBER = re.compile(r"[-+]?[\d_]*\.?[\d_]*([eE][-+]?\d+)?")


class Diff:
    """Shows what changed in each ``modified`` object: what a value was, and what it is now.

    The managed fields and the resource version are left out, and the data of Secrets is never
    shown. The last state of each object is kept, to compare with.

    Args:
        style: How it is painted, and how wide the terminal is.
        clock: Gives Unix time in seconds.
    """

    def __init__(self, style: Style, clock: Clock = time.time) -> None:
        self._style = style
        self._head = Line(style, clock)
        self._encoding = encoding_of(sys.stdout)
        self._known: dict[str, Object] = {}

    def __call__(self, event: Event) -> str:
        """Give the text of an event: a line, and one each for what was and what is."""
        event_type, obj = event
        head, key = self._head(event), _key(obj)
        if event_type == "deleted":
            self._known.pop(key, None)
        if event_type not in ("created", "modified"):
            return head
        before, after = self._known.get(key), _comparable(obj)
        self._known[key] = after
        if event_type == "created":
            return head
        if before is None:
            return f"{head}  {self._style.faint('(nothing is known to compare it with)')}"
        return "\n".join([f"{head}  {self._versions(before, after)}", *self._body(before, after)])

    def _versions(self, before: Object, after: Object) -> str:
        arrow = "\N{RIGHTWARDS ARROW}" if has(self._encoding, "\N{RIGHTWARDS ARROW}") else "->"
        was, now = (str(it["metadata"].get("resourceVersion")) for it in (before, after))
        return self._style.faint(self._clean(f"({was} {arrow} {now})"))

    def _body(self, before: Object, after: Object) -> Iterator[str]:
        is_same = True
        for change in changes(_without_version(before), _without_version(after)):
            is_same = False
            yield from self._lines(change)
        if is_same:
            yield self._style.faint("  nothing but its resource version or managed fields")

    def _lines(self, change: Change) -> Iterator[str]:
        path, before, after = change
        if isinstance(before, Hidden) and isinstance(after, Hidden):
            yield self._style.changed(self._cut(f"  ~ {path}: (changed)"))
            return
        if before is not ABSENT:
            yield self._style.removed(self._cut(f"  - {path}: {_shown(before)}"))
        if after is not ABSENT:
            yield self._style.added(self._cut(f"  + {path}: {_shown(after)}"))

    def _cut(self, line: str) -> str:
        """Cut a line to what the terminal has room for."""
        line = self._clean(line)
        columns = self._style.columns() if self._style.columns else len(line)
        if len(line) <= columns:
            return line
        mark = "\N{HORIZONTAL ELLIPSIS}" if has(self._encoding, "\N{HORIZONTAL ELLIPSIS}") else "~"
        return f"{line[: columns - 1]}{mark}"

    def _clean(self, text: str) -> str:
        return printable(text, self._encoding, escape)


def _shown(value: Any) -> str:
    """Write a value as JSON; without quotes where it can only be a word."""
    if isinstance(value, Hidden):
        return "(hidden)"
    if isinstance(value, str) and _WORD.fullmatch(value) and not _NUMBER.fullmatch(value):
        return value if value not in ("true", "false", "null") else f'"{value}"'
    return dumps(value)


def _key(obj: Object) -> str:
    metadata = obj["metadata"]
    uid = metadata.get("uid")
    return uid if isinstance(uid, str) else name_of(obj)


def _comparable(obj: Object) -> Object:
    """The object without its managed fields; the data of a Secret is not to be shown."""
    metadata = {key: it for key, it in obj["metadata"].items() if key != "managedFields"}
    if obj.get("kind") not in _SECRETS:
        return {**obj, "metadata": metadata}
    notes = metadata.get("annotations")
    if isinstance(notes, dict) and LAST_APPLIED in notes:
        metadata["annotations"] = {**notes, LAST_APPLIED: Hidden(dumps(notes[LAST_APPLIED]))}
    data: Object = {it: _hidden(obj[it]) for it in ("data", "stringData") if it in obj}
    return {**obj, "metadata": metadata, **data}


def _hidden(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: Hidden(dumps(value)) for key, value in data.items()}
    return Hidden(dumps(data))


def _without_version(obj: Object) -> Object:
    metadata = {key: it for key, it in obj["metadata"].items() if key != "resourceVersion"}
    return {**obj, "metadata": metadata}
