"""A program that is run for what it prints, and that cannot hang or flood the one who runs it."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import IO

from kwatch._errors import ConfigError

OUTPUT_LIMIT = 1 << 20
"""Bytes; certificate chains have a few thousand."""


def printed_by(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    interactive: bool,
    timeout: float,
    place: str,
) -> bytes:
    """Run a program, without a shell, and give what it prints.

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
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            process_group=0 if apart else None,
        )
        try:
            output = _output(process, timeout, place)
        except BaseException:
            _kill(process, apart)
            raise
    except RuntimeError as error:  # there can be no more threads or processes
        raise ConfigError(f"{place}: cannot be run: {error}") from error
    if process.returncode < 0:
        raise ConfigError(f"{place}: was ended by signal {-process.returncode}")
    if process.returncode > 0:
        raise ConfigError(f"{place}: failed with exit code {process.returncode}")
    return output


def _output(process: subprocess.Popen[bytes], timeout: float, place: str) -> bytes:
    deadline = time.monotonic() + timeout
    printed: SimpleQueue[bytes] = SimpleQueue()
    assert process.stdout is not None  # noqa: S101
    try:
        threading.Thread(target=_read, args=(process.stdout, printed), daemon=True).start()
    except RuntimeError:
        process.stdout.close()
        raise
    try:
        output = printed.get(timeout=timeout)
        if len(output) > OUTPUT_LIMIT:
            raise ConfigError(f"{place}: prints more than {OUTPUT_LIMIT} bytes")
        process.wait(max(0.0, deadline - time.monotonic()))
    except (Empty, subprocess.TimeoutExpired):
        raise ConfigError(f"{place}: did not end within {timeout:g} seconds") from None
    return output


def _read(pipe: IO[bytes], printed: SimpleQueue[bytes]) -> None:
    """Read in a thread of its own: a program that was left behind may never close the pipe."""
    with pipe:
        printed.put(pipe.read(OUTPUT_LIMIT + 1))


def _kill(process: subprocess.Popen[bytes], apart: bool) -> None:
    """End a program; with those that it started, if it is in a process group of its own.

    It has not been waited for, so that its number is still its own.
    """
    with suppress(ProcessLookupError, PermissionError):
        if apart:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(1.0)
