"""A request, and its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kwatch.testing._json import encode
from kwatch.testing._object import Object

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class RecordedRequest(NamedTuple):
    """A request that the server has got; the names of the headers are in lower case."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Call:
    """One request; the names of its headers are in lower case."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def accept(self) -> str | None:
        """What the client wants to get."""
        return self.headers.get("accept")

    @property
    def content_type(self) -> str:
        """The media type of the body, without its parameters."""
        return self.headers.get("content-type", JSON).partition(";")[0].strip()


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer that is complete; a body that is a string is plain text."""

    body: Object | str
    code: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        return self.body.encode() if isinstance(self.body, str) else encode(self.body)


def text(body: str, code: int = 200) -> Reply:
    """Plain text."""
    return Reply(body, code, TEXT)
