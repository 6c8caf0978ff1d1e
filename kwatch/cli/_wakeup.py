"""Has a signal end what the main thread waits for, whenever it comes."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

LOOK_SECONDS = 0.05
"""How long a signal waits, at least, until it is sent again."""


@contextmanager
def waking(numbers: Collection[int], is_heard: Callable[[], bool]) -> Iterator[None]:
    """Send signals again to the main thread, which this is, until their handler has run.

    Python runs it between two steps of that thread. A signal that comes right before the thread
    blocks, or that the system gives to another thread, does not end the wait.

    Args:
        numbers: The signals, which have handlers.
        is_heard: Whether the handler of one has run.

    Source: the documentation of Python's ``signal``, execution of Python signal handlers.
    """
    if not (numbers and hasattr(signal, "pthread_kill")):  # Windows has other ways
        yield
        return
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    main, is_over = threading.get_ident(), threading.Event()

    def wake() -> None:
        while came := reader.recv(1):  # nothing: it was shut down
            while came[0] in numbers and not (is_heard() or is_over.is_set()):
                time.sleep(LOOK_SECONDS)
                if not is_heard():
                    signal.pthread_kill(main, came[0])

    thread = threading.Thread(target=wake, name="kwatch-wakeup", daemon=True)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        thread.start()
        yield
    finally:
        is_over.set()
        signal.set_wakeup_fd(before)
        writer.close()
        thread.join()
        reader.close()
