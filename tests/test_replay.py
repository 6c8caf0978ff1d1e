"""`replay`: every whole frame of a file, and never silence about the rest."""

import gc
import gzip
import json
import logging
import math
import os
import tracemalloc
import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import kwatch
from kwatch import DecodeError, Event, EventType, ProtocolError, StreamError
from kwatch import _lines as lines_module
from kwatch._recording import Recorder
from kwatch._replay import Recording
from tests import frames as sent
from tests.front import Clock
from tests.recordings import HEADER, content, record

Json = dict[str, Any]


def pod(version: int) -> Json:
    return {"kind": "Pod", "metadata": {"name": f"pod-{version}", "resourceVersion": str(version)}}


EVENTS = [
    Event(EventType.CREATED, pod(1)),
    Event(EventType.MODIFIED, {**pod(2), "text": "\u2028é😀"}),
    Event(EventType.BOOKMARK, pod(3)),
    Event(EventType.MODIFIED, {**pod(4), "numbers": [10**30, 1e300, float("inf")]}),
    Event(EventType.DELETED, pod(5)),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.kwatch"


def replayed(path: Path) -> list[Event]:
    return list(kwatch.replay(path, allow_bookmarks=True))


def write(path: Path, *lines: Any, header: Any = HEADER.document, end: bytes = b"\n") -> None:
    """Write a recording by hand: what is not bytes is written as JSON."""
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    text = b"\n".join([json.dumps(header).encode(), *texts]) + end
    path.write_bytes(gzip.compress(text))


def line(version: int, seconds: Any = 0.0) -> Json:
    return {"time": seconds, "frame": {"type": "ADDED", "object": pod(version)}}


# What was recorded


def test_what_was_recorded_is_replayed(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record(path, EVENTS)
    assert replayed(path) == EVENTS
    assert replayed(path) == EVENTS
    assert list(kwatch.replay(str(path))) == [e for e in EVENTS if e.event_type != "bookmark"]
    assert all(type(event) is Event for event in kwatch.replay(path))
    assert not caplog.records


def test_a_recording_of_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record(path, [])
    assert replayed(path) == []
    assert not caplog.records


def test_a_recording_has_a_header(path: Path) -> None:
    record(path, EVENTS)
    with Recording.open(path) as recording:
        assert recording.header.resource == "pods"
        assert recording.header.recorded_at.endswith("Z")
        assert list(recording.events(allow_bookmarks=True)) == EVENTS
        assert recording.frames == len(EVENTS)


def test_it_tells_when_each_event_was_recorded(path: Path) -> None:
    """Counted from the header; the first frame came a second after the start."""
    record(path, EVENTS, replace(HEADER, recorded_at="2026-11-25T14:00:00Z"))
    with Recording.open(path) as recording:
        assert recording.now == 1_795_615_200.0
        next(recording.events())
        assert recording.now == 1_795_615_201.0


@pytest.mark.parametrize("recorded_at", ["", "some day"])
def test_the_time_is_not_known_where_the_header_does_not_tell(path: Path, recorded_at: str) -> None:
    write(path, line(1), header={**HEADER.document, "recorded_at": recorded_at})
    with Recording.open(path) as recording:
        assert list(recording.events())
        assert recording.now is None


def test_one_that_was_written_by_hand(path: Path) -> None:
    """With what a later version may add, with blank lines, other line ends, and none at the end."""
    later = {**HEADER.document, "later": 1}
    write(path, b"", {**line(1), "later": 1}, b" ", b"\r", line(2, 5), header=later, end=b"\r\n\n")
    assert [event.resource_version for event in replayed(path)] == ["1", "2"]
    write(path, line(1), line(2), end=b"")
    assert [event.resource_version for event in replayed(path)] == ["1", "2"]


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_chunks_of_any_size(size: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record(path, EVENTS)
    monkeypatch.setattr(lines_module, "CHUNK_BYTES", size)
    assert replayed(path) == EVENTS


def test_events_are_there_before_the_file_has_ended(path: Path) -> None:
    """So that a pipe can be replayed while it is being written."""
    data, ends = in_file(path)
    reading, writing = os.pipe()
    os.write(writing, data[: ends[2]])
    events = kwatch.replay(f"/dev/fd/{reading}", allow_bookmarks=True)
    os.close(reading)
    assert list(islice(events, 2)) == EVENTS[:2]
    os.write(writing, data[ends[2] :])
    os.close(writing)
    assert list(events) == EVENTS[2:]


def test_memory_is_that_of_a_frame(path: Path) -> None:
    """A recording of 50 MB, which compresses to next to nothing."""
    big = {**line(1), "padding": "x" * 500_000}
    write(path, *[json.dumps(big).encode()] * 100)
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in kwatch.replay(path)) == 100
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


# Cut short


def in_file(path: Path) -> tuple[bytes, list[int]]:
    """A recording, and where each of its frames ends."""
    ends = []
    with Recorder.create(path, HEADER, clock=lambda: 0.0, wall_clock=lambda: 0.0) as recorder:
        for event in EVENTS:
            ends.append(path.stat().st_size)
            recorder.write(event)
        ends.append(path.stat().st_size)
    return path.read_bytes(), ends


def whole_lines(data: bytes) -> int:
    return zlib.decompressobj(wbits=31).decompress(data).count(b"\n")


@pytest.mark.parametrize("chunk", [65_536, 1, 64])
def test_a_cut_anywhere_leaves_the_whole_frames_before_it(
    chunk: int,
    path: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, ends = in_file(path)
    monkeypatch.setattr(lines_module, "CHUNK_BYTES", chunk)
    cut = tmp_path / "cut.kwatch"
    for at in range(len(data)):
        cut.write_bytes(data[:at])
        caplog.clear()
        count = whole_lines(data[:at]) - 1
        assert count + 1 >= sum(end <= at for end in ends)
        if count < 0:
            with pytest.raises(DecodeError, match="cut short in its header") as caught:
                kwatch.replay(cut)
            assert str(cut) in str(caught.value)
            assert not caplog.records
        else:
            assert replayed(cut) == EVENTS[:count]
            (record,) = caplog.records
            assert (record.name, record.levelno) == ("kwatch", logging.WARNING)
            assert f"{cut} ends in the middle, after {count} whole frames" in record.getMessage()
            assert "or is still being written" in record.getMessage()
    assert count == len(EVENTS)


# Damaged


def test_a_changed_byte_is_never_passed_in_silence(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each in turn: an error, or a warning, unless it has no meaning, as the time of a gzip."""
    data, _ = in_file(path)
    bad = tmp_path / "bad.kwatch"
    outcomes = set()
    for at in range(len(data)):
        bad.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        caplog.clear()
        events: list[Event] = []
        error: StreamError | None = None
        try:
            for event in kwatch.replay(bad, allow_bookmarks=True):
                events.append(event)  # noqa: PERF402 - what came before an error counts
        except StreamError as raised:
            error = raised
            assert str(bad) in str(error)
        assert error or caplog.records or events == EVENTS
        outcomes.add(type(error))
    assert outcomes >= {DecodeError, type(None)}


@pytest.mark.parametrize("chunk", [65_536, 50])
def test_what_came_before_the_damage_is_replayed(
    chunk: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When zlib fails, it drops what it had: it must not be given too much at once."""
    data, ends = in_file(path)
    monkeypatch.setattr(lines_module, "CHUNK_BYTES", chunk)
    for count, end in enumerate(ends):
        path.write_bytes(data[:end] + b"\xff" * 1000)
        events = kwatch.replay(path, allow_bookmarks=True)
        assert list(islice(events, count)) == EVENTS[:count]
        with pytest.raises(DecodeError, match="the gzip is damaged") as caught:
            next(events)
        assert f"{path}, frame {count + 1}: " in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "error", "says"),
    [
        (b'{"time":1,"frame":{"type":"ADDED","obj', DecodeError, "JSON"),
        (b"<html>", DecodeError, "JSON"),
        (b"[]", ProtocolError, "expected a frame with its time, got a value of type list"),
        ({"time": 1}, ProtocolError, "expected a frame with its time"),
        ({"time": 1, "frame": None}, ProtocolError, "expected a watch event, got"),
        ({"time": 1, "frame": {"type": "NEW", "object": {}}}, ProtocolError, "type 'NEW'"),
        ({"time": 1, "frame": json.loads(sent.error(500))}, ProtocolError, "error of the server"),
        ({"frame": line(1)["frame"]}, ProtocolError, "the time of a frame"),
        (line(1, "1"), ProtocolError, "the time of a frame"),
        (line(1, True), ProtocolError, "the time of a frame"),
        (line(1, -1), ProtocolError, "the time of a frame"),
        (line(1, math.inf), DecodeError, "JSON"),
        (line(1, math.nan), DecodeError, "JSON"),
        (b'{"time":1e400,"frame":{}}', ProtocolError, "the time of a frame"),
    ],
)
def test_a_line_that_is_no_frame(bad: Any, error: type[StreamError], says: str, path: Path) -> None:
    write(path, line(1), line(2), bad, line(3))
    events = kwatch.replay(path)
    assert [event.resource_version for event in islice(events, 2)] == ["1", "2"]
    with pytest.raises(error, match=says) as caught:
        next(events)
    assert f"{path}, frame 3: " in str(caught.value)
    assert list(events) == []


@pytest.mark.parametrize("chunk", [65_536, 1])
@pytest.mark.parametrize(
    "more", [b"\0", b"x", gzip.compress(b"{}\n")], ids=["zero", "text", "gzip"]
)
def test_something_after_the_end(
    more: bytes, chunk: int, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two recordings are not one."""
    monkeypatch.setattr(lines_module, "CHUNK_BYTES", chunk)
    record(path, EVENTS)
    with path.open("ab") as file:
        file.write(more)
    events = kwatch.replay(path, allow_bookmarks=True)
    assert list(islice(events, 5)) == EVENTS
    with pytest.raises(DecodeError, match="something follows the end of the gzip"):
        next(events)


def test_a_line_without_an_end_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_DOCUMENT_BYTES", 100_000)
    write(path, line(1), b"x" * 10_000_000)
    events = kwatch.replay(path)
    assert next(events).resource_version == "1"
    with pytest.raises(DecodeError, match=r"frame 2: a line is longer than 100000 bytes"):
        next(events)


# The wrong file


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", DecodeError, "expected a recording, got one that was cut short in its header"),
        (b"apiVersion: v1\nhunter2", DecodeError, "expected a recording, which is gzip, got"),
        (gzip.compress(b""), ProtocolError, "expected the header of a recording, got nothing"),
        (gzip.compress(b"hunter2\n"), DecodeError, "JSON"),
        (gzip.compress(b"[]\n"), ProtocolError, "expected the header of a recording, got a value"),
        (gzip.compress(b'{"kind":"Pod"}\n'), ProtocolError, "got an object with kind 'Pod'"),
        (
            gzip.compress(b'{"kwatch":true,"server":"","resource":"","path":""}\n'),
            ProtocolError,
            "the keys",
        ),
        (gzip.compress(b'{"kwatch":2}\n'), ProtocolError, "got one of format 2, .* newer kwatch"),
        (gzip.compress(b'{"kwatch":0}\n'), ProtocolError, "got one of format 0"),
        (gzip.compress(b'{"kwatch":1}\n'), ProtocolError, "header of a recording: .*'server'"),
        (
            gzip.compress(b'{"kwatch":1,"server":"","resource":1,"path":""}\n'),
            ProtocolError,
            "expected resource as a str, got a int",
        ),
    ],
    ids=[
        "empty",
        "text",
        "no header",
        "no JSON",
        "no object",
        "another object",
        "no number",
        "newer",
        "older",
        "no field",
        "wrong type",
    ],
)
def test_a_wrong_file_is_refused_at_the_call(
    data: bytes, error: type[StreamError], says: str, path: Path
) -> None:
    path.write_bytes(data)
    with pytest.raises(error, match=says) as caught:
        kwatch.replay(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "hunter2" not in str(caught.value)
    del caught
    gc.collect()  # a file that was left open would be a warning, and an error


def test_a_file_that_cannot_be_read_is_refused_at_the_call(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"some\.kwatch"):
        kwatch.replay(path)
    path.mkdir()
    with pytest.raises(IsADirectoryError, match=r"some\.kwatch"):
        kwatch.replay(path)


@pytest.mark.parametrize("bad", [None, 7, b"some.kwatch", ["some.kwatch"]])
def test_a_path_of_the_wrong_type_is_refused_at_the_call(bad: Any) -> None:
    with pytest.raises(TypeError, match=r"expected path as a str or an os\.PathLike, got"):
        kwatch.replay(bad)


@pytest.mark.parametrize(
    ("speed", "error", "says"),
    [
        (0, ValueError, "expected speed greater than 0, got 0"),
        (-1.0, ValueError, "expected speed greater than 0, got -1.0"),
        (math.nan, ValueError, "expected speed greater than 0, got nan"),
        (True, TypeError, "expected speed as a number or None, got True"),
        ("2", TypeError, "expected speed as a number or None, got '2'"),
    ],
)
def test_a_wrong_speed_is_refused_at_the_call(
    speed: Any, error: type[Exception], says: str, path: Path
) -> None:
    with pytest.raises(error, match=says):
        kwatch.replay(path, speed)
    record(path, EVENTS)
    with Recording.open(path) as recording, pytest.raises(error, match=says):
        recording.events(speed)


# The speed


def paced(path: Path, clock: Clock, speed: float | None, **options: Any) -> Iterator[Event]:
    return Recording.open(path).events(speed, clock=clock, sleep=clock.sleep, **options)


@pytest.mark.parametrize(
    ("speed", "sleeps"), [(1, [1, 1, 2, 1]), (2.0, [0.5, 0.5, 1, 0.5]), (0.25, [4, 4, 8, 4])]
)
def test_events_come_as_they_came(speed: float, sleeps: list[float], path: Path) -> None:
    """A bookmark that is not yielded is not waited for."""
    record(path, EVENTS)
    clock = Clock()
    assert len(list(paced(path, clock, speed))) == 4
    assert clock.sleeps == sleeps
    clock = Clock()
    assert list(paced(path, clock, speed, allow_bookmarks=True)) == EVENTS
    assert clock.sleeps == [1 / speed] * 5


@pytest.mark.parametrize("speed", [None, math.inf])
def test_without_a_speed_nothing_is_waited_for(speed: float | None, path: Path) -> None:
    record(path, EVENTS)
    clock = Clock()
    assert len(list(paced(path, clock, speed))) == 4
    assert clock.sleeps == []


def test_a_slow_consumer_delays_nothing_that_follows(path: Path) -> None:
    """What it has missed comes at once, and then all at its own time."""
    record(path, EVENTS)
    clock = Clock()
    moments = []
    for _ in paced(path, clock, 1.0, allow_bookmarks=True):
        moments.append(clock.now - 1000)
        clock.now += 2.25 if len(moments) == 1 else 0.25
    assert moments == [1, 3.25, 3.5, 4, 5]


def test_the_time_begins_when_the_first_event_is_asked_for(path: Path) -> None:
    record(path, EVENTS)
    clock = Clock()
    events = paced(path, clock, 1.0)
    clock.now += 100
    next(events)
    assert clock.sleeps == [1]


def test_times_that_go_back_and_times_beyond_all_clocks(path: Path) -> None:
    write(path, line(1, 5), line(2, 3), line(3, 5.5), line(4, 999_999_999_999))
    clock = Clock()
    assert len(list(paced(path, clock, 1e-300))) == 4
    assert max(clock.sleeps) == 1e9
    clock = Clock()
    assert len(list(paced(path, clock, 1))) == 4
    assert clock.sleeps == [5, 0.5, 1e9]


def test_the_real_clock(path: Path) -> None:
    record(path, EVENTS)
    assert len(list(kwatch.replay(path, speed=1000))) == 4


# The end


def open_files(path: Path) -> int:
    descriptors = (f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd"))
    return sum(os.path.realpath(name) == str(path.resolve()) for name in descriptors)


PROC = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system has no /proc")


@PROC
@pytest.mark.parametrize("count", [0, 1, 4])
def test_the_file_is_closed_on_every_way_out(count: int, path: Path) -> None:
    record(path, EVENTS)
    events = kwatch.replay(path)
    assert open_files(path) == 1
    assert len(list(islice(events, count))) == count
    events.close()
    assert open_files(path) == 0
    events = kwatch.replay(path)
    next(events)
    del events
    gc.collect()
    assert open_files(path) == 0
    list(kwatch.replay(path))
    assert open_files(path) == 0


@PROC
def test_a_recording_is_a_context(path: Path) -> None:
    record(path, EVENTS)
    with Recording.open(path) as recording:
        assert content(path).startswith(b'{"kwatch":1,')
    assert open_files(path) == 0
    recording.close()
