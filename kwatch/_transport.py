"""The transport: how the clients of a `KubeConfig` connect, and how they notice a dead peer."""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.request import getproxies

import httpx

from kwatch._errors import ConfigError

TIMEOUT = httpx.Timeout(10.0, read=60.0)
"""Seconds; 60 is the server's own limit for a request."""

# A watch holds its connection, so there is no bound. None on idle ones either: httpcore 1.0 counts
# the busy ones among them, and would close each after use. The server closes idle ones after 90 s.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=60.0)
# A dead peer is noticed after 30 + 3 * 10 s. TCP_KEEPALIVE is what macOS calls TCP_KEEPIDLE.
_TCP_OPTIONS = {"TCP_KEEPIDLE": 30, "TCP_KEEPALIVE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
_SOCKET_OPTIONS = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in _TCP_OPTIONS.items()
    if hasattr(socket, name)
]
_TRANSPORT_OPTIONS = {"verify", "cert", "http1", "http2", "limits", "proxy"}


def with_transport(
    options: Mapping[str, Any], ssl_context: ssl.SSLContext, transport: Callable[..., object]
) -> dict[str, Any]:
    """Give the options of a client a ``transport``, unless they have one.

    httpx takes no socket options, and asks the environment for no proxy when it is given a
    transport: so the transport is made here, and gets the options that concern it.

    Args:
        options: Those of `httpx.Client`, with a ``base_url``.
        ssl_context: What verifies the server where there is no option ``verify``.
        transport: `httpx.HTTPTransport` or `httpx.AsyncHTTPTransport`.

    Returns:
        The options for the client; ``options`` itself is left as it is.

    Raises:
        ConfigError: The environment's proxy is no URL.
    """
    if options.get("transport") is not None:
        return dict(options)
    wire: dict[str, Any] = {"verify": ssl_context, "limits": _LIMITS}
    wire |= {name: options[name] for name in _TRANSPORT_OPTIONS & options.keys()}
    if wire.get("proxy") is None and options.get("trust_env", True):
        wire["proxy"] = proxy_of(httpx.URL(options["base_url"]))
    rest = {name: value for name, value in options.items() if name not in _TRANSPORT_OPTIONS}
    return rest | {"transport": transport(**wire, socket_options=_SOCKET_OPTIONS)}


def is_loopback(host: str) -> bool:
    """Tell whether what is sent to ``host`` never leaves this machine.

    >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("kubernetes.default.svc")
    (True, True, False)
    """
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def proxy_of(server: httpx.URL) -> httpx.Proxy | None:
    """Give the proxy that the environment names for a server, as kubectl reads it.

    Raises:
        ConfigError: It is no URL of a proxy.
    """
    proxies = getproxies()
    address = proxies.get(server.scheme)
    if not address or is_loopback(server.host) or _is_in(server.host, proxies.get("no", "")):
        return None
    try:
        return httpx.Proxy(address if "://" in address else f"http://{address}")
    except (httpx.InvalidURL, ValueError):  # not chained: it may hold a password
        raise ConfigError(f"${server.scheme.upper()}_PROXY: is no URL of a proxy") from None


def _is_in(host: str, no_proxy: str) -> bool:
    for rule in no_proxy.lower().replace(" ", "").split(","):
        with suppress(ValueError):
            if ipaddress.ip_address(host) in ipaddress.ip_network(rule, strict=False):
                return True
        if rule == "*" or (rule and f".{host}".endswith("." + rule.lstrip("*."))):
            return True
    return False
