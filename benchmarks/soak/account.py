"""What must hold between the log of what was written and the journal of what was yielded."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from benchmarks.soak.consumer import Entry, Journal
from benchmarks.soak.log import Change, History, State, fold
from benchmarks.soak.server import Object
from kwatch import EventType

MAX_DETAILS = 20
"""So many problems are told one by one."""


class Problem(StrEnum):
    """What can be wrong."""

    LOST = "lost"
    """A change was not yielded, and no healed gap hides it."""
    REPEATED = "repeated"
    """A version of an object was yielded twice, or its deletion."""
    UNWRITTEN = "never written"
    """An event tells of no change, or outside of a gap not of this kind of change."""
    FOLD = "against the fold"
    """Created while present; modified or deleted while absent, another uid's, or older."""
    GAP = "not the difference"
    """What one list told in a gap is not exactly the difference of the states before and after."""
    RELISTS = "gaps not as counted"
    """`WatchStatus.relists` differs from the number of bookmarks that end a list."""
    CURSOR = "wrong cursors"
    """The status's cursor is not the last event's version or, in a gap, that before the gap."""
    STATE = "wrong at a bookmark"
    """The folded state is not what the server held at the bookmark's resource version."""
    FINAL = "wrong in the end"
    """A folded object does not equal the server's, or is on one side only."""


class Gap(NamedTuple):
    """A gap that was healed: of what came after ``low``, up to ``high``, the outcome was told."""

    low: int
    high: int


