"""What both front ends ask of the client that they are handed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

import httpx

from kwatch._abilities import Abilities
from kwatch._chunks import Chunks
from kwatch._http import Request

Read: TypeAlias = Callable[..., Any]
"""How a network stream of httpx reads: so many bytes at most, or what gives them when awaited."""

_abilities: WeakKeyDictionary[Any, Abilities] = WeakKeyDictionary()


def check_client(client: Any, function: str) -> None:
    """See that a client can be used at all; one of a caller's own make is taken on trust.

    Args:
        client: What was handed over.
        function: To what: a function, or a class. Those of the async front end begin with ``a`` or
            ``Async``, and their twins do not.

    Raises:
        TypeError: It is no client, or one for the other front end.
        ValueError: It has no ``base_url``.
    """
    right: type
    wrong: type
    prefix = "Async" if function[0].isupper() else "a"
    if function.startswith(prefix):
        right, wrong, twin = httpx.AsyncClient, httpx.Client, function.removeprefix(prefix)
    else:
        right, wrong, twin = httpx.Client, httpx.AsyncClient, prefix + function
    if isinstance(client, wrong):
        raise TypeError(
            f"{function} expects an httpx.{right.__name__}, got an httpx.{wrong.__name__}:"
            f" hand that to {twin}"
        )
    if not hasattr(client, "stream"):
        raise TypeError(f"{function} expects an httpx.{right.__name__}, got {client!r}")
    if isinstance(client, right) and not client.base_url.host:
        raise ValueError(
            f"{function} expects a client with a base_url: httpx.{right.__name__}"
            "(base_url='https://...'), or what KubeConfig.load() makes"
        )


def check_types(**expected: tuple[Any, type]) -> None:
    """See that each argument is of its type, or None.

    Raises:
        TypeError: One is not.
    """
    for name, (value, right) in expected.items():
        if value is not None and not isinstance(value, right):
            raise TypeError(f"expected {name} as a kwatch.{right.__name__}, got {value!r}")


def abilities_of(client: Any) -> Abilities:
    """Give what was found out through a client; nothing for one that cannot be told from others."""
    try:
        return _abilities.setdefault(client, Abilities())
    except TypeError:
        return Abilities()


def options_of(client: Any, request: Request) -> dict[str, Any]:
    """Give what httpx is told of a request, besides its method and path.

    The client's own timeouts count, but for reads: a quiet watch is no failure.
    """
    own = getattr(client, "timeout", None)
    if not isinstance(own, httpx.Timeout):
        own = httpx.Timeout(10.0)
    timeout = httpx.Timeout(
        connect=own.connect, write=own.write, pool=own.pool, read=request.read_timeout
    )
    return {"params": dict(request.params), "headers": dict(request.headers), "timeout": timeout}


@contextmanager
def patient(
    response: httpx.Response,
    patience: Callable[[], float] | None,
    reading: Callable[[Read, Callable[[], float], Chunks], Read],
) -> Iterator[None]:
    """Let each read of a response take what time it may take by then, and bring more at once.

    httpx fixes the read timeout when the request is sent, and the size of a read; its network
    stream, to which it gives access, takes both for each read. With HTTP/2, other responses are
    read from the same one.

    Args:
        response: An open response.
        patience: Gives the seconds that a read may take. None: it stays as it is.
        reading: Makes what reads instead, of what reads now, the patience, and the chunks.
    """
    source = response.extensions.get("network_stream")
    if patience is None or source is None or not response.http_version.startswith("HTTP/1"):
        yield
        return
    # not ``source.read``, which may still be another response's: the connection is used again as
    # soon as the body has ended
    read = type(source).read.__get__(source)
    is_chunked = response.headers.get("transfer-encoding", "").lower() == "chunked"
    read_patiently = reading(read, patience, Chunks(merging=is_chunked))

    def read_own(max_bytes: int, **options: Any) -> Any:
        if response.is_closed:  # its body has ended, and this is another one's
            return read(max_bytes, **options)
        return read_patiently(max_bytes)

    source.read = read_own
    try:
        yield
    finally:
        if vars(source).get("read") is read_own:
            del source.read
