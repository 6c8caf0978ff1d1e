"""How the body of a watch is read from a real socket: much at once, and nothing else for it."""

import socket
import threading
from collections.abc import Iterator

import pytest

from kwatch._session import Session
from tests.frames import modified
from tests.test_fronts import HEAD, RawServer, chunk, request_of, sends
from tests.test_silence import FRONTS, take

EVENTS = [modified(str(6 + number), f"pod-{number}") for number in range(300)]
VERSIONS = [str(6 + number) for number in range(300)]


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("end", ["cleanly", "in a chunk", "no chunk"])
def test_events_that_came_together_are_taken_together(
    front: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks: list[bytes] = []
    first = threading.Event()
    original = Session.receive_data

    def counted(self: Session, data: bytes) -> Iterator[object]:
        chunks.append(data)
        first.set()
        return original(self, data)

    monkeypatch.setattr(Session, "receive_data", counted)
    tail = {"cleanly": b"0\r\n\r\n", "in a chunk": chunk(EVENTS[-1])[:40], "no chunk": b"hello\r\n"}

    def handler(sock: socket.socket) -> None:
        request_of(sock)
        sock.sendall(HEAD + chunk(EVENTS[0]))
        assert first.wait(5)  # what comes with the head is read by httpx alone
        sock.sendall(b"".join(map(chunk, EVENTS[1:-1])) + tail[end])
        sock.close()

    with RawServer(handler, sends(HEAD, chunk(EVENTS[-1]))) as raw:
        events = take(front, raw.url, len(EVENTS))
    assert [event.resource_version for event in events] == VERSIONS
    assert len(chunks) < len(EVENTS) / 4
