"""`Recorder`: what a watch yields, in the bytes that the server sent; whatever happens then."""

import errno
import gc
import gzip
import json
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest

import kwatch
from kwatch import DecodeError, Event, EventType
from kwatch._header import Header
from kwatch._recording import Recorder
from kwatch.testing import FakeAPIServer
from tests import frames as sent
from tests.front import Front, Script
from tests.recorded import load
from tests.recordings import HEADER, content, exact, frames, header_of, record

POD = Event(EventType.CREATED, {"kind": "Pod", "metadata": {"name": "a", "resourceVersion": "1"}})
ANOTHER = Event(
    EventType.CREATED, {**POD.obj, "a": sha256(b"that does not become shorter").hexdigest()}
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.kwatch"


def recorded(
    front: Front, script: Script, path: Path, header: Header = HEADER, **options: Any
) -> list[Event]:
    """Record a watch over a script; see that a replay gives what it gave."""
    with Recorder.create(path, header) as recorder:
        run = front.run(script, loads=recorder.loads, allow_bookmarks=True, **options)
        for event in run.events:
            recorder.write(event)
    assert recorder.frames == len(run.events) > 0
    assert exact(kwatch.replay(path, allow_bookmarks=True)) == exact(run.events)
    return run.events


def raw(path: Path) -> list[bytes]:
    """The frames that are the server's own."""
    return [frame for _, made, frame in frames(path) if not made]


# Byte for byte


def test_odd_objects_are_recorded_byte_for_byte(front: Front, path: Path) -> None:
    """1e+300, integers beyond 64 bits, U+2028, U+0085, an emoji, 9,000 levels of nesting."""
    body = load("widgets-odd-objects-1.36").body + sent.bookmark("10")
    recorded(front, Script(sent.watched(body)), path, resource_version="0")
    assert raw(path) == body.rstrip(b"\n").split(b"\n")
    run = front.run(Script(sent.watched(body)), resource_version="0")
    assert exact(kwatch.replay(path)) == exact(run.events)


@pytest.mark.parametrize("name", ["pods-watch-1.36", "pods-watch-1.20"])
def test_recorded_watches_are_recorded_byte_for_byte(name: str, path: Path) -> None:
    body = load(name).body
    events = recorded(Front("watch"), Script(sent.watched(body)), path, resource_version="1")
    assert len(events) > 2
    assert raw(path) == body.rstrip(b"\n").split(b"\n")


def test_a_streaming_list_is_recorded_byte_for_byte(path: Path) -> None:
    body = load("pods-watchlist-1.36").body
    script = Script(sent.watched(body))
    recorded(Front("watch"), script, path, send_initial_events=True)
    assert raw(path) == body.rstrip(b"\n").split(b"\n")


def test_what_json_allows_between_and_in_its_tokens_stays(path: Path) -> None:
    odd = (
        b'{ "type":"ADDED",\t"extra":1E400, "object":{"metadata":{"resourceVersion":"7"},'
        b'"a":[1.00,-0,1e400,12345678901234567890123],'
        b'"\\u0061":"\\u2028\xe2\x80\xa8\xc2\x85","z":{}} }'
    )
    recorded(Front("watch"), Script(sent.watched(odd + b" \r\n")), path, resource_version="1")
    assert raw(path) == [odd]


def test_what_the_watch_swallows_is_not_recorded(front: Front, path: Path) -> None:
    """A recording is the healed stream: a repeated frame, and one cut short, are not in it."""
    script = Script(
        sent.watched(sent.added("5"), sent.added("6", "b")[:40], sent.CUT),
        sent.watched(sent.added("5"), sent.added("6", "b")),
    )
    recorded(front, script, path, resource_version="4")
    assert raw(path) == [sent.added("5").strip(), sent.added("6", "b").strip()]


def test_an_object_that_a_relist_streams_is_recorded_as_what_it_was_to_the_watch(
    front: Front, path: Path
) -> None:
    """The server says ADDED of all that exists; the watch tells what has changed."""
    script = Script(
        sent.watched(sent.added("5"), sent.added("6", "b"), sent.initial_end("6")),
        sent.watched(sent.error(410, "Expired")),
        sent.listed("9", sent.obj("8"), sent.obj("9", "c")),
        sent.watched(sent.added("10", "d")),
    )
    events = recorded(front, script, path, send_initial_events=True)
    kinds = [str(event_type) for event_type, _ in events]
    assert kinds[3:] == ["modified", "created", "deleted", "bookmark", "created"]
    assert [made for _, made, _ in frames(path)] == [False] * 3 + [True] * 4 + [False]


def test_a_frame_of_another_type_than_the_event_is_made(path: Path) -> None:
    with Recorder.create(path, HEADER) as recorder:
        document = recorder.loads(sent.added("5"))
        recorder.write(Event(EventType.MODIFIED, document["object"]))
    assert frames(path)[0][1:] == (True, sent.modified("5").strip())
    (event,) = kwatch.replay(path)
    assert event == ("modified", document["object"])


# Against a server


def changes(server: FakeAPIServer, events: Iterator[Event]) -> Iterator[Event]:
    """What a watch gives while the server forgets what it did: a start, a gap, a relist, and on."""
    yield from islice(events, 4)
    server.disconnect()
    server.delete("Pod", "a")
    server.patch("Pod", "b", status={"phase": "Running"})
    server.create("Pod", "d")
    server.compact()
    yield from islice(events, 4)
    server.create("Pod", "e")
    yield from islice(events, 1)


@pytest.mark.parametrize("watch_list", [True, False])
def test_a_start_a_relist_and_what_follows(watch_list: bool, path: Path) -> None:
    """By a streaming list and by pages: a replay gives what the watch gave."""
    seen = []
    with (
        FakeAPIServer(watch_list=watch_list) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        for name in "abc":
            server.create("Pod", name)
        with Recorder.create(path, HEADER) as recorder:
            events = kwatch.watch(
                client,
                "Pod",
                send_initial_events=True,
                allow_bookmarks=True,
                loads=recorder.loads,
            )
            for event in changes(server, events):
                recorder.write(event)
                seen.append((event.event_type, event.obj["metadata"].get("name")))
                assert replayed(path)[-1] == event
            events.close()
    assert seen[:4] == [*(("created", name) for name in "abc"), ("bookmark", None)]
    assert sorted(seen[4:7]) == [("created", "d"), ("deleted", "a"), ("modified", "b")]
    assert seen[7:] == [("bookmark", None), ("created", "e")]
    assert [made for _, made, _ in frames(path)][:3] == [not watch_list] * 3
    assert not frames(path)[-1][1]
    assert len(list(kwatch.replay(path, allow_bookmarks=True))) == len(seen)
    assert len(list(kwatch.replay(path))) == len(seen) - 2


def replayed(path: Path) -> list[Event]:
    """Replay what is still being written."""
    return list(kwatch.replay(path, allow_bookmarks=True))


def test_several_namespaces_are_recorded_byte_for_byte(path: Path) -> None:
    """They are decoded in a thread each, and written in another."""
    with FakeAPIServer() as server, httpx.Client(base_url=server.url) as client:
        for n in range(20):
            server.create("Pod", f"pod-{n}", namespace="one" if n % 2 else "two")
        header = Header(**{**fields(HEADER), "namespace": ["one", "two"]})
        with Recorder.create(path, header) as recorder:
            events = kwatch.watch(
                client,
                "Pod",
                namespace=["one", "two"],
                send_initial_events=True,
                loads=recorder.loads,
            )
            seen = list(islice(events, 20))
            events.close()
            for event in seen:
                recorder.write(event)
    assert len(raw(path)) == 20
    assert list(kwatch.replay(path)) == seen
    assert header_of(path)["namespace"] == ["one", "two"]


def fields(header: Header) -> dict[str, Any]:
    return {name: value for name, value in header.document.items() if name != "kwatch"}


# What is made


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        float("inf"),
        float("-inf"),
        -0.0,
        0.1,
        10**4000,
        '\u2028\x85\x7f\0"\\\n😀',
        nested(9_000),
        {"": {"b": None, "a": [True, False]}},
    ],
    ids=["infinite", "-infinite", "-0", "0.1", "integer", "text", "deep", "keys"],
)
def test_what_has_no_frame_is_made_exactly(value: Any, path: Path) -> None:
    obj = {"value": value, "metadata": {"name": "a", "resourceVersion": "1"}}
    record(path, [Event(event_type, obj) for event_type in EventType])
    assert [made for _, made, _ in frames(path)] == [True] * 4
    assert exact(kwatch.replay(path, allow_bookmarks=True)) == exact(
        Event(event_type, obj) for event_type in EventType
    )


