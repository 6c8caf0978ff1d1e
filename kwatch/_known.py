"""What is known of each object: namespace, name, uid and resource version, and nothing else.

That is enough to tell, after a gap, what differs from what was yielded before. See `Known`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from kwatch._events import CREATED, DELETED, MODIFIED, Event, Object


class Known:
    """The objects that exist, as far as they were yielded or listed.

    A snapshot (a list, or the beginning of a streaming one) is compared with it: `begin`, then
    `confirm` for each object, then `vanished`. One that breaks off is begun anew, and takes
    nothing for granted that the broken one had confirmed.

    An object with a name of 27 characters takes 200 bytes: two strings, which are taken apart only
    where the uid matters. To pack the uid into 16 bytes took longer than all else that is done.

    >>> known = Known()
    >>> pod = {"kind": "Pod", "metadata": {"name": "web", "uid": "u1", "resourceVersion": "5"}}
    >>> known.begin()
    >>> [str(event_type) for event_type, _ in known.confirm(pod)]
    ['created']
    >>> known.begin()
    >>> [str(event_type) for event_type, _ in known.vanished({"kind": "Pod"})]
    ['deleted']
    """

    def __init__(self) -> None:
        self._entries: dict[str, str] = {}
        self._doubtful: dict[str, str] = {}  # not confirmed yet by the present snapshot

    def __len__(self) -> int:
        return len(self._entries) + len(self._doubtful)

    @property
    def confirmed(self) -> int:
        """How many objects the present snapshot has confirmed so far."""
        return len(self._entries)

    def forget(self) -> None:
        """Know nothing."""
        self._entries, self._doubtful = {}, {}

    # A snapshot

    def begin(self) -> None:
        """A snapshot begins: all that is known is to be confirmed."""
        if self._doubtful:
            self._doubtful.update(self._entries)
        else:
            self._doubtful = self._entries
        self._entries = {}

    def confirm(self, obj: Object) -> tuple[Event, ...]:
        """Take an object of the snapshot; give the events by which it differs from what was known.

        An object that has another uid than before was deleted and created again.
        """
        key, entry = _entry_of(obj)
        before = self._entries.get(key) or self._doubtful.pop(key, None)
        self._entries[key] = entry
        if before is None:
            return (Event(CREATED, obj),)
        if before == entry:
            return ()
        if _split(before)[0] == _split(entry)[0]:
            return (Event(MODIFIED, obj),)
        return (_deleted(key, before, obj), Event(CREATED, obj))

    def remove(self, obj: Object) -> bool:
        """Take a deletion in the middle of a snapshot; tell whether the object was known."""
        key, entry = _entry_of(obj)
        before = self._entries.get(key) or self._doubtful.get(key)
        if before is None or _are_two(before, entry):
            return False
        self._entries.pop(key, None)
        self._doubtful.pop(key, None)
        return True

    def vanished(self, kind: Mapping[str, Any]) -> Iterator[Event]:
        """The snapshot is over: forget what it did not confirm.

        Args:
            kind: What tells ``apiVersion`` and ``kind`` of the objects.

        Yields:
            A ``deleted`` for each object that vanished. It holds what is known: ``apiVersion``,
            ``kind``, and of ``metadata`` the namespace, name, uid and last resource version.
        """
        doubtful, self._doubtful = self._doubtful, {}
        for key, entry in doubtful.items():
            yield _deleted(key, entry, kind)

    # The changes between two snapshots

    def take(self, event: Event) -> bool:
        """Note a change in its order; tell whether it is one: a version that is known is none."""
        key, entry = _entry_of(event.obj)
        before = self._entries.get(key)
        if event.event_type is not DELETED:
            self._entries[key] = entry
            return before != entry
        if before is not None and _are_two(before, entry):
            return False  # of an earlier object of that name
        self._entries.pop(key, None)
        return True

    def has(self, obj: Object) -> bool:
        """Whether an object is known in this very version."""
        key, entry = _entry_of(obj)
        return self._entries.get(key) == entry

    def has_another(self, obj: Object) -> bool:
        """Whether the object is not known, or another one of that name, with another uid."""
        key, entry = _entry_of(obj)
        before = self._entries.get(key)
        return before is None or _are_two(before, entry)


def _entry_of(obj: Object) -> tuple[str, str]:
    """Give an object's key, namespace and name, and its entry, uid and resource version."""
    metadata: dict[str, Any] = obj["metadata"]
    get = metadata.get
    key = f"{get('namespace') or ''}/{get('name') or ''}"
    return key, f"{get('uid') or ''}\n{metadata['resourceVersion']}"


def _split(entry: str) -> tuple[str, str]:
    """Give uid and resource version; in the latter, there is no newline."""
    uid, _, version = entry.rpartition("\n")
    return uid, version


def _are_two(entry: str, other: str) -> bool:
    """Whether both have a uid, and not the same."""
    uid, other_uid = _split(entry)[0], _split(other)[0]
    return uid != other_uid and "" not in (uid, other_uid)


def _deleted(key: str, entry: str, kind: Mapping[str, Any]) -> Event:
    namespace, _, name = key.partition("/")
    uid, version = _split(entry)
    metadata = {"name": name, "namespace": namespace, "uid": uid, "resourceVersion": version}
    obj = {field: kind[field] for field in ("apiVersion", "kind") if field in kind}
    obj["metadata"] = {field: value for field, value in metadata.items() if value}
    return Event(DELETED, obj)
