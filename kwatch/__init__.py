"""Watch Kubernetes as an iterator of ``(event_type, object)`` that never loses an event silently.

`watch` and `awatch` are the library; all else serves them. See README.rst.
"""

from typing import TYPE_CHECKING

from kwatch._ahandle import AsyncHandle
from kwatch._amerging import amerge
from kwatch._asupervisor import AsyncSupervisor
from kwatch._async import aconnect, awatch
from kwatch._awatcher import AsyncWatcher
from kwatch._backoff import Backoff
from kwatch._child_spec import ChildSpec
from kwatch._decoder import Decoder
from kwatch._errors import (
    ConfigError,
    DecodeError,
    ExpiredError,
    KwatchError,
    ProtocolError,
    StatusError,
    StreamError,
    UnknownKindError,
    WatcherFailed,
)
from kwatch._events import Event, EventType, parse_event
from kwatch._handle import Handle
from kwatch._kubeconfig import KubeConfig
from kwatch._merging import merge
from kwatch._replay import replay
from kwatch._results import TIMEOUT, NoReply, Ok, Stop
from kwatch._selectors import Selector
from kwatch._source import Source
from kwatch._status import WatchState, WatchStatus
from kwatch._stop import StopEvent
from kwatch._supervisor import Supervisor
from kwatch._sync import connect, watch
from kwatch._watcher import Watcher

__version__: str

__all__ = [
    "TIMEOUT",
    "AsyncHandle",
    "AsyncSupervisor",
    "AsyncWatcher",
    "Backoff",
    "ChildSpec",
    "ConfigError",
    "DecodeError",
    "Decoder",
    "Event",
    "EventType",
    "ExpiredError",
    "Handle",
    "KubeConfig",
    "KwatchError",
    "NoReply",
    "Ok",
    "ProtocolError",
    "Selector",
    "Source",
    "StatusError",
    "Stop",
    "StopEvent",
    "StreamError",
    "Supervisor",
    "UnknownKindError",
    "WatchState",
    "WatchStatus",
    "Watcher",
    "WatcherFailed",
    "__version__",
    "aconnect",
    "amerge",
    "awatch",
    "connect",
    "merge",
    "parse_event",
    "replay",
    "watch",
]

if not TYPE_CHECKING:  # to whom every name would be a str

    def __getattr__(name: str) -> str:
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from kwatch._version import version

        return version()
