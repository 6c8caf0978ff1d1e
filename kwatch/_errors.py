"""The exceptions of kwatch.

::

    KwatchError
    |- StatusError           the server answered with a Status, or with an HTTP error
    |  |- ExpiredError       410, or another gap that cannot be healed
    |- StreamError           the bytes broke the contract
    |  |- DecodeError        not JSON
    |  |- ProtocolError      JSON, but no watch event
    |- UnknownKindError      (also LookupError) discovery knows no such resource
    |- ConfigError           kubeconfig or credentials unusable
    |- WatcherFailed         a watcher, or its supervisor, ended for another reason than it should

httpx's own transport errors pass through where they are not retried. Wrong arguments are
``ValueError`` or ``TypeError``, raised at the call. Any other exception is a bug.
"""

from collections.abc import Mapping
from typing import Any


class KwatchError(Exception):
    """Every exception that kwatch defines is one of these."""


class StatusError(KwatchError):
    """The server answered with a Status, as an HTTP error or in the middle of a stream.

    Attributes:
        code: The HTTP status code, or the ``code`` of an in-stream Status.
        reason: The one-word machine-readable reason (``"Forbidden"``), ``""`` where there is none.
        message: The server's own words.
        retry_after: Seconds that the server asks to wait, or None.
        status: The Status object as a dict; empty where the answer was none (a proxy's HTML page).
        where: What was asked: ``"GET /api/v1/pods"``.
    """

    def __init__(
        self,
        code: int,
        reason: str = "",
        message: str = "",
        *,
        retry_after: float | None = None,
        status: Mapping[str, Any] | None = None,
        where: str = "",
    ) -> None:
        super().__init__(code, reason, message)
        self.code = code
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        self.status = dict(status or {})
        self.where = where

    def __str__(self) -> str:
        answer = " ".join(part for part in (str(self.code), self.reason) if part)
        text = f"the server answered {answer}"
        if self.where:
            text += f" to {self.where}"
        return f"{text}: {self.message}" if self.message else text


class ExpiredError(StatusError):
    """What happened between two resource versions is gone, and cannot be found out again.

    Raised where a resource version was given; without one, the gap is healed. The message says
    what to do: start again with ``send_initial_events=True``.
    """


class StreamError(KwatchError):
    """The bytes of a response broke the contract of the Kubernetes API."""


class DecodeError(StreamError):
    """The bytes are not a sequence of JSON documents."""


class ProtocolError(StreamError):
    """The JSON is valid, but it is not what the Kubernetes API promises."""


class UnknownKindError(KwatchError, LookupError):
    """The server's discovery knows no such resource, or it cannot be watched.

    Attributes:
        kind: What was asked for.
        near: Names that the server does know and that look alike, best first.
    """

    def __init__(self, kind: str, message: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(kind, message, near)
        self.kind = kind
        self.near = near
        self.message = message

    def __str__(self) -> str:
        hint = f"; did you mean {', '.join(self.near)}?" if self.near else ""
        return f"{self.message}{hint}"


class ConfigError(KwatchError):
    """A kubeconfig or a credential is unusable; the message names the file and the field."""


class WatcherFailed(KwatchError):  # noqa: N818 - what OTP calls it, and not an error of its own
    """A watcher or a supervisor has ended for an abnormal reason.

    Raised by whatever is linked to it: ``run``, ``join``, ``result``, a ``with`` block that ends.
    If an exception was the reason, it is the cause (``__cause__``).

    Attributes:
        name: The class of the watcher or supervisor.
        reason: Why it ended: an exception, or what a callback or ``stop`` has given.
    """

    def __init__(self, name: str, reason: Any, message: str = "") -> None:
        super().__init__(name, reason, message)
        self.name = name
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        why = self.message or (
            f"{type(self.reason).__name__}: {self.reason}"
            if isinstance(self.reason, BaseException)
            else repr(self.reason)
        )
        return f"{self.name} has ended: {why}"
