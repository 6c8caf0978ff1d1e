"""Refusals in the words of the real server, and the pages of a proxy."""

from http import HTTPStatus

from werkzeug.wrappers import Response

from kwatch.testing._call import JSON
from kwatch.testing._exchange import Exchange
from kwatch.testing._json import encode
from kwatch.testing._resources import Target
from kwatch.testing._status import (
    APIError,
    expired,
    expired_list,
    no_such_path,
    not_found,
    unauthorized,
)

PROXY = (502, 503)
"""What comes from a proxy in front of the server, as HTML."""

CORRUPT = ("StorageReadError", "StoreReadError")
"""The reason that a corrupt object gives; client-go and its documents spell it in two ways."""

VERBS = {"PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def refused(code: int, exchange: Exchange, retry_after: int | None) -> Response:
    """The answer to a request that is refused with this code."""
    if code in PROXY:
        response = Response(_page(code), code, content_type="text/html")
    else:
        error = _told(_refusal(code, exchange), retry_after)
        response = Response(encode(error.status), code, content_type=JSON)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def failure(
    code: int, exchange: Exchange, reason: str | None = None, retry_after: int | None = None
) -> APIError:
    """What goes wrong with a watch that was open already."""
    return _told(_failure(code, exchange, reason), retry_after)


def _refusal(code: int, exchange: Exchange) -> APIError:
    target = exchange.target
    if code == HTTPStatus.UNAUTHORIZED:
        return unauthorized()
    if code == HTTPStatus.FORBIDDEN:
        return _forbidden(exchange, target)
    if code == HTTPStatus.NOT_FOUND:
        if target is None or target.name is None:
            return no_such_path()
        return not_found(target.resource, target.name)
    if code == HTTPStatus.GONE and exchange.sort == "list":
        return expired_list()
    return _failure(code, exchange)


def _told(error: APIError, retry_after: int | None) -> APIError:
    """The error, with the seconds to wait in its details."""
    if retry_after is not None:
        error.details["retryAfterSeconds"] = retry_after
    return error


def _failure(code: int, exchange: Exchange, reason: str | None = None) -> APIError:
    if code == HTTPStatus.GONE:
        return expired(exchange.asked, exchange.revision)
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        return APIError(code, "TooManyRequests", "storage is (re)initializing")
    if code == HTTPStatus.GATEWAY_TIMEOUT:
        why = "request did not complete within requested timeout - context deadline exceeded"
        return APIError(code, "Timeout", f"Timeout: {why}")
    if code == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _internal(reason)
    return APIError(code, _reason(code), HTTPStatus(code).phrase)


def _page(code: int) -> bytes:
    """The page of a proxy."""
    title = f"{code} {HTTPStatus(code).phrase}"
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>".encode()


def _internal(reason: str | None) -> APIError:
    if reason in CORRUPT:
        why = "data from the storage is not transformable revision=0: no matching prefix found"
        message = f"saw a DELETED event, but object data is corrupt - {why}"
        return APIError(500, reason, message)
    why = "etcdserver: request timed out"
    causes = [{"message": why}]
    return APIError(500, "InternalError", f"Internal error occurred: {why}", causes=causes)


def _forbidden(exchange: Exchange, target: Target | None) -> APIError:
    """The refusal of a request that there is no right for."""
    user, method = '"system:anonymous"', exchange.call.method
    if target is None:
        verb, path = method.lower(), exchange.call.path
        return APIError(403, "Forbidden", f'forbidden: User {user} cannot {verb} path "{path}"')
    resource = target.resource
    creates = "create" if method == "POST" else exchange.sort
    verb = VERBS.get(method, creates)
    where = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
    what = f'resource "{resource.plural}" in API group "{resource.group}"'
    name = {"name": target.name} if target.name else {}
    group = {"group": resource.group} if resource.group else {}
    subject = f'{resource.qualified_name} "{target.name}"' if name else resource.qualified_name
    message = f"{subject} is forbidden: User {user} cannot {verb} {what} {where}"
    return APIError(403, "Forbidden", message, **name, **group, kind=resource.plural)


def _reason(code: int) -> str:
    """The one-word reason, which is the phrase without spaces."""
    return HTTPStatus(code).phrase.title().replace(" ", "")
