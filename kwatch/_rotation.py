"""Rotation: connections that begin with a new certificate, while old ones end what they do."""

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Line(Generic[T]):
    """The transport of one certificate, and how many responses it has under way."""

    ssl_context: ssl.SSLContext
    transport: T
    responses: int = 0


class Rotation(Generic[T]):
    """Decides which transport a request goes by, and when one is no longer needed.

    Args:
        make: Makes a transport whose connections use a context.
        ssl_context: Gives the context of this moment: another object once a certificate is new.
    """

    def __init__(
        self, make: Callable[[ssl.SSLContext], T], ssl_context: Callable[[], ssl.SSLContext]
    ) -> None:
        self._make = make
        self._ssl_context = ssl_context
        self._lock = threading.Lock()
        self._line: Line[T] | None = None
        self._old: list[Line[T]] = []

    def take(self) -> Line[T]:
        """Give what the next request goes by; `give_back` it when its response is closed."""
        with self._lock:
            ssl_context = self._ssl_context()
            line = self._line
            if line is None or line.ssl_context is not ssl_context:
                if line is not None:
                    self._old.append(line)
                line = self._line = Line(ssl_context, self._make(ssl_context))
            line.responses += 1
        return line

    def give_back(self, line: Line[T]) -> None:
        """Note that a response is closed."""
        with self._lock:
            line.responses -= 1

    def spent(self) -> list[T]:
        """Give, once, the transports that no request goes by any more, to be closed."""
        with self._lock:
            spent = [line for line in self._old if not line.responses]
            self._old = [line for line in self._old if line.responses]
        return [line.transport for line in spent]

    def all(self) -> list[T]:
        """Give, once, all transports, to be closed."""
        with self._lock:
            lines = [*self._old, *([self._line] if self._line else [])]
            self._line, self._old = None, []
        return [line.transport for line in lines]
