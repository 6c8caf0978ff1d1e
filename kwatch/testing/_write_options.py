"""What a write asks for beside its object: a dry run, or conditions on a deletion."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kwatch.testing._body import json_object
from kwatch.testing._call import Call
from kwatch.testing._invalid import (
    Cause,
    invalid_options,
    unsupported,
    unsupported_all,
    wrong,
)
from kwatch.testing._query import integer
from kwatch.testing._schema import mismatch
from kwatch.testing._status import bad_request

_TYPES = {
    "gracePeriodSeconds": "int64",
    "preconditions": "v1.Preconditions",
    "orphanDependents": "bool",
    "propagationPolicy": "v1.DeletionPropagation",
    "dryRun": "[]string",
}
_CONDITIONS = {"uid": "types.UID", "resourceVersion": "string"}
_POLICIES = ("Foreground", "Background", "Orphan")


def is_dry_run(params: Mapping[str, str], kind: str) -> bool:
    """Whether a write is only tried; ``kind`` is that of its options: ``"CreateOptions"``.

    Raises:
        APIError: 422, ``dryRun`` or ``fieldValidation`` is unknown.
    """
    dry_run, validation = params.get("dryRun"), params.get("fieldValidation", "")
    causes = list(_dry_run(dry_run))
    if validation not in {"", "Ignore", "Strict", "Warn"}:
        known = ("", "Ignore", "Strict", "Warn")
        causes.append(unsupported("fieldValidation", validation, known))
    if causes:
        raise invalid_options(causes, kind)
    return bool(dry_run)


def _dry_run(value: str | None) -> Iterator[Cause]:
    if value and value != "All":
        yield unsupported_all("dryRun", value, ["All"])


@dataclass(frozen=True, slots=True)
class Deletion:
    """The ``DeleteOptions``, from the body or the parameters.

    A ``propagationPolicy`` is checked, and has no effect: there is no garbage collector. The grace
    period has none either: no kubelet ends a pod, and so it goes at once.

    Attributes:
        dry_run: Delete nothing.
        uid: The uid that the object must have.
        version: The resource version that it must have.
    """

    dry_run: bool = False
    uid: str | None = None
    version: str | None = None

    @classmethod
    def of(cls, call: Call) -> "Deletion":
        """Read the options.

        Raises:
            APIError: 400, 422.
        """
        integer(call.params, "gracePeriodSeconds")
        body = _body(call) if call.body else {}
        dry_run = body.get("dryRun") or [call.params.get("dryRun")]
        policy = body.get("propagationPolicy") or call.params.get("propagationPolicy")
        causes = list(_dry_run(dry_run[0]))
        if policy and policy not in _POLICIES:
            causes.append(unsupported("propagationPolicy", policy, (*_POLICIES, "nil")))
        elif policy and body.get("orphanDependents") is not None:
            why = "orphanDependents and deletionPropagation cannot be both set"
            causes.append(wrong("propagationPolicy", policy, why))
        if causes:
            raise invalid_options(causes, "DeleteOptions")
        conditions = body.get("preconditions") or {}
        return cls(bool(dry_run[0]), conditions.get("uid"), conditions.get("resourceVersion"))


def _body(call: Call) -> dict[str, Any]:
    body = json_object(call)
    kind, version = body.get("kind") or "DeleteOptions", body.get("apiVersion") or "meta.k8s.io/v1"
    if kind != "DeleteOptions":
        scheme = '"pkg/apis/meta/internalversion/scheme/register.go:27"'
        raise bad_request(
            f'no kind "{kind}" is registered for version "{version}" in scheme {scheme}'
        )
    problem = mismatch("DeleteOptions", _TYPES, body) or mismatch(
        "Preconditions.preconditions", _CONDITIONS, body.get("preconditions") or {}
    )
    if problem:
        raise bad_request(problem)
    return body
