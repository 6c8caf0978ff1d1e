"""``--until`` and ``--timeout``: what they end with, and how promptly."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from kwatch import Event, EventType
from kwatch.cli._ending import Ending, NotReachedError
from kwatch.cli._until import Condition, Until
from kwatch.testing import FakeAPIServer, faults
from tests.cli.runs import Run, Start, eventually

PROMPT = 1.0
"""Seconds by which a deadline may be missed on a busy machine; 30 s is what httpx would wait."""

READY = {"conditions": [{"type": "Ready", "status": "True"}]}


@contextmanager
def deaf_server(*, full: bool) -> Iterator[str]:
    """Listen and never answer; or (``full``) not even take a connection, as a lost host."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        others = [socket.socket() for _ in range(4 if full else 0)]
        for other in others:
            other.setblocking(False)
            other.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        for other in others:
            other.close()


def lead_to(url: str, server: FakeAPIServer, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(path.read_text().replace(server.url, url))


# The deadline


def test_a_timeout_alone_ends_well(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    server.create("Pod", "web")
    run = Run(capsys, "pods", "--timeout", "0.3s", "-o", "name")
    assert (run.status, run.out, run.err) == (0, "pod/web\n", "")
    assert 0.3 <= run.seconds < 0.3 + PROMPT


@pytest.mark.parametrize("full", [False, True])
def test_a_deadline_ends_the_wait_for_a_server_that_is_deaf(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, tmp_path: Path, full: bool
) -> None:
    with deaf_server(full=full) as url:
        lead_to(url, server, tmp_path)
        run = Run(capsys, "pods", "--timeout", "0.2", "--until", "create")
    assert run.error == (
        "timed out after 0.2 s: --until create: the server has not yet told all that exists"
    )
    assert run.seconds < 0.2 + PROMPT


@pytest.mark.parametrize("on", ["discovery", "watch"])
def test_a_deadline_ends_the_wait_for_an_answer(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, on: Literal["discovery", "watch"]
) -> None:
    """And to have heard of nothing is no success, whatever was asked for."""
    server.script(faults.hold_headers(seconds=5), on=on)
    run = Run(capsys, "pods", "--timeout", "0.3")
    assert run.error == "timed out after 0.3 s: the server has not answered"
    assert run.seconds < 0.3 + PROMPT


def test_a_deadline_ends_a_wait_between_two_attempts(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    server.create("Pod", "web")
    server.script(faults.cut(after=2_000), faults.http(503, retry_after=60), on="watch")
    run = Run(capsys, "pods", "--timeout", "0.5", "--until", "delete")
    assert run.out.endswith("default/web\n")
    assert run.last_error == ("timed out after 0.5 s: --until delete: default/web still there")
    assert run.seconds < 0.5 + PROMPT


def test_a_deadline_ends_the_watch_of_several_namespaces(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    for namespace in ("shop", "blog"):
        server.create("Pod", "web", namespace)
    run = Run(capsys, "pods", "-n", "shop", "-n", "blog", "--timeout", "0.5", "-o", "name")
    assert (run.status, run.out) == (0, "pod/web\npod/web\n")
    assert run.seconds < 0.5 + PROMPT + 1


def test_no_signal_has_to_wait_for_the_address_of_a_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server: FakeAPIServer
) -> None:
    """No signal ends the search for it: the main thread, which handles signals, leaves it alone."""
    threads, look_up = set(), socket.getaddrinfo

    def looked_up(*args: Any, **kwargs: Any) -> Any:
        threads.add(threading.current_thread())
        return look_up(*args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    server.create("Pod", "web")
    assert Run(capsys, "pods", "--until", "create").status == 0
    assert threads
    assert threading.main_thread() not in threads


def test_an_error_comes_before_the_deadline(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    server.stop()
    run = Run(capsys, "pods", "--timeout", "30", "--until", "create")
    assert run.error.startswith("cannot reach")
    assert run.seconds < 5


def test_a_signal_comes_before_the_deadline(start: Start, server: FakeAPIServer) -> None:
    running = start("pods", "--timeout", "60", "--until", "create")
    eventually(lambda: server.watches)
    running.process.send_signal(signal.SIGINT)
    assert running.ended() == 130
    assert running.stderr == ""


def test_what_has_come_at_the_deadline_has_come() -> None:
    ending = Ending(Condition("create"), any_=True, seconds=60)
    until = Until(Condition("create"), any_=True)
    with ending.deadline() as stop_event:
        stop_event.set()
        with pytest.raises(NotReachedError, match="timed out after 60 s"):
            ending.check(until, stop_event)
        assert until.receive(Event(EventType.CREATED, {"metadata": {"name": "web"}}))
        ending.check(until, stop_event)


def test_a_process_ends_at_its_deadline_with_a_server_that_is_deaf(
    start: Start, server: FakeAPIServer, tmp_path: Path
) -> None:
    """No thread that is left behind keeps the interpreter."""
    with deaf_server(full=False) as url:
        lead_to(url, server, tmp_path)
        running = start("pods", "--timeout", "1", "--until", "create")
        begun = time.monotonic()
        assert running.ended() == 1
        assert time.monotonic() - begun < 1 + 2 * PROMPT
    assert running.stderr.startswith("kwatch: timed out after 1 s")


# What is waited for


def test_what_is_so_already(capsys: pytest.CaptureFixture[str], server: FakeAPIServer) -> None:
    server.create("Pod", "a", status=READY)
    server.create("Pod", "b", status=READY)
    run = Run(capsys, "pods", "--until", "condition=Ready", "-o", "name")
    assert (run.status, run.out, run.err) == (0, "pod/a\npod/b\n", "")


def test_what_comes_later_and_is_printed_meanwhile(start: Start, server: FakeAPIServer) -> None:
    server.create("Pod", "a", status={"phase": "Running"})
    running = start("pods", "--until", "status.phase == 'Running'", "-o", "name")
    server.create("Pod", "b")
    assert running.line() == "pod/a"
    eventually(lambda: server.watches)
    assert running.line() == "pod/b"
    assert running.process.poll() is None
    server.patch("Pod", "b", status={"phase": "Running"})
    assert running.line() == "pod/b"
    assert running.ended() == 0
    assert running.stderr == ""


def test_one_object_by_its_name(start: Start, server: FakeAPIServer) -> None:
    server.create("Pod", "other")
    running = start("pod/web", "--until", "condition=Ready", "--timeout", "1h", "-o", "name")
    eventually(lambda: server.watches)
    server.create("Pod", "web", status=READY)
    assert running.line() == "pod/web"
    assert running.ended() == 0


def test_how_far_it_came_is_told(capsys: pytest.CaptureFixture[str], server: FakeAPIServer) -> None:
    server.create("Pod", "a", status=READY)
    server.create("Pod", "b", "shop")
    run = Run(capsys, "pods", "-A", "--until", "condition=Ready", "--timeout", "0.4")
    assert run.last_error == (
        "timed out after 0.4 s: --until condition=Ready: 1 of 2 objects meet it; shop/b does not"
    )


def test_nothing_is_left(start: Start, server: FakeAPIServer) -> None:
    server.create("Pod", "a")
    running = start("pods", "--until", "delete", "-o", "name")
    eventually(lambda: server.watches)
    server.delete("Pod", "a")
    assert [running.line(), running.line(), running.ended()] == ["pod/a", "pod/a", 0]
    assert start("pods", "--until", "delete").ended() == 0


def test_all_namespaces_have_to_have_told_what_exists(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    server.create("Pod", "a", "shop", status=READY)
    server.script(faults.hold_headers(seconds=5), on="watch")
    namespaces = ["-n", "shop", "-n", "blog"]
    run = Run(capsys, "pods", *namespaces, "--until", "condition=Ready", "--timeout", "0.5")
    assert run.last_error.endswith("the server has not yet told all that exists")


def test_a_server_without_streaming_lists(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    server.script(faults.http(422), on="watch")
    server.create("Pod", "a", status=READY)
    run = Run(capsys, "pods", "--until", "condition=Ready", "-o", "name")
    assert (run.status, run.out) == (0, "pod/a\n")


def test_the_next_object_that_fails(start: Start, server: FakeAPIServer) -> None:
    server.create("Pod", "old", status={"phase": "Failed"})
    argv = ["--watch-only", "--any", "--until", "status.phase == 'Failed'", "-o", "name"]
    running = start("pods", *argv)
    eventually(lambda: server.watches)
    server.create("Pod", "good", status={"phase": "Running"})
    server.create("Pod", "new", status={"phase": "Failed"})
    assert [running.line(), running.line(), running.ended()] == ["pod/good", "pod/new", 0]


def test_bookmarks_are_printed_only_where_they_are_wanted(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    server.create("Pod", "a")
    argv = ["pods", "--until", "create"]
    assert len(Run(capsys, *argv).out.splitlines()) == 1
    first, second = Run(capsys, *argv, "--allow-bookmarks").out.splitlines()
    assert "  created   default/a" in first
    assert "  bookmark  " in second
