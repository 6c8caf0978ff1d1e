"""One run of one peer, in a process of its own: prints what it measured, as JSON.

Usage: ``python -m benchmarks.peers.run MEASUREMENT CASE PEER URL``.
"""

import asyncio
import inspect
import json
import os
import sys
import warnings
from importlib import import_module

from benchmarks.peers.kinds import Kind
from benchmarks.peers.peer import PEERS, Take, Watching


def drive(watching: type[Watching], url: str, kind: Kind, since: str | None, take: Take) -> None:
    """Watch until it is enough, in asyncio where that is needed."""
    if not inspect.iscoroutinefunction(watching.watch):
        watching(url).watch(kind, since, take)
        return

    async def main() -> None:
        watch = watching(url).watch(kind, since, take)
        assert watch is not None
        await watch

    asyncio.run(main())


def main() -> None:
    """Measure, print, and end at once, whatever threads a library has left behind."""
    measurement, case, name, url = sys.argv[1:]
    warnings.simplefilter("ignore")  # of what is not closed, for it ends in the middle
    peer = next(peer for peer in PEERS if peer.name == name)
    module = import_module(f"benchmarks.peers.{measurement}")
    print(json.dumps(module.measure(peer.load(), url, case)), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
