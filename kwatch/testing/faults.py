"""What can go wrong between an API server and a client, each as one value.

``FakeAPIServer.script`` takes them: each of the next requests meets one, and then all is well.

Example:
    >>> from kwatch.testing import FakeAPIServer, faults
    >>> import httpx
    >>> with FakeAPIServer() as server, httpx.Client(base_url=server.url) as client:
    ...     server.script(faults.http(503), faults.healthy(), faults.reset(after=0), on="list")
    ...     print([client.get("/api/v1/pods").status_code for _ in range(2)])
    ...     server.unmet
    [503, 200]
    1

Times are in seconds, sizes in bytes of the body as the server means it: neither the head of the
answer nor the lengths of its chunks count. A frame is one line of a watch, a bookmark too. An
argument that makes no sense is a ``ValueError``.

What kwatch does about each is told at its end, for a watch that has been well before. At the very
first request a failure is raised at once, as a rule; see ``kwatch.watch``.
"""

from collections.abc import Callable
from functools import partial

from werkzeug.wrappers import Response

from kwatch.testing import _fault_bodies as bodies
from kwatch.testing._exchange import Exchange
from kwatch.testing._fault import Fault, Sort
from kwatch.testing._fault_arguments import (
    also,
    check_code,
    check_seconds,
    check_whole,
)
from kwatch.testing._fault_words import failure, refused
from kwatch.testing._json import encode

__all__ = [
    "Fault",
    "Sort",
    "back_in_time",
    "cut",
    "drip",
    "error",
    "gzip",
    "healthy",
    "hold_headers",
    "http",
    "no_end_bookmark",
    "refuse",
    "repeat",
    "reset",
    "stall",
    "truncate",
]


def healthy() -> Fault:
    """Nothing goes wrong: for the request between two that do not go so well."""
    return Fault("healthy()", Exchange.answer)


def cut(after: int = 0) -> Fault:
    """The connection ends in the middle of the body, without its last chunk, with a FIN.

    kwatch goes on from the last whole event after a delay.

    Args:
        after: Bytes of the body that come before. One that is shorter comes whole.
    """
    check_whole("cut", "after", after)
    return _on_body(f"cut(after={after})", partial(bodies.cut, after=after))


def reset(after: int = 0) -> Fault:
    """The connection is reset in the middle of the body, with an RST.

    kwatch goes on from the last whole event after a delay.

    Args:
        after: Bytes of the body that come before. One that is shorter comes whole.
    """
    check_whole("reset", "after", after)
    return _on_body(f"reset(after={after})", partial(bodies.reset, after=after))


def stall(after: int = 0, seconds: float | None = None) -> Fault:
    """Nothing more comes and nothing is closed, as where a network drops packets.

    It ends when the client hangs up or the server stops.

    kwatch waits until the connection has been silent for too long, which it knows from the interval
    of the bookmarks or from ``timeoutSeconds``, and goes on from the last whole event.

    Args:
        after: Bytes of the body that come before.
        seconds: How long; then it goes on as if nothing had been, and nothing is lost. None: for
            ever.
    """
    check_whole("stall", "after", after)
    if seconds is not None:
        check_seconds("stall", "seconds", seconds)
    text = f"stall(after={after}, seconds={seconds})"
    return _on_body(text, partial(bodies.stalled, after=after, seconds=seconds))


def drip(size: int = 1, interval: float = 0.01) -> Fault:
    """The body comes in small pieces with pauses between them.

    kwatch yields each event as soon as its last byte is there.

    Args:
        size: Bytes of a piece, at least 1; the end of a frame ends one too.
        interval: Seconds between two pieces.
    """
    check_whole("drip", "size", size, least=1)
    check_seconds("drip", "interval", interval)
    text = f"drip(size={size}, interval={interval})"
    return _on_body(text, partial(bodies.dripped, size=size, interval=interval))


def refuse(seconds: float) -> Fault:
    """The server hangs up without an answer and listens no more: connections are refused.

    What is open on other connections goes on, and so do the objects.

    kwatch tries again after growing delays, from where it was.

    Args:
        seconds: How long; then it listens again, on the same port.
    """
    check_seconds("refuse", "seconds", seconds)

    def strike(exchange: Exchange) -> Response:
        exchange.refuse(seconds)

    return Fault(f"refuse(seconds={seconds})", strike)


def http(code: int, retry_after: int | None = None) -> Fault:
    """The request is refused.

    The answer is a ``Status`` in the words of the real server; for 502 and 503 it is the HTML page
    of a proxy that has lost its server.

    kwatch asks again after a delay, and not before ``retry_after``; after a 410, which is a gap, it
    lists what exists and yields what differs.

    Args:
        code: The HTTP status code, from 400 to 599.
        retry_after: Seconds to be told in ``Retry-After`` and in the ``Status``; None: not told.
    """
    check_code("http", code)
    if retry_after is not None:
        check_whole("http", "retry_after", retry_after)

    def strike(exchange: Exchange) -> Response:
        return refused(code, exchange, retry_after)

    return Fault(f"http({code}{also(retry_after=retry_after)})", strike)


