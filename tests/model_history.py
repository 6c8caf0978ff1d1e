"""What happens to a simulated API server, and the objects that it happens to.

A `History` is drawn at random: what the server is like, what a watch asks of it, and the steps
that follow each other while they talk. A `Store` keeps objects under one revision counter, with
all that ever happened to them. `tests.model` serves them.
"""

import json
import uuid
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

Json = dict[str, Any]
Key = tuple[str, str]

KEYS = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "z"), ("c", "x")]
FIRST = 95  # the revision of an empty store: decimal versions grow by a digit soon

WRITES = ("write", "delete", "recreate", "other", "compact", "restore")
"""What nobody is asked about. The first four are no faults."""

REFUSALS = {
    "http401": (401, "Unauthorized"),
    "http403": (403, "Forbidden"),
    "http404": (404, "NotFound"),
    "http410": (410, "Expired"),
    "http429": (429, "TooManyRequests"),
    "http500": (500, "InternalError"),
    "http502": (502, ""),
    "http503": (503, "ServiceUnavailable"),
    "http504": (504, "Timeout"),
    "too_large": (504, "Timeout"),
    "refused": (0, ""),
}
"""What answers a request: its code and reason."""

IN_STREAM = (
    *("send", "bookmark", "repeat", "quiet", "stall", "cut", "halt", "end", "empty"),
    *("error", "corrupt", "unversioned"),
)
"""What befalls a watch, and in part a list."""

VERBS = (*WRITES, *REFUSALS, *IN_STREAM, *("write", "delete", "recreate", "send") * 3)
"""Each as often as it is to be drawn."""


class Step(NamedTuple):
    """Something that happens; the number is taken for whatever the verb has a choice of."""

    verb: str
    number: int = 0


def drawn(*values: Any) -> Any:
    """A field that is drawn from values, each as often as it stands there; the first is usual."""
    return field(default=values[0], metadata={"values": values})


@dataclass(frozen=True)
class History:
    """What the server is like, what the watch asks for, and what happens."""

    steps: tuple[Step, ...] = ()
    rough: bool = drawn(False, False, True)  # whether faults may hit before the first success
    # the server
    objects: int = drawn(3, 0, 1, 2, 5)  # exist at first
    opaque: bool = drawn(False, False, True)  # versions that are no decimal numbers
    page_size: int = drawn(500, 1, 2)
    empty_pages: bool = drawn(False, True)  # before each page that has objects
    null_items: bool = drawn(False, True)
    metadata_last: bool = drawn(False, True)
    bare_items: bool = drawn(False, True)  # without apiVersion and kind
    partial: int = drawn(200, 0, 406)  # asked for metadata alone: sends it, or all, or refuses
    watch_list: int = drawn(200, 200, 200, 400, 403, 422)  # the answer to sendInitialEvents
    end_bookmark: bool = drawn(True, True, True, False)  # after the initial events
    bookmarks: bool = drawn(True, True, False)
    humble: bool = drawn(False, True)  # sends its own version to who asks for a later one
    gone: str = drawn("error", "refusal", "empty")  # the answer to a watch that comes too late
    lag: int = drawn(0, 1, 4)  # so many revisions a list may be late that may be late
    chunks: str = drawn("frame", "joined", "split")
    # the watch
    start: str = drawn("now", "initial", "version")
    back: int = drawn(0, 1, 3)  # so many revisions lies the version back that it starts from
    metadata_only: bool = drawn(False, True)
    allow_bookmarks: bool = drawn(False, True)
    by_line: bool = drawn(False, True)  # decodes by `loads`
    shard: tuple[int, int] | None = drawn(None, None, None, (0, 2), (1, 2), (1, 3))
    sharding: str = drawn("", "applied", "proven")  # whether the server makes it, and says so

    def __repr__(self) -> str:
        """Write what is not as usual, such that it can be pasted."""
        parts = [f"Step{tuple(step)!r}" for step in self.steps]
        values = [f"steps=({', '.join(parts)},)"] if parts else []
        for one in fields(self)[1:]:
            if getattr(self, one.name) != one.default:
                values.append(f"{one.name}={getattr(self, one.name)!r}")  # noqa: PERF401
        return f"History({', '.join(values)})"


