"""`WatchOptions`: the arguments of `watch` that a watcher hands on."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from kwatch._backoff import Backoff
from kwatch._selectors import Selector
from kwatch._status import WatchStatus


class WatchOptions(TypedDict, total=False):
    """See `kwatch.watch` for each; a test compares them."""

    api_version: str | None
    resource_path: str | None
    namespace: str | Iterable[str] | None
    name: str | None
    label_selector: Selector | None
    field_selector: Selector | None
    resource_version: str | Mapping[str, str | None] | None
    send_initial_events: bool
    allow_bookmarks: bool
    metadata_only: bool
    subresource: str | None
    shard: tuple[int, int] | None
    loads: Callable[[bytes], Any] | None
    timeout_seconds: int | None
    backoff: Backoff | None
    status: WatchStatus | None
