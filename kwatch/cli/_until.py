"""What ``--until`` waits for."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeAlias

from kwatch import Event, EventType, WatchState, WatchStatus
from kwatch._snapshot import is_initial_end
from kwatch.cli._output import name_of

Object: TypeAlias = dict[str, Any]

_EXPECTED = "expected condition=NAME[=VALUE], create, delete or a JMESPath expression"


class Condition:
    """What an object has to meet.

    Args:
        text: ``condition=Ready``, ``condition=Ready=False``, ``create``, ``delete``, or JMESPath.

    Attributes:
        text: See above.
        deletes: Whether the objects have to be gone.
        needs_status: Whether it is one of ``status.conditions``.

    Raises:
        ValueError: It is none of these.

    >>> conditions = [{"type": "Ready", "status": "True"}]
    >>> pod = {"metadata": {}, "status": {"phase": "Running", "conditions": conditions}}
    >>> Condition("condition=ready").meets(pod), Condition("status.phase == 'Failed'").meets(pod)
    (True, False)
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.deletes = text.lower() == "delete"
        self.needs_status = text.lower().startswith("condition=")
        self.meets: Callable[[Object], bool]
        if text.lower() in ("create", "delete"):
            self.meets = lambda _: True
        elif self.needs_status:
            self.meets = _condition(text)
        else:
            self.meets = _expression(text)


def _condition(text: str) -> Callable[[Object], bool]:
    """Read a condition as ``kubectl wait`` does.

    One that was observed before the object's last change does not count.

    Source: https://github.com/kubernetes/kubectl/blob/master/pkg/cmd/wait/condition.go
    """
    _, _, wanted = text.partition("=")
    name, _, value = wanted.partition("=")
    if not name or (value == "" and "=" in wanted):
        raise ValueError(f"{_EXPECTED}, such as condition=Ready or condition=Ready=False")
    name, value = name.casefold(), (value or "True").casefold()

    def meets(obj: Object) -> bool:
        status = obj.get("status")
        conditions = status.get("conditions") if isinstance(status, dict) else None
        for condition in conditions if isinstance(conditions, list) else ():
            if isinstance(condition, dict) and _folded(condition.get("type")) == name:
                return _is_current(condition, obj) and _folded(condition.get("status")) == value
        return False

    return meets


def _folded(value: Any) -> str | None:
    return value.casefold() if isinstance(value, str) else None


def _is_current(condition: dict[str, Any], obj: Object) -> bool:
    generation = obj["metadata"].get("generation")
    observed = condition.get("observedGeneration", obj["status"].get("observedGeneration"))
    if not (isinstance(generation, int) and isinstance(observed, int)):
        return True
    return observed >= generation


