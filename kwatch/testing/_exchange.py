"""One request, and the answer that is on its way."""

import math
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NoReturn, Protocol

from werkzeug.wrappers import Response

from kwatch.testing._call import Call
from kwatch.testing._http import hang_up, has_hung_up, reset_on_close
from kwatch.testing._resources import Target
from kwatch.testing._watch import LOOK_SECONDS, Watch


class Backend(Protocol):
    """What an exchange needs of its server."""

    @property
    def closing(self) -> threading.Event:
        """Set when the server stops."""

    @property
    def revision(self) -> int:
        """The latest one."""

    def answer(self, exchange: "Exchange") -> Response:
        """The answer of the API."""

    def refuse(self, seconds: float) -> None:
        """Let nobody connect for so long."""

    def go_back(self, changes: int) -> int:
        """Undo the last changes; the revision that is the latest then."""


class Exchange:
    """One request and its answer: what a fault can be done to.

    Args:
        call: The request; a fault may change it before it is answered.
        target: What its path names; None: nothing, or a document of the discovery.
        connection: What it came on.
        server: Who answers it.

    Attributes:
        watch: What is being streamed, once it is.
    """

    def __init__(
        self, call: Call, target: Target | None, connection: socket.socket, server: Backend
    ) -> None:
        self.call = call
        self.target = target
        self.watch: Watch | None = None
        self._connection = connection
        self._server = server
        self._until = 0.0

    @property
    def sort(self) -> str:
        """What is asked: ``watch``, ``list``, ``discovery``, ``get`` or ``write``."""
        if self.call.method not in ("GET", "HEAD"):
            return "write"
        if self.target is None:
            return "discovery"
        if self.target.name is not None:
            return "get"
        asked = self.call.params.get("watch", "0").lower()
        return "list" if asked in ("0", "false") else "watch"

    @property
    def asked(self) -> int:
        """The resource version that is asked for; where there is none, the latest one."""
        text = self.call.params.get("resourceVersion", "")
        return int(text) if text.isdecimal() and len(text) < 20 else self._server.revision

    @property
    def revision(self) -> int:
        """The latest revision of the server."""
        return self._server.revision

    def answer(self) -> Response:
        """The answer of the API, as if nothing was wrong."""
        return self._server.answer(self)

    def go_back(self, changes: int) -> None:
        """Undo the last changes of the whole server; a watch begins after what is left."""
        revision = self._server.go_back(changes)
        if self.sort == "watch" and self.asked > revision:
            params = {**self.call.params, "resourceVersion": str(revision)}
            self.call = replace(self.call, params=params)

    def cut(self) -> None:
        """Cut the connection from outside of the thread that serves it."""
        hang_up(self._connection)

    def hang_up(self) -> NoReturn:
        """End the connection in the middle of whatever it carries, with a FIN."""
        hang_up(self._connection)
        raise ConnectionAbortedError

    def reset(self) -> NoReturn:
        """End the connection in the middle of whatever it carries, with an RST."""
        reset_on_close(self._connection)
        raise ConnectionAbortedError

    def refuse(self, seconds: float) -> NoReturn:
        """Hang up without an answer, and let nobody connect for so long."""
        self._server.refuse(seconds)
        self.hang_up()

    def stall(self, seconds: float | None) -> None:
        """Let nothing more pass for so long; None: for ever."""
        self._until = math.inf if seconds is None else time.monotonic() + seconds

    def hold(self) -> None:
        """Wait for as long as nothing may pass.

        Raises:
            ConnectionAbortedError: The client has gone, or the server stops.
        """
        while (left := self._until - time.monotonic()) > 0:
            self._look(left)

    def wait(self, seconds: float) -> None:
        """Wait so long; the errors are those of ``hold``."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._look(left)

    def passing(self, frames: Iterable[bytes]) -> Iterator[bytes]:
        """The frames, and the end, each as soon as it may pass."""
        for frame in frames:
            self.hold()
            yield frame
        self.hold()

    def gone(self) -> bool:
        """Whether the client has hung up."""
        return has_hung_up(self._connection)

    def _look(self, seconds: float) -> None:
        """Wait a little, and look whether it still makes sense."""
        if self._server.closing.wait(min(seconds, LOOK_SECONDS)) or self.gone():
            self.hang_up()
