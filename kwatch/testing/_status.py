"""The refusals of an API server, as exceptions that know their ``Status`` object."""

from typing import Any

from kwatch.testing._resources import Resource

_MEDIA_TYPES = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
"""What the real server knows; the fake one answers in JSON alone."""


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
    """A path that no resource serves, as a client words the plain ``404 page not found``."""
    return APIError(404, "NotFound", "the server could not find the requested resource")


def not_found(resource: Resource, name: str) -> APIError:
    """There is no object of this name."""
    message = f'{resource.qualified_name} "{name}" not found'
    return APIError(404, "NotFound", message, **_about(resource, name))


def method_not_allowed() -> APIError:
    """The path exists, but not for this HTTP method."""
    message = "the server does not allow this method on the requested resource"
    return APIError(405, "MethodNotAllowed", message)


def unsupported_verb(resource: Resource, verb: str) -> APIError:
    """The same for a custom resource, whose paths are dispatched in another place."""
    if not resource.custom:
        return method_not_allowed()
    message = f'{verb} is not supported on resources of kind "{resource.qualified_name}"'
    details = {"group": resource.group, "kind": resource.plural}
    return APIError(405, "MethodNotAllowed", message, **details)


def not_acceptable() -> APIError:
    """``Accept`` names nothing that can be served."""
    message = f"only the following media types are accepted: {_MEDIA_TYPES}"
    return APIError(406, "NotAcceptable", message)


def already_exists(resource: Resource, name: str, *, leaving: bool = False) -> APIError:
    """An object of this name is there already; ``leaving``: and only waits for its finalizers."""
    message = f'{resource.qualified_name} "{name}" already exists'
    said = f"object is being deleted: {message}" if leaving else message
    return APIError(409, "AlreadyExists", said, **_about(resource, name))


def conflict(resource: Resource, name: str) -> APIError:
    """The object has changed since the caller read it."""
    why = (
        "the object has been modified; please apply your changes to the latest version and try "
        "again"
    )
    return _conflict(resource.qualified_name, name, why, _about(resource, name))


def another_uid(resource: Resource, name: str, key: str, asked: str, found: str) -> APIError:
    """An update of an object that has been deleted and created again; ``key`` is etcd's."""
    why = (
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, "
        f"AdditionalErrorMsg: Precondition failed: UID in precondition: {asked}, UID in object "
        f"meta: {found}"
    )
    return _conflict(resource.qualified_name, name, why, _about(resource, name))


def precondition_failed(
    resource: Resource, name: str, field: str, asked: str, found: str
) -> APIError:
    """A deletion of another object than the one that is there."""
    fate = {"UID": "deleted and then recreated", "ResourceVersion": "modified"}[field]
    why = (
        f"the {field} in the precondition ({asked}) does not match the {field} in record "
        f"({found}). The object might have been {fate}"
    )
    about = {**_about(resource, name), "kind": resource.kind}
    return _conflict(resource.qualified_kind, name, why, about)


def _conflict(what: str, name: str, why: str, about: dict[str, str]) -> APIError:
    message = f'Operation cannot be fulfilled on {what} "{name}": {why}'
    return APIError(409, "Conflict", message, **about)


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


def unsupported_media_type(accepted: str = _MEDIA_TYPES) -> APIError:
    """The body is of a type that cannot be read."""
    words = "the body of the request was in an unknown format - accepted media types include"
    return APIError(415, "UnsupportedMediaType", f"{words}: {accepted}")


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
