"""An answer to a watch, as the server of `tests.model` gives it while its history goes on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx

from tests.front import OutOfScript, Part
from tests.model_history import KEYS, REFUSALS, WRITES, Change, Json, frame, status

if TYPE_CHECKING:
    from tests.model import Server

ERRORS = [
    (410, "Expired"),
    (410, "Gone"),
    (429, "TooManyRequests"),
    (500, "InternalError"),
    (504, "Timeout"),
]
CUT = httpx.RemoteProtocolError("peer closed connection without sending complete message body")
INITIAL_END = {"k8s.io/initial-events-end": "true"}


class Stream:
    """One answer to a watch. Each verb is a method, which gives parts of the body."""

    def __init__(
        self, server: "Server", request: httpx.Request, position: int, *, initial: bool
    ) -> None:
        self._server, self._store, self._history = server, server.store, server.history
        self._request = request
        self._position = position  # all changes up to it were sent
        self._initial = initial  # what exists has not been sent whole
        self._over = False
        self._timeline = len(self._store.timelines)
        objects = self._store.objects() if initial else {}
        exist = [objects[key] for key in sorted(objects, key=lambda key: key[::-1])]
        self._objects = [obj for obj in exist if server.sends(request, obj)]
        self._sent = 0
        self._repeatable = list(server.sent)
        self._last = server.clock.now
        self._ends_at = server.clock.now + int(request.url.params["timeoutSeconds"])

    def parts(self) -> Iterator[Part]:
        server, steps = self._server, self._server.steps
        if server.empties:
            server.empties -= 1
            yield from self.end(0)
        elif self._position < self._store.oldest:
            yield from self._gone()
        elif not server.settled:
            yield from self.send(0)
            if not self._sent:
                yield from self.bookmark(0)
            server.settled = server.proven
        while not self._over and server.settled and steps:
            if steps[0].verb in REFUSALS:
                yield from self.end(0)
                return
            step = steps.popleft()
            if step.verb in WRITES:
                server.write(step)
                yield from self._after_write()
            else:
                yield from getattr(self, step.verb)(step.number)
        if not self._over:
            yield from self._rest()

    def _after_write(self) -> Iterator[Part]:
        if len(self._store.timelines) != self._timeline:
            yield from self._fail("cut by a restore", CUT)
        elif self._position < self._store.oldest and self._pending():
            yield from self._gone()

    def _gone(self) -> Iterator[Part]:
        self._server.fault("compacted", gap=True)
        if self._history.gone == "empty" and not self._sent:
            yield from self.end(0)
        else:
            yield from self._tell(410, "Expired")

    def _rest(self) -> Iterator[Part]:
        """The server is well: send what is left, and end the run when it was idle for a while."""
        server = self._server
        yield from self.send(1000)
        while not self._over:
            in_order = not self._initial and self._position <= self._store.revision
            if in_order and server.idle == 3:
                raise OutOfScript
            server.idle += in_order
            yield from self.quiet(59) if self._history.bookmarks else self.stall(0)
            if not self._over:
                yield from self.bookmark(0)

    # Frames

    def _pending(self) -> list[Change]:
        return [
            change
            for change in self._store.after(self._position)
            if change.revision in self._store.corrupt
            or self._server.sends(self._request, change.obj)
        ]

    def _next(self) -> tuple[str, Json] | None:
        """The frame that comes next: what exists, the changes since, and the end of these."""
        if self._objects:
            return "ADDED", self._objects.pop()
        pending = self._pending()
        if pending:
            if pending[0].revision in self._store.corrupt:
                return None
            self._position = pending[0].revision
            return pending[0].kind, pending[0].obj
        if self._initial and self._history.end_bookmark:
            self._initial = False
            return "BOOKMARK", self._bookmark(annotations=INITIAL_END)
        return None

    def _bookmark(self, **metadata: Any) -> Json:
        if not self._pending():
            self._position = max(self._position, self._store.revision)
        version = min(self._position, self._store.revision)
        metadata["resourceVersion"] = self._store.version(version)
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}

    def _encode(self, kind: str, obj: Json) -> bytes:
        return frame(kind, obj if kind == "BOOKMARK" else self._server.view(self._request, obj))

    def _give(self, frames: list[tuple[str, Json]]) -> Iterator[Part]:
        """Send whole frames, and note what the client knows."""
        chunks = [self._encode(*one) for one in frames]
        if self._history.chunks == "joined":
            chunks = [b"".join(chunks)]
        for chunk in chunks:
            half = len(chunk) // 2 if self._history.chunks == "split" else len(chunk)
            yield chunk[:half]
            self._server.proven = True
            yield chunk[half:]
            self._last = self._server.clock.now
        self._sent += len(frames)

    # Verbs

    def send(self, number: int) -> Iterator[Part]:
        initial = self._initial
        frames: list[tuple[str, Json]] = []
        while len(frames) <= number and (one := self._next()):
            frames.append(one)
        if frames:
            yield from self._give(frames)
            self._server.fruitful.add(len(self._server.requests))
            if not self._initial:
                self._server.told = self._position
                self._server.sent += frames if not initial else []
        if len(frames) <= number and self._pending():  # a corrupt one
            yield from self._tell(500, "StoreReadError", gap=True)

    def bookmark(self, number: int) -> Iterator[Part]:
        history, ahead = self._history, self._position > self._store.revision
        humble = history.humble and not history.opaque  # or nobody could tell
        if not history.bookmarks or self._initial or (ahead and not humble):
            return
        one = ("BOOKMARK", self._bookmark())
        if ahead:
            self._server.fault("humble", gap=True)
        yield from self._give([one])
        if not ahead:
            self._server.told = self._position
            self._server.sent.append(one)

    def repeat(self, number: int) -> Iterator[Part]:
        """Begin earlier than the client asked for."""
        again = self._repeatable[-1 - number % 8 :]
        if again and not self._sent:
            self._server.faults["repeat"] += 1
            yield from self._give(again)
            # where versions cannot be compared, an old bookmark may move the cursor
            self._server.told = self._store.revision_of(again[0][1]["metadata"]["resourceVersion"])

    def quiet(self, number: int) -> Iterator[Part]:
        yield from self._wait(3.0 + number % 60)

    def stall(self, number: int) -> Iterator[Part]:
        yield from self._wait(100_000.0)

    def _wait(self, seconds: float) -> Iterator[Part]:
        """Be silent, until the server or the client has enough."""
        clock = self._server.clock
        patience = self._last + self._server.patience(self._request) - clock.now
        left = self._ends_at - clock.now
        clock.now += max(0.0, min(seconds, patience, left))
        if patience <= min(seconds, left):
            yield from self._fail("timed out", httpx.ReadTimeout("timed out"))
        elif left <= seconds:
            self._server.faults["life is over"] += 1
            self._server.proven = self._over = True

    def cut(self, number: int) -> Iterator[Part]:
        """Break at any byte of a frame, or after it."""
        data = self._piece()
        yield data[: number % (len(data) + 1)]
        yield from self._fail("cut", CUT)

    def halt(self, number: int) -> Iterator[Part]:
        """End cleanly in the middle of a frame."""
        data = self._piece()
        yield data[: 1 + number % (len(data) - 2)]
        self._server.fault("halt")
        self._over = True

    def _piece(self) -> bytes:
        one = self._next()
        return self._encode(*one) if one else b'{"type":"BOOKMARK","object":'

    def end(self, number: int) -> Iterator[Part]:
        self._server.faults["end" if self._sent else "empty"] += 1
        self._server.proven = self._over = True
        yield b""

    def empty(self, number: int) -> Iterator[Part]:
        """End this watch, and some of those that follow at once."""
        self._server.empties = number % 7
        yield from self.end(0)

    def error(self, number: int) -> Iterator[Part]:
        code, reason = ERRORS[number % len(ERRORS)]
        yield from self._tell(code, reason, gap=code == 410)

    def corrupt(self, number: int) -> Iterator[Part]:
        """Delete an object that cannot be read: no watch that reaches this goes on from there."""
        before = self._store.revision
        self._store.delete(KEYS[number % len(KEYS)])
        if self._store.revision > before:
            self._store.corrupt.add(self._store.revision)
        else:
            yield from self._tell(500, "StorageReadError", gap=True)

    def unversioned(self, number: int) -> Iterator[Part]:
        kind, obj = self._next() or ("MODIFIED", {"metadata": {"name": "x", "namespace": "a"}})
        metadata = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}
        self._server.fault("unversioned", gap=True)
        yield self._encode(kind, obj | {"metadata": metadata})
        self._over = True

    def _tell(self, code: int, reason: str, *, gap: bool = False) -> Iterator[Part]:
        self._server.fault(f"error {reason}", gap=gap)
        self._over = True
        yield frame("ERROR", status(code, reason))

    def _fail(self, name: str, error: Exception) -> Iterator[Part]:
        self._server.fault(name)
        self._over = True
        yield error
