"""Messages that are sent between the events."""

import threading
import time
from typing import Any

from benchmarks.watcher.server import Stream
from benchmarks.watcher.tally import NAMES, tally
from tests.worlds import WORLDS, world

SENDERS = 8
"""So many threads send."""

PAUSE_SECONDS = 0.0005
"""Between the messages of a thread that sends slowly."""


def send_all(handle: Any, messages: int, pause: float) -> None:
    """Send messages from several threads at once, each of them its own numbers."""

    def send(sender: int) -> None:
        for number in range(messages // SENDERS):
            handle.send((sender, number))
            if pause:
                time.sleep(pause)

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def exchange(front: str, stream: Stream, messages: int, pause: float) -> bool:
    """Send messages while events come; print a line of figures; tell if all was well."""
    watcher = tally(front, stream, messages=messages)
    with world(front) as where:
        client = where.client(stream.url)
        handle = where.call(watcher.start_link, client, init_arg=0, **stream.options())
        watcher.flowing.wait()
        began, before = time.perf_counter(), handle.state
        send_all(handle, messages, pause)
        sent = time.perf_counter() - began
        events = handle.result(60)
    until, after = watcher.last_message
    came = sum(watcher.sent.values())
    name = NAMES[front][1] + (", slowly" if pause else "")
    rates = f"{messages / sent:11,.0f}{messages / (until - began):11,.0f}"
    print(f"{name:30}{rates}{after - before:10,}{came:9,}{watcher.wrong:7}", flush=True)
    counts = dict.fromkeys(range(SENDERS), messages // SENDERS)
    return watcher.wrong == 0 and events == stream.events and watcher.sent == counts


def compare_messages(stream: Stream, messages: int) -> bool:
    """Send messages to each front; print a table; tell if all was well."""
    print(f"\n{messages:,} messages from {SENDERS} threads, while events come")
    print(f"{'':30}{'sent/s':>11}{'handled/s':>11}{'events':>10}{'came':>9}{'wrong':>7}")
    good = True
    for front in WORLDS:
        for pause in (0.0, PAUSE_SECONDS):
            good &= exchange(front, stream, messages, pause)
    return good
