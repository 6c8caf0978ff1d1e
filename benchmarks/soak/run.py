"""One run: the writer, the proxies, the watches, and what befalls the server meanwhile."""

import logging
import multiprocessing
import random
import shlex
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import httpx

from benchmarks.soak.account import Account, Problem
from benchmarks.soak.consumer import THE_END, Journal, consume
from benchmarks.soak.log import Change, read
from benchmarks.soak.options import Options
from benchmarks.soak.proxy import Fault, Proxy
from benchmarks.soak.server import OUTAGE_SECONDS, Object, Server
from benchmarks.soak.writer import change_of, write
from kwatch import EventType, KubeConfig

START_SECONDS = 60.0
"""So long a watch may take to know the initial state, with nothing in its way."""

PATIENCE_SECONDS = 150.0
"""So long a watch may take to the last event: the last stall is noticed in a minute or less."""

logger = logging.getLogger("soak")

SPAWN = multiprocessing.get_context("spawn")

Rows = dict[str, object]


class Trial:
    """One watch, in a process of its own, behind a proxy of its own."""

    def __init__(self, options: Options, front: str, start: str, run: str) -> None:
        self.name = f"{front}, {start}"
        self.start = start
        url = httpx.URL(KubeConfig.load(options.kubeconfig, options.context).server)
        chance = random.Random(f"{options.seed} {self.name}")
        port = url.port or (443 if url.scheme == "https" else 80)
        self.proxy = Proxy(self.name, url.host, port, options.fault_interval, chance)
        self._url = url
        self._arguments = options, front, start, run
        self._synced, self._give_up = SPAWN.Event(), SPAWN.Event()
        self._result, self._sender = SPAWN.Pipe(duplex=False)

    def __enter__(self) -> Self:
        self.proxy.__enter__()
        base_url = str(self._url.copy_with(host="127.0.0.1", port=self.proxy.port))
        rest = base_url, self._synced, self._give_up, self._sender
        self._process = SPAWN.Process(target=consume, args=(*self._arguments, *rest), daemon=True)
        self._process.start()
        self._sender.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self.proxy.__exit__()

    def wait(self) -> None:
        """Wait until the initial state is known."""
        if not self._synced.wait(START_SECONDS):
            raise TimeoutError(f"{self.name} did not start: {self.journal(0.0).failure}")

    def journal(self, seconds: float) -> Journal:
        """Give the journal, when the watch ends, or after so many seconds."""
        if not self._result.poll(seconds):
            self._give_up.set()
        try:
            journal: Journal = self._result.recv()
        except EOFError:
            return Journal(failure="its process died")
        return journal


class Strain:
    """What befalls the server itself: restarts and compactions, spread over the time."""

    def __init__(self, options: Options) -> None:
        chance = random.Random(options.seed + 1)
        self.done: list[str] = []
        self.down = 0.0  # seconds
        self._plan = sorted(
            (at, command)
            for command, count in (
                (options.restart, options.restarts),
                (options.compact, options.compactions),
            )
            if command
            for at in spread(options.seconds, count, chance)
        )
        self._restart = options.restart

    def carry_out(self) -> None:
        """Do as planned; return after the last."""
        began = time.monotonic()
        for at, command in self._plan:
            time.sleep(max(0.0, began + at - time.monotonic()))
            started = time.monotonic()
            logger.debug("%s", command)
            subprocess.run(
                shlex.split(command), check=True, timeout=OUTAGE_SECONDS, capture_output=True
            )
            logger.debug("%s is done", command)
            self.done.append(command)
            self.down += time.monotonic() - started if command == self._restart else 0.0


def spread(seconds: float, count: int, chance: random.Random) -> Iterator[float]:
    """Give moments, one by chance in each part of the time."""
    for number in range(count):
        yield seconds / count * (number + chance.uniform(0.1, 0.9))


def soak(options: Options) -> dict[str, Rows]:
    """Run once, all watches at the same time; give the table's columns."""
    run = uuid.uuid4().hex[:8]
    prepared, begin = SPAWN.Event(), SPAWN.Event()
    strain = Strain(options)
    with ExitStack() as stack:
        log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "log"
        server = stack.enter_context(Server(options, run))
        server.prepare()
        stack.callback(server.clean_up)
        writer = SPAWN.Process(target=write, args=(options, run, log, prepared, begin), daemon=True)
        writer.start()
        if not prepared.wait(OUTAGE_SECONDS):
            raise TimeoutError("the writer did not start")
        known = len(read(log))
        trials = [
            stack.enter_context(Trial(options, front, start, run))
            for start in options.starts
            for front in options.fronts
        ]
        for trial in trials:
            trial.wait()
        began = time.monotonic()
        begin.set()
        for trial in trials:
            trial.proxy.begin()
        strain.carry_out()
        writer.join(options.seconds + OUTAGE_SECONDS)
        seconds = time.monotonic() - began
        for trial in trials:
            trial.proxy.calm()
        changes = [*read(log), change_of(EventType.CREATED, server.create(THE_END, {}))]
        journals = [trial.journal(PATIENCE_SECONDS) for trial in trials]
        listed = server.list()
    if writer.exitcode != 0:
        raise RuntimeError("the writer failed")
    common = {
        "seconds": round(seconds, 1),
        "server restarts": strain.done.count(options.restart) if options.restart else 0,
        "server down, s": round(strain.down, 1),
        "compactions": strain.done.count(options.compact) if options.compact else 0,
    }
    return {
        trial.name: common
        | rows(changes, 0 if trial.start == "initial" else known, trial, journal, listed)
        for trial, journal in zip(trials, journals, strict=True)
    }


def rows(
    changes: list[Change], known: int, trial: Trial, journal: Journal, listed: dict[str, Object]
) -> Rows:
    """Give what is told of one watch."""
    account = Account(changes, known, journal)
    account.compare(journal.objects, listed)
    delays = sorted(account.delays)
    errors = sorted(f"{kind} {count}" for kind, count in journal.errors.items())
    return {
        "changes": len(changes) - known,
        "events": sum(entry.verb != EventType.BOOKMARK for entry in journal.entries),
        **{f"fault: {fault}": trial.proxy.faults[fault] for fault in Fault},
        "longest stall, s": round(max(trial.proxy.stalls, default=0.0), 1),
        "connects": journal.connects,
        "relists": journal.relists,
        "hidden by relists": account.hidden,
        "bookmarks checked": account.bookmarks,
        **{str(problem): account.problems[problem] for problem in Problem},
        "median delay, ms": round(1_000 * delays[len(delays) // 2], 1) if delays else "-",
        "longest delay, s": round(delays[-1], 1) if delays else "-",
        "resident, MiB": journal.max_resident,
        "errors": "; ".join(errors) or "-",
        "failure": journal.failure or "-",
        "problems": "".join(f"\n  {detail}" for detail in account.details) or "-",
    }
