"""`Source`: one of the streams that `merge` reads, with its name and what becomes of its errors."""

import inspect
from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar
from weakref import WeakSet

from kwatch._plan import Plan, plan_of

M = TypeVar("M")
S_co = TypeVar("S_co", covariant=True)

Name: TypeAlias = int | str
"""What the events of a source are tagged with: its name, or its position if it has none."""

_merges: "WeakSet[Any]" = WeakSet()


@dataclass(frozen=True, slots=True)
class Source(Generic[S_co]):
    """A stream for `merge` or `amerge`, under a name.

    Args:
        name: What its events are tagged with.
        events: The stream: what `watch` or `awatch` has given, or any other iterable.
        on_error: Is told of an exception that the stream raises, after what it gave before:
            ``on_error(name, error)``, where the events are handled; then the stream is left out,
            and the others go on. None: the exception is raised, with a note that names the source,
            and ends them all.

    >>> failures = {}
    >>> source = Source("east", iter([]), on_error=failures.__setitem__)
    """

    name: str
    events: S_co
    on_error: Callable[[str, Exception], object] | None = None

    def report(self, error: Exception) -> bool:
        """Take what the stream has raised; tell whether the others go on."""
        if self.on_error is None:
            error.add_note(f"raised by the source {self.name!r}")
            return False
        self.on_error(self.name, error)
        return True

    async def areport(self, error: Exception) -> bool:
        """Do the same, where ``on_error`` may be a coroutine function."""
        if self.on_error is None:
            return self.report(error)
        result = self.on_error(self.name, error)
        if inspect.isawaitable(result):
            await result
        return True


def sources_of(streams: Iterable[Any], kind: type[Any]) -> dict[Name, Source[Any]]:
    """Check the arguments of `merge` or `amerge`, and name those that have no name.

    Args:
        streams: Streams, and sources.
        kind: What a stream has to be.

    Raises:
        TypeError: One is no stream.
        ValueError: Two have one name, or are the same stream; or one cannot be merged.
    """
    found: dict[Name, Source[Any]] = {}
    seen: set[int] = set()
    for position, stream in enumerate(streams):
        is_named = isinstance(stream, Source)
        source = stream if is_named else Source(str(position), stream)
        name: Name = source.name if is_named else position
        _check(source, kind)
        if name in found:
            raise ValueError(f"expected a name of its own for each source, got {name!r} twice")
        if id(source.events) in seen and _is_read_once(source.events):
            raise ValueError(f"expected different streams, got that of source {name!r} twice")
        seen.add(id(source.events))
        found[name] = source
    for source in found.values():
        if plan := plan_of(source.events):
            plan.is_taken = True
    return found


def plans_of(sources: Mapping[Name, Source[Any]]) -> dict[Name, Plan[Any]]:
    """Give the plans of those sources that have one, which are about to be read by these.

    Raises:
        ValueError: Somebody has begun to read one by itself.
    """
    found = {name: plan for name in sources if (plan := plan_of(sources[name].events))}
    for name, plan in found.items():
        _check_new(plan, name)
    return found


def told_apart(merge: M) -> M:
    """Note that a stream is a merge, and give it."""
    _merges.add(merge)
    return merge


def _is_read_once(stream: Any) -> bool:
    return hasattr(stream, "__next__") or hasattr(stream, "__anext__")


def _check(source: Source[Any], kind: type[Any]) -> None:
    name, events = source.name, source.events
    if not isinstance(name, str):
        raise TypeError(f"expected the name of a source as a str, got {name!r}")
    if not isinstance(events, kind):
        hint = ""
        if isinstance(events, (Iterable, AsyncIterable)):
            hint = ": merge takes what watch gives, and amerge what awatch gives"
        got = type(events).__name__
        raise TypeError(f"expected {kind.__name__} as source {name!r}, got {got}{hint}")
    if source.on_error is not None and not callable(source.on_error):
        raise TypeError(f"expected on_error as a callable, got {source.on_error!r}")
    if kind is Iterable and inspect.iscoroutinefunction(source.on_error):
        raise TypeError(f"expected on_error as a plain function, got {source.on_error!r}")
    if inspect.isgenerator(events) or inspect.isasyncgen(events):
        if events in _merges:
            raise ValueError(f"expected no merge as source {name!r}: give all sources to one merge")
        if plan := plan_of(events):
            _check_new(plan, name)
            if plan.is_taken:
                raise ValueError(
                    f"expected a watch of its own as source {name!r}, got one of another merge"
                )


def _check_new(plan: Plan[Any], name: Name) -> None:
    if plan.is_begun:
        raise ValueError(
            f"expected a watch that nobody has read of as source {name!r}, got one that is begun:"
            " its cursor would be ahead of what was handled"
        )
