"""`Header`: the first line of a recording, which says what it is a recording of."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from kwatch._errors import ProtocolError
from kwatch._events import describe

FORMAT: Final = 1
"""The number of the format that is written and read here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What was recorded, where and when.

    Args:
        server: The URL of the server. A user, a password and a query in it are dropped.
        resource: The full name of the resource: ``"pods"``, ``"deployments.apps"``.
        path: The path that was watched.
        namespace: What was asked for: None for all, one, or a list or tuple of several.
        label_selector: What was asked for, as the server got it.
        field_selector: What was asked for, as the server got it.
        server_version: Such as ``"v1.36.0"``; None where it is not known.
        recorded_at: When it began, in UTC: ``"2026-11-25T14:00:00Z"``. "": when the file is made.
    """

    server: str
    resource: str
    path: str
    namespace: str | Sequence[str] | None = None
    label_selector: str | None = None
    field_selector: str | None = None
    server_version: str | None = None
    recorded_at: str = ""

    def __post_init__(self) -> None:
        for name in ("server", "resource", "path", "recorded_at"):
            _check(name, getattr(self, name))
        for name in ("label_selector", "field_selector", "server_version"):
            if getattr(self, name) is not None:
                _check(name, getattr(self, name))
        object.__setattr__(self, "server", _bare(self.server))
        object.__setattr__(self, "namespace", _namespaces(self.namespace))

    @classmethod
    def of(cls, document: Any) -> "Header":
        """Make one of the first line, decoded. What a later version has added is ignored.

        Raises:
            ProtocolError: It is no header, or that of a format that is not known here.
        """
        number = document.get("kwatch") if isinstance(document, dict) else None
        if type(number) is not int:
            raise ProtocolError(f"expected the header of a recording, got {describe(document)}")
        if number != FORMAT:
            raise ProtocolError(
                f"expected a recording of format {FORMAT}, got one of format {number},"
                " which needs a newer kwatch"
            )
        names = [field.name for field in fields(cls)]
        try:
            return cls(**{name: document[name] for name in names if name in document})
        except (TypeError, ValueError) as error:
            raise ProtocolError(f"expected the header of a recording: {error}") from None

    @property
    def document(self) -> dict[str, Any]:
        """What its line holds."""
        return {"kwatch": FORMAT, **asdict(self)}

    @property
    def is_of_secrets(self) -> bool:
        """Whether it is a recording of Secrets, whatever its objects say that they are."""
        is_core = self.path.startswith("/api/v1/")
        return self.resource == "secrets" or (is_core and "secrets" in self.path.split("/"))


def _check(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise TypeError(f"expected {name} as a str, got a {type(value).__name__}")


def _namespaces(namespace: Any) -> str | tuple[str, ...] | None:
    if namespace is None or isinstance(namespace, str):
        return namespace
    names = tuple(namespace) if isinstance(namespace, list | tuple) else (namespace,)
    for name in names:
        _check("namespace", name)
    return names


def _bare(server: str) -> str:
    """Leave nothing of a URL but where the server is."""
    try:
        url = urlsplit(server)
    except ValueError:  # whose message may quote the password
        raise ValueError("expected server as the URL of a server") from None
    return urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", ""))
