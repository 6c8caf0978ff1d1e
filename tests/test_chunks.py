"""`Chunks`: the same body in fewer chunks, whatever a read brings."""

from collections.abc import Iterable, Iterator

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwatch._chunks import FULL_READ_BYTES, LARGE_BYTES, READ_BYTES, Chunks

EVENTS = [
    b'{"type":"ADDED","object":{"a":"}\\n1f"}}\n',
    b'{"type":"BOOKMARK","object":{}}\n',
    b'{"type":"MODIFIED","object":{"a":"' + b"x" * 300 + b'"}}\n',
    b'{"type":"DELETED","object":null}\n',
]


def chunk(data: bytes, size: str = "{:x}") -> bytes:
    return size.format(len(data)).encode() + b"\r\n" + data + b"\r\n"


def parsed(reads: Iterable[bytes]) -> list[bytes]:
    """Give the parts of a body, as h11 takes them out of what is read; b"" ends a whole one."""
    return list(_parsed(reads))


def _parsed(reads: Iterable[bytes]) -> Iterator[bytes]:
    connection = h11.Connection(our_role=h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    connection.receive_data(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert isinstance(connection.next_event(), h11.Response)
    for data in reads:
        connection.receive_data(data)
        while (event := connection.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.EndOfMessage):
                yield b""
                return
            assert isinstance(event, h11.Data)
            yield bytes(event.data)


def split(data: bytes, *places: int) -> list[bytes]:
    return [data[i:j] for i, j in zip((0, *places), (*places, len(data)), strict=True)]


def seen(reads: Iterable[bytes], *, merging: bool = True) -> list[bytes]:
    """Give what httpx is to see of what is read; the end that it sees is not among it."""
    chunks = Chunks(merging=merging)
    found = []
    for data in reads:
        found.append(chunks.receive_data(data))
        assert found[-1], "httpx would take that for the end"
    while rest := chunks.receive_data(b""):
        found.append(rest)
    return found


def test_events_of_one_read_become_one_chunk() -> None:
    whole = b"".join(EVENTS[1:])
    assert seen([b"".join(map(chunk, EVENTS))]) == [chunk(EVENTS[0]) + chunk(whole)]


def test_from_one_read_to_the_next_nothing_is_in_pieces() -> None:
    one, other = b"".join(map(chunk, EVENTS)), b"".join(map(chunk, EVENTS * 3))
    for at in range(len(one)):
        parts = parsed(seen([chunk(EVENTS[0]) * 2 + one[:at], one[at:] + other]))
        assert len(parts) == 3 or one[:at].endswith((b"}\n", b"}\n\r"))
        if len(parts) == 3:
            assert all(part.endswith(b"\n") for part in parts)


@pytest.mark.parametrize("last", [*EVENTS, b"".join(EVENTS), EVENTS[0] + b'{"type":'])
def test_no_event_that_is_whole_is_held_back(last: bytes) -> None:
    body = chunk(EVENTS[0]) * 2 + chunk(last)
    for at in range(len(chunk(EVENTS[0]) * 2), len(body)):
        chunks = Chunks(merging=True)
        given = b"".join(parsed([chunks.receive_data(body[:at])]))
        assert given.count(b"\n") == b"".join(parsed([body[:at]])).count(b"\n")


def test_no_event_waits_for_the_end_of_its_chunk() -> None:
    """Some servers write it together with the next chunk."""
    chunks = Chunks(merging=True)
    head = chunk(EVENTS[2]).removesuffix(b"\r\n")
    reads = [head + b"\r\n" + head, b"\r\n" + head, b"\r\n" + head, b"\r\n0\r\n\r\n"]
    given = [chunks.receive_data(data) for data in reads]
    assert [data.count(b"}}\n") for data in given] == [2, 1, 1, 0]


def test_a_cut_gives_what_came() -> None:
    head = chunk(EVENTS[0]) + chunk(EVENTS[1])
    for at in range(len(chunk(EVENTS[2]))):
        body = head + chunk(EVENTS[2])[:at]
        assert b"".join(seen([body])) == body


def test_each_split_of_a_body_gives_the_same_bytes() -> None:
    body = b"".join(map(chunk, EVENTS)) + chunk(b"")
    for first in range(1, len(body)):
        for second in (first + 1, first + 7, first + 60, first + 350):
            if second < len(body):
                parts = parsed(seen(split(body, first, second)))
                assert b"".join(parts) == b"".join(EVENTS)
                assert parts[-1] == b""


BODIES = st.lists(
    st.sampled_from([*EVENTS, b'{"type":', b"}\n", b"\n", b"7", b"{}\r\n", b"x" * LARGE_BYTES]),
    max_size=9,
)


@settings(derandomize=True, deadline=None)
@given(
    BODIES, st.lists(st.integers(0, 2_000), max_size=7), st.sampled_from(["{:x}", "{:X}", "{:04x}"])
)
def test_any_chunks_give_the_same_bytes(
    payloads: list[bytes], places: list[int], size: str
) -> None:
    body = b"".join(chunk(payload, size) for payload in payloads) + b"0\r\n\r\n"
    reads = [data for data in split(body, *sorted(place % len(body) for place in places)) if data]
    parts = parsed(seen(reads))
    assert b"".join(parts) == b"".join(payloads)
    assert parts[-1] == b""


@pytest.mark.parametrize(
    "rest",
    [
        b"0\r\n\r\n",
        b"0\r\nTrailer: x\r\n\r\n",
        b"5;extension=1\r\nhello\r\n",
        b"fffffffff\r\n",
        b"-5\r\nhello\r\n",
        b"5\r\nhello!\r\n",
        b"5\r!",
        b"zz\r\n",
        chunk(b"x" * LARGE_BYTES),
        chunk(b"x" * LARGE_BYTES)[:-3],
    ],
)
def test_what_follows_the_events_stays_as_it_is(rest: bytes) -> None:
    head = chunk(EVENTS[0])
    found = seen([head + chunk(EVENTS[1]) + chunk(EVENTS[3]) + rest])
    assert found == [head + chunk(EVENTS[1] + EVENTS[3]) + rest]


@pytest.mark.parametrize(
    "data",
    [
        chunk(EVENTS[0]),
        chunk(EVENTS[0]) + chunk(EVENTS[1]),
        chunk(EVENTS[0]) + chunk(b' {"type":"ADDED"}\n') * 2,
        b'{"kind":"PodList"}\n\r\n',
        b"}\n\r\n",
        EVENTS[2] * 5,
    ],
)
def test_anything_else_stays_as_it_is(data: bytes) -> None:
    assert seen([data]) == [data]


def test_a_body_without_chunks_stays_as_it_is() -> None:
    body = b"".join(map(chunk, EVENTS))
    assert seen([body, body], merging=False) == [body, body]


def test_more_is_asked_for_where_much_came() -> None:
    chunks = Chunks(merging=True)
    sizes = []
    for size in (1, READ_BYTES, FULL_READ_BYTES, FULL_READ_BYTES - 1, READ_BYTES - 1):
        chunks.receive_data(b"x" * size)
        sizes.append(chunks.read_bytes)
    assert sizes == [READ_BYTES, FULL_READ_BYTES, FULL_READ_BYTES, FULL_READ_BYTES, READ_BYTES]
