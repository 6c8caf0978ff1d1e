"""What a server was asked and answered, made comparable with what another server answered."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import httpx

from .live import Object

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
VERSION = re.compile(r"(too old resource version: 1|ResourceVersion in (?:the )?\w+) \(\d+\)")
AGE = re.compile(r"\d+(ms|[smhd])|<invalid>")


class Step(NamedTuple):
    """A request, and its answer; for a watch, the events of the stream.

    Attributes:
        what: The request in words; each step's are its own.
        code: The HTTP status code.
        content_type: The media type of the answer.
        answer: The body, or a list of events.
    """

    what: str
    code: int
    content_type: str
    answer: Any


def step(what: str, response: httpx.Response, answer: Any = None) -> Step:
    """Note a response."""
    media_type = response.headers.get("Content-Type", "")
    if answer is None:
        is_json = media_type.startswith("application/json")
        answer = response.json() if is_json else response.text
    return Step(what, response.status_code, media_type, answer)


def compare(steps: Sequence[Step], namespace: str) -> list[Object]:
    """Give the steps as plain JSON, without what differs from one server to another.

    A uid becomes the number of its first appearance, and a resource version the number of changes
    that have been seen until then, which leaves out what others wrote meanwhile. Times, ages, and
    tokens become words. ``managedFields`` are left out.
    """
    found = list(_metadata([step.answer for step in steps]))
    uids = {uid: number for number, uid in enumerate(dict.fromkeys(m["uid"] for m in found), 1)}
    versions = {
        int(metadata["resourceVersion"]) for metadata in found if "resourceVersion" in metadata
    }
    plain = _Plain(uids, sorted(versions), namespace)
    return [{**step._asdict(), "answer": plain(step.answer)} for step in steps]


def _metadata(value: Any) -> Iterator[Object]:
    """Find the metadata of all objects."""
    if isinstance(value, dict):
        if "uid" in value and "creationTimestamp" in value:
            yield value
        for member in value.values():
            yield from _metadata(member)
    elif isinstance(value, list):
        for member in value:
            yield from _metadata(member)


class _Plain:
    """Replaces what is one server's own."""

    def __init__(self, uids: dict[str, int], versions: list[int], namespace: str) -> None:
        self._uids = uids
        self._versions = versions
        self._namespace = namespace

    def __call__(self, value: Any) -> Any:
        if isinstance(value, dict):
            kept = ((key, value[key]) for key in sorted(value) if key != "managedFields")
            return {key: self._member(key, member) for key, member in kept}
        if isinstance(value, list):
            return [self(member) for member in value]
        return self._text(value) if isinstance(value, str) else value

    def _member(self, key: str, value: Any) -> Any:
        if key == "resourceVersion" and value:
            return bisect_right(self._versions, int(value))
        if key == "continue" and value:
            return "TOKEN"
        return self(value)

    def _text(self, text: str) -> str:
        for uid, number in self._uids.items():
            text = text.replace(uid, f"UID-{number}")
        text = TIME.sub("TIME", text.replace(self._namespace, "NAMESPACE"))
        text = VERSION.sub(r"\1 (VERSION)", text)
        return "AGE" if AGE.fullmatch(text) else text