def test_half_a_surrogate_pair_becomes_an_escape(path: Path) -> None:
    """UTF-8 has none; no server sends one, and `Decoder` may give another character."""
    record(path, [Event(EventType.CREATED, {**POD.obj, "a": "\ud800!"})])
    assert b'"a":"\\ud800!"' in frames(path)[0][2]
    (event,) = kwatch.replay(path)
    assert event.obj["metadata"] == POD.obj["metadata"]


# Secrets

SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {
        "name": "db",
        "namespace": "default",
        "resourceVersion": "5",
        "uid": "u",
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": '{"data":{"password":"hunter2"}}',
            "owner": "me",
        },
    },
    "type": "Opaque",
    "data": {"password": "hunter2", "empty": None},
    "stringData": {"user": "hunter2"},
}
SECRETS = Header(server="https://kube.test", resource="secrets", path="/api/v1/secrets")


def without(obj: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in obj.items() if key not in names}


PARTIAL = without(SECRET, "apiVersion", "kind", "type", "data", "stringData")


@pytest.mark.parametrize("header", [HEADER, SECRETS], ids=["pods", "secrets"])
@pytest.mark.parametrize("event_type", EventType)
def test_the_values_of_a_secret_are_never_written(
    event_type: EventType, header: Header, path: Path
) -> None:
    """By the kind of the object, whatever the header says that was recorded."""
    record(path, [Event(event_type, SECRET)], header)
    assert b"hunter2" not in content(path)
    assert b"last-applied" not in content(path)
    (event,) = kwatch.replay(path, allow_bookmarks=True)
    assert event.event_type is event_type
    assert event.obj["data"] == {"password": "", "empty": ""}
    assert event.obj["stringData"] == {"user": ""}
    assert event.obj["metadata"] == {**SECRET["metadata"], "annotations": {"owner": "me"}}
    assert without(event.obj, "data", "stringData", "metadata") == without(
        SECRET, "data", "stringData", "metadata"
    )


