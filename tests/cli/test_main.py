"""``python -m kwatch`` as a process of its own: signals, pipes, promptness, the demo."""

import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from kwatch.cli._signals import Stopped, stoppable
from kwatch.testing import FakeAPIServer
from tests.cli.runs import COMMAND, PATIENCE, Running, Start, eventually


def watching(start: Start, server: FakeAPIServer, *argv: str) -> Running:
    """Start the command, and wait until its watch is open."""
    running = start("pods", *argv)
    eventually(lambda: server.watches)
    return running


# Its end


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_quiet_watch_quietly(
    start: Start, server: FakeAPIServer, number: int, status: int
) -> None:
    running = watching(start, server)
    running.process.send_signal(number)
    assert running.ended() == status
    assert running.stderr == ""


def test_a_closed_pipe_ends_it_quietly_at_the_next_event(
    start: Start, server: FakeAPIServer
) -> None:
    running = watching(start, server)
    server.create("Pod", "a")
    assert running.line().endswith("default/a")
    running.stdout.close()
    server.create("Pod", "b")
    assert running.ended() == 141
    assert running.stderr == ""


def test_a_signal_ends_it_while_nobody_reads(start: Start, server: FakeAPIServer) -> None:
    running = watching(start, server, "-o", "json")
    server.create("Pod", "a", spec={"a": "x" * 1_000_000})
    eventually(lambda: unread(running) >= 4_096)  # the pipe is full, or is getting so
    running.process.send_signal(signal.SIGTERM)
    assert running.ended() == 143
    assert running.stderr == ""


def unread(running: Running) -> int:
    answer = fcntl.ioctl(running.stdout, termios.FIONREAD, bytes(4))
    count: int = struct.unpack("i", answer)[0]
    return count


