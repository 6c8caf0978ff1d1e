"""`kwatch._program`: what a program prints, and that it can neither hang nor flood who runs it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from kwatch import _program
from kwatch._errors import ConfigError
from kwatch._program import OUTPUT_LIMIT, printed_by
from tests.kubeconfigs import SECRET
from tests.worlds import PATIENCE_SECONDS, until

PLACE = "kc: user 'a': exec"
HANG = "time.sleep(60)"


def run(code: str, *arguments: str, **options: Any) -> bytes:
    """Give what a Python program prints."""
    command = [sys.executable, "-IS", "-c", f"import os, sys, time\n{code}", *arguments]
    defaults = {"environment": dict(os.environ), "interactive": False, "timeout": PATIENCE_SECONDS}
    return printed_by(command, **{**defaults, "place": PLACE, **options})


def failure(code: str, *arguments: str, **options: Any) -> str:
    """Give what is said of a program that fails."""
    with pytest.raises(ConfigError) as caught:
        run(code, *arguments, **options)
    return str(caught.value)


def hanging(code: str, *, timeout: float = 0.5, interactive: bool = False) -> None:
    """Run what does not end, and see that it is given up in time."""
    begin = time.monotonic()
    message = failure(code, timeout=timeout, interactive=interactive)
    assert message == f"{PLACE}: did not end within {timeout} seconds"
    assert time.monotonic() - begin < PATIENCE_SECONDS / 2


def noting(path: Path) -> str:
    """Code that notes the number of its process."""
    new = str(path) + ".new"
    return f"open({new!r}, 'w').write(str(os.getpid())); os.rename({new!r}, {str(path)!r})"


def starting(path: Path, before: str = "pass") -> str:
    """Code that starts another program, which inherits the pipe, and notes its number."""
    return f"if os.fork() == 0: {before}; {noting(path)}; {HANG}"


def number(path: Path) -> int:
    until(path.exists)
    return int(path.read_text())


def is_gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def pid_file(tmp_path: Path) -> Iterator[Path]:
    """Where a program notes its number; what is left of it ends with the test."""
    path = tmp_path / "pid"
    yield path
    if path.exists() and not is_gone(pid := number(path)):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Each test ends without a process, a thread or a file descriptor more than it began with."""

    def state() -> set[object]:
        children = psutil.Process().children()  # a zombie is one
        return {*children, *threading.enumerate(), *os.listdir("/dev/fd")}

    before = state()
    yield
    until(lambda: state() <= before)
    assert not _program._running


@pytest.fixture
def typed() -> Iterator[bytes]:
    """What somebody types at standard input."""
    text = b"a password\n"
    reader, writer = os.pipe()
    os.write(writer, text)
    os.close(writer)
    saved = os.dup(0)
    os.dup2(reader, 0)
    os.close(reader)
    yield text
    os.dup2(saved, 0)
    os.close(saved)


# What it prints


def test_what_it_prints_is_given_byte_by_byte() -> None:
    assert run(r"os.write(1, b'\0\xff token \r\n\n')") == b"\0\xff token \r\n\n"


def test_it_may_print_nothing() -> None:
    assert run("pass") == b""


def test_it_may_print_1_mib() -> None:
    assert run(f"print('x' * {OUTPUT_LIMIT}, end='')") == b"x" * OUTPUT_LIMIT


@pytest.mark.parametrize(
    "code",
    [
        f"print('x' * {OUTPUT_LIMIT + 1}, end='')",
        f"os.write(1, b'x' * {OUTPUT_LIMIT + 1})\n{HANG}",
        "while True: print('x' * 9999)",
    ],
)
def test_it_may_not_print_more(code: str) -> None:
    begin = time.monotonic()
    assert failure(code) == f"{PLACE}: prints more than {OUTPUT_LIMIT} bytes"
    assert time.monotonic() - begin < PATIENCE_SECONDS / 2


