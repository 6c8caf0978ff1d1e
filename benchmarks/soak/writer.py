"""Creates, modifies and deletes objects, in a process of its own, and logs each change."""

import json
import random
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TextIO

from benchmarks.soak.log import Change
from benchmarks.soak.options import Options
from benchmarks.soak.server import Object, Server, name_of, version_of
from kwatch import EventType


class Writer:
    """One turn after the other, each on an object by chance."""

    def __init__(self, server: Server, lines: TextIO, seed: int) -> None:
        self._server = server
        self._lines = lines
        self._chance = random.Random(seed)
        self._alive: dict[str, Object] = {}
        self._turns = 0

    def turn(self, name: str) -> None:
        """Create the object if it is not there; else modify it, or, less often, delete it."""
        self._turns += 1
        spec = {"turn": self._turns, "text": "x" * self._chance.choice((10, 1_000, 20_000))}
        known = self._alive.pop(name, None)
        if known is None:
            obj, verb = self._server.create(name, spec), EventType.CREATED
        elif self._chance.random() < 0.7:
            obj, verb = self._server.replace(known, spec), EventType.MODIFIED
        else:
            self._server.delete(known)
            obj, verb = known, EventType.DELETED
        if verb is not EventType.DELETED:
            self._alive[name] = obj
        self._lines.write(json.dumps(change_of(verb, obj)) + "\n")

    def turns(self, objects: int, rate: float, seconds: float) -> None:
        """Take turns, evenly over the time; those that a server missed come all at once."""
        began = time.monotonic()
        for number in range(int(rate * seconds)):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            self.turn(f"w-{self._chance.randrange(objects)}")


def change_of(verb: EventType, obj: Object) -> Change:
    """Give what is logged of a change that was acknowledged just now."""
    version = 0 if verb is EventType.DELETED else version_of(obj)
    return Change(str(verb), name_of(obj), obj["metadata"]["uid"], version, time.time())


def write(options: Options, run: str, log: Path, prepared: Event, begin: Event) -> None:
    """Be the writer's process: half of the objects, and when told so, all the turns."""
    with Server(options, run) as server, log.open("w", buffering=1) as lines:
        writer = Writer(server, lines, options.seed)
        for number in range(options.objects // 2):
            writer.turn(f"w-{number}")
        prepared.set()
        begin.wait()
        writer.turns(options.objects, options.rate, options.seconds)
