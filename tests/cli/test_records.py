"""``kwatch record`` and ``kwatch replay``."""

import gzip
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from kwatch import replay
from kwatch._header import Header
from kwatch._replay import Recording
from kwatch._snapshot import INITIAL_EVENTS_END
from kwatch.testing import FakeAPIServer, faults
from tests.cli.runs import TOKEN, Run, Start, eventually


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pods.kwatch"


def header_of(path: Path) -> Header:
    with Recording.open(path) as recording:
        return recording.header


@pytest.fixture
def recorded(capsys: pytest.CaptureFixture[str], server: FakeAPIServer, path: Path) -> Path:
    """Two pods, of which one is ready."""
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    server.create("Pod", "a", status=ready)
    server.create("Pod", "b", "shop", labels={"app": "web"})
    run = Run(capsys, "record", "pods", "-A", "-f", str(path), "--until", "create")
    assert (run.status, run.out) == (0, "")
    assert run.err == f"kwatch: 3 frames of pods are in {path}\n"
    return path


def write_recording(
    path: Path, namespaces: list[str], *events: tuple[str, dict[str, Any]], recorded_at: str = ""
) -> None:
    """Write one of events that came 5 seconds after the start."""
    header = {"kwatch": 1, "server": "", "resource": "pods", "path": "", "namespace": namespaces}
    lines: list[Any] = [{**header, "recorded_at": recorded_at}]
    for kind, obj in events:
        obj["metadata"]["resourceVersion"] = "7"
        lines.append({"time": 5, "frame": {"type": kind, "object": obj}})
    path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))


# What is refused


def test_a_file_is_not_overwritten_unasked(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, path: Path
) -> None:
    path.write_text("mine")
    argv = ["record", "pods", "-f", str(path), "--timeout", "0.2"]
    assert Run(capsys, *argv).error == (
        f"{path}: there is a file of that name; --overwrite replaces it"
    )
    assert path.read_text() == "mine"
    assert not server.requests
    assert Run(capsys, *argv, "--overwrite").status == 0
    assert header_of(path).resource == "pods"


def test_a_folder_that_is_not_there(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, tmp_path: Path
) -> None:
    path = tmp_path / "none" / "a.kwatch"
    assert str(path) in Run(capsys, "record", "pods", "-f", str(path)).error


def test_nothing_is_written_for_a_kind_that_is_not_there(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, path: Path
) -> None:
    assert "podz" in Run(capsys, "record", "podz", "-f", str(path)).error
    assert not path.exists()


def test_nothing_is_left_where_nothing_may_be_watched(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, path: Path
) -> None:
    argv = ["record", "pods", "-f", str(path)]
    for sort in ("watch", "list"):
        server.script(faults.http(403), on=sort)
    assert "403" in Run(capsys, *argv).error
    assert not path.exists()


def test_no_recording_is_no_success(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, path: Path
) -> None:
    server.script(faults.hold_headers(seconds=5), on="discovery")
    run = Run(capsys, "record", "pods", "-f", str(path), "--timeout", "0.3")
    assert run.error == "timed out after 0.3 s: nothing is recorded"
    assert not path.exists()


def test_what_came_before_an_error_stays(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, path: Path
) -> None:
    for name in "ab":
        server.create("Pod", name)
    server.script(faults.error(410, after=1))
    run = Run(capsys, "record", "pods", "-f", str(path), "--resource-version", "1")
    assert run.status == 1
    assert "410" in run.err
    assert f"kwatch: 1 frame of pods is in {path}\n" in run.err
    assert [obj["metadata"]["name"] for _, obj in replay(path)] == ["a"]


def test_what_was_there_to_be_overwritten_is_not_removed(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, path: Path
) -> None:
    path.touch()
    for sort in ("watch", "list"):
        server.script(faults.http(403), on=sort)
    run = Run(capsys, "record", "pods", "-f", str(path), "--overwrite")
    assert run.status == 1
    assert run.err.splitlines()[0] == f"kwatch: 0 frames of pods are in {path}"
    assert header_of(path).resource == "pods"


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "pods.kwatch: No such file"), (b"", "expected"), (b"{}\n", "expected")],
)
def test_what_is_no_recording(
    capsys: pytest.CaptureFixture[str], path: Path, content: bytes | None, problem: str
) -> None:
    if content is not None:
        path.write_bytes(content)
    error = Run(capsys, "replay", str(path)).error
    assert problem in error
    assert str(path) in error