class Account:
    """Goes through one journal, and counts what is wrong.

    The initial state is a gap, too: the one from nothing.

    Args:
        changes: All that was written, in order.
        known: How many of them came before a watch that began from now, and are not told.
        journal: What was yielded.

    Attributes:
        problems: How often each was found.
        details: The first of them, for a person.
        gaps: Those that were healed.
        bookmarks: At how many the states were compared.
        hidden: How many changes a gap hides.
        delays: From each acknowledged change to its event, seconds; those in gaps apart.
    """

    def __init__(self, changes: Sequence[Change], known: int, journal: Journal) -> None:
        self.problems: Counter[Problem] = Counter()
        self.details: list[str] = []
        self.gaps: list[Gap] = []
        self.bookmarks = self.hidden = 0
        self.delays: list[float] = []
        self._written = {(change.uid, change.version): change for change in changes}
        self._history = History(changes)
        self._seen: Counter[tuple[str, int]] = Counter()
        self._state = fold(changes[:known])
        self._cursor = journal.begun_at
        self._before: State = {}  # the list
        self._listed: list[Entry] = []
        for entry in journal.entries:
            if entry.verb == EventType.BOOKMARK:
                self._take_bookmark(entry)
            else:
                self._take(entry)
        self._find_lost(changes[known:])
        if len(self.gaps) != (due := journal.relists + (journal.begun_at == 0)):
            self._note(Problem.RELISTS, f"{len(self.gaps)} bookmarks, not {due}")

    def compare(self, folded: dict[str, Object], listed: dict[str, Object]) -> None:
        """Compare the whole objects in the end: those of the journal, and the server's."""
        for name in sorted(folded.keys() | listed.keys()):
            if folded.get(name) != listed.get(name):
                self._note(Problem.FINAL, name)

    # One entry after the other

    def _take_bookmark(self, entry: Entry) -> None:
        if entry.listed:
            if self._listed:
                self._compare_list()
            self.gaps.append(Gap(self._cursor, entry.version))
        if entry.version < self._cursor:
            self._note(Problem.STATE, f"{entry} leads back from {self._cursor}")
            return
        self._cursor = entry.version
        self.bookmarks += 1
        unsure = self._history.advance(entry.version)
        truth = self._history.state
        for name in sorted(truth.keys() | self._state.keys()):
            mine = self._state.get(name)
            if mine != truth.get(name) and (mine is not None or name not in unsure):
                self._note(Problem.STATE, f"{name} at {entry}: {mine}, not {truth.get(name)}")

    def _take(self, entry: Entry) -> None:
        if entry.listed:
            if self._listed and goes_back(self._listed[-1], entry):
                self._compare_list()
            if not self._listed:
                self._before = dict(self._state)
            self._listed.append(entry)
        else:
            if self._listed:
                self._note(Problem.GAP, f"no bookmark before {entry}")
                self._listed.clear()
            self._cursor = entry.version
        if entry.cursor != self._cursor:
            self._note(Problem.CURSOR, f"{entry}, not {self._cursor}")
        self._match(entry)
        self._fold(entry)

    def _match(self, entry: Entry) -> None:
        """Look the event up in the log."""
        identity = entry.uid, 0 if entry.verb == EventType.DELETED else entry.version
        self._seen[identity] += 1
        if self._seen[identity] > 1:
            self._note(Problem.REPEATED, str(entry))
        change = self._written.get(identity)
        if change is None or (change.verb != entry.verb and not entry.listed):
            self._note(Problem.UNWRITTEN, f"{entry}: {change}")
        elif not entry.listed:
            self.delays.append(entry.at - change.at)

    def _fold(self, entry: Entry) -> None:
        uid, version = self._state.get(entry.name, ("", 0))
        if entry.verb == EventType.CREATED:
            fits = not uid
        elif entry.listed and entry.verb == EventType.DELETED:
            fits = entry.uid == uid and entry.version == version
        else:
            fits = entry.uid == uid and entry.version > version
        if not fits:
            self._note(Problem.FOLD, f"{entry} on {uid} {version}")
        if entry.verb == EventType.DELETED:
            self._state.pop(entry.name, None)
        else:
            self._state[entry.name] = entry.uid, entry.version

    def _compare_list(self) -> None:
        """A list is over: it may tell of a name once, and of nothing that it left as it was."""
        told: dict[str, list[tuple[str, str, int]]] = {}
        for entry in self._listed:
            told.setdefault(entry.name, []).append((entry.verb, entry.uid, entry.version))
        due = difference(self._before, self._state)
        for name in sorted(told.keys() | due.keys()):
            if told.get(name) != due.get(name):
                self._note(Problem.GAP, f"{name}: {told.get(name)}, not {due.get(name)}")
        self._listed.clear()

    # In the end

    def _find_lost(self, changes: Sequence[Change]) -> None:
        seen = {uid for uid, _ in self._seen}
        unborn: set[str] = set()  # no event told of their creation, or of anything before it
        for change in changes:
            if (change.uid, change.version) in self._seen:
                continue
            if change.version:
                is_hidden = any(gap.low < change.version <= gap.high for gap in self.gaps)
            else:
                is_hidden = change.uid in unborn and change.uid not in seen
            if change.verb == EventType.CREATED and is_hidden:
                unborn.add(change.uid)
            self.hidden += is_hidden
            if not is_hidden:
                self._note(Problem.LOST, str(change))

    def _note(self, problem: Problem, detail: str) -> None:
        self.problems[problem] += 1
        if len(self.details) < MAX_DETAILS:
            self.details.append(f"{problem}: {detail}")


def goes_back(last: Entry, entry: Entry) -> bool:
    """Whether a list begins anew: its names rise, until those come that it lacks.

    As it must where a restart or a compaction takes the version of its pages away.
    """
    recreated = last.verb == EventType.DELETED and entry.verb == EventType.CREATED
    return entry.name < last.name or (entry.name == last.name and not recreated)


def difference(before: State, after: State) -> dict[str, list[tuple[str, str, int]]]:
    """Give the events that lead from one state to the other, by name."""
    due: dict[str, list[tuple[str, str, int]]] = {}
    for name in before.keys() | after.keys():
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if old and new and old[0] == new[0]:
            due[name] = [(EventType.MODIFIED, *new)]
        else:
            due[name] = [(EventType.DELETED, *old)] if old else []
            due[name] += [(EventType.CREATED, *new)] if new else []
    return due