@pytest.mark.parametrize(
    "obj",
    [
        without(SECRET, "apiVersion"),
        without(SECRET, "apiVersion", "kind"),
        {**PARTIAL, "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata"},
        {**SECRET, "data": "hunter2", "stringData": ["hunter2"]},
        {**SECRET, "metadata": {**SECRET["metadata"], "annotations": None}},
    ],
    ids=["no version", "no kind", "metadata alone", "no mapping", "no annotations"],
)
@pytest.mark.parametrize(
    "header",
    [
        SECRETS,
        Header(server="", resource="secrets", path="?"),
        Header(server="", resource="?", path="/api/v1/secrets"),
        Header(server="", resource="?", path="/api/v1/namespaces/{namespace}/secrets"),
        Header(server="", resource="?", path="/api/v1/namespaces/secrets/secrets"),
    ],
    ids=["both", "resource", "path", "path with a namespace", "namespace"],
)
def test_nor_are_those_of_an_object_that_does_not_say_what_it_is(
    obj: dict[str, Any], header: Header, path: Path
) -> None:
    record(path, [Event(EventType.CREATED, obj)], header)
    assert b"hunter2" not in content(path)
    (event,) = kwatch.replay(path)
    assert event.obj["metadata"]["name"] == "db"


@pytest.mark.parametrize("metadata_only", [False, True])
@pytest.mark.parametrize("start", ["stream", "list"])
def test_a_watch_of_secrets(start: str, metadata_only: bool, front: Front, path: Path) -> None:
    last = {**SECRET, "metadata": {**SECRET["metadata"], "resourceVersion": "6"}}
    what_follows = sent.frame("MODIFIED", last)
    if start == "stream":
        answers = [
            sent.watched(sent.frame("ADDED", SECRET), sent.initial_end("5"), what_follows),
        ]
    else:
        answers = [
            sent.refusal(422, "Invalid"),
            sent.listed("5", SECRET),
            sent.watched(what_follows),
        ]
    with Recorder.create(path, SECRETS) as recorder:
        run = front.run(
            Script(*answers),
            resource_path="/api/v1/secrets",
            send_initial_events=True,
            metadata_only=metadata_only,
            loads=recorder.loads,
        )
        for event in run.events:
            recorder.write(event)
    assert run.changes == [("created", "db", "5"), ("modified", "db", "6")]
    assert b"hunter2" not in content(path)
    assert [e.event_type for e in kwatch.replay(path)] == ["created", "modified"]


