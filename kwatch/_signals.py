"""SIGTERM and SIGINT, while a watcher or supervisor runs in the main thread."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, Final

_DEFAULTS: Final = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}

_listeners: list[Callable[[int], None]] = []


@contextmanager
def exiting(exit: Callable[[Any], object]) -> Iterator[None]:  # noqa: A002 - OTP's word
    """Have a signal call ``exit("shutdown")``, while the context is open, in the main thread.

    Only what has no handler is handled: the program's own, or asyncio's, stay. A second signal does
    what it would have done. In another thread, signals are none of our business.

    Raises:
        KeyboardInterrupt: SIGINT came, as ever in Python, but at the end of the context.
    """
    if current_thread() is not main_thread():
        yield
        return
    heard: list[int] = []

    def hear(number: int) -> None:
        heard.append(number)
        exit("shutdown")

    _listeners.append(hear)
    if len(_listeners) == 1:
        _replace(_DEFAULTS, dict.fromkeys(_DEFAULTS, _tell))
    try:
        yield
    finally:
        _listeners.remove(hear)
        if not _listeners:
            _restore()
    if signal.SIGINT in heard:
        raise KeyboardInterrupt


def _tell(number: int, _frame: FrameType | None) -> None:
    _restore()
    for hear in _listeners:
        hear(number)


def _restore() -> None:
    _replace(dict.fromkeys(_DEFAULTS, _tell), _DEFAULTS)


def _replace(old: Any, new: Any) -> None:
    """Replace the handlers of signals, where they are what is expected."""
    for number in _DEFAULTS:
        if signal.getsignal(number) == old[number]:
            signal.signal(number, new[number])
