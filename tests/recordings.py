"""Recordings for tests: made by `Recorder`, and taken apart without `kwatch.replay`."""

import json
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kwatch import Event
from kwatch._header import Header
from kwatch._json import dumps
from kwatch._recording import Recorder

HEADER = Header(server="https://kube.test:6443", resource="pods", path="/api/v1/pods")
_LINE = re.compile(rb'\{"time":(\d+\.\d{6}),("made":true,)?"frame":(.*)\}', re.DOTALL)


def record(path: Path, events: Iterable[Event], header: Header = HEADER) -> None:
    """Record events that come at the seconds 1, 2, 3, ..."""
    seconds = iter(range(1000))
    with Recorder.create(path, header, clock=lambda: float(next(seconds))) as recorder:
        for event in events:
            recorder.write(event)


def content(path: Path) -> bytes:
    """Decompress what there is, whether it has an end or not."""
    return zlib.decompressobj(wbits=31).decompress(path.read_bytes())


def header_of(path: Path) -> Any:
    return json.loads(content(path).split(b"\n")[0])


def frames(path: Path) -> list[tuple[float, bool, bytes]]:
    """Each frame: when it came, whether it was made, and its bytes."""
    found = [_LINE.fullmatch(line) for line in content(path).split(b"\n")[1:] if line]
    return [(float(m[1]), m[2] is not None, m[3]) for m in found if m is not None]


def exact(events: Iterable[Event]) -> list[tuple[str, str]]:
    """Events in a form that tells all and can be compared, as nesting of any depth cannot."""
    return [(str(event_type), dumps(obj)) for event_type, obj in events]