def test_standard_error_is_this_ones_own(capfd: pytest.CaptureFixture[str]) -> None:
    code = f"sys.stderr.write({SECRET!r})\nprint('token')"
    assert run(code) == b"token\n"
    assert failure(f"{code}\nsys.exit(1)") == f"{PLACE}: failed with exit code 1"
    assert capfd.readouterr() == ("", SECRET * 2)


def test_it_is_waited_for_after_it_has_closed_its_output(tmp_path: Path) -> None:
    code = "os.write(1, b'token')\nos.close(1)\ntime.sleep(0.1)\nopen(sys.argv[1], 'w').close()"
    assert run(code, str(tmp_path / "ended")) == b"token"
    assert (tmp_path / "ended").exists()


@pytest.mark.parametrize(
    "before", ["pass", "os.setsid()", "os.dup2(os.open(os.devnull, os.O_WRONLY), 1)"]
)
def test_a_program_that_it_leaves_behind_does_not_matter(pid_file: Path, before: str) -> None:
    """Not even one that has its output: what that may print is not waited for."""
    code = f"{starting(pid_file, before)}\nprint('token')"
    assert run(code) == b"token\n"
    assert not is_gone(number(pid_file))


# How it ends


@pytest.mark.parametrize("code", [1, 3, 255])
def test_another_exit_code_than_0_is_a_failure(code: int) -> None:
    message = failure(f"print({SECRET!r})\nsys.exit({code})")
    assert message == f"{PLACE}: failed with exit code {code}"


def test_so_it_is_after_it_has_closed_its_output() -> None:
    message = failure("os.close(1)\ntime.sleep(0.05)\nos._exit(3)")
    assert message == f"{PLACE}: failed with exit code 3"


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGSEGV"])
def test_a_signal_is_a_failure(name: str) -> None:
    value = int(signal.Signals[name])
    message = failure(f"print({SECRET!r}, flush=True)\nos.kill(os.getpid(), {value})")
    assert message == f"{PLACE}: was ended by signal {value}"


@pytest.mark.parametrize("interactive", [False, True])
@pytest.mark.parametrize(
    "code",
    [
        HANG,
        f"print('token', flush=True)\n{HANG}",
        f"os.close(1)\n{HANG}",
        f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{HANG}",
        "while True: print('x', flush=True); time.sleep(0.01)",
    ],
)
def test_one_that_hangs_is_ended(code: str, interactive: bool, typed: bytes) -> None:
    hanging(code, timeout=0.1, interactive=interactive)


def test_it_has_no_more_time_after_it_has_closed_its_output() -> None:
    begin = time.monotonic()
    hanging(f"time.sleep(0.5)\nos.close(1)\n{HANG}", timeout=0.6)
    assert time.monotonic() - begin < 1


def test_what_it_has_started_is_ended_with_it(pid_file: Path) -> None:
    hanging(f"{starting(pid_file)}\n{HANG}")
    until(lambda: is_gone(number(pid_file)))


def test_what_has_left_its_process_group_cannot_make_it_hang(pid_file: Path) -> None:
    hanging(f"{starting(pid_file, 'os.setsid()')}\n{HANG}")
    assert not is_gone(number(pid_file))


def test_an_interactive_one_is_ended_alone(pid_file: Path, typed: bytes) -> None:
    """It is in the process group of this one, which the terminal serves."""
    hanging(f"{starting(pid_file)}\n{HANG}", interactive=True)
    assert not is_gone(number(pid_file))


