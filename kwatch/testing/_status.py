"""The refusals of an API server, as exceptions that know their ``Status`` object."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from kwatch.testing._resources import Resource


class APIError(Exception):
    """The fake API server refuses a request: in the process it is raised, over HTTP it is served.

    Attributes:
        code: The HTTP status code.
        reason: The one-word reason (``"NotFound"``); the real server leaves it out now and then.
        message: What is wrong, in the words of the real server.
        details: The ``details`` of the Status; empty where there are none.
        continue_token: Where a list can go on all the same; empty: nowhere.
    """

    def __init__(
        self, code: int, reason: str, message: str, *, continue_token: str = "", **details: Any
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.continue_token = continue_token

    @property
    def status(self) -> dict[str, Any]:
        """The ``Status`` object, its keys in the order of the real one."""
        metadata = {"continue": self.continue_token} if self.continue_token else {}
        status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": metadata}
        status |= {"status": "Failure", "message": self.message}
        if self.reason:
            status["reason"] = self.reason
        if self.details:
            status["details"] = self.details
        return status | {"code": self.code}

    @property
    def headers(self) -> dict[str, str]:
        """The response headers that say the same: ``Retry-After``, if there is one."""
        seconds = self.details.get("retryAfterSeconds")
        return {} if seconds is None else {"Retry-After": str(seconds)}


def bad_request(message: str) -> APIError:
    """A parameter or a body that cannot be understood."""
    return APIError(400, "BadRequest", message)


def unauthorized() -> APIError:
    """No bearer token, or a wrong one."""
    return APIError(401, "Unauthorized", "Unauthorized")


def no_such_path() -> APIError:
    """A path that no resource serves."""
    return APIError(404, "NotFound", "the server could not find the requested resource")


def not_found(resource: Resource, name: str) -> APIError:
    """There is no object of this name."""
    message = f'{resource.qualified_name} "{name}" not found'
    return APIError(404, "NotFound", message, **_about(resource, name))


def method_not_allowed() -> APIError:
    """The path exists, but not for this HTTP method."""
    message = "the server does not allow this method on the requested resource"
    return APIError(405, "MethodNotAllowed", message)


def not_acceptable() -> APIError:
    """``Accept`` names nothing that can be served."""
    message = "only the following media types are accepted: application/json"
    return APIError(406, "NotAcceptable", message)


def already_exists(resource: Resource, name: str) -> APIError:
    """An object of this name is there already."""
    message = f'{resource.qualified_name} "{name}" already exists'
    return APIError(409, "AlreadyExists", message, **_about(resource, name))


def conflict(resource: Resource, name: str) -> APIError:
    """The object has changed since the caller read it."""
    message = (
        f'Operation cannot be fulfilled on {resource.qualified_name} "{name}": the object has been '
        "modified; please apply your changes to the latest version and try again"
    )
    return APIError(409, "Conflict", message, **_about(resource, name))


def expired(asked: int, oldest: int) -> APIError:
    """The history does not reach back to the resource version that a watch asks for."""
    return APIError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def expired_list() -> APIError:
    """The history does not reach back to the one resource version that a list may show."""
    return APIError(410, "Expired", "The resourceVersion for the provided list is too old.")


def expired_continue(token: str) -> APIError:
    """The history does not reach back to the first page; ``token`` goes on with what is now."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can "
        "start a new list without the continue parameter, or use the continue token in this "
        "response to retrieve the remainder of the results. Continuing with the provided token "
        "results in an inconsistent list - objects that were created, modified, or deleted between "
        "the time the first chunk was returned and now may show up in the list."
    )
    return APIError(410, "Expired", message, continue_token=token)


def unsupported_media_type(accepted: str) -> APIError:
    """The body is of a type that cannot be read."""
    message = f"the body of the request was in an unknown format - accepted media types: {accepted}"
    return APIError(415, "UnsupportedMediaType", message)


class Cause(NamedTuple):
    """One thing that is wrong with one field, in the order of its keys in a Status."""

    reason: str
    message: str
    field: str


def forbidden(field: str, why: str) -> Cause:
    """A field that must not be there."""
    return Cause("FieldValueForbidden", f"Forbidden: {why}", field)


def unsupported(field: str, value: str, supported: Iterable[str]) -> Cause:
    """A field with a value that nobody knows."""
    values = ", ".join(f'"{known}"' for known in supported)
    why = f'Unsupported value: "{value}": supported values: {values}'
    return Cause("FieldValueNotSupported", why, field)


def invalid_options(causes: Iterable[Cause]) -> APIError:
    """Parameters of a list or a watch that do not go together."""
    listed = [cause._asdict() for cause in causes]
    said = ", ".join(f"{cause['field']}: {cause['message']}" for cause in listed)
    return APIError(
        422,
        "Invalid",
        f'ListOptions.meta.k8s.io "" is invalid: {said if len(listed) == 1 else f"[{said}]"}',
        group="meta.k8s.io",
        kind="ListOptions",
        causes=listed,
    )


def nameless(resource: Resource) -> APIError:
    """An object without a name."""
    why = "Required value: name or generateName is required"
    return APIError(
        422,
        "Invalid",
        f'{resource.kind} "" is invalid: metadata.name: {why}',
        group=resource.group,
        kind=resource.kind,
        causes=[{"reason": "FieldValueRequired", "message": why, "field": "metadata.name"}],
    )


def too_large(asked: int, current: int) -> APIError:
    """A resource version that is not there yet."""
    cause = "Too large resource version"
    return APIError(
        504,
        "Timeout",
        f"Timeout: {cause}: {asked}, current: {current}",
        causes=[{"reason": "ResourceVersionTooLarge", "message": cause}],
        retryAfterSeconds=1,
    )


def _about(resource: Resource, name: str) -> dict[str, str]:
    group = {"group": resource.group} if resource.group else {}
    return {"name": name, **group, "kind": resource.plural}
