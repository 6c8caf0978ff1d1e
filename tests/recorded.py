"""Responses of real API servers, as the bytes that came over the wire; see fixtures/README.rst."""

from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path(__file__).parent / "fixtures"


@dataclass(frozen=True)
class Recorded:
    """One response: all of it in ``raw``, no chunks in ``body``, header names in lower case."""

    code: int
    headers: dict[str, str]
    body: bytes
    raw: bytes


def load(name: str) -> Recorded:
    """Read ``tests/fixtures/NAME.http``."""
    raw = (FIXTURES / f"{name}.http").read_bytes()
    head, _, body = raw.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("ascii").split("\r\n")
    fields = (line.partition(":") for line in lines)
    headers = {key.lower(): value.strip() for key, _, value in fields}
    if headers.get("transfer-encoding") == "chunked":
        body = _joined(body)
    return Recorded(int(status_line.split()[1]), headers, body, raw)


def _joined(body: bytes) -> bytes:
    """Join the chunks, up to the last one or to where the recording was cut."""
    chunks = []
    while body:
        size, _, body = body.partition(b"\r\n")
        chunks.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
    return b"".join(chunks)
