"""Which resource a kind, plural or short name stands for, as the server's own discovery has it.

`discover` does no I/O: it yields a `Request`, is sent the `Reply`, and returns a `Resource`. A
server that aggregates its discovery (1.26 and later) is asked twice at most; an older one is asked
for its group versions one by one, until one has the kind.

Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any, NoReturn, TypeAlias

from kwatch._errors import KwatchError, ProtocolError, UnknownKindError
from kwatch._http import Reply, Request
from kwatch._resource import API_VERSION, NAME, KindName, Resource, parse_kind, version_path

_ROOT_HEADERS = {
    "Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
}
_ABSENT = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
_MAX_NEAR_NAMES = 3
_NEARNESS = 0.7


def discover(
    kind: str, api_version: str | None = None, *, now: Callable[[], float]
) -> Generator[Request, Reply, Resource]:
    """Find the resource that a name stands for.

    The core group comes first, then each group's preferred version, then the other versions; in
    each, a kind, plural or singular wins over a short name.

    Args:
        kind: See `parse_kind`.
        api_version: The only group version to ask; None for all.
        now: Gives Unix time in seconds, against which a ``Retry-After`` date is read.

    Yields:
        What to ask; the reply is to be sent back, whatever its code.

    Returns:
        A resource that can be watched, as far as the server says.

    Raises:
        TypeError, ValueError: At the call; see `parse_kind`.
        UnknownKindError: There is no such resource, or it cannot be watched. The message names
            what looks alike, and what could not be asked.
        StatusError: The server refused to be discovered.
        StreamError: It answered with something else than discovery.

    Example:
        >>> from kwatch._discovery import discover
        >>> from kwatch._http import Reply
        >>> steps = discover("po", now=lambda: 0.0)
        >>> request = next(steps)
        >>> reply = Reply(request, 200, {}, b'{"kind": "APIVersions", "versions": ["v1"]}')
        >>> print(request, "->", steps.send(reply))
        GET /api -> GET /api/v1
    """
    search = _Search(parse_kind(kind, api_version), now)
    return search.everywhere() if api_version is None else search.within(api_version)


def served() -> Generator[Request, Reply, list[Resource]]:
    """Find all resources, in all versions, those of a group's preferred one before the others.

    A group version that is out of order is left out.

    Yields:
        What to ask; the reply is to be sent back.

    Raises:
        StreamError: It answered with something else than discovery.
    """
    found: list[Resource] = []
    for root in ("/api", "/apis"):
        reply = yield Request(root, headers=_ROOT_HEADERS)
        for api_version, resources in _offers(reply.json()):
            if resources is None:
                reply = yield Request(version_path(api_version))
                with suppress(KwatchError):
                    resources = _resource_list(reply.json(), api_version)
            found += resources or ()
    return found


_Offer: TypeAlias = tuple[str, list[Resource] | None]
"""A group version, and what it serves (None: it has to be asked)."""


class _Search:
    """One search: what it is for, what it saw, and what it could not see."""

    def __init__(self, wanted: KindName, now: Callable[[], float]) -> None:
        self.wanted = wanted
        self.now = now
        self.seen: list[Resource] = []
        self.unwatchable: list[Resource] = []
        self.unseen: dict[str, KwatchError] = {}
        self.asked: set[str] = set()

    def within(self, api_version: str) -> Generator[Request, Reply, Resource]:
        reply = yield Request(version_path(api_version))
        if reply.code == HTTPStatus.NOT_FOUND:
            message = f"the server does not serve api_version {api_version!r}"
            raise UnknownKindError(self.wanted.text, message) from reply.error(self.now())
        return self.pick(_resource_list(self.read(reply), api_version)) or self.fail()

    def everywhere(self) -> Generator[Request, Reply, Resource]:
        group = self.wanted.group
        roots = ("/api", "/apis") if group is None else ("/apis",) if group else ("/api",)
        for root in roots:
            reply = yield Request(root, headers=_ROOT_HEADERS)
            if reply.code in _ABSENT:
                self.unseen[root] = reply.error(self.now())
            elif found := (yield from self.among(_offers(self.read(reply)))):
                return found
        if self.unseen.keys() >= set(roots):
            raise self.unseen[roots[-1]]
        self.fail()

    def among(self, offers: Iterable[_Offer]) -> Generator[Request, Reply, Resource | None]:
        for api_version, resources in offers:
            if not self.wanted.admits(api_version):
                self.seen += resources or ()
                continue
            if resources is None:
                resources = yield from self.ask(api_version)
            if found := self.pick(resources):
                return found
        return None

    def ask(self, api_version: str) -> Generator[Request, Reply, list[Resource]]:
        """Ask for one group version; where that fails, the other groups are asked nevertheless.

        The core group is an exception: it comes first, and a search that went on without it would
        take ``events`` for ``events.events.k8s.io`` whenever the server had a bad moment.
        """
        if api_version in self.asked:
            return []
        self.asked.add(api_version)
        reply = yield Request(version_path(api_version))
        try:
            return _resource_list(self.read(reply), api_version)
        except KwatchError as error:
            if "/" not in api_version and reply.code not in _ABSENT:
                raise
            self.unseen[api_version] = error
            return []

    def read(self, reply: Reply) -> dict[str, Any]:
        if reply.code != HTTPStatus.OK:
            raise reply.error(self.now())
        return reply.json()

    def pick(self, resources: list[Resource]) -> Resource | None:
        self.seen += resources
        name = self.wanted.name
        matches = [it for it in resources if name in (it.plural, it.kind.lower(), it.singular)]
        matches += [it for it in resources if name in it.short_names]
        watchable = [it for it in matches if not it.verbs or "watch" in it.verbs]
        self.unwatchable += matches
        return watchable[0] if watchable else None

    def fail(self) -> NoReturn:
        wanted, near = self.wanted, _near_names(self.wanted.name, self.seen)
        message = f"the server knows no resource {wanted.text!r}"
        if wanted.api_version:
            message += f" in {wanted.api_version}"
        if self.unwatchable:
            first, near = self.unwatchable[0], ()
            message = f"{first.full_name} cannot be watched; its verbs are {', '.join(first.verbs)}"
        if self.unseen:
            message += f" (could not ask {', '.join(self.unseen)})"
        cause = next(iter(self.unseen.values()), None)
        raise UnknownKindError(wanted.text, message, near) from cause


def _near_names(name: str, seen: Iterable[Resource]) -> tuple[str, ...]:
    """Give the full names of what is called almost the same, the most similar first."""
    owners: dict[str, list[str]] = {}
    for it in seen:
        for called in (it.plural, it.kind.lower(), *it.short_names):
            owners.setdefault(called, []).append(it.full_name)
    close = get_close_matches(name, owners, n=len(owners) + 1, cutoff=_NEARNESS)
    near = dict.fromkeys(full_name for called in close for full_name in owners[called])
    return tuple(near)[:_MAX_NEAR_NAMES]


def _offers(document: dict[str, Any]) -> list[_Offer]:
    """Read a root document, aggregated or plain: what it offers, in the order of preference."""
    kind = _text(document.get("kind"))
    if kind == "APIGroupDiscoveryList":
        groups = [list(_aggregated_group(group)) for group in _objects(document.get("items"))]
    elif kind == "APIGroupList":
        groups = [_plain_group(group) for group in _objects(document.get("groups"))]
    elif kind == "APIVersions":
        groups = [[(version, None)] for version in _texts(document.get("versions"))]
    else:
        raise ProtocolError(f"expected an APIGroupDiscoveryList or APIGroupList, got kind {kind!r}")
    preferred = [offer for group in groups for offer in group[:1]]
    others = [offer for group in groups for offer in group[1:]]
    return [offer for offer in preferred + others if API_VERSION.fullmatch(offer[0])]


def _plain_group(group: dict[str, Any]) -> list[_Offer]:
    preferred = _object(group.get("preferredVersion")).get("groupVersion")
    names = [_text(version.get("groupVersion")) for version in _objects(group.get("versions"))]
    return [(name, None) for name in sorted(names, key=lambda name: name != preferred)]


def _aggregated_group(group: dict[str, Any]) -> Iterator[_Offer]:
    prefix = _text(_object(group.get("metadata")).get("name"))
    for version in _objects(group.get("versions")):
        api_version = f"{prefix}/{_text(version.get('version'))}".removeprefix("/")
        entries = [
            {
                **entry,
                "name": entry.get("resource"),
                "kind": _object(entry.get("responseKind")).get("kind"),
                "singularName": entry.get("singularResource"),
                "namespaced": entry.get("scope") == "Namespaced",
            }
            for entry in _objects(version.get("resources"))
        ]
        unread = version.get("freshness") == "Stale" and not entries
        yield api_version, None if unread else list(_resources(entries, api_version))


def _resource_list(document: dict[str, Any], api_version: str) -> list[Resource]:
    if document.get("kind") != "APIResourceList":
        kind = _text(document.get("kind"))
        raise ProtocolError(f"expected an APIResourceList of {api_version}, got kind {kind!r}")
    return list(_resources(_objects(document.get("resources")), api_version))


def _resources(entries: Iterable[dict[str, Any]], api_version: str) -> Iterator[Resource]:
    """Read the well-formed entries; ``pods/log`` is none, as it is a subresource."""
    for entry in entries:
        plural, kind = _text(entry.get("name")), _text(entry.get("kind"))
        if kind and NAME.fullmatch(plural):
            namespaced, singular = entry.get("namespaced") is True, _text(entry.get("singularName"))
            verbs, short_names = _texts(entry.get("verbs")), _texts(entry.get("shortNames"))
            yield Resource(api_version, plural, kind, namespaced, verbs, short_names, singular)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
