"""The refusals with 422: which fields of an object or of some options are wrong, and why."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from kwatch.testing._names import problem_of_value, problems_of_key, problems_of_subdomain
from kwatch.testing._resources import Resource
from kwatch.testing._status import APIError


class Cause(NamedTuple):
    """One thing that is wrong with one field, in the order of its keys in a Status."""

    reason: str
    message: str
    field: str


def forbidden(field: str, why: str) -> Cause:
    """A field that must not be there."""
    return Cause("FieldValueForbidden", f"Forbidden: {why}", field)


def required(field: str, why: str) -> Cause:
    """A field that is missing."""
    return Cause("FieldValueRequired", f"Required value: {why}", field)


def wrong(field: str, value: str | int, why: str) -> Cause:
    """A field with a value that cannot be."""
    said = value if isinstance(value, int) else quoted(value)
    return Cause("FieldValueInvalid", f"Invalid value: {said}: {why}", field)


def quoted(text: str) -> str:
    """The text in quotes, as Go writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unsupported(field: str, value: str, supported: Iterable[str]) -> Cause:
    """A field with a value that nobody knows."""
    return _unsupported(field, f'"{value}"', supported)


def unsupported_all(field: str, value: str, supported: Iterable[str]) -> Cause:
    """The same for a field that is a list; its one value is given."""
    return _unsupported(field, f'["{value}"]', supported)


def _unsupported(field: str, value: str, supported: Iterable[str]) -> Cause:
    values = ", ".join(f'"{known}"' for known in supported)
    why = f"Unsupported value: {value}: supported values: {values}"
    return Cause("FieldValueNotSupported", why, field)


def invalid_options(causes: Iterable[Cause], kind: str = "ListOptions") -> APIError:
    """Parameters that do not go together; ``kind`` is that of the options."""
    return _invalid("meta.k8s.io", kind, "", causes)


def invalid(resource: Resource, name: str, causes: Iterable[Cause]) -> APIError:
    """An object that cannot be."""
    return _invalid(resource.group, resource.kind, name, causes)


def versionless(resource: Resource, name: str) -> APIError:
    """A custom resource that is put without the version that it replaces."""
    cause = wrong("metadata.resourceVersion", 0, "must be specified for an update")
    return _invalid(resource.group, resource.plural, name, [cause])


def another_kind(resource: Resource, api_version: str, kind: str, name: str) -> APIError:
    """A custom resource whose body says that it is something else."""
    causes = []
    if api_version != resource.api_version:
        causes.append(wrong("apiVersion", api_version, f"must be {resource.api_version}"))
    if kind != resource.kind:
        causes.append(wrong("kind", kind, f"must be {resource.kind}"))
    return _invalid(api_version.rpartition("/")[0], kind, name, causes)


def unpatchable(patched: str, why: str) -> APIError:
    """A patch after which the object cannot be read; ``patched`` is its JSON."""
    return _invalid("", "", "", [wrong("patch", patched, why)])


def problems_of_name(name: str) -> Iterator[Cause]:
    """What is wrong with the name of an object."""
    if not name:
        yield required("metadata.name", "name or generateName is required")
        return
    for why in problems_of_subdomain(name):
        yield wrong("metadata.name", name, why)


def problems_of_metadata(metadata: Mapping[str, Any]) -> Iterator[Cause]:
    """What is wrong with the labels, the annotations and the finalizers of an object."""
    for key, value in (metadata.get("labels") or {}).items():
        yield from (wrong("metadata.labels", key, why) for why in problems_of_key(key))
        if said := problem_of_value(value or ""):
            yield wrong("metadata.labels", value, said)
    for key in metadata.get("annotations") or {}:
        for why in problems_of_key(key.lower()):
            yield wrong("metadata.annotations", key, why)
    for key in (each or "" for each in metadata.get("finalizers") or []):
        yield from (wrong("metadata.finalizers", key, why) for why in problems_of_key(key))


def _invalid(group: str, kind: str, name: str, causes: Iterable[Cause]) -> APIError:
    listed = [cause._asdict() for cause in causes]
    said = [f"{cause['field']}: {cause['message']}" for cause in listed]
    known = list(dict.fromkeys(said))  # what is wrong twice is said once
    words = known[0] if len(known) == 1 else f"[{', '.join(known)}]"
    details = {"name": name, "group": group, "kind": kind}
    return APIError(
        422,
        "Invalid",
        f'{f"{kind}.{group}" if group else kind} "{name}" is invalid: {words}',
        **{key: value for key, value in details.items() if value},
        causes=listed,
    )
