"""What a watch has to survive, by number; tests are named after it: ``test_s24_...``.

A run of the whole suite ends with a table of them, and what became of their tests; a run of a
part of it with ``--scenarios`` too.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

SCENARIOS = {
    "Start and list": {
        1: "Later pages ask by limit and token alone; the cursor is the list's version",
        2: "An empty page that has a token is not the last",
        3: "A token that expired begins the list again, whole",
        4: "The list's metadata comes before its items, or after them",
        5: "Items that are null are an empty list",
        6: "A list without a version is an error, and no loop",
        7: "A version that the server has not reached is left out, at once",
        8: "A version that the server has forgotten is left out, at once",
        9: "Retry-After is obeyed, in seconds and as a date, without a relist",
        10: "Server errors of a list are asked again after growing delays",
        11: "At the start, 401, 403 and 404 show themselves at once",
        12: "The watch begins at exactly the version of the list",
    },
    "Streaming list": {
        13: "What a request for it has to say",
        14: "Objects come in no order; the end bookmark gives the cursor",
        15: "Only the annotation, with its one value, is the end",
        16: "Changes that come before the end are applied",
        17: "A server that cannot do it is listed instead, and remembered",
        18: "An end that never comes is waited for within bounds, then listed",
        19: "A second attempt begins clean: what vanished in between is deleted",
        20: "After the end, a broken connection goes on from the cursor",
        21: "The end bookmark on a plain watch is no object, but a cursor",
        22: "Nothing exists: the end comes alone",
    },
    "Cursor and resume": {
        23: "A bookmark moves the cursor, and is not yielded unless asked for",
        24: "A clean end after events goes on at once, from the last version",
        25: "A clean end without events goes on from the same version",
        26: "A cut in the middle of an event drops that, and goes on before it",
        27: "A cut after a bookmark goes on from that",
        28: "A refused connection is tried again from the same version",
        29: "What a resumed watch repeats is not yielded again",
        30: "A deletion moves the cursor",
        31: "An event without a version never empties the cursor",
        32: "Versions that are long, or no numbers, stay what they are",
        33: "What exists, in no order, gives no cursor",
        34: "A program that begins from its stored cursor misses nothing",
    },
    "Gaps and errors": {
        35: "410 in the stream, for whatever reason, is healed",
        36: "410 as the answer is healed",
        37: "Empty answers again and again, with a cursor, are healed",
        38: "Empty answers without a cursor are no storm",
        39: "After a gap, only what differs is yielded",
        40: "A recreated object is deleted, then created",
        41: "429 in the stream waits as long as it says, and goes on",
        42: "A corrupt object in the store is healed",
        43: "A timeout of the server in the stream waits, and goes on",
        44: "An ERROR that is no Status is never an object",
        45: "An event of an unknown type is not passed",
        46: "An error over many lines is one error",
        47: "A proxy's page for 502 is a 502",
        48: "A token that ran out is read again",
        49: "A kind that vanished is tried again, and told once",
    },
    "Liveness": {
        50: "Quiet for longer than the read timeout is no error",
        51: "A peer that vanished without a word is noticed",
        52: "The life of a connection is asked for, and random",
        53: "Silence is measured by the bookmarks, if there were any",
        54: "Delays begin anew only after a connection that was good",
        55: "A slow consumer costs no memory, and is not taken for a dead server",
        56: "A stop ends a list, a read, a wait, at once",
    },
    "Wire": {
        57: "A compressed watch is not asked for",
        58: "Chunks may end anywhere",
        59: "An object of 3 MB",
        60: "An event is there as soon as its last byte is",
        61: "One object by its name, through all of its lives",
        62: "An object that leaves the selection, and enters it again",
        63: "A server that refuses metadata alone is asked for the whole",
        64: "Shards that the server does not make are noticed",
        65: "A proxy that holds back the head",
    },
    "Odd objects": {
        66: "Odd characters in strings",
        67: "Numbers that fit no machine word",
        68: "Nesting that is deep, and too deep",
        69: "An event that was cut short within a connection",
        70: "More watches than a client has connections",
    },
}

TITLES = {number: title for group in SCENARIOS.values() for number, title in group.items()}

OUTCOMES = {"failed": "failed", "error": "failed", "passed": "passed", "skipped": "skipped"}
"""What the table calls pytest's outcomes; an error before or after a test is a failure of it."""

_NUMBER = re.compile(r"(?<=[_[-])s(\d\d?)(?=[]_[-]|$)")


def numbers(test: str) -> set[int]:
    """Give the scenarios that a test is named after: its function or its parameters.

    >>> sorted(numbers("test_session.py::test_s07_s08_a_version[watch-s42-store]"))
    [7, 8, 42]
    """
    return {int(number) for number in _NUMBER.findall(test.partition("::")[2])}


def table(outcomes: Iterable[tuple[str, str]], *, whole: bool) -> Iterator[str]:
    """Make the table.

    Args:
        outcomes: Each test, and its outcome in pytest's word.
        whole: Whether every test ran: then a scenario without an outcome has no test.

    Yields:
        Its lines, one for each scenario, below the name of their group.
    """
    found: Mapping[int, Counter[str]] = defaultdict(Counter)
    for test, outcome in outcomes:
        for number in numbers(test):
            found[number][OUTCOMES[outcome]] += 1
    for group, titles in SCENARIOS.items():
        yield f"-- {group}"
        for number, title in titles.items():
            mark = _mark(found[number]) or ("NO TEST" if whole else "not run")
            yield f"{number:4}  {mark:24}  {title}"


def _mark(counts: Counter[str]) -> str:
    parts = [f"{counts[o]} {o}" for o in ("failed", "passed", "skipped") if counts[o]]
    return ("FAILED: " if counts["failed"] else "") + ", ".join(parts)