def test_a_secret_without_a_version_is_one(path: Path) -> None:
    record(path, [Event(EventType.CREATED, without(SECRET, "apiVersion"))])
    assert b"hunter2" not in content(path)


def test_a_custom_resource_of_that_name_is_like_any_other(path: Path) -> None:
    line = sent.frame("ADDED", {**SECRET, "apiVersion": "example.com/v1"})
    with Recorder.create(path, HEADER) as recorder:
        recorder.write(kwatch.parse_event(recorder.loads(line)))
    assert raw(path) == [line.strip()]


# The header


def test_the_header(path: Path) -> None:
    header = Header(
        server="https://kube.test:6443/k8s/clusters/c-1",
        resource="deployments.apps",
        path="/apis/apps/v1/namespaces/shop/deployments",
        namespace="shop",
        label_selector="app=web",
        field_selector="metadata.name=web",
        server_version="v1.36.0",
    )
    with Recorder.create(path, header, wall_clock=lambda: 1_800_000_000.9) as recorder:
        assert recorder.header.recorded_at == "2027-01-15T08:00:00Z"
    assert list(header_of(path).items()) == [
        ("kwatch", 1),
        ("server", "https://kube.test:6443/k8s/clusters/c-1"),
        ("resource", "deployments.apps"),
        ("path", "/apis/apps/v1/namespaces/shop/deployments"),
        ("namespace", "shop"),
        ("label_selector", "app=web"),
        ("field_selector", "metadata.name=web"),
        ("server_version", "v1.36.0"),
        ("recorded_at", "2027-01-15T08:00:00Z"),
    ]


@pytest.mark.parametrize(
    ("server", "bare"),
    [
        ("https://me:hunter2@kube.test:6443/x?token=hunter2#hunter2", "https://kube.test:6443/x"),
        ("https://me:p@hunter2@[::1]:6443", "https://[::1]:6443"),
        ("https://hunter2@kube.test", "https://kube.test"),
        ("http://127.0.0.1:8001/", "http://127.0.0.1:8001/"),
    ],
)
def test_no_credential_in_the_url_of_the_server_is_kept(server: str, bare: str) -> None:
    assert Header(server=server, resource="pods", path="/api/v1/pods").server == bare


def test_a_url_that_is_none_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="URL of a server") as caught:
        Header(server="https://me:hunter2@[kube", resource="pods", path="/api/v1/pods")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("name", ["server", "resource", "path", "namespace", "label_selector"])
def test_a_header_of_the_wrong_type_is_named(name: str) -> None:
    with pytest.raises(TypeError, match=f"expected {name} as a str, got a int"):
        Header(**{**fields(HEADER), name: 5})
    with pytest.raises(TypeError, match="expected namespace as a str, got a NoneType"):
        Header(**{**fields(HEADER), "namespace": ["a", None]})


