"""`replay`: the events of a recording; and `Recording`, which has its header, too."""

import logging
import math
import os
import time
from collections.abc import Callable, Generator, Iterator
from datetime import datetime
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from kwatch._errors import DecodeError, ProtocolError, StatusError, StreamError
from kwatch._events import Event, EventType, describe, parse_event
from kwatch._header import Header
from kwatch._json import loads
from kwatch._lines import CutShortError, lines

logger = logging.getLogger("kwatch")

MAX_SLEEP_SECONDS: Final = 1e9
"""About the longest that an operating system can sleep: 31 years."""


def replay(
    path: str | os.PathLike[str], speed: float | None = None, *, allow_bookmarks: bool = False
) -> Generator[Event, None, None]:
    r"""Give the events of a recording, as `watch` gave them.

    ``python -m kwatch record pods -f pods.kwatch`` makes a recording: a gzip file with a header
    and then a line of JSON for each event, with what the server sent and when. One frame at a time
    is held in memory, and the file is closed on every way out.

    A recording that was cut short, as by a crash, gives all of its whole frames, and a warning
    in the log; so does one that is still being written.

    Args:
        path: The file.
        speed: How fast: 1.0 as it was recorded, 2.0 twice as fast. None: as fast as it can be read.
        allow_bookmarks: Whether ``("bookmark", obj)`` is yielded too, where one was recorded.

    Yields:
        ``(event_type, obj)``, an `Event`, equal to what `watch` gave; but Secrets have no values.

    Raises:
        TypeError: An argument is of the wrong type; at the call.
        ValueError: ``speed`` is not greater than 0; at the call.
        OSError: The file cannot be read; at the call, if it cannot be opened.
        StreamError: It is no recording, or one of a newer format; at the call. Or it is damaged:
            after all events before the damage, or where only the checksum tells, at the end.

    A recording for a test can also be written by hand:

    >>> import gzip, tempfile
    >>> header = '{"kwatch": 1, "server": "", "resource": "pods", "path": "/api/v1/pods"}'
    >>> pod = '{"kind": "Pod", "metadata": {"name": "web", "resourceVersion": "7"}}'
    >>> frame = f'{{"type": "ADDED", "object": {pod}}}'
    >>> with tempfile.NamedTemporaryFile(suffix=".kwatch") as file:
    ...     text = f'{header}\n{{"time": 0.5, "frame": {frame}}}\n'
    ...     _ = file.write(gzip.compress(text.encode()))
    ...     file.flush()
    ...     for event_type, obj in replay(file.name, speed=100):
    ...         print(event_type, obj["metadata"]["name"])
    created web
    """
    check_speed(speed)
    return Recording.open(path).events(speed, allow_bookmarks=allow_bookmarks)


def check_speed(speed: float | None) -> None:
    """See that it can be one.

    Raises:
        TypeError: It is no number.
        ValueError: It is not greater than 0.
    """
    if speed is None:
        return
    if not isinstance(speed, int | float) or isinstance(speed, bool):
        raise TypeError(f"expected speed as a number or None, got {speed!r}")
    if not speed > 0:
        raise ValueError(f"expected speed greater than 0, got {speed!r}")


class Recording:
    """A recording that is open, to be read once.

    Args:
        file: Where to read, without a buffer.
        path: What messages call it.

    Attributes:
        path: See above.
        header: What it is a recording of.
        frames: How many frames were read.
        now: When the last of them was recorded, Unix time in seconds; before, when it began. None
            where the header does not tell.
    """

    def __init__(self, file: FileIO, path: Path) -> None:
        self.path = path
        self.frames = 0
        self._file = file
        self._lines = lines(file)
        self.header = self._read_header()
        self._began_at = _unix_time(self.header.recorded_at)
        self.now = self._began_at

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "Recording":
        """Open a file and read its header.

        Raises:
            OSError: It cannot be read.
            StreamError: It is no recording, or one of a newer format.
            TypeError: ``path`` is none.
        """
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"expected path as a str or an os.PathLike, got {path!r}")
        path = Path(path)
        file = open(path, "rb", buffering=0)  # noqa: SIM115 - `close` does
        try:
            return cls(file, path)
        except BaseException:
            file.close()
            raise

    def __enter__(self) -> "Recording":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Closing it once more changes nothing."""
        self._file.close()

    def events(
        self,
        speed: float | None = None,
        *,
        allow_bookmarks: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> Generator[Event, None, None]:
        """Give the events, once; the file is closed after the last one. See `replay`.

        Args:
            speed: See `replay`.
            allow_bookmarks: See `replay`.
            clock: Gives seconds that never go back.
            sleep: Waits for so many seconds, or for less.
        """
        check_speed(speed)
        events = self._events(speed or math.inf, allow_bookmarks, clock, sleep)
        next(events)  # it has begun: from now on, closing it closes the file
        return events

    def _events(
        self,
        speed: float,
        allow_bookmarks: bool,
        clock: Callable[[], float],
        sleep: Callable[[float], object],
    ) -> Generator[Event, None, None]:
        with self:
            yield Event(EventType.BOOKMARK, {})  # for `events` alone
            started_at = clock()
            for seconds, event in self._frames():
                if event.event_type is EventType.BOOKMARK and not allow_bookmarks:
                    continue
                wait = started_at + seconds / speed - clock()
                if wait > 0:
                    sleep(min(wait, MAX_SLEEP_SECONDS))
                yield event

    def _read_header(self) -> Header:
        try:
            line = next(self._lines, None)
            if line is None:
                raise ProtocolError("expected the header of a recording, got nothing")
            return Header.of(loads(line))
        except CutShortError:
            problem = "expected a recording, got one that was cut short in its header"
            raise DecodeError(f"{self.path}: {problem}") from None
        except StreamError as error:
            raise type(error)(f"{self.path}: {error}") from None

    def _frames(self) -> Iterator[tuple[float, Event]]:
        """Read the frames, each with its time."""
        try:
            for line in self._lines:
                if line.strip():
                    seconds, event = _parse(loads(line))
                    self.frames += 1
                    self.now = None if self._began_at is None else self._began_at + seconds
                    yield seconds, event
        except CutShortError:
            logger.warning(
                "%s ends in the middle, after %d whole frames:"
                " it was cut short, or is still being written",
                self.path,
                self.frames,
            )
        except StreamError as error:
            raise type(error)(f"{self.path}, frame {self.frames + 1}: {error}") from None


def _parse(document: Any) -> tuple[float, Event]:
    """Take a line apart, decoded: when it came, and what happened."""
    if not isinstance(document, dict) or "frame" not in document:
        raise ProtocolError(f"expected a frame with its time, got {describe(document)}")
    seconds = document.get("time")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds < 1e12:
        raise ProtocolError("expected the time of a frame as seconds since the start")
    try:
        return seconds, parse_event(document["frame"])
    except StatusError:
        raise ProtocolError("expected a watch event, got an error of the server") from None


def _unix_time(text: str) -> float | None:
    """Read a time as `Header.recorded_at` has it."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None
