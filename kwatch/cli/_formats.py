r"""The formats of ``-o``: what is printed of an event.

A format is made for one run, and may keep what it needs to know of earlier events. It gives the
text without a newline at its end. All but ``yaml`` and ``diff`` give one line. What breaks lines or
steers terminals is escaped in each, in the way of the format: ``\u001b`` in JSON.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from kwatch import Event
from kwatch._json import dumps
from kwatch.cli._output import encoding_of, escape, has, name_of, printable
from kwatch.cli._style import Style

Format: TypeAlias = Callable[[Event], str]
Clock: TypeAlias = Callable[[], float]
"""Gives Unix time in seconds: that of the event, which for a recording is not now."""


class Line:
    r"""The time, what happened, and to which object.

    >>> event = Event("created", {"metadata": {"name": "a\n", "namespace": "b"}})
    >>> Line(Style(colour=False))(event)[8:]
    '  created   b/a\\n'
    """

    def __init__(self, style: Style, clock: Clock = time.time) -> None:
        self._style = style
        self._clock = clock
        self._encoding = encoding_of(sys.stdout)

    def __call__(self, event: Event) -> str:
        """Give the line of an event."""
        clock = self._style.faint(time.strftime("%H:%M:%S", time.localtime(self._clock())))
        what = self._style.event_type(f"{event.event_type:<8}")
        return f"{clock}  {what}  {printable(name_of(event.obj), self._encoding, escape)}"


class Json:
    r"""A JSON object with ``type`` and ``object``.

    >>> Json()(Event("deleted", {"a": "\x9b"}))
    '{"type":"deleted","object":{"a":"\\u009b"}}'
    """

    def __init__(self) -> None:
        self._encoding = encoding_of(sys.stdout)

    def __call__(self, event: Event) -> str:
        """Give the line of an event."""
        text = dumps(_document(event))
        return printable(text, self._encoding, lambda character: json.dumps(character)[1:-1])


class Yaml:
    """A YAML document with ``type`` and ``object``.

    An object that PyYAML cannot write, because it is nested too deep, is written as JSON, which is
    YAML too.

    >>> print(Yaml()(Event("deleted", {"metadata": {"name": "a"}})))
    ---
    type: deleted
    object:
      metadata:
        name: a
    """

    def __init__(self) -> None:
        import yaml  # it takes its time, and only this format needs it

        base: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        self._dumper = type("Dumper", (base,), {"ignore_aliases": lambda *_: True})
        self._dump: Callable[..., str] = yaml.dump
        self._error = yaml.YAMLError
        self._encoding = encoding_of(sys.stdout)
        self._json = Json()

    def __call__(self, event: Event) -> str:
        """Give the document of an event."""
        try:
            text = self._written(event)
        except (self._error, ValueError, RecursionError):
            return f"---\n{self._json(event)}"
        return f"---\n{text}".removesuffix("\n")

    def _written(self, event: Event) -> str:
        write = partial(self._dump, _document(event), Dumper=self._dumper, sort_keys=False)
        text = write(allow_unicode=True)
        if all(map(str.isprintable, text.split("\n"))) and has(self._encoding, text):
            return text
        return write(allow_unicode=False)


class Name:
    """The kind, the group and the name, as ``kubectl get -o name`` has them.

    Args:
        kind: Stands for the kind of objects that are metadata alone; with the group, if any.

    >>> Name()(Event("created", {"apiVersion": "apps/v1", "kind": "Deployment",
    ...                          "metadata": {"name": "web"}}))
    'deployment.apps/web'
    """

    def __init__(self, kind: str = "") -> None:
        self._kind = kind
        self._encoding = encoding_of(sys.stdout)

    def __call__(self, event: Event) -> str:
        """Give the line of an event."""
        version, kind = event.obj.get("apiVersion"), event.obj.get("kind")
        if self._kind and kind == "PartialObjectMetadata":
            known = self._kind
        else:
            group = version.rpartition("/")[0] if isinstance(version, str) else ""
            known = ".".join(filter(None, [kind if isinstance(kind, str) else "", group]))
        name = event.obj["metadata"].get("name", "?")
        return printable(f"{known.lower()}/{name}", self._encoding, escape)


def _document(event: Event) -> dict[str, Any]:
    return {"type": str(event.event_type), "object": event.obj}


def _wide(style: Style, clock: Clock) -> Format:
    from kwatch.cli._wide import Wide

    return Wide(style, clock)


def _diff(style: Style, clock: Clock) -> Format:
    from kwatch.cli._diff import Diff

    return Diff(style, clock)


FORMATS: Mapping[str, Callable[[Style, Clock], Format]] = {
    "line": Line,
    "wide": _wide,
    "json": lambda *_: Json(),
    "yaml": lambda *_: Yaml(),
    "name": lambda *_: Name(),
    "diff": _diff,
}
"""What makes each of them."""
