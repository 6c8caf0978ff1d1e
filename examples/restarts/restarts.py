"""Warns when the containers of a pod are restarted again and again.

``python -m restarts`` watches the pods of all namespaces, ``python -m restarts shop`` those of one.
"""

import logging
import sys
from contextlib import aclosing, suppress
from typing import Any, TypeAlias

import httpx

from kwatch import KubeConfig, NoReply, Ok, Watcher, awatch

LIMIT = 3

Pod: TypeAlias = dict[str, Any]
Counts: TypeAlias = dict[str, int]

logger = logging.getLogger("restarts")


def key(pod: Pod) -> str:
    """``"shop/web-1"``."""
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def restarts(pod: Pod) -> int:
    """How often the containers of a pod have been restarted, all in all."""
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return sum(status["restartCount"] for status in statuses)


class Restarts(Watcher[Counts]):
    """Counts the restarts of each pod, and warns when one reaches the limit."""

    def init(self, init_arg: Any) -> Ok[Counts]:
        """Begin without any pod."""
        return Ok({})

    def handle_event(self, event_type: str, pod: Pod, counts: Counts) -> NoReply[Counts]:
        """Count again; the state is never changed, but replaced."""
        if event_type == "deleted":
            return NoReply({name: counts[name] for name in counts if name != key(pod)})
        count = restarts(pod)
        if counts.get(key(pod), 0) < LIMIT <= count:
            logger.warning("%s has been restarted %d times", key(pod), count)
        return NoReply(counts | {key(pod): count})


async def first_restarted(client: httpx.AsyncClient, limit: int = LIMIT) -> str:
    """Wait until a pod has been restarted so often, and give its name."""
    async with aclosing(awatch(client, "Pod", send_initial_events=True)) as events:
        async for _, pod in events:
            if restarts(pod) >= limit:
                return key(pod)
    raise AssertionError("a watch does not end by itself")


def main(arguments: list[str]) -> None:
    """Watch until Ctrl-C."""
    logging.basicConfig(format="%(levelname)s %(message)s")
    namespace = arguments[0] if arguments else None
    with suppress(KeyboardInterrupt), KubeConfig.load().client() as client:
        Restarts.run(client, "Pod", namespace=namespace, send_initial_events=True)


if __name__ == "__main__":
    main(sys.argv[1:])
