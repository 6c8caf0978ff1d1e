"""Credential: what a client shows to a server, and for how long."""

import base64
import math
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, Self

from kwatch._errors import ConfigError
from kwatch._tls import Pem, Tls


@dataclass(frozen=True, slots=True)
class Credential:
    """What a client shows to a server. Two are equal if they show the same.

    Attributes:
        ssl_context: Verifies the server; holds the client certificate, if there is one.
        latest: Gives the same context, or another one if a file that it is made of has changed.
        authorization: The header of this name; ``""``: none.
        expires_at: When to replace it, in seconds since 1970; infinity: when it is refused.
    """

    ssl_context: ssl.SSLContext = field(repr=False)
    latest: Callable[[], ssl.SSLContext] = field(repr=False, compare=False)
    authorization: str = field(default="", repr=False)
    expires_at: float = field(default=math.inf, compare=False)

    @classmethod
    def of(
        cls,
        tls: Tls,
        certificate: Pem | None,
        key: Pem | None,
        where: str,
        authorization: str,
        expires_at: float,
    ) -> Self:
        """Make one of its parts; what is a file is read now.

        Raises:
            ConfigError: See `Tls.context`.
        """
        latest = partial(tls.context, certificate, key, where=where)
        return cls(latest(fresh=True), latest, authorization, expires_at)


class Source(Protocol):
    """Where a credential comes from."""

    @property
    def tls(self) -> Tls:
        """What makes the context."""

    @property
    def renewable(self) -> bool:
        """Whether another fetch may give another credential."""

    def fetch(self) -> Credential:
        """Give the credential of this moment; that may take a while.

        Raises:
            ConfigError: There is none. The message is one line, and holds no secret.
        """


def bearer(token: str, place: str) -> str:
    """Give the header that shows a token; spaces around it are ignored, as in any header.

    Raises:
        ConfigError: No header can hold it. The message starts with ``place``.

    >>> bearer("abc", "kubeconfig: token")
    'Bearer abc'
    """
    token = token.strip(" ")
    if not token:
        raise ConfigError(f"{place}: is empty")
    if not (token.isascii() and token.isprintable()):
        raise ConfigError(f"{place}: a token is printable ASCII, this is not")
    return f"Bearer {token}"


def basic(username: str, password: str, place: str) -> str:
    """Give the header that shows a name and a password.

    Raises:
        ConfigError: No header can hold them. The message starts with ``place``.

    >>> basic("admin", "secret", "kubeconfig: username")
    'Basic YWRtaW46c2VjcmV0'

    Source: https://datatracker.ietf.org/doc/html/rfc7617
    """
    if ":" in username:
        raise ConfigError(f"{place}: holds a colon, which ends the name")
    try:
        text = f"{username}:{password}".encode()
    except UnicodeError:  # it would hold the password
        raise ConfigError(f"{place}: name or password is no Unicode") from None
    return "Basic " + base64.b64encode(text).decode()
