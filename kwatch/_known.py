"""What is known of each object: namespace, name, uid and resource version, and nothing else.

That is enough to tell, after a gap, what differs from what was yielded before. See `Known`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kwatch._events import CREATED, DELETED, MODIFIED, Event, Object

_is_uuid = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_UUID_BYTES: Final = 16
_PACKED: Final = b"\x01"  # before a uid that is a UUID,
_PLAIN: Final = b"\x00"  # and before any other
_NO_UID: Final = _PLAIN + b"\x00"


class Known:
    """The objects that exist, as far as they were yielded or listed.

    A snapshot (a list, or the beginning of a streaming one) is compared with it: `begin`, then
    `confirm` for each object, then `vanished`. One that breaks off is begun anew, and takes
    nothing for granted that the broken one had confirmed.

    An object takes about 200 bytes. Source of the packing: a uid is nearly always a UUID, of which
    16 bytes are no text.

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
        self._entries: dict[bytes, bytes] = {}
        self._doubtful: dict[bytes, bytes] = {}  # not confirmed yet by the present snapshot

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
        key, entry = _packed(obj)
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
        key, entry = _packed(obj)
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
        key, entry = _packed(event.obj)
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
        key, entry = _packed(obj)
        return self._entries.get(key) == entry

    def has_another(self, obj: Object) -> bool:
        """Whether the object is not known, or another one of that name, with another uid."""
        key, entry = _packed(obj)
        before = self._entries.get(key)
        return before is None or _are_two(before, entry)


def _packed(obj: Object) -> tuple[bytes, bytes]:
    """Pack namespace and name, and uid and resource version."""
    metadata: dict[str, Any] = obj["metadata"]
    name = f"{metadata.get('namespace') or ''}/{metadata.get('name') or ''}"
    uid = str(metadata.get("uid") or "")
    version: bytes = metadata["resourceVersion"].encode()
    if _is_uuid(uid):
        entry = b"%b%b%b" % (_PACKED, bytes.fromhex(uid.replace("-", "")), version)
    else:
        entry = b"%b%b\x00%b" % (_PLAIN, uid.encode("utf-8", "surrogatepass"), version)
    return name.encode("utf-8", "surrogatepass"), entry


def _split(entry: bytes) -> tuple[bytes, str]:
    """Give what stands for the uid, and the resource version."""
    at = 1 + _UUID_BYTES if entry.startswith(_PACKED) else entry.rindex(b"\x00") + 1
    return entry[:at], entry[at:].decode()


def _are_two(entry: bytes, other: bytes) -> bool:
    """Whether both have a uid, and not the same."""
    uid, other_uid = _split(entry)[0], _split(other)[0]
    return uid != other_uid and _NO_UID not in (uid, other_uid)


def _uid(entry: bytes) -> str:
    uid, _ = _split(entry)
    if uid.startswith(_PACKED):
        return _uuid(uid[1:])
    return uid[1:-1].decode(errors="surrogatepass")


def _uuid(packed: bytes) -> str:
    """Write 16 bytes as a UUID in the form that servers use."""
    digits = packed.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _deleted(key: bytes, entry: bytes, kind: Mapping[str, Any]) -> Event:
    namespace, _, name = key.decode(errors="surrogatepass").partition("/")
    uid, version = _uid(entry), _split(entry)[1]
    metadata = {"name": name, "namespace": namespace, "uid": uid, "resourceVersion": version}
    obj = {field: kind[field] for field in ("apiVersion", "kind") if field in kind}
    obj["metadata"] = {field: value for field, value in metadata.items() if value}
    return Event(DELETED, obj)
