"""`Recorder`: writes down what a watch yields, in the very bytes that the server sent.

A recording is a gzip file of JSON lines. The first is a `Header`; each other one is a frame::

    {"time":1.234567,"frame":{"type":"ADDED","object":{...}}}

``time`` is in seconds since the start, and ``frame`` what the server sent, byte for byte. What the
watch found out without a frame, by a list or by comparing, and what had to be redacted, has
``"made":true`` before the frame.
"""

import errno
import os
import stat
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from kwatch._errors import DecodeError
from kwatch._events import FRAME_TYPES, Event
from kwatch._header import Header
from kwatch._json import dumps, loads
from kwatch._lines import GZIP
from kwatch._redaction import is_secret, redacted

_TYPES: Final = {event_type: kind for kind, event_type in FRAME_TYPES.items()}


class Recorder:
    """A recording that is being made.

    ::

        with Recorder.create("pods.kwatch", header) as recorder:
            for event in watch(client, "pods", loads=recorder.loads, allow_bookmarks=True):
                recorder.write(event)

    After each `write`, the frame is the operating system's: whatever becomes of the process, it
    is in the file. The values of Secrets are not written, and nothing of requests or credentials.
    `loads` may be called from several threads, `write` from one at a time.

    Args:
        file: Where to write, without a buffer.
        path: What messages call it.
        header: What it is a recording of.
        clock: Gives seconds that never go back.

    Attributes:
        header: See above.
        frames: How many frames were written.
    """

    def __init__(
        self, file: FileIO, path: Path, header: Header, clock: Callable[[], float]
    ) -> None:
        self.header = header
        self.frames = 0
        self._file = file
        self._path = path
        self._clock = clock
        self._compressor = zlib.compressobj(wbits=GZIP)
        self._is_whole = True  # whether the file has all that the compressor gave
        self._started_at = clock()
        self._put(_encoded(header.document) + b"\n")

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        header: Header,
        *,
        overwrite: bool = False,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> "Recorder":
        """Make a file that only its owner may read, with a header in it.

        Args:
            path: Where.
            header: What it is a recording of.
            overwrite: Whether a file that is there is replaced.
            clock: Gives seconds that never go back.
            wall_clock: Gives Unix time in seconds.

        Raises:
            FileExistsError: There is a file, and ``overwrite`` is False.
            OSError: It cannot be made or written; the error names the path.
        """
        path = Path(path)
        started_at = datetime.fromtimestamp(wall_clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        header = replace(header, recorded_at=header.recorded_at or started_at)
        file = _create(path, overwrite=overwrite)
        try:
            if overwrite and stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                path.chmod(0o600)  # one that was there may have been anybody's to read
            return cls(file, path, header, clock)
        except BaseException:
            file.close()
            raise

    def __repr__(self) -> str:
        return f"Recorder({str(self._path)!r})"

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def loads(self, line: bytes) -> Any:
        """Decode a frame for `watch`, exactly, so that its bytes stay with its object.

        Raises:
            ValueError: It is no JSON.
        """
        try:
            document = loads(line)
        except DecodeError as error:
            raise ValueError(str(error)) from None
        if isinstance(document, dict) and isinstance(document.get("object"), dict):
            document["object"] = _Received(document, line.strip())
        return document

    def write(self, event: Event) -> None:
        """Write what the watch has yielded.

        Raises:
            OSError: That failed; the error names the path. What was written before stays.
        """
        seconds = max(0.0, self._clock() - self._started_at)
        self._put(b'{"time":%.6f,%b}\n' % (seconds, self._frame(event)))
        self.frames += 1

    def close(self) -> None:
        """End the file. Closing it once more changes nothing."""
        if self._file.closed:
            return
        try:
            if self._is_whole:
                self._put(b"", zlib.Z_FINISH)
        finally:
            self._file.close()

    def _frame(self, event: Event) -> bytes:
        """Give the server's frame; where there is none, or none to show, one that is made."""
        obj, kind = event.obj, _TYPES[event.event_type]
        is_hidden = self.header.is_of_secrets or is_secret(obj)
        if isinstance(obj, _Received) and obj.kind == kind and not is_hidden:
            return b'"frame":' + obj.frame
        shown = redacted(obj) if is_hidden else obj
        return b'"made":true,"frame":' + _encoded({"type": kind, "object": shown})

    def _put(self, data: bytes, flush: int = zlib.Z_SYNC_FLUSH) -> None:
        """Compress some bytes and hand all of them to the operating system."""
        if not self._is_whole:
            raise OSError(errno.EIO, "an earlier write to this recording failed", str(self._path))
        self._is_whole = False
        rest = self._compressor.compress(data) + self._compressor.flush(flush)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from None
        self._is_whole = True


class _Received(dict[str, Any]):
    """The object of a frame; knows the frame.

    So the bytes live as long as the object, however long a consumer in another thread takes.
    """

    __slots__ = ("frame", "kind")

    def __init__(self, document: dict[str, Any], frame: bytes) -> None:
        super().__init__(document["object"])
        self.frame = frame
        self.kind = document.get("type")


def _create(path: Path, *, overwrite: bool) -> FileIO:
    """Open a file for writing that was not there, and is nobody else's to read, or is emptied."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600)

    try:
        return open(path, "wb" if overwrite else "xb", buffering=0, opener=opener)
    except FileExistsError:
        problem = "there is a file of that name, which is not overwritten unasked"
        raise FileExistsError(errno.EEXIST, problem, str(path)) from None


def _encoded(value: Any) -> bytes:
    """Write a value as JSON; half a surrogate pair, which UTF-8 cannot have, is escaped."""
    return dumps(value).encode("utf-8", "backslashreplace")
