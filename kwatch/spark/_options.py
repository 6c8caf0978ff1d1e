"""`Options`: what a query is told by ``.option(...)``, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kwatch._query import Query

NAMES: Final = (
    "kind",
    "api_version",
    "resource_path",
    "namespaces",
    "label_selector",
    "field_selector",
    "contexts",
    "kubeconfig",
    "shards",
    "metadata_only",
    "send_initial_events",
    "on_gap",
)
"""What they are called; Spark does not care about the case."""

MAX_SHARDS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Options:
    """What to read; names and paths only, and no credential.

    Attributes:
        kind: See `kwatch.watch`, as for those whose names are the same there.
        api_version: See `kwatch.watch`.
        resource_path: See `kwatch.watch`.
        namespaces: Which namespaces; ``(None,)`` for all of them, as one.
        label_selector: See `kwatch.watch`.
        field_selector: See `kwatch.watch`.
        contexts: Contexts of the kubeconfig; none for the current one.
        kubeconfig: Where that is; None: where `kwatch.KubeConfig.load` finds it.
        shards: In how many parts the objects of each namespace are read.
        metadata_only: See `kwatch.watch`.
        send_initial_events: Whether a stream begins with what exists.
        fails_on_gap: Whether events that are gone fail the query.

    >>> Options.of({"kind": "Pod", "Shards": "4"}).shards
    4
    """

    kind: str | None = None
    api_version: str | None = None
    resource_path: str | None = None
    namespaces: tuple[str | None, ...] = (None,)
    label_selector: str | None = None
    field_selector: str | None = None
    contexts: tuple[str, ...] = ()
    kubeconfig: str | None = None
    shards: int = 1
    metadata_only: bool = False
    send_initial_events: bool = False
    fails_on_gap: bool = False

    @classmethod
    def of(cls, given: Mapping[str, str]) -> "Options":
        """Check what a query was told.

        Raises:
            ValueError: An option is unknown, or its value cannot be right.
        """
        values = {name.lower(): value for name, value in given.items()}
        for name in values:
            if name not in NAMES:
                raise ValueError(
                    f"option {name!r} is not known: expected one of {', '.join(NAMES)}"
                )
        on_gap = values.get("on_gap", "snapshot").strip().lower()
        if on_gap not in ("snapshot", "fail"):
            raise _wrong("on_gap", "'snapshot' or 'fail'", values["on_gap"])
        options = cls(
            kind=_text(values, "kind"),
            api_version=_text(values, "api_version"),
            resource_path=_text(values, "resource_path"),
            namespaces=_names(values, "namespaces") or (None,),
            label_selector=_text(values, "label_selector"),
            field_selector=_text(values, "field_selector"),
            contexts=_names(values, "contexts"),
            kubeconfig=_text(values, "kubeconfig"),
            shards=_shards(values),
            metadata_only=_flag(values, "metadata_only"),
            send_initial_events=_flag(values, "send_initial_events"),
            fails_on_gap=on_gap == "fail",
        )
        if options.kind is None and options.resource_path is None:
            raise ValueError("expected the option 'kind', such as 'Pod', or 'resource_path'")
        for namespace in options.namespaces:
            options.query(namespace)
        return options

    @property
    def selection(self) -> dict[str, Any]:
        """The arguments of `kwatch.watch` that choose among the objects of a resource."""
        return {"label_selector": self.label_selector, "field_selector": self.field_selector}

    @property
    def resource(self) -> dict[str, Any]:
        """The arguments of `kwatch.watch` that say which resource it is."""
        return {
            "kind": self.kind,
            "api_version": self.api_version,
            "resource_path": self.resource_path,
        }

    def query(self, namespace: str | None) -> Query:
        """Give what is to be asked in one namespace, or in all of them.

        Raises:
            ValueError: An option cannot be right.
        """
        try:
            return Query.of(**self.resource, **self.selection, namespace=namespace)
        except (TypeError, ValueError) as error:
            raise ValueError(f"the options of the source cannot be used: {error}") from error


def _wrong(name: str, expected: str, value: str) -> ValueError:
    return ValueError(f"option {name!r}: expected {expected}, got {value!r}")


def _text(values: Mapping[str, str], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not value.strip():
        raise _wrong(name, "a value, or no such option", value)
    return None if value is None else value.strip()


def _names(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    value = values.get(name)
    if value is None:
        return ()
    names = tuple(part.strip() for part in value.split(","))
    if not all(names):
        raise _wrong(name, "names with commas between them", value)
    if len(set(names)) < len(names):
        raise _wrong(name, "each name once", value)
    return names


def _shards(values: Mapping[str, str]) -> int:
    value = values.get("shards", "1").strip()
    if not (value.isascii() and value.isdigit() and len(value) < 5):
        raise _wrong("shards", f"a whole number from 1 to {MAX_SHARDS}", value)
    if not 1 <= int(value) <= MAX_SHARDS:
        raise _wrong("shards", f"a whole number from 1 to {MAX_SHARDS}", value)
    return int(value)


def _flag(values: Mapping[str, str], name: str) -> bool:
    value = values.get(name, "false").strip().lower()
    if value not in ("true", "false"):
        raise _wrong(name, "'true' or 'false'", values[name])
    return value == "true"
