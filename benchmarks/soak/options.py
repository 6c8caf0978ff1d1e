"""The command line."""

import argparse
import logging
from typing import NamedTuple

DESCRIPTION = """\
Watch through faults and crashes, and account for every single change.

A process of its own creates, modifies and deletes custom objects, and logs what the API server
acknowledged. Between each watch and that server stands a TCP proxy that cuts, resets, truncates,
stalls, delays and refuses connections at random; commands may restart the server and compact its
store as well. In the end each logged change must have been yielded once, or be hidden in a gap
that was healed without a fault, and the events, folded over a dict, must equal the server's list.

The proxies listen on 127.0.0.1 and pass TLS through, so that the server's certificate must hold
for that address. Exit status: 0 if nothing was lost, repeated or wrong, and 1 otherwise.
"""


class Options(NamedTuple):
    """What was asked for; the help of `parse` says what each means."""

    kubeconfig: str
    context: str | None
    namespace: str
    restart: str
    restarts: int
    compact: str
    compactions: int
    objects: int
    rate: float
    seconds: float
    fault_interval: float
    seed: int
    front: str
    start: str
    backend: str
    verbose: bool

    @property
    def fronts(self) -> tuple[str, ...]:
        """The front ends to run."""
        return ("watch", "awatch") if self.front == "both" else (self.front,)

    @property
    def starts(self) -> tuple[str, ...]:
        """Where to begin."""
        return ("initial", "now") if self.start == "both" else (self.start,)

    def show_log(self, who: str) -> None:
        """Log to standard error, as somebody, if that was asked for."""
        if self.verbose:
            logging.basicConfig(format=f"%(asctime)s {who}: %(message)s")
            for name in ("kwatch", "soak"):
                logging.getLogger(name).setLevel(logging.DEBUG)


def parse() -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.soak",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--kubeconfig", required=True, help="of a server to be tormented")
    add("--context", help="of the kubeconfig (default: its current one)")
    add("--namespace", default="default")
    add("--restart", default="", metavar="CMD", help="kills the server and starts it again")
    add("--restarts", type=int, default=3, help="how often")
    add("--compact", default="", metavar="CMD", help="compacts the server's store")
    add("--compactions", type=int, default=10, help="how often")
    add("--objects", type=int, default=500, help="names to write to; 2 in 3 are there at a time")
    add("--rate", type=float, default=30.0, help="changes a second")
    add("--seconds", type=float, default=600.0, help="that the changes are spread over")
    add(
        "--fault-interval",
        type=float,
        default=4.0,
        metavar="SECONDS",
        help="from the end of one fault to the next, in the mean",
    )
    add("--seed", type=int, default=0)
    add("--front", choices=("watch", "awatch", "both"), default="both")
    add(
        "--start",
        choices=("initial", "now", "both"),
        default="initial",
        help="with send_initial_events, or from now; all watches run at the same time",
    )
    add("--backend", choices=("asyncio", "trio"), default="asyncio", help="for awatch")
    add("--verbose", action="store_true", help="log the faults and kwatch's messages")
    return Options(**vars(parser.parse_args()))
