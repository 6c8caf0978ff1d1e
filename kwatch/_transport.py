"""The transport: how the clients of a `KubeConfig` connect, and how they notice a dead peer."""

import ipaddress
import socket
from contextlib import suppress
from importlib.util import find_spec
from typing import Any
from urllib.request import getproxies

import httpx

from kwatch._errors import ConfigError
from kwatch._tls import Tls

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


def wire_options(
    options: dict[str, Any], proxy: httpx.Proxy | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part the options of a client: those of its transport, and the rest.

    httpx takes no socket options, and asks the environment for no proxy when it is given a
    transport: so the transport is made here, and gets the options that concern it.

    Args:
        options: Those of `httpx.Client`, with a ``base_url``.
        proxy: What to use, unless there is an option ``proxy``; None: that of the environment.

    Raises:
        ConfigError: The environment's proxy cannot be used.
    """
    wire: dict[str, Any] = {"limits": _LIMITS}
    wire |= {name: options[name] for name in _TRANSPORT_OPTIONS & options.keys()}
    if wire.get("proxy") is None:
        wire["proxy"] = proxy
    if wire["proxy"] is None and options.get("trust_env", True):
        wire["proxy"] = environment_proxy(httpx.URL(options["base_url"]))
    wire["socket_options"] = _SOCKET_OPTIONS
    rest = {name: value for name, value in options.items() if name not in _TRANSPORT_OPTIONS}
    return wire, rest


def is_address(url: httpx.URL) -> bool:
    """Tell whether a URL has a host, and a port that there can be, if any."""
    return bool(url.host) and (url.port is None or 0 < url.port < 65536)


def is_loopback(host: str) -> bool:
    """Tell whether what is sent to ``host`` never leaves this machine.

    >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("kubernetes.default.svc")
    (True, True, False)
    """
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def environment_proxy(server: httpx.URL) -> httpx.Proxy | None:
    """Give the proxy that the environment names for a server, as kubectl reads it.

    Raises:
        ConfigError: It cannot be used.
    """
    proxies = getproxies()
    address = proxies.get(server.scheme)
    if not address or is_loopback(server.host) or _is_in(server, proxies.get("no", "")):
        return None
    place = f"${server.scheme.upper()}_PROXY"
    return checked_proxy(address if "://" in address else f"http://{address}", place)


class _Masked(bytes):
    """A password: httpcore 1.0 logs that of a socks5 proxy."""

    def __repr__(self) -> str:
        return "'********'"


class _Proxy(httpx.Proxy):
    @property
    def raw_auth(self) -> tuple[bytes, bytes] | None:
        auth = super().raw_auth
        return None if auth is None else (auth[0], _Masked(auth[1]))


def checked_proxy(address: str, place: str, tls: Tls | None = None) -> httpx.Proxy:
    """Give a proxy that can be used.

    Args:
        address: Its URL: http, https, or socks5.
        place: What messages start with; they do not show the URL, which may hold a password.
        tls: How an https proxy is verified, if not by the system's authorities alone.

    Raises:
        ConfigError: It is no such URL, or what socks5 needs is not installed.
    """
    with suppress(httpx.InvalidURL, ValueError):
        url = httpx.URL(address)
        usable = is_address(url) and url.scheme in ("http", "https", "socks5", "socks5h")
        if usable and url.scheme.startswith("socks5") and find_spec("socksio") is None:
            raise ConfigError(f"{place}: socks5 needs: pip install 'kwatch-stream[socks]'")
        if usable:
            context = tls.proxy_context() if tls is not None and url.scheme == "https" else None
            return _Proxy(url, ssl_context=context)
    raise ConfigError(f"{place}: expected http://host, https://host or socks5://host")


def _is_in(server: httpx.URL, no_proxy: str) -> bool:
    """Tell whether a server is among the hosts, networks and domains that NO_PROXY lists.

    Source: https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config
    """
    port = server.port or {"http": 80, "https": 443}[server.scheme]
    for rule in no_proxy.lower().replace(" ", "").split(","):
        name, _, digits = rule.rpartition(":")
        if digits.isdigit() and name and (":" not in name or name.endswith("]")):
            if int(digits) != port:
                continue
        else:
            name = rule
        name = name.strip("[]")
        with suppress(ValueError):
            if ipaddress.ip_address(server.host) in ipaddress.ip_network(name, strict=False):
                return True
        if name == "*":
            return True
        name = name.removeprefix("*")
        below = name if name.startswith(".") else f".{name}"
        if name and (server.host.endswith(below) or server.host == name):
            return True
    return False
