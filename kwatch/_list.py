"""Bytes in, the items of a list out, each as soon as its last byte is there."""

from collections.abc import Iterator
from itertools import takewhile
from typing import Any, Final

from kwatch._builder import Builder
from kwatch._decoder import MAX_DEPTH, MAX_DOCUMENT_BYTES
from kwatch._errors import DecodeError, ProtocolError
from kwatch._events import Object, check_object, describe, version_of

_SLICE_BYTES: Final = 65_536


class ListDecoder:
    """Decodes the body of one list, or one page of it, and never holds more than an item.

    The list's own ``metadata`` may come before its items, as the server sends it for built-in
    kinds, or after them, as for custom resources. Items of built-in kinds lack ``apiVersion`` and
    ``kind``; here they get them from the list.

    Attributes:
        head: All of the list but its items, as far as it has come.

    >>> page = ListDecoder()
    >>> list(page.receive_data(b'{"kind": "PodList", "items": [{"metadata": {"resourceVersion"'))
    []
    >>> list(page.receive_data(b': "5"}}], "metadata": {"resourceVersion": "7", "continue": "x"}}'))
    [{'kind': 'Pod', 'metadata': {'resourceVersion': '5'}}]
    >>> page.receive_eof()
    >>> page.resource_version, page.continue_token
    ('7', 'x')
    """

    def __init__(self) -> None:
        self.head: Object = {}
        self._builder = Builder(MAX_DEPTH)
        self._documents: list[Any] = []
        self._kind: Object = {}  # what of it came before the items
        self._bytes = 0  # since the last item

    @property
    def resource_version(self) -> str:
        """The resource version of the list, checked by `receive_eof`."""
        version: str = self.head["metadata"]["resourceVersion"]
        return version

    @property
    def continue_token(self) -> str:
        """What asks for the next page; "" at the last one."""
        return str(self.head["metadata"].get("continue") or "")

    @property
    def incomplete(self) -> bool:
        """Whether the list has not ended yet."""
        return self._builder.depth > 0 or not self._documents

    def receive_data(self, data: bytes) -> Iterator[Object]:
        """Take some more bytes.

        Yields:
            The items that end in them.

        Raises:
            StreamError: This is no list. The items before it were yielded.
        """
        for start in range(0, len(data), _SLICE_BYTES):
            piece = data[start : start + _SLICE_BYTES]
            self._bytes += len(piece)
            failure = self._parse(piece)
            for item in self._take_items():
                self._bytes = 0
                yield self._named(item)
            if failure is not None:
                raise failure
            if self._bytes > MAX_DOCUMENT_BYTES:
                raise DecodeError(f"an item is longer than {MAX_DOCUMENT_BYTES} bytes")

    def receive_eof(self) -> None:
        """Take the end of the body.

        Raises:
            StreamError: The list was cut short, or is none, or has no resource version.
        """
        if self.incomplete:
            raise DecodeError("expected a list, got one that was cut short")
        root = self._documents[0]
        if len(self._documents) > 1 or not isinstance(root, dict) or root.get("items", "") != []:
            raise ProtocolError(f"expected a list of objects, got {describe(root)}")
        if version_of(root) is None:
            raise ProtocolError(f"expected a list with a resourceVersion, got {describe(root)}")

    def _parse(self, piece: bytes) -> DecodeError | None:
        """Parse some bytes; give the error that comes after the items, if any."""
        try:
            for document in self._builder.feed(piece):
                self._documents.append(document)
        except DecodeError as error:
            return error
        return None

    def _take_items(self) -> list[Any]:
        """Take those items out of the document that have ended."""
        opened = self._builder.open_containers
        root = self._documents[0] if self._documents else next(iter(opened), None)
        if not isinstance(root, dict):
            return []
        items = root.get("items")
        self._kind = dict(takewhile(lambda field: field[0] != "items", root.items()))
        self.head = {key: value for key, value in root.items() if key != "items"}
        if items is None and "items" in root:
            root["items"] = []
        if not isinstance(items, list):
            return []
        is_open = len(opened) > 2 and opened[1] is items
        ended = len(items) - is_open
        taken, items[:ended] = items[:ended], []
        return taken

    def _named(self, item: Any) -> Object:
        """Give an item ``apiVersion`` and ``kind`` where it has none.

        Raises:
            ProtocolError: It is no object, or has no resource version.
        """
        obj = check_object(item, "a list")
        own = {"apiVersion": self._kind.get("apiVersion"), "kind": self._kind.get("kind")}
        if isinstance(own["kind"], str):
            own["kind"] = own["kind"].removesuffix("List")
        missing = {key: value for key, value in own.items() if value and key not in obj}
        return {**missing, **obj} if missing else obj
