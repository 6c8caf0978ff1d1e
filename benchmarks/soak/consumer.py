"""What watches: a process that keeps a journal of each event, and folds them."""

import logging
import resource
import sys
import threading
import time
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event as ProcessEvent
from typing import Any, NamedTuple

import anyio

from benchmarks.soak.options import Options
from benchmarks.soak.server import Object, Server, name_of, version_of
from kwatch import Event, EventType, KubeConfig, StopEvent, WatchState, WatchStatus, awatch, watch

THE_END = "the-end"
"""The name of the last object to be created."""

GRACE_SECONDS = 1.5
"""So long it goes on after the last event, for repetitions that should not come."""

LIFETIME_SECONDS = 20
"""The server-side life of one connection: each brings a bookmark, 2 s before its end."""

logger = logging.getLogger("soak")

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class Entry(NamedTuple):
    """One event.

    ``cursor`` is the status's resource version right after it, 0 for None. ``listed`` are those in
    the initial state and in healed gaps, and the bookmark that ends these.
    """

    verb: str
    name: str
    uid: str
    version: int
    cursor: int
    listed: bool
    at: float


@dataclass
class Journal:
    """What came of one watch.

    Attributes:
        begun_at: The resource version it began at; 0 where it began with the initial state.
        entries: All events, in order.
        objects: What is left when they are folded.
        errors: The errors that were retried, by kind.
        connects: How many watches were opened.
        relists: How many gaps were healed.
        max_resident: The process's largest resident memory, MiB.
        failure: Why it ended, if that was not the end of the run.
    """

    begun_at: int = 0
    entries: list[Entry] = field(default_factory=list)
    objects: dict[str, Object] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    connects: int = 0
    relists: int = 0
    max_resident: int = 0
    failure: str = ""


class CountingStatus(WatchStatus):
    """A status that counts the errors."""

    def __init__(self) -> None:
        self.errors: Counter[str] = Counter()
        super().__init__()

    def __setattr__(self, name: str, value: object) -> None:
        if name == "last_error" and value not in (None, getattr(self, name, None)):
            code = getattr(value, "code", "")
            self.errors[f"{type(value).__name__} {code}".strip()] += 1
            logger.debug("%s: %r", self.state, value)
        super().__setattr__(name, value)


class Consumer:
    """One watch, to the end of the run."""

    def __init__(self, options: Options, front: str, start: str, run: str, base_url: str) -> None:
        self.journal = Journal()
        self.status = CountingStatus()
        self._options = options
        self._front = front
        self._base_url = base_url
        self._stop_event = StopEvent()
        self._ended = False
        self._arguments: dict[str, Any] = {
            "namespace": options.namespace,
            "label_selector": f"soak={run}",
            "send_initial_events": start == "initial",
            "allow_bookmarks": True,
            "timeout_seconds": LIFETIME_SECONDS,
            "status": self.status,
        }
        if start == "now":
            with Server(options, run) as server:
                self.journal.objects = server.list()

    @property
    def is_synced(self) -> bool:
        """Whether the initial state is known, and the watch open."""
        return self.status.synced and self.status.connects > 0

    def run(self) -> None:
        """Consume one front end; the body of a thread."""
        try:
            if self._front == "watch":
                self._watch()
            else:
                anyio.run(self._awatch, backend=self._options.backend)
        except BaseException as error:
            self.journal.failure = repr(error)

    def close(self) -> Journal:
        """Give the journal; what has not ended by now never will."""
        if not self._ended and not self.journal.failure:
            self.journal.failure = f"no end, {self.status.state}"
        self.journal.connects = self.status.connects
        self.journal.relists = self.status.relists
        self.journal.errors = self.status.errors
        unit = 1 if sys.platform == "darwin" else 1_024
        self.journal.max_resident = (
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 2**20
        )
        return self.journal

    def _watch(self) -> None:
        config = KubeConfig.load(self._options.kubeconfig, self._options.context)
        with config.client(base_url=self._base_url) as client:
            for event in watch(client, "Widget", stop_event=self._stop_event, **self._arguments):
                if self._take(event):
                    threading.Timer(GRACE_SECONDS, self._stop_event.set).start()

    async def _awatch(self) -> None:
        config = KubeConfig.load(self._options.kubeconfig, self._options.context)
        async with config.async_client(base_url=self._base_url) as client:
            with anyio.CancelScope() as scope:
                async with aclosing(awatch(client, "Widget", **self._arguments)) as events:
                    async for event in events:
                        if self._take(event):
                            scope.deadline = anyio.current_time() + GRACE_SECONDS

    def _take(self, event: Event) -> bool:
        """Note and fold one event; tell if it was the last of the run."""
        event_type, obj = event
        metadata = obj["metadata"]
        is_bookmark = event_type is EventType.BOOKMARK
        if is_bookmark:
            annotations = metadata.get("annotations") or {}
            listed = annotations.get(INITIAL_EVENTS_END) == "true"
        else:
            listed = not self.status.synced or self.status.state is not WatchState.WATCHING
        name, uid = metadata.get("name", ""), metadata.get("uid", "")
        cursor = int(self.status.resource_version or 0)
        self.journal.entries.append(
            Entry(str(event_type), name, uid, version_of(obj), cursor, listed, time.time())
        )
        if event_type is EventType.DELETED:
            self.journal.objects.pop(name_of(obj), None)
        elif not is_bookmark:
            self.journal.objects[name_of(obj)] = obj
        whole = is_bookmark or not listed  # in the middle of a list, more is to come
        is_last = whole and THE_END in self.journal.objects and not self._ended
        self._ended = self._ended or is_last
        return is_last


def consume(
    options: Options,
    front: str,
    start: str,
    run: str,
    base_url: str,
    synced: ProcessEvent,
    give_up: ProcessEvent,
    result: Connection,
) -> None:
    """Be the process of one watch."""
    options.show_log(f"{front}, {start}")
    consumer = Consumer(options, front, start, run, base_url)
    thread = threading.Thread(target=consumer.run, daemon=True)
    thread.start()
    while thread.is_alive() and not give_up.is_set():
        thread.join(0.1)
        if consumer.is_synced and not synced.is_set():
            if start == "now":
                consumer.journal.begun_at = int(consumer.status.resource_version or 0)
            synced.set()
    result.send(consumer.close())
