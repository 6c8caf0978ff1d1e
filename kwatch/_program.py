"""A program that is run for what it prints, and that cannot hang or flood the one who runs it."""

import atexit
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from kwatch._errors import ConfigError

OUTPUT_LIMIT = 1 << 20
"""Bytes; certificate chains have a few thousand."""

_LOOK_SECONDS = 0.02  # how often it is looked whether there is something
_CHUNK = 1 << 16

_running: set[tuple[subprocess.Popen[bytes], bool]] = set()


def printed_by(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    interactive: bool,
    timeout: float,
    place: str,
) -> bytes:
    """Run a program, without a shell, and give what it has printed when it ends.

    What it writes to standard error goes where that of this process goes.

    Args:
        arguments: The path of the program, and its arguments.
        environment: Its environment variables.
        interactive: True: it has the standard input of this process. False: it has none, and
            whatever programs it starts end with it when it takes too long.
        timeout: Seconds that it may take.
        place: What messages start with.

    Raises:
        ConfigError: It fails, takes too long, or prints more than 1 MiB.
        OSError: It cannot be run.
    """
    apart = not interactive and os.name != "nt"
    try:
        process = subprocess.Popen(  # noqa: S603 - there is no shell, and the kubeconfig names it
            arguments,
            env=environment,
            bufsize=0,
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            process_group=0 if apart else None,
        )
    except RuntimeError as error:  # the interpreter exits
        raise ConfigError(f"{place}: cannot be run: {error}") from error
    _running.add((process, apart))
    try:
        code, printed = _wait(process, timeout, place)
    except BaseException:
        _kill(process, apart)
        raise
    finally:
        _running.discard((process, apart))
    if code < 0:
        raise ConfigError(f"{place}: was ended by signal {-code}")
    if code > 0:
        raise ConfigError(f"{place}: failed with exit code {code}")
    return printed


def _wait(process: subprocess.Popen[bytes], timeout: float, place: str) -> tuple[int, bytes]:
    """Read what is printed until the program has ended.

    Not until the end of what is printed: what it leaves behind may hold the pipe open for long.
    """
    deadline = time.monotonic() + timeout
    printed = bytearray()
    code: int | None = None
    assert process.stdout is not None  # noqa: S101
    with process.stdout as pipe:
        os.set_blocking(pipe.fileno(), False)
        while code is None:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(_LOOK_SECONDS)
            while len(printed) <= OUTPUT_LIMIT and (chunk := pipe.read(_CHUNK)):
                printed += chunk
            if len(printed) > OUTPUT_LIMIT:
                raise ConfigError(f"{place}: prints more than {OUTPUT_LIMIT} bytes")
            if code is None and time.monotonic() >= deadline:
                raise ConfigError(f"{place}: did not end within {timeout:g} seconds")
    return code, bytes(printed)


def _kill(process: subprocess.Popen[bytes], apart: bool) -> None:
    """End a program; with those that it started, if it is in a process group of its own."""
    if process.returncode is not None:  # its number may be another one's by now
        return
    with suppress(ProcessLookupError, PermissionError):
        if apart:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(1.0)


@atexit.register
def _kill_all() -> None:
    """End what runs when the interpreter exits: a signal of the terminal does not reach it."""
    for process, apart in list(_running):
        _kill(process, apart)