def test_a_disk_that_is_full_is_told(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    run = Run(capsys, "record", "pods", "-f", "/dev/full", "--overwrite")
    assert run.error == "/dev/full: No space left on device"


# What is written


def test_the_header_says_what_was_asked_for(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, path: Path
) -> None:
    argv = [
        "po",
        "-n",
        "shop",
        "-n",
        "blog",
        "-l",
        "app=web",
        "--field-selector",
        "spec.nodeName=a",
    ]
    run = Run(capsys, "record", *argv, "-f", str(path), "--timeout", "0.5")
    assert run.status == 0
    header = header_of(path)
    assert header.server == server.url
    assert header.path == "/api/v1/namespaces/{namespace}/pods"
    assert header.namespace == ("shop", "blog")
    assert (header.label_selector, header.field_selector) == ("app=web", "spec.nodeName=a")


@pytest.mark.parametrize(
    ("code", "body", "version"),
    [
        (200, '{"gitVersion": "v1.36.0"}', "v1.36.0"),
        (200, '{"gitVersion": 1}', None),
        (200, "<html>", None),
        (403, "", None),
    ],
)
def test_the_version_of_the_server_is_noted_if_it_tells(
    capsys: pytest.CaptureFixture[str],
    server: FakeAPIServer,
    path: Path,
    code: int,
    body: str,
    version: str | None,
) -> None:
    server.http.expect_request("/version").respond_with_data(body, code)
    assert Run(capsys, "record", "pods", "-f", str(path), "--timeout", "0.3").status == 0
    assert header_of(path).server_version == version


def test_a_signal_ends_it_and_what_came_is_there(
    start: Start, server: FakeAPIServer, path: Path
) -> None:
    running = start("record", "pods", "-f", str(path))
    eventually(lambda: server.watches)
    server.create("Pod", "a")
    eventually(lambda: len(list(replay(path))) == 1)
    running.process.send_signal(signal.SIGTERM)
    assert running.ended() == 143
    assert running.stderr == f"kwatch: 2 frames of pods are in {path}\n"
    assert TOKEN.encode() not in path.read_bytes()


def test_frames_are_what_the_server_sent(recorded: Path) -> None:
    lines = gzip.decompress(recorded.read_bytes()).splitlines()
    assert len(lines) == 4
    assert not [line for line in lines if b'"made"' in line]


def test_a_reconnect_does_not_end_it(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, path: Path
) -> None:
    server.create("Pod", "a", status={"phase": "Running"})
    server.create("Pod", "b")
    server.script(faults.cut(after=700), on="watch")
    argv = ["record", "pods", "-f", str(path), "--backoff", "0.01,1,0.01"]
    assert Run(capsys, *argv, "--until", "create").status == 0
    assert {event.obj["metadata"]["name"] for event in replay(path)} == {"a", "b"}


# What is shown


def test_it_is_shown_as_it_was(capsys: pytest.CaptureFixture[str], recorded: Path) -> None:
    run = Run(capsys, "replay", str(recorded), "-o", "json")
    assert (run.status, run.err) == (0, "")
    shown = [json.loads(line) for line in run.out.splitlines()]
    assert shown == [{"type": event.event_type, "object": event.obj} for event in replay(recorded)]
    assert Run(capsys, "replay", str(recorded), "-o", "name").out == "pod/a\npod/b\n"
    assert "bookmark" in Run(capsys, "replay", str(recorded), "--allow-bookmarks").out


@pytest.mark.parametrize("output", ["line", "wide"])
def test_its_times_are_those_of_then(
    capsys: pytest.CaptureFixture[str], path: Path, output: str
) -> None:
    pod = {"kind": "Pod", "metadata": {"name": "web", "creationTimestamp": "2001-02-03T04:05:00Z"}}
    write_recording(path, ["shop"], ("ADDED", pod), recorded_at="2001-02-03T04:05:01Z")
    run = Run(capsys, "replay", str(path), "-o", output)
    then = time.strftime("%H:%M:%S", time.localtime(981_173_106.0))
    assert run.out.splitlines()[-1].startswith(then)
    assert output == "line" or " 6s " in run.out


def test_a_recording_can_be_waited_on(capsys: pytest.CaptureFixture[str], recorded: Path) -> None:
    until = ["--until", "condition=Ready"]
    assert Run(capsys, "replay", str(recorded), *until, "--any").status == 0
    assert Run(capsys, "replay", str(recorded), *until).last_error == (
        "the recording is over: --until condition=Ready: 1 of 2 objects meet it; shop/b does not"
    )


def test_a_recording_of_two_namespaces_is_judged_when_both_have_come(
    capsys: pytest.CaptureFixture[str], path: Path
) -> None:
    end = ("BOOKMARK", {"metadata": {"annotations": {INITIAL_EVENTS_END: "true"}}})
    one, other = ({"metadata": {"name": name, "namespace": name}, "a": name} for name in "xy")
    write_recording(path, ["x", "y"], ("ADDED", one), end, ("ADDED", other), end)
    assert Run(capsys, "replay", str(path), "--until", "a == 'x'").status == 1
    assert Run(capsys, "replay", str(path), "--until", "a").out.count("\n") == 2


def test_a_recording_that_never_told_what_existed_is_judged_at_its_end(
    capsys: pytest.CaptureFixture[str], path: Path
) -> None:
    one, other = ({"metadata": {"name": name, "namespace": "x"}, "a": name} for name in "xy")
    write_recording(path, ["x"], ("MODIFIED", one), ("MODIFIED", other))
    run = Run(capsys, "replay", str(path), "--until", "a", "-o", "name")
    assert (run.status, run.out.count("\n"), run.err) == (0, 2, "")


def test_a_deadline_ends_a_replay_that_sleeps(
    capsys: pytest.CaptureFixture[str], recorded: Path
) -> None:
    begun = time.monotonic()
    run = Run(capsys, "replay", str(recorded), "--speed", "0.000001", "--timeout", "0.3")
    assert (run.status, run.out) == (0, "")
    assert time.monotonic() - begun < 2


def test_one_that_was_cut_short_is_shown_as_far_as_it_goes(
    capsys: pytest.CaptureFixture[str], recorded: Path
) -> None:
    content = recorded.read_bytes()
    recorded.write_bytes(content[:-20])
    run = Run(capsys, "replay", str(recorded), "-o", "name")
    assert run.status == 0
    assert run.out.startswith("pod/a\n")
    assert "it was cut short, or is still being written" in run.err