def test_the_time_is_since_the_start_and_never_negative(path: Path) -> None:
    moments = iter([100.0, 100.25, 99.0, 1_000_100.1234567])
    with Recorder.create(path, HEADER, clock=lambda: next(moments)) as recorder:
        for _ in range(3):
            recorder.write(POD)
    assert [seconds for seconds, _, _ in frames(path)] == [0.25, 0.0, 1_000_000.123457]


# The file


def test_the_file_is_one_gzip_and_its_owners(path: Path) -> None:
    before = os.umask(0)
    try:
        record(path, [POD, POD])
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert gzip.decompress(path.read_bytes()) == content(path)
    assert content(path).count(b"\n") == 3


@pytest.mark.parametrize("what", ["file", "link", "directory"])
def test_what_is_there_is_not_overwritten_unasked(what: str, path: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    if what == "file":
        path.write_text("mine")
    elif what == "link":
        path.symlink_to(target)
    else:
        path.mkdir()
    with pytest.raises(FileExistsError, match="not overwritten unasked") as caught:
        Recorder.create(path, HEADER)
    assert caught.value.filename == str(path)
    assert caught.value.errno == errno.EEXIST
    assert what != "file" or path.read_text() == "mine"
    assert not target.exists()


def test_overwriting_leaves_nothing_of_the_file_and_of_its_mode(path: Path) -> None:
    path.write_text("mine" * 1000)
    path.chmod(0o644)
    with Recorder.create(path, HEADER, overwrite=True) as recorder:
        recorder.write(POD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(kwatch.replay(path)) == [POD]


def test_a_file_of_somebody_else_is_not_left_open(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.touch()

    def chmod(*_: object) -> None:
        raise PermissionError(errno.EPERM, "not yours", str(path))

    monkeypatch.setattr(Path, "chmod", chmod)
    with pytest.raises(PermissionError, match="not yours"):
        Recorder.create(path, HEADER, overwrite=True)
    gc.collect()  # a file that is still open warns, and that is an error


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Recorder.create(tmp_path / "nowhere" / "some.kwatch", HEADER)
    with pytest.raises(TypeError):
        Recorder.create(7, HEADER)  # type: ignore[arg-type]


def test_each_frame_is_in_the_file_at_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Recorder.create(str(path), HEADER) as recorder:
        for count in range(1, 5):
            recorder.write(POD)
            assert recorder.frames == count
            assert list(kwatch.replay(path)) == [POD] * count
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 4
    caplog.clear()
    assert list(kwatch.replay(path)) == [POD] * 4
    assert not caplog.records


def test_closing_twice_changes_nothing(path: Path) -> None:
    with Recorder.create(path, HEADER) as recorder:
        recorder.close()
    size = path.stat().st_size
    recorder.close()
    assert path.stat().st_size == size
    assert list(kwatch.replay(path)) == []


def test_it_is_ended_when_the_consumer_fails(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def consume() -> None:
        with Recorder.create(path, HEADER) as recorder:
            recorder.write(POD)
            raise LookupError

    with pytest.raises(LookupError):
        consume()
    assert list(kwatch.replay(path)) == [POD]
    assert not caplog.records


# What goes wrong


@contextmanager
def room(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_raised_at_once_and_leaves_what_was_written(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder.create(path, HEADER)
    recorder.write(POD)
    recorder.write(POD)
    with room(path.stat().st_size + 9):
        with pytest.raises(OSError, match=r"some\.kwatch") as caught:
            recorder.write(ANOTHER)
        assert caught.value.errno == errno.EFBIG
        assert caught.value.filename == str(path)
    assert recorder.frames == 2
    size = path.stat().st_size
    with pytest.raises(OSError, match=r"an earlier write.*some\.kwatch"):
        recorder.write(POD)
    recorder.close()
    assert path.stat().st_size == size
    assert list(kwatch.replay(path)) == [POD, POD]
    assert "after 2 whole frames" in caplog.text


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_is_full_from_the_start() -> None:
    """It is no regular file, and stays as it is."""
    mode = os.stat("/dev/full").st_mode
    with pytest.raises(OSError, match="/dev/full") as caught:
        Recorder.create("/dev/full", HEADER, overwrite=True)
    assert caught.value.errno == errno.ENOSPC
    assert os.stat("/dev/full").st_mode == mode


def test_a_disk_that_is_full_at_the_end(path: Path) -> None:
    recorder = Recorder.create(path, HEADER)
    recorder.write(POD)
    with room(path.stat().st_size), pytest.raises(OSError, match=r"some\.kwatch"):
        recorder.close()
    recorder.close()
    assert list(kwatch.replay(path)) == [POD]


class Slow(FileIO):
    """Takes three bytes at a time; and then is interrupted, as by Ctrl-C."""

    patience = 10**9

    def write(self, data: Any, /) -> int:
        self.patience -= 1
        if not self.patience:
            raise KeyboardInterrupt
        return super().write(bytes(data)[:3])


def test_what_the_system_takes_in_pieces_is_written_whole(path: Path) -> None:
    with Recorder(Slow(path, "x"), path, HEADER, lambda: 0.0) as recorder:
        recorder.write(POD)
    assert gzip.decompress(path.read_bytes()) == content(path)
    assert list(kwatch.replay(path)) == [POD]


def test_a_write_that_is_interrupted_spoils_nothing(path: Path) -> None:
    """Nobody knows how much was written: what follows must not be put behind it."""
    with Slow(path, "x") as file, Recorder(file, path, HEADER, lambda: 0.0) as recorder:
        recorder.write(POD)
        file.patience = 3
        with pytest.raises(KeyboardInterrupt):
            recorder.write(ANOTHER)
        recorder.close()
        assert file.closed
    assert list(kwatch.replay(path)) == [POD]


KILLED = """
import sys
from kwatch import Event, EventType
from kwatch._header import Header
from kwatch._recording import Recorder

header = Header(server="https://kube.test", resource="pods", path="/api/v1/pods")
recorder = Recorder.create(sys.argv[1], header)
for version in range(1, 1_000_000):
    metadata = {"name": "a", "resourceVersion": str(version)}
    recorder.write(Event(EventType.CREATED, {"metadata": metadata}))
    print(version, flush=True)
"""


def test_kill_9_loses_nothing_that_was_written(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(islice(process.stdout, 99, None))
        process.kill()
        written = 100 + len(process.stdout.read().split("\n")) - 1
    versions = [int(event.resource_version) for event in kwatch.replay(path)]
    assert versions == list(range(1, len(versions) + 1))
    assert written <= len(versions) <= written + 1
    assert len(caplog.records) == 1


# What cannot be decoded


@pytest.mark.parametrize(
    "line", [b"<html>\n", b'{"a":1\n', b"{} {}\n", b'{"a":NaN}\n', b'"\xff"\n']
)
def test_loads_refuses_what_is_not_one_document(line: bytes, path: Path) -> None:
    with Recorder.create(path, HEADER) as recorder, pytest.raises(ValueError, match=r"."):
        recorder.loads(line)


@pytest.mark.parametrize("line", [b"[1]\n", b"null\n", b'{"object":5}', b'{"object":null}\n'])
def test_loads_gives_what_is_no_frame_as_it_is(line: bytes, path: Path) -> None:
    with Recorder.create(path, HEADER) as recorder:
        assert recorder.loads(line) == json.loads(line)


def test_a_watch_that_is_recorded_fails_as_any(front: Front, path: Path) -> None:
    with Recorder.create(path, HEADER) as recorder:
        script = Script(sent.watched(sent.added("5"), b"hunter2\n"), *garbage(6))
        run = front.run(script, loads=recorder.loads, resource_version="4")
        for event in run.events:
            recorder.write(event)
    assert isinstance(run.raised(), DecodeError)
    assert "Recorder(" in str(run.raised())
    assert "hunter2" not in str(run.raised())
    assert len(list(kwatch.replay(path))) == 1


def garbage(times: int) -> Iterable[Any]:
    return [sent.watched(b"hunter2\n") for _ in range(times)]
