"""What faults do to the body of an answer: each makes frames of frames.

A frame is a line of a watch, or the whole body of another answer. The first one of a watch is
empty: with it the head of the answer is sent.
"""

import gzip
from collections.abc import Generator, Iterator

from werkzeug.wrappers import Response

from kwatch.testing._exchange import Exchange

Frames = Iterator[bytes]


def cut(frames: Frames, exchange: Exchange, after: int) -> Frames:
    """So many bytes, then a FIN."""
    if (yield from _first(frames, after)) is not None:
        exchange.hang_up()


def reset(frames: Frames, exchange: Exchange, after: int) -> Frames:
    """So many bytes, then an RST."""
    if (yield from _first(frames, after)) is not None:
        exchange.reset()


def stalled(frames: Frames, exchange: Exchange, after: int, seconds: float | None) -> Frames:
    """So many bytes, then nothing for so long, then the rest."""
    rest = yield from _first(frames, after)
    if rest is not None:
        exchange.stall(seconds)
        exchange.hold()
        yield rest
        yield from frames


def dripped(frames: Frames, exchange: Exchange, size: int, interval: float) -> Frames:
    """Pieces with a pause between them."""
    pause = 0.0
    for frame in frames:
        for start in range(0, len(frame) or 1, size):
            exchange.wait(pause)
            yield frame[start : start + size]
            pause = interval if frame else pause


def compressed(exchange: Exchange) -> Response:
    """The answer with each frame as a gzip member of its own."""
    response = exchange.answer()
    frames = response.iter_encoded()
    response.response = (gzip.compress(frame, mtime=0) if frame else frame for frame in frames)
    response.headers["Content-Encoding"] = "gzip"
    del response.content_length
    return response


def late(frames: Frames, exchange: Exchange, seconds: float | None) -> Frames:
    """Nothing at all for so long, or until there is something."""
    if seconds is not None:
        exchange.wait(seconds)
        yield from frames
    else:
        yield from filter(None, frames)


def truncated(frames: Frames, after: int) -> Frames:
    """So many events, then half of one, then the next."""
    left = after
    for frame in frames:
        if frame and left == 0:
            yield frame[: len(frame) // 2] + b"\n"
        else:
            yield frame
        left -= bool(frame)


def broken_off(frames: Frames, after: int, error: bytes) -> Frames:
    """So many events, then the error, and the end."""
    left = after
    for frame in frames:
        yield frame
        left -= bool(frame)
        if left <= 0:
            yield error
            return


def endless(frames: Frames) -> Frames:
    """Everything but the bookmark that ends what exists."""
    for frame in frames:
        marks = frame.startswith(b'{"type":"BOOKMARK"') and b'"k8s.io/initial-events-end"' in frame
        if not marks:
            yield frame


def repeated(frames: Frames, exchange: Exchange, count: int) -> Frames:
    """Some events of before, then all."""
    if exchange.watch:
        yield from exchange.watch.earlier(count)
    yield from frames


def _first(frames: Frames, size: int) -> Generator[bytes, None, bytes | None]:
    """Pass so many bytes on; what is left of the frame they end in, None: the body ended before."""
    for frame in frames:
        yield frame[:size]
        if len(frame) >= size:
            return frame[size:]
        size -= len(frame)
    return None
