"""One HTTP exchange as the core sees it: what to ask, and what came back whole.

No I/O happens here: the front ends send a `Request` and fill a `Reply`.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from kwatch._errors import DecodeError, ExpiredError, ProtocolError, StatusError

MAX_RETRY_AFTER_SECONDS = 86_400.0
"""No server can make a client sleep for longer than a day."""


@dataclass(frozen=True, slots=True)
class Request:
    """A GET: its path (relative to the client's ``base_url``), query, headers and patience.

    ``read_timeout`` is in seconds, and bounds the silence between two chunks, not the whole answer.
    """

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=lambda: {"Accept": "application/json"})
    read_timeout: float = 60.0

    @property
    def asks_for_metadata(self) -> bool:
        """Whether metadata alone would be accepted."""
        return "as=PartialObjectMetadata" in self.headers.get("Accept", "")

    def __str__(self) -> str:
        query = urlencode(self.params, safe="=,/!()")
        return f"GET {self.path}?{query}" if query else f"GET {self.path}"


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer to a `Request`; the names of ``headers`` are in lower case."""

    request: Request
    code: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Give the body as a JSON object.

        Raises:
            DecodeError: It is not JSON; the message names the content type, never the content.
            ProtocolError: It is JSON, but no object.
        """
        value: Any = ...  # which no JSON is
        with suppress(ValueError, RecursionError):  # these quote the body: tell nothing of them
            value = json.loads(self.body)
        if value is ...:
            kind = self.headers.get("content-type", "no content type")
            raise DecodeError(
                f"expected JSON in answer to {self.request}, got {len(self.body)} bytes ({kind})"
            )
        if not isinstance(value, dict):
            raise ProtocolError(
                f"expected a JSON object in answer to {self.request}, got {type(value).__name__}"
            )
        return value

    def error(self, now: float) -> StatusError:
        """Give the `StatusError` that this answer stands for; ``now`` is Unix time in seconds."""
        try:
            status = self.json()
        except (DecodeError, ProtocolError):
            status = {}
        if status.get("kind") != "Status":
            status = {"message": self._text()}
        return status_error(
            status, code=self.code, where=str(self.request), retry_after=self._retry_after(now)
        )

    def _text(self) -> str:
        """One line for people out of a body that is no Status, such as a proxy's HTML page."""
        if "location" in self.headers:
            place, _, _ = self.headers["location"].partition("?")  # what follows may be secret
            return f"a redirect to {place}"
        kind = self.headers.get("content-type", "").partition(";")[0]
        if kind and kind != "text/plain":
            return f"{len(self.body)} bytes of {kind} where a Kubernetes Status was expected"
        return " ".join(self.body[:200].decode(errors="replace").split())

    def _retry_after(self, now: float) -> float | None:
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return min(float(value), MAX_RETRY_AFTER_SECONDS)
        try:
            until = parsedate_to_datetime(value).timestamp()
        except (ValueError, OverflowError):
            return None
        return min(max(0.0, until - now), MAX_RETRY_AFTER_SECONDS)


def status_error(
    status: Mapping[str, Any],
    *,
    code: int | None = None,
    where: str = "",
    retry_after: float | None = None,
) -> StatusError:
    """Make the exception for a Status object, which may have any field missing or misshapen.

    Args:
        status: The Status.
        code: The HTTP status code; None for a Status in a stream, whose own ``code`` counts then.
        where: What was asked.
        retry_after: What the header Retry-After said, in seconds.
    """
    own_code = status.get("code")
    if code is None:
        code = own_code if isinstance(own_code, int) and own_code > 0 else _code_of(status)
    details = status.get("details")
    seconds = details.get("retryAfterSeconds") if isinstance(details, Mapping) else None
    if retry_after is None and isinstance(seconds, int) and seconds > 0:
        retry_after = float(min(seconds, MAX_RETRY_AFTER_SECONDS))  # the int may be beyond floats
    reason = status.get("reason") or _phrase(code)
    error = ExpiredError if code == HTTPStatus.GONE else StatusError
    return error(
        code,
        str(reason),
        str(status.get("message") or ""),
        retry_after=retry_after,
        status=status if status.get("kind") == "Status" else None,
        where=where,
    )


def _code_of(status: Mapping[str, Any]) -> int:
    """Give the code of a Status that has none."""
    gone = status.get("reason") in ("Expired", "Gone")
    return HTTPStatus.GONE if gone else HTTPStatus.INTERNAL_SERVER_ERROR


def _phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase.replace(" ", "")
    except ValueError:
        return ""
