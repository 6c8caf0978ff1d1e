"""The command ``replay``."""

import logging
import time
from contextlib import closing
from typing import Any

from kwatch._replay import Recording
from kwatch.cli._ending import Ending
from kwatch.cli._follow import follow
from kwatch.cli._output import logged
from kwatch.cli._views import Screen


def replay(values: dict[str, Any]) -> None:
    """Show what was recorded.

    Args:
        values: Those of the options.

    Raises:
        click.UsageError: The options contradict each other.
        KwatchError, OSError: It cannot be read.
    """
    screen, ending = Screen.of(values), Ending.of(values)
    with logged(logging.WARNING), Recording.open(values["file"]) as recording:
        header = recording.header
        several = isinstance(header.namespace, tuple)
        until = ending.until(ends=len(header.namespace or ()) if several else 1)
        parts = [header.resource, header.recorded_at, header.server]
        title = " · ".join(filter(None, parts))
        view = screen.view(title, clock=lambda: recording.now or time.time())
        with ending.deadline() as stop_event, view:
            speed, wait = values["speed"], stop_event.wait
            with closing(recording.events(speed, allow_bookmarks=True, sleep=wait)) as events:
                follow(events, [view.show], until, stop_event)
    ending.check(until, stop_event)