@pytest.mark.parametrize(
    "argv", [["--help"], ["--version"], ["replay", "-h"], ["completion", "zsh"]], ids=" ".join
)
def test_nobody_has_to_read_what_is_printed_at_once(
    environment: dict[str, str], argv: list[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stdout:
        done = subprocess.run(
            [*COMMAND, *argv], env=environment, stdout=stdout, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_told_once(start: Start, server: FakeAPIServer, tmp_path: Path) -> None:
    shell = ["sh", "-c", 'exec "$@" >/dev/full', "sh", *COMMAND]
    running = start("pods", command=shell)
    eventually(lambda: server.watches)
    server.create("Pod", "a")
    assert running.ended() == 1
    assert running.stderr == (
        "kwatch: cannot write to stdout: [Errno 28] No space left on device\n"
    )


def test_a_closed_stdout_is_told_once(start: Start, server: FakeAPIServer) -> None:
    running = start("pods", command=["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND])
    eventually(lambda: server.watches)
    server.create("Pod", "a")
    assert running.ended() == 1
    assert running.stderr == "kwatch: cannot write to stdout: stdout is closed\n"


def test_no_server(start: Start, server: FakeAPIServer) -> None:
    server.stop()
    running = start("pods")
    assert running.ended() == 1
    assert running.stderr.startswith(f"kwatch: cannot reach {server.url}/")
    assert running.stderr.count("\n") == 1


@pytest.mark.parametrize("hidden", ["click", "jmespath"])
def test_what_it_needs_is_told(start: Start, hidden: str) -> None:
    code = (
        "import sys\n"
        f"sys.modules[{hidden!r}] = None\n"
        "from kwatch.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    running = start("pods", "--until", "status.phase", command=command)
    assert running.ended() == 1
    assert running.stderr == "kwatch: the command needs more: pip install 'kwatch-stream[cli]'\n"


# Its lines


def test_each_event_is_printed_at_once(start: Start, server: FakeAPIServer) -> None:
    running = watching(start, server, "-n", "shop")
    server.create("Pod", "web", "shop")
    assert re.fullmatch(r"\d\d:\d\d:\d\d  created   shop/web", running.line())
    server.create("Pod", "hidden", "default")
    server.patch("Pod", "web", "shop", labels={"a": "b"})
    assert running.line().endswith("  modified  shop/web")
    server.delete("Pod", "web", "shop")
    assert running.line().endswith("  deleted   shop/web")
    assert running.process.poll() is None


def test_json_comes_line_by_line_and_survives_a_disconnect(
    start: Start, server: FakeAPIServer
) -> None:
    running = watching(start, server, "-o", "json", "-v")
    created = server.create("Pod", "web", metadata={"annotations": {"a": "é😀"}})
    assert json.loads(running.line()) == {"type": "created", "object": created}
    server.disconnect()
    deleted = server.delete("Pod", "web")
    assert json.loads(running.line()) == {"type": "deleted", "object": deleted}
    assert running.stderr.count("kwatch: GET /api/v1/namespaces/default/pods") == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_any_encoding_of_stdout_will_do(
    start: Start, server: FakeAPIServer, environment: dict[str, str], encoding: str
) -> None:
    environment["PYTHONIOENCODING"] = encoding
    running = watching(start, server, "-o", "json")
    created = server.create("Pod", "web", metadata={"annotations": {"a": "😀\x9b"}})
    assert json.loads(running.line())["object"] == created


# Signals


@pytest.mark.parametrize("second", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(("leaving", "grace"), [(0, 60), (60, 0.1)])
def test_a_second_signal_does_not_wait_for_the_end(
    start: Start, second: str, leaving: float, grace: float
) -> None:
    """It gives the terminal back, if that does not take too long."""
    code = (
        "from signal import *\n"
        "from time import sleep\n"
        "from kwatch.cli import _signals\n"
        "from kwatch.cli._suspend import suspendable\n"
        f"_signals.GRACE_SECONDS = {grace}\n"
        f"with _signals.stoppable(), suspendable(lambda: sleep({leaving}), int):\n"
        "    try:\n"
        "        raise_signal(SIGINT)\n"
        "    finally:\n"
        f"        raise_signal({second})\n"
        "        sleep(60)\n"
    )
    running = start(command=[sys.executable, "-c", code])
    assert running.ended() == 128 + getattr(signal, second)
    assert running.stdout.read() == b""
    assert running.stderr == ""


def test_a_signal_is_heard_though_it_does_not_end_what_the_main_thread_waits_for() -> None:
    """As one that comes right before the wait begins: here another thread is given it."""
    deaf = threading.Thread(target=time.sleep, args=(1,))

    def send() -> None:
        time.sleep(0.1)
        signal.pthread_kill(deaf.ident or 0, signal.SIGINT)

    deaf.start()
    sender = threading.Thread(target=send)
    sender.start()
    begun = time.monotonic()
    with pytest.raises(Stopped), stoppable():
        time.sleep(PATIENCE)
    assert time.monotonic() - begun < PATIENCE / 2
    for thread in (sender, deaf):
        thread.join()


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stoppable():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_handlers_are_restored() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped), stoppable():
        signal.raise_signal(signal.SIGTERM)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_other_threads_do_without_signals() -> None:
    raised: list[Any] = []

    def run() -> None:
        try:
            with stoppable():
                raised.append(None)
        except ValueError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert raised == [None]


# The demonstration


def test_the_demo_says_what_it_needs(start: Start) -> None:
    code = (
        "import sys\n"
        "sys.modules['pytest_httpserver'] = None\n"
        "from kwatch.cli import main\n"
        "sys.exit(main(['demo']))\n"
    )
    running = start(command=[sys.executable, "-c", code])
    assert running.ended() == 1
    assert running.stderr == "kwatch: the demo needs more: pip install 'kwatch-stream[demo]'\n"


def test_the_demo_needs_no_configuration_and_leaves_nothing(start: Start, tmp_path: Path) -> None:
    begun = time.monotonic()
    running = start("demo")
    assert re.fullmatch(r"\d\d:\d\d:\d\d  (created|modified)   ?(default|shop)/.+", running.line())
    assert time.monotonic() - begun < 5
    assert not list((tmp_path / "tmp").iterdir())
    begun = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    assert running.ended() == 130
    assert time.monotonic() - begun < 5
    assert running.stderr == ""


def test_the_demo_ends_with_its_reader(start: Start) -> None:
    running = start("demo", "po", "-o", "json")
    assert json.loads(running.line())["object"]["kind"] == "Pod"
    running.stdout.close()
    assert running.ended() == 141
    assert running.stderr == ""


def test_the_demo_takes_a_path_in_place_of_a_resource(start: Start) -> None:
    running = start("demo", "--resource-path", "/api/v1/pods", "-o", "name")
    assert running.line().startswith("pod/")


def test_the_demo_is_a_server_as_any_other(start: Start) -> None:
    running = start("demo", "podz")
    assert running.ended() == 1
    assert running.stderr == ("kwatch: the server knows no resource 'podz'; did you mean pods?\n")