def error(
    code: int,
    after: int = 0,
    *,
    reason: str | None = None,
    message: str | None = None,
    retry_after: int | None = None,
) -> Fault:
    """A watch ends with an ``ERROR`` event.

    kwatch lists what exists after a 410 or a corrupt object in the store, and yields what differs;
    after all others it goes on from the last event after a delay, and not before ``retry_after``.

    Args:
        code: The code of the ``Status``, such as 410, 429, 500 or 504.
        after: Events that come before, bookmarks included.
        reason: Its reason. None: what the server says, such as ``"Expired"`` for 410 and
            ``"InternalError"`` for 500; ``"StorageReadError"`` is what a corrupt object makes.
        message: Its message. None: what the server says.
        retry_after: Its ``retryAfterSeconds``; None: there are none.
    """
    check_code("error", code)
    check_whole("error", "after", after)
    if retry_after is not None:
        check_whole("error", "retry_after", retry_after)

    def change(frames: bodies.Frames, exchange: Exchange) -> bodies.Frames:
        told = failure(code, exchange, reason, retry_after)
        told.reason = told.reason if reason is None else reason
        told.message = told.message if message is None else message
        event = encode({"type": "ERROR", "object": told.status}) + b"\n"
        return bodies.broken_off(frames, after, event)

    said = also(reason=reason, message=message, retry_after=retry_after)
    return _on_body(f"error({code}, after={after}{said})", change, streams=True)


def no_end_bookmark() -> Fault:
    """What exists comes, but not the bookmark that ends it; the watch goes on all the same.

    Changes and plain bookmarks follow, until the watch ends. One that does not begin with what
    exists is as always.

    kwatch waits until the watch ends; after some of those it lists what exists.
    """
    return _on_body("no_end_bookmark()", lambda frames, _: bodies.endless(frames), streams=True)


def repeat(count: int = 1) -> Fault:
    """A watch brings again what the client has already.

    First come the last ``count`` events before the resource version that is asked for, as far as
    they are kept; then it goes on as it should. Where a watch begins with what exists, the first
    ``count`` objects come twice.

    kwatch yields none of them again. Those that it never had as events, since they came before its
    list, look like a server that has gone back in time: it lists, finds nothing new, and goes on.

    Args:
        count: How many, at least 1.
    """
    check_whole("repeat", "count", count, least=1)
    return _on_body(f"repeat({count})", partial(bodies.repeated, count=count), streams=True)


def back_in_time(changes: int = 10) -> Fault:
    """The server goes back in time, as when its etcd is restored from a backup of some time ago.

    It really does: the last changes, of whatever resource, are undone, their resource versions are
    used again, and all watches that are open end. A watch that meets this begins after what is
    left, whatever it asked for: what comes on it has older resource versions than what came.

    kwatch lists what exists as soon as something comes that is older than what it has, and yields
    what differs.

    Args:
        changes: How many of the last changes are undone, at most as many as are kept.
    """
    check_whole("back_in_time", "changes", changes, least=1)

    def strike(exchange: Exchange) -> Response:
        exchange.go_back(changes)
        return exchange.answer()

    return Fault(f"back_in_time({changes})", strike)


def gzip() -> Fault:
    """The body is compressed though nobody asked for it; each event is a gzip member of its own.

    kwatch reads it all the same.
    """
    return Fault("gzip()", bodies.compressed)


def hold_headers(seconds: float | None = None) -> Fault:
    """The head of the answer is held back, as some proxies do.

    kwatch waits for it as long as for anything else on a watch.

    Args:
        seconds: How long, with all that follows. None: until the first event is there to be sent
            with it.
    """
    if seconds is not None:
        check_seconds("hold_headers", "seconds", seconds)
    text = f"hold_headers(seconds={seconds})"
    return _on_body(text, partial(bodies.late, seconds=seconds))


def truncate(after: int = 0) -> Fault:
    """One frame of a watch is cut short: half of it is a line; the next ones are whole again.

    kwatch yields nothing of it, nor of what follows, and goes on from the event before it.

    Args:
        after: Events that come whole before, bookmarks included.
    """
    check_whole("truncate", "after", after)
    return _on_body(
        f"truncate(after={after})", lambda frames, _: bodies.truncated(frames, after), streams=True
    )


def _on_body(
    text: str, change: Callable[[bodies.Frames, Exchange], bodies.Frames], *, streams: bool = False
) -> Fault:
    """A fault that changes the body of an answer; of a watch, if it ``streams``."""

    def strike(exchange: Exchange) -> Response:
        response = exchange.answer()
        if exchange.watch or not streams:
            response.response = change(response.iter_encoded(), exchange)
        return response

    return Fault(text, strike, streams)
