"""Signals: how a person and a supervisor end the command."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from kwatch.cli._suspend import leave_all
from kwatch.cli._wakeup import waking

GRACE_SECONDS = 0.5
"""How long a second signal waits at most until the terminal is as it was."""


class Stopped(BaseException):
    """SIGINT or SIGTERM came.

    Attributes:
        status: What the process is to exit with.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


@contextmanager
def stoppable() -> Iterator[None]:
    """Have SIGINT and SIGTERM raise `Stopped`, and a second signal end the process at once.

    That is so while the context is open, in the main thread; a signal that is ignored (by
    ``nohup``, or a shell's ``&``) stays so.
    """
    came = threading.Event()

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        came.set()
        for handled in before:
            signal.signal(handled, _exit)
        raise Stopped(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        before = {
            number: handler
            for number, handler in handlers.items()
            if handler not in (signal.SIG_IGN, None)  # None: not Python's, cannot be restored
        }
    try:
        with waking(before, came.is_set):
            for number in before:
                signal.signal(number, stop)
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit(number: int, _frame: FrameType | None) -> None:
    """End the process, in a thread: what it waits for may be held by whatever this interrupts."""

    def leave_and_exit() -> None:
        try:
            leave_all()
        finally:
            os._exit(128 + number)

    late = threading.Timer(GRACE_SECONDS, os._exit, [128 + number])
    for thread in (late, threading.Thread(target=leave_and_exit, name="kwatch-exit")):
        thread.daemon = True
        thread.start()
