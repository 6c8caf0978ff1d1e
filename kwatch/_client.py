"""What both front ends ask of the client that they are handed."""

from typing import Any
from weakref import WeakKeyDictionary

import httpx

from kwatch._abilities import Abilities
from kwatch._http import Request

_abilities: WeakKeyDictionary[Any, Abilities] = WeakKeyDictionary()


def check_client(client: Any, function: str) -> None:
    """See that a client can be used at all; one of a caller's own make is taken on trust.

    Args:
        client: What the function was handed.
        function: Its name; those of the async front end begin with an ``a``.

    Raises:
        TypeError: It is no client, or one for the other front end.
        ValueError: It has no ``base_url``.
    """
    right: type
    wrong: type
    if function.startswith("a"):
        right, wrong, twin = httpx.AsyncClient, httpx.Client, function[1:]
    else:
        right, wrong, twin = httpx.Client, httpx.AsyncClient, f"a{function}"
    if isinstance(client, wrong):
        raise TypeError(
            f"{function}() expects an httpx.{right.__name__}, got an httpx.{wrong.__name__}:"
            f" hand that to {twin}()"
        )
    if not hasattr(client, "stream"):
        raise TypeError(f"{function}() expects an httpx.{right.__name__}, got {client!r}")
    if isinstance(client, right) and not client.base_url.host:
        raise ValueError(
            f"{function}() expects a client with a base_url: httpx.{right.__name__}"
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


def timeout_of(client: Any, request: Request) -> httpx.Timeout:
    """Take the client's own timeouts, but for reads: a quiet watch is no failure."""
    own = getattr(client, "timeout", None)
    if not isinstance(own, httpx.Timeout):
        own = httpx.Timeout(10.0)
    return httpx.Timeout(
        connect=own.connect, write=own.write, pool=own.pool, read=request.read_timeout
    )
