"""Measure what a `Watcher` costs beyond a watch, and see whether it keeps its promises.

Needs no cluster: a server in a process of its own writes the events::

    python -m benchmarks.watcher

It looks at the events in a second next to a bare loop; at a handler that is 100 times slower than
the stream; at messages that are sent between the events; and at ``stop()`` in the middle of a read.
Exit status: 1 if an event or a message was lost, repeated or out of order, if a slow handler had
the memory grow by 20 MB, or if a stop took 100 ms or left a thread or a connection behind; else 0.
"""

import argparse
import sys

from benchmarks.watcher.messages import compare_messages
from benchmarks.watcher.server import Stream, serving
from benchmarks.watcher.slow import compare_slow
from benchmarks.watcher.speed import compare
from benchmarks.watcher.stops import compare_stops

SMALL = 300
"""The bytes of a small event."""


def main() -> int:
    """Measure all of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--bytes", type=int, default=2_000, help="of each event")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--stops", type=int, default=100)
    options = parser.parse_args()
    with serving(options.events, [SMALL, options.bytes]) as url:
        small = Stream(url, options.events, SMALL)
        large = Stream(url, options.events, options.bytes)
        _, good = compare(small, options.rounds)
        alone, is_good = compare(large, options.rounds)
        good &= is_good
        good &= compare_messages(large, options.messages)
        good &= compare_stops(large, options.stops)
        good &= compare_slow(large, alone)
    print("\nall is well" if good else "\nA CHECK HAS FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
