"""The parameters and the ``Accept`` header of a list or a watch, checked as the server does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from kwatch.testing._continue import ContinueToken
from kwatch.testing._field_selector import field_selector
from kwatch.testing._form import PARTIAL, PARTIAL_LIST, Form, form_of
from kwatch.testing._gates import Gates
from kwatch.testing._invalid import invalid_options
from kwatch.testing._label_selector import Predicate, label_selector
from kwatch.testing._list_options import problems_of_list, problems_of_watch
from kwatch.testing._object import Object
from kwatch.testing._resources import Target
from kwatch.testing._shard_selector import ShardSelector
from kwatch.testing._status import APIError, bad_request
from kwatch.testing._store import Change

_INTEGER = re.compile(r"[+-]?[0-9]{1,4000}")
_VERSION = re.compile(r"[0-9]{1,4000}")


@dataclass(frozen=True, slots=True)
class Query:
    """What a list or a watch asks for.

    Attributes:
        target: The collection.
        matches: All selectors.
        selective: There is a selector by labels or fields.
        shards: The part of the collection that is wanted; None: all.
        watch: A watch and no list.
        form: The form in which objects are wanted.
        resource_version: None: unset, ``""`` or ``"0"``.
        initial: A watch begins with what exists.
        bookmarks: A watch sends bookmarks.
        watch_list: The server marks the end of what exists with a bookmark.
        timeout_seconds: How long a watch lives; None: the server decides.
        limit: How many objects a page of a list has, at most; None: all.
        exact: The revision whose state a list shows; None: the latest.
        token: Where the page of a list begins; None: at the first object.
    """

    target: Target
    matches: Predicate
    selective: bool
    shards: ShardSelector | None
    watch: bool
    form: Form
    resource_version: int | None
    initial: bool
    bookmarks: bool
    watch_list: bool
    timeout_seconds: int | None
    limit: int | None
    exact: int | None
    token: ContinueToken | None

    def holds(self, obj: Object) -> bool:
        """Whether an object of the resource is in the collection."""
        return self.target.namespace in (None, obj["metadata"].get("namespace"))

    def selects(self, obj: Object) -> bool:
        """Whether an object of the resource is wanted."""
        return self.holds(obj) and self.matches(obj)

    def event(self, change: Change) -> tuple[str, Object] | None:
        """What a watch sends of a change; None: nothing."""
        if change.resource != self.target.resource or change.revision <= self._floor:
            return None
        return change.event(self.selects)

    def present(self, obj: Object) -> Object:
        """The object in the form that is wanted."""
        return self.form.one(obj)

    @property
    def _floor(self) -> int:
        return self.resource_version or 0


def parse(target: Target, params: Mapping[str, str], accept: str | None, gates: Gates) -> Query:
    """Read the parameters.

    Args:
        target: The collection.
        params: The query parameters.
        accept: The ``Accept`` header.
        gates: Which parameters the server knows.

    Raises:
        APIError: 400, 406, 422, or 500 as the real server has it.
    """
    watch, send_initial_events = bool(_flag(params, "watch")), _flag(params, "sendInitialEvents")
    timeout_seconds, limit = integer(params, "timeoutSeconds"), integer(params, "limit")
    selected = _selected(target, params)
    _validate(params, watch=watch, gates=gates)
    shards = _shards(params) if gates.sharding else None
    token = None if watch else _token(params)
    version = _resource_version(params.get("resourceVersion", ""), watch=watch)
    limit = limit if limit and limit > 0 and params.get("resourceVersion") != "0" else None
    exact = version if _is_exact(params, limit) else None
    return Query(
        target=target,
        matches=lambda obj: selected(obj) and (shards is None or shards.selects(obj)),
        selective=bool(params.get("labelSelector") or params.get("fieldSelector")),
        shards=shards,
        watch=watch,
        form=form_of(target.resource, params, accept, PARTIAL if watch else PARTIAL_LIST),
        resource_version=version,
        initial=version is None if send_initial_events is None else send_initial_events,
        bookmarks=bool(_flag(params, "allowWatchBookmarks")),
        watch_list=gates.watch_list,
        timeout_seconds=timeout_seconds or None,
        limit=limit,
        exact=token.revision if token else exact,
        token=token,
    )


def _selected(target: Target, params: Mapping[str, str]) -> Predicate:
    """The selectors by labels and by fields."""
    by_label = label_selector(params.get("labelSelector", ""))
    by_field = field_selector(target.resource, params.get("fieldSelector", ""))
    return lambda obj: by_label(obj) and by_field(obj)


def _shards(params: Mapping[str, str]) -> ShardSelector | None:
    text = params.get("shardSelector", "")
    return ShardSelector.parse(text) if text else None


def _validate(params: Mapping[str, str], *, watch: bool, gates: Gates) -> None:
    """Refuse what does not go together."""
    on_watch = problems_of_watch(params, watch_list=gates.watch_list)
    if causes := list(on_watch if watch else problems_of_list(params)):
        raise invalid_options(causes)


def _token(params: Mapping[str, str]) -> ContinueToken | None:
    """Where a page begins."""
    token = ContinueToken.parse(params["continue"]) if params.get("continue") else None
    if token and params.get("resourceVersion", "") not in {"", "0"}:
        raise bad_request("specifying resource version is not allowed when using continue")
    return token


def _is_exact(params: Mapping[str, str], limit: int | None) -> bool:
    """Whether a list shows exactly the resource version; it is what ``limit`` alone means."""
    match = params.get("resourceVersionMatch")
    return match == "Exact" or (limit is not None and not match)


def _flag(params: Mapping[str, str], name: str) -> bool | None:
    """A boolean as the server reads one: everything but ``0`` and ``false`` is true."""
    return params[name].lower() not in {"0", "false"} if name in params else None


def integer(params: Mapping[str, str], name: str) -> int | None:
    """A parameter that is a number, if it is there.

    Raises:
        APIError: 400, it is something else.
    """
    text = params.get(name, "")
    if not text:
        return None
    number = int(text) if _INTEGER.fullmatch(text) else None
    if number is not None and -(2**63) <= number < 2**63:
        return number
    why = "invalid syntax" if number is None else "value out of range"
    raise bad_request(f'strconv.ParseInt: parsing "{text}": {why}')


def _resource_version(text: str, *, watch: bool) -> int | None:
    if not text:
        return None
    number = int(text) if _VERSION.fullmatch(text) else None
    if number is not None and number < 2**64:
        return number or None
    reason = "invalid syntax" if number is None else "value out of range"
    why = f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": {reason}'
    if watch:  # the real server forgets the reason and blames itself
        raise APIError(500, "", f"resourceVersion: {why}")
    raise bad_request(f"invalid resource version: resourceVersion: {why}")
