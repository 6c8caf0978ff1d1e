"""The ``continue`` token of a list."""

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn, Self

from kwatch.testing._status import bad_request

_VERSION = "meta.k8s.io/v1"
_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class ContinueToken:
    """Where the next page of a list begins.

    It is all that there is of a list between two pages: the server keeps nothing. Clients get it as
    an opaque string, which is that of the real server but for keys: here they are whole.

    Attributes:
        revision: The state that all pages show; None: whatever is the latest, once the first was.
        start: The key of an object, or just after it; the page begins there.
    """

    revision: int | None
    start: str

    @classmethod
    def after(cls, revision: int, key: str) -> Self:
        """The token for the page that follows the object of this key."""
        return cls(revision, f"{key}\0")

    def __str__(self) -> str:
        revision = -1 if self.revision is None else self.revision
        document = {"v": _VERSION, "rv": revision, "start": self.start}
        text = json.dumps(document, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a token.

        Raises:
            APIError: 400, the server cannot have made it.
        """
        found = _document(text)
        version, revision, start = found.get("v", ""), found.get("rv", 0), found.get("start", "")
        if (type(version), type(revision), type(start)) != (str, int, str):
            _refuse("json: cannot unmarshal a field of type storage.continueToken")
        if version != _VERSION:
            _refuse(f"server does not recognize this encoded version {version}")
        if not revision:
            _refuse(f"incorrect encoded start resourceVersion (version {version})")
        if not start:
            _refuse(f"encoded start key empty (version {version})")
        return cls(revision if revision > 0 else None, start)


def _document(text: str) -> dict[str, Any]:
    """The JSON object in the base64 without padding."""
    good = _ALPHABET.match(text)
    valid = good.end() if good else 0
    if valid < len(text) or len(text) % 4 == 1:
        _refuse(f"illegal base64 data at input byte {min(valid, len(text) - 1)}")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        _refuse(f"invalid character {_quoted(chr(raw[0]))} looking for beginning of value")
    if not isinstance(found, dict):
        _refuse("json: cannot unmarshal into Go value of type storage.continueToken")
    return found


def _quoted(character: str) -> str:
    """The character in quotes, as Go writes it."""
    plain = character.isprintable() or ord(character) < 128
    return repr(character) if plain else f"'\\u{ord(character):04x}'"


def _refuse(why: str) -> NoReturn:
    raise bad_request(f"invalid continue token: continue key is not valid: {why}")
