"""What a watch tells its log: each thing once, however long it lasts."""

import logging
import re
from collections.abc import Callable
from typing import Final

QUIET_SECONDS: Final = 60.0
"""The same is not told again within so many seconds."""

MAX_TOPICS: Final = 100
"""So many are remembered."""

_DIGITS = re.compile("[0-9]+")

logger = logging.getLogger("kwatch")


class Journal:
    """Logs a message once, and again only when things went well in between.

    Args:
        clock: Gives seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told_at: dict[str, float] = {}
        self._well_at = clock()

    def tell(self, level: int, topic: str, message: str) -> None:
        """Log a message, unless one about the same topic was, and nothing has changed since.

        Topics that differ in numbers alone are one.
        """
        topic = _DIGITS.sub("0", topic)
        told_at = self._told_at.get(topic)
        now = self._clock()
        if len(self._told_at) >= MAX_TOPICS:
            self._told_at.clear()
        if told_at is None or (told_at < self._well_at and now - told_at >= QUIET_SECONDS):
            self._told_at[topic] = now
            logger.log(level, "%s", message)

    def went_well(self) -> None:
        """Things went well: what goes wrong from now on is news."""
        self._well_at = self._clock()
        quiet_at = self._well_at - QUIET_SECONDS
        self._told_at = {topic: at for topic, at in self._told_at.items() if at > quiet_at}
