"""How the body of a watch is read from a real socket: much at once, and nothing else for it."""

import socket
import threading
from collections.abc import Iterator

import anyio
import httpx
import pytest

from kwatch._awire import Wire as AsyncWire
from kwatch._http import Request
from kwatch._session import Session
from kwatch._wire import Wire
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


LOG = b"".join(map(chunk, EVENTS[:4]))
"""The text of a log, in which somebody has recorded a watch."""


@pytest.mark.parametrize("front", FRONTS)
def test_what_is_no_more_of_the_body_is_left_alone(front: str) -> None:
    """When a body has ended, the connection may be used again at once, by a handler say."""
    keep = b"Connection: keep-alive\r\n"

    def handler(sock: socket.socket) -> None:
        request_of(sock)
        sock.sendall(HEAD.replace(b"Transfer", keep + b"Transfer") + chunk(b"{}") + b"0\r\n\r\n")
        request_of(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (keep, len(LOG)) + LOG)

    with RawServer(handler) as raw:
        if front.startswith("watch"):
            with httpx.Client(base_url=raw.url) as client, Wire(client).open(*LIST) as answer:
                assert b"".join(answer[2]) == b"{}"
                assert client.get("/log").content == LOG
        else:
            anyio.run(_get_log, raw.url, backend=front.partition("-")[2])


LIST = Request("/list"), lambda: 5.0


async def _get_log(url: str) -> None:
    async with (
        httpx.AsyncClient(base_url=url) as client,
        AsyncWire(client).open(*LIST) as answer,
    ):
        assert b"".join([chunk async for chunk in answer[2]]) == b"{}"
        assert (await client.get("/log")).content == LOG
