"""The loop of the command: events in, views and the end out."""

from collections.abc import Callable, Iterable, Sequence

from kwatch import Event, StopEvent
from kwatch.cli._until import Until


def follow(
    events: Iterable[Event],
    shown: Sequence[Callable[[Event], object]],
    until: Until | None,
    stop_event: StopEvent,
) -> None:
    """Show each event, up to that which ``until`` waits for.

    Args:
        events: Those, with bookmarks.
        shown: What each event is shown to: the `View.show` of views that are open.
        until: What is waited for. None: the end of the events.
        stop_event: Nothing is shown any more once it is set.
    """
    for event in events:
        if stop_event.is_set():
            return
        for show in shown:
            show(event)
        if until is not None and until.receive(event):
            return
