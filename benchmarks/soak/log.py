"""What was written: the log of acknowledged changes, and the states that follow from it."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

State = dict[str, tuple[str, int]]
"""The uid and the version of each object that is there, by name."""


class Change(NamedTuple):
    """One acknowledged change; ``version`` is 0 for a deletion, which the server tells none of."""

    verb: str
    name: str
    uid: str
    version: int
    at: float

    def apply(self, state: State) -> None:
        """Carry the change out."""
        if self.version:
            state[self.name] = self.uid, self.version
        else:
            del state[self.name]


def read(path: Path) -> list[Change]:
    """Read the log: one change a line, in order."""
    return [Change(*json.loads(line)) for line in path.read_text().splitlines()]


def fold(changes: Iterable[Change]) -> State:
    """Give the state after some changes, from nothing."""
    state: State = {}
    for change in changes:
        change.apply(state)
    return state


class History:
    """What the server held at one resource version after the other."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self.state: State = {}
        self._changes = changes
        self._done = 0

    def advance(self, version: int) -> set[str]:
        """Bring `state` to a resource version that is not lower than the last.

        Returns:
            The names in it that may be deleted already. A single writer's changes have rising
            versions, so that a deletion lies between its neighbours; more is not known.
        """
        pending: list[Change] = []
        for change in self._changes[self._done :]:
            if change.version > version:
                break
            pending.append(change)
            if change.version:
                for sure in pending:
                    sure.apply(self.state)
                self._done += len(pending)
                pending.clear()
        return {change.name for change in pending}
