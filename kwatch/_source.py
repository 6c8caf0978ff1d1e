"""`Source`: one of the streams that `merge` reads, with its name and what becomes of its errors."""

from collections.abc import AsyncIterable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from kwatch._plan import plan_of

S_co = TypeVar("S_co", covariant=True)

Name: TypeAlias = int | str
"""What the events of a source are tagged with: its name, or its position if it has none."""


@dataclass(frozen=True, slots=True)
class Source(Generic[S_co]):
    """A stream for `merge` or `amerge`, under a name.

    Args:
        name: What its events are tagged with.
        events: The stream: what `watch` or `awatch` has given, or any other iterable.
        on_error: Is told of an exception that the stream raises: ``on_error(name, error)``; then
            the stream is left out, and the others go on. None: the exception is raised, and ends
            them all.

    >>> failures = {}
    >>> source = Source("east", iter([]), on_error=failures.__setitem__)
    """

    name: str
    events: S_co
    on_error: Callable[[str, Exception], object] | None = None

    def bear(self, name: Name, error: Exception) -> bool:
        """Take what the stream has raised; tell whether the others go on."""
        if self.on_error is None:
            error.add_note(f"raised by the source {name!r}")
            return False
        self.on_error(self.name, error)
        return True


def sources_of(streams: Iterable[Any], kind: type[Any]) -> dict[Name, Source[Any]]:
    """Check the arguments of `merge` or `amerge`, and name those that have no name.

    Args:
        streams: Streams, and sources.
        kind: What a stream has to be.

    Raises:
        TypeError: One is no stream.
        ValueError: Two have one name, or are the same stream; or one was begun already.
    """
    found: dict[Name, Source[Any]] = {}
    seen: set[int] = set()
    for position, stream in enumerate(streams):
        is_named = isinstance(stream, Source)
        source = stream if is_named else Source(str(position), stream)
        name: Name = source.name if is_named else position
        _check(source, name, kind)
        if name in found:
            raise ValueError(f"expected a name of its own for each source, got {name!r} twice")
        if id(source.events) in seen and _is_read_once(source.events):
            raise ValueError(f"expected different streams, got that of source {name!r} twice")
        seen.add(id(source.events))
        found[name] = source
    return found


def _is_read_once(stream: Any) -> bool:
    """Whether a stream can be read only once."""
    return hasattr(stream, "__next__") or hasattr(stream, "__anext__")


def _check(source: Source[Any], name: Name, kind: type[Any]) -> None:
    events = source.events
    if not isinstance(source.name, str):
        raise TypeError(f"expected the name of a source as a str, got {source.name!r}")
    if not isinstance(events, kind):
        hint = ""
        if isinstance(events, (Iterable, AsyncIterable)):
            hint = ": merge takes what watch gives, and amerge what awatch gives"
        raise TypeError(
            f"expected {kind.__name__} as source {name!r}, got {type(events).__name__}{hint}"
        )
    if source.on_error is not None and not callable(source.on_error):
        raise TypeError(f"expected on_error as a callable, got {source.on_error!r}")
    plan = plan_of(events)
    if plan is not None and plan.is_begun:
        raise ValueError(
            f"expected a watch that nobody has read of as source {name!r}, got one that is begun:"
            " its cursor would be ahead of what was handled"
        )
