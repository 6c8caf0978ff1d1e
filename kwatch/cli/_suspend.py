"""Lets Ctrl-Z leave the terminal as it was found, and come back to it."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple


class _Hold(NamedTuple):
    """What somebody does to the terminal."""

    leave: Callable[[], object]
    enter: Callable[[], object]


_holds: list[_Hold] = []
_stopping = threading.Lock()


@contextmanager
def suspendable(leave: Callable[[], object], enter: Callable[[], object]) -> Iterator[None]:
    """Leave the terminal when the process is suspended, and enter it again when that goes on.

    They are called in a thread of their own: what they lock may be locked by whoever the signal
    interrupts.

    Args:
        leave: Gives the terminal back; those that came last go first.
        enter: Takes it again.
    """
    hold = _Hold(leave, enter)
    _holds.append(hold)
    before = _handle() if len(_holds) == 1 else None
    try:
        yield
    finally:
        with _stopping:  # or else it would be entered again after this
            _holds.remove(hold)
        if before is not None:
            signal.signal(signal.SIGTSTP, before)


def leave_all() -> None:
    """Leave the terminal for good, in a thread of its own: the process is about to end."""
    for hold in reversed(_holds):
        hold.leave()


def _handle() -> signal.Handlers | None:
    """Handle the signal; give the handler of before, or None where there is nothing to do.

    A process that no shell can continue is not suspended by Ctrl-Z: one in the group of the leader
    of its session.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not (is_main and hasattr(signal, "SIGTSTP")) or os.getpgrp() == os.getsid(0):
        return None
    if signal.getsignal(signal.SIGTSTP) is not signal.SIG_DFL:
        return None
    signal.signal(signal.SIGTSTP, _suspend)
    return signal.SIG_DFL


def _suspend(_number: int, _frame: FrameType | None) -> None:
    threading.Thread(target=_stop, name="kwatch-suspend", daemon=True).start()


def _stop() -> None:
    with _stopping:
        holds = list(_holds)
        leave_all()
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # this thread goes no further
        for hold in holds:
            hold.enter()