def test_one_that_has_ended_is_not_ended_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number may be that of another process group by then."""
    ended: list[int] = []
    with subprocess.Popen([sys.executable, "-IS", "-c", ""], process_group=0) as process:
        process.wait()
    monkeypatch.setattr(os, "killpg", lambda number, _: ended.append(number))
    _program._kill(process, apart=True)
    assert ended == []


@pytest.mark.parametrize("interactive", [False, True])
def test_an_interrupt_ends_it(pid_file: Path, interactive: bool, typed: bytes) -> None:
    def interrupt() -> None:
        number(pid_file)
        signal.pthread_kill(main, signal.SIGINT)

    main = threading.get_ident()
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(f"{noting(pid_file)}; {HANG}", interactive=interactive)
    thread.join()
    assert is_gone(number(pid_file))


# What it is given


def test_there_is_no_shell(tmp_path: Path) -> None:
    made = tmp_path / "made"
    texts = [f"$(touch {made})", f"`touch {made}`", f"; touch {made}", f"'; touch {made}; '"]
    texts += ['"', "'", "\\", "a b", "", "*", "$HOME", "%PATH%", "é☃", "-c", "\n"]
    assert run("os.write(1, os.fsencode(ascii(sys.argv[1:])))", *texts) == ascii(texts).encode()
    assert not made.exists()


def test_its_environment_is_the_one_that_it_is_given() -> None:
    printed = run("print(os.environ.get('HOME'), os.environ['A'])", environment={"A": "b $HOME"})
    assert printed == b"None b $HOME\n"


def test_it_has_no_standard_input(typed: bytes) -> None:
    assert run("os.write(1, sys.stdin.buffer.read())") == b""
    assert os.read(0, 99) == typed


def test_an_interactive_one_has_this_ones_standard_input(typed: bytes) -> None:
    assert run("os.write(1, sys.stdin.buffer.read())", interactive=True) == typed


@pytest.mark.parametrize("interactive", [False, True])
def test_only_an_interactive_one_is_in_this_ones_process_group(
    interactive: bool, typed: bytes
) -> None:
    """The terminal lets no other group read; and no other one is interrupted with this one."""
    same = int(run("print(os.getpgrp())", interactive=interactive)) == os.getpgrp()
    assert same is interactive


def test_it_has_no_file_of_this_one(tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        code = f"try: os.fstat({file.fileno()})\nexcept OSError: print('closed')"
        assert run(code) == b"closed\n"


@pytest.mark.parametrize(
    ("content", "mode", "error"),
    [
        (None, 0, FileNotFoundError),
        (b"#!/bin/sh\n", 0o644, PermissionError),
        (b"no program", 0o755, OSError),
    ],
)
def test_what_cannot_be_run_is_an_os_error(
    tmp_path: Path, content: bytes | None, mode: int, error: type[OSError]
) -> None:
    path = tmp_path / "program"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(error):
        printed_by([str(path)], {}, interactive=False, timeout=1, place=PLACE)


def test_it_is_run_where_there_can_be_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """From Python 3.12 on, an interpreter that exits starts none."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert run("print('token')") == b"token\n"


def test_where_there_can_be_no_more_processes_it_is_a_config_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An interpreter that has all but exited starts none."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't fork at interpreter shutdown")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    expected = f"{PLACE}: cannot be run: can't fork at interpreter shutdown"
    assert failure("pass") == expected


@pytest.mark.parametrize("interactive", [False, True])
def test_it_is_ended_when_this_one_exits(pid_file: Path, interactive: bool) -> None:
    """In a process group of its own, it is not reached by the signals of a terminal."""
    code = f"""
import sys, threading, time
from pathlib import Path
from kwatch._program import printed_by
command = [sys.executable, "-IS", "-c", sys.argv[1]]
options = dict(interactive={interactive}, timeout=60, place="")
threading.Thread(target=printed_by, args=(command, {{}}), kwargs=options, daemon=True).start()
while not Path(sys.argv[2]).exists():
    time.sleep(0.002)
"""
    program = f"import os, time; {noting(pid_file)}; {HANG}"
    command = [sys.executable, "-c", code, program, str(pid_file)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        assert process.wait(PATIENCE_SECONDS) == 0
    assert is_gone(number(pid_file))


def test_it_may_open_its_output_once_more() -> None:
    """As scripts do; it is a pipe, so that this cuts nothing off."""
    code = "print('a', flush=True)\nwith open('/dev/stdout', 'w') as again: again.write('b')"
    assert run(code) == b"a\nb"