def _expression(text: str) -> Callable[[Object], bool]:
    """Read a JMESPath expression; it is met where its value is true in JMESPath's own sense.

    An object that it cannot be asked of, as where a function gets null, does not meet it.
    """
    import jmespath  # it takes its time, and is seldom needed

    try:
        compiled = jmespath.compile(text)
        _check_functions(compiled.parsed)
        _check_quotes(compiled.parsed, text)
        is_false = jmespath.compile(f"!({text})")
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(f"{_EXPECTED}: {_pointed(text, error)}") from None

    def meets(obj: Object) -> bool:
        try:
            return is_false.search(obj) is False
        except Exception:  # JMESPath's, or what a function makes of an odd value
            return False

    return meets


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Give all nodes of a parsed expression."""
    nodes = [node]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            yield node
            nodes += node["children"]


def _check_functions(parsed: Any) -> None:
    """See that each function exists, and takes as many arguments: JMESPath looks when it is called.

    Raises:
        JMESPathError: One does not.
    """
    from jmespath.exceptions import JMESPathTypeError
    from jmespath.functions import Functions

    for node in _nodes(parsed):
        if node["type"] == "function_expression":
            with suppress(JMESPathTypeError):  # of course, since it is given nothing
                Functions().call_function(node["value"], [None] * len(node["children"]))


def _check_quotes(parsed: Any, text: str) -> None:
    """See that no text is in double quotes: it would name a field, and nothing would ever be true.

    Raises:
        ValueError: One is.
    """
    suspects = [parsed]
    for node in _nodes(parsed):
        if node["type"] == "comparator":
            suspects += node["children"]
    for node in suspects:
        if node["type"] == "field" and f'"{node["value"]}"' in text:
            raise ValueError(
                f'in JMESPath, double quotes are for fields, and "{node["value"]}" is none:'
                " write a text in single quotes, as in status.phase == 'Running'"
            )


def _pointed(text: str, error: Exception) -> str:
    """Say in one line what is wrong with an expression, and where."""
    place = getattr(error, "lex_position", None)
    if not isinstance(place, int):
        return str(error)
    reason = (
        getattr(error, "message", None) or str(error).partition(":\n")[0].partition(": Parse")[0]
    )
    return f"{reason} at column {place + 1}: {text[:place].rstrip()} >>> {text[place:].lstrip()}"


class Until:
    """Takes the events in, and tells when they have come so far.

    What exists has to be there first; while a gap of a watch is healed, nothing is judged.

    Args:
        condition: What every object has to meet; one at least has to be there, or with ``delete``
            none.
        any_: Whether one object is enough.
        status: Of the watch; None: a recording is replayed.
        ends: How many bookmarks end what exists: one for each namespace; 0 where that is left out.
    """

    def __init__(
        self,
        condition: Condition,
        *,
        any_: bool = False,
        status: WatchStatus | None = None,
        ends: int = 1,
    ) -> None:
        self._condition = condition
        self._any = any_
        self._status = status
        self._ends = ends
        self._objects: dict[str, bool] = {}
        self._unmet: dict[str, None] = {}  # in the order in which they failed
        self._has_deleted = False
        self.is_reached = False

    def receive(self, event: Event) -> bool:
        """Take an event in; tell whether that is what was waited for."""
        is_end = _ends(event)
        if event.event_type is not EventType.BOOKMARK:
            self._take(event)
        self._ends -= is_end
        self.is_reached = self._is_known() and self._is_met()
        return self.is_reached

    def finish(self) -> bool:
        """Judge what a recording has come to, if it has never told what existed."""
        self.is_reached = self.is_reached or (self._status is None and self._is_met())
        return self.is_reached

    def _is_known(self) -> bool:
        """Whether all that exists has come so far, the last of it by this event or before."""
        if self._status is None:
            return self._any or self._ends <= 0  # one that was begun later has no end of the start
        parts = list(self._status.namespaces.values()) or [self._status]
        if any(part.state is WatchState.LISTING for part in parts):
            return False
        relists = sum(part.relists for part in parts)  # each of which ends what exists once more
        return all(part.synced for part in parts) and self._ends + relists <= 0

    def _take(self, event: Event) -> None:
        name = name_of(event.obj)
        self._unmet.pop(name, None)
        if event.event_type is EventType.DELETED:
            self._objects.pop(name, None)
            self._has_deleted = True
            return
        is_met = self._objects[name] = self._condition.meets(event.obj)
        if not is_met:
            self._unmet[name] = None

    def _is_met(self) -> bool:
        if self._condition.deletes:
            return self._has_deleted if self._any else not self._objects
        met = len(self._objects) - len(self._unmet)
        return met > 0 and (self._any or not self._unmet)

    def __str__(self) -> str:
        """Say how far it has come, for when it is too late."""
        return f"--until {self._condition.text}: {self._found()}"

    def _found(self) -> str:
        objects, unmet = len(self._objects), len(self._unmet)
        if self._status is not None and not self._status.synced:
            return "the server has not yet told all that exists"
        if not objects:
            return "there is no object"
        if self._condition.deletes:
            others = f" and {objects - 1} more" if objects > 1 else ""
            return f"{next(iter(self._objects))}{others} still there"
        if not unmet:
            return "what has come so far meets it, but more is still to come"
        if objects == 1:
            return f"{next(iter(self._unmet))} does not meet it"
        return f"{objects - unmet} of {objects} objects meet it; {next(iter(self._unmet))} does not"


def _ends(event: Event) -> bool:
    """Whether an event is the bookmark that ends what exists, or a list that heals a gap."""
    return event.event_type is EventType.BOOKMARK and is_initial_end(event)