CHOICES: dict[str, tuple[Any, ...]] = {f.name: f.metadata["values"] for f in fields(History)[1:]}


class Change(NamedTuple):
    """One event of a store's past."""

    revision: int
    kind: str
    obj: Json

    @property
    def key(self) -> Key:
        return self.obj["metadata"]["namespace"], self.obj["metadata"]["name"]


def is_in(shard: tuple[int, int] | None, obj: Json) -> bool:
    """Whether an object is in a shard, by FNV-1a with 64 bits; they are of one size, or nearly."""
    if shard is None:
        return True
    value = 14695981039346656037
    for byte in obj["metadata"]["uid"].encode():
        value = (value ^ byte) * 1099511628211 % 2**64
    index, count = shard
    return index * 2**64 <= value * count < (index + 1) * 2**64


def state(changes: list[Change], revision: int) -> dict[Key, Json]:
    """The objects as they were at a revision."""
    objects = {}
    for change in changes:
        if change.revision > revision:
            break
        objects[change.key] = change.obj
        if change.kind == "DELETED":
            del objects[change.key]
    return objects


class Store:
    """Objects under one revision counter, and their past.

    Attributes:
        revision: The latest.
        oldest: Changes after it can still be asked for.
        changes: All of them.
        timelines: These and, after a restore, those of the time that was undone, which come first.
        ceiling: No revision may reach it.
        corrupt: Deletions that nobody can be told of.
    """

    def __init__(self, *, opaque: bool) -> None:
        self.revision = self.oldest = FIRST
        self.changes: list[Change] = []
        self.timelines = [self.changes]
        self.ceiling: int | None = None
        self.corrupt: set[int] = set()
        self._opaque = opaque
        self._used: set[tuple[str, int]] = set()
        self._number = 0

    def version(self, revision: int) -> str:
        return f"x{str(revision)[::-1]}" if self._opaque else str(revision)

    def revision_of(self, version: str) -> int:
        return int(version[:0:-1] if self._opaque else version)

    def objects(self) -> dict[Key, Json]:
        return state(self.changes, self.revision)

    def after(self, revision: int) -> list[Change]:
        return [change for change in self.changes if change.revision > revision]

    def write(self, key: Key) -> None:
        """Create an object, or update it."""
        old = self.objects().get(key)
        self._number += 1
        new = uuid.uuid5(uuid.NAMESPACE_OID, str(self._number))
        uid = old["metadata"]["uid"] if old else str(new)
        self._note("MODIFIED" if old else "ADDED", key, uid, self._number)

    def delete(self, key: Key) -> None:
        old = self.objects().get(key)
        if old:
            self._note("DELETED", key, old["metadata"]["uid"], old["spec"]["number"])

    def write_others(self, count: int) -> None:
        """Objects of other kinds change."""
        if self.ceiling is None or self.revision + count < self.ceiling:
            self.revision += count

    def restore(self, revision: int) -> None:
        self.revision, self.oldest = revision, min(self.oldest, revision)
        self.changes = [change for change in self.changes if change.revision <= revision]
        self.corrupt = {deletion for deletion in self.corrupt if deletion <= revision}
        self.timelines.append(self.changes)

    def _note(self, kind: str, key: Key, uid: str, number: int) -> None:
        revision = self.revision + 1
        while (uid, revision) in self._used:  # in a time that was undone
            revision += 1
        if self.ceiling is not None and revision >= self.ceiling:
            return
        self._used.add((uid, revision))
        metadata = {"name": key[1], "namespace": key[0], "uid": uid}
        metadata["resourceVersion"] = self.version(revision)
        obj = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"number": number}}
        self.changes.append(Change(revision, kind, obj))
        self.revision = revision


def metadata_of(obj: Json) -> Json:
    about = {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata"}
    return {**about, "metadata": obj["metadata"]}


def frame(kind: str, obj: Json) -> bytes:
    """An event of a watch."""
    return json.dumps({"type": kind, "object": obj}, separators=(",", ":")).encode() + b"\n"


def status(code: int, reason: str, message: str = "as drawn") -> Json:
    about = {"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure"}
    return {**about, "code": code, "reason": reason, "message": message}
