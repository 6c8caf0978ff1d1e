"""The cluster of a kubeconfig: where the server is, and how it is reached and verified."""

import json
from contextlib import suppress
from typing import Any

import httpx

from kwatch._entry import Entry
from kwatch._tls import Tls
from kwatch._transport import checked_proxy, is_address

_EXEC_EXTENSION = "client.authentication.k8s.io/exec"


def server_of(cluster: Entry) -> httpx.URL:
    """Give the URL of the server.

    Like kubectl, it takes ``host:port`` too, as plain http.

    Raises:
        ConfigError: It is none.
    """
    text = cluster.get("server", str)
    if "://" not in text and "/" not in text:
        text = f"http://{text}"
    # A malformed URL may hold a password: nothing of it is repeated.
    with suppress(httpx.InvalidURL, ValueError):
        url = httpx.URL(text)
        extra = url.userinfo or url.query or url.fragment
        if url.scheme in ("http", "https") and is_address(url) and not extra:
            return url
    raise cluster.error("server", "expected http://host or https://host, without user and query")


def tls_of(cluster: Entry) -> Tls:
    """Give how the server is verified.

    Raises:
        ConfigError: The authority cannot be used, or the server must not be verified by it.
    """
    authority = cluster.pem("certificate-authority")
    insecure = cluster.get("insecure-skip-tls-verify", bool)
    if insecure and authority is not None:
        raise cluster.error("insecure-skip-tls-verify", "excludes a certificate-authority")
    name = cluster.get("tls-server-name", str)
    return Tls(authority, server_name=name, insecure=insecure, where=cluster.where)


def proxy_of(cluster: Entry, tls: Tls) -> httpx.Proxy | None:
    """Give the proxy through which the server is reached; None: that of the environment.

    Raises:
        ConfigError: It cannot be used.
    """
    address = cluster.get("proxy-url", str)
    return checked_proxy(address, f"{cluster.where}: proxy-url", tls) if address else None


def exec_info(cluster: Entry) -> dict[str, Any]:
    """Give what a plugin may be told of a cluster, but for the certificate authority.

    Raises:
        ConfigError: What the cluster has for plugins cannot be written as JSON.

    Source: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/#client-authentication-k8s-io-v1-Cluster
    """
    info: dict[str, Any] = {"server": cluster.get("server", str)}
    for name in ("tls-server-name", "proxy-url"):
        if text := cluster.get(name, str):
            info[name] = text
    for name in ("insecure-skip-tls-verify", "disable-compression"):
        if cluster.get(name, bool):
            info[name] = True
    for extension in cluster.items("extensions"):
        if extension.get("name", str) == _EXEC_EXTENSION:
            info["config"] = extension.fields.get("extension")
            try:
                json.dumps(info, allow_nan=False)
            except (TypeError, ValueError, RecursionError):
                raise extension.error("extension", "cannot be written as JSON") from None
    return info
