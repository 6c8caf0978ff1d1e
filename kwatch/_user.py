"""The user of a kubeconfig: with which credential, and as whom, to act."""

import os
import time
from collections.abc import Callable
from dataclasses import replace

import httpx

from kwatch._auth import KubeAuth
from kwatch._cluster import exec_info
from kwatch._credential import basic, bearer
from kwatch._entry import Entry
from kwatch._exec import API_VERSIONS, INTERACTIVE_MODES, ExecPlugin
from kwatch._impersonation import impersonation
from kwatch._stored import Stored
from kwatch._tls import Tls
from kwatch._transport import is_loopback

_SECRETS = ("tokenFile", "token", "username", "password", "exec")
_SUCCESSORS = {
    "azure": "kubelogin",
    "gcp": "gke-gcloud-auth-plugin",
    "oidc": "kubectl oidc-login",
    "openstack": "client-keystone-auth",
}


def auth_of(
    user: Entry,
    cluster: Entry,
    server: httpx.URL,
    tls: Tls,
    *,
    clock: Callable[[], float] = time.time,
) -> KubeAuth:
    """Give what shows the credential of a user to a server.

    Files are read now, so that what cannot be used is found now; a plugin is not run. As with
    kubectl, none ever is for a user who has a token, a password or a certificate.

    Args:
        user: The entry.
        cluster: The one of the cluster.
        server: The server's URL.
        tls: How to connect to it.
        clock: Gives seconds since 1970.

    Raises:
        ConfigError: A credential cannot be used.
    """
    # what goes to this machine by way of a proxy leaves it
    if server.scheme == "http" and (cluster.get("proxy-url", str) or not is_loopback(server.host)):
        _refuse_plain(user)
    _refuse_provider(user)
    headers = impersonation(user)
    plugin = _plugin(user.inner("exec"), cluster, tls, clock) if user.has("exec") else None
    stored = Stored(
        tls,
        _authorization(user),
        user.path("tokenFile"),
        user.pem("client-certificate"),
        user.pem("client-key"),
        where=user.where,
        clock=clock,
    )
    if plugin is not None and stored.is_empty:
        tls.context()
        return KubeAuth(plugin, headers=headers, clock=clock)
    inline = None
    if stored.authorization and stored.token_file:  # which may not be there yet
        inline = replace(stored, token_file=None).fetch()
    auth = KubeAuth(stored, inline, headers=headers, clock=clock)
    auth.renew()
    return auth


def _refuse_plain(user: Entry) -> None:
    for name in _SECRETS:
        if user.fields.get(name):
            raise user.error(name, "cannot be sent over plain http")


def _refuse_provider(user: Entry) -> None:
    provider = user.inner("auth-provider")
    if provider.fields:
        name = provider.get("name", str)
        plugin = _SUCCESSORS.get(name, "of your identity provider")
        problem = f"none is supported; for {name!r} use the exec plugin {plugin}"
        raise user.error("auth-provider", problem)


def _authorization(user: Entry) -> str:
    token = user.get("token", str)
    name, password = user.get("username", str), user.get("password", str)
    if (name or password) and (token or user.path("tokenFile")):
        raise user.error("username", "excludes a token, there is one")
    if token:
        return bearer(token, f"{user.where}: token")
    return basic(name, password, f"{user.where}: username") if name or password else ""


def _plugin(entry: Entry, cluster: Entry, tls: Tls, clock: Callable[[], float]) -> ExecPlugin:
    version, mode = entry.get("apiVersion", str), entry.get("interactiveMode", str)
    if version not in API_VERSIONS:
        raise entry.error("apiVersion", f"expected {' or '.join(API_VERSIONS)}, got {version!r}")
    if version == API_VERSIONS[1]:
        mode = mode or "IfAvailable"
    if mode not in INTERACTIVE_MODES:
        raise entry.error("interactiveMode", f"expected one of {INTERACTIVE_MODES}, got {mode!r}")
    command = _plain(entry, "command", entry.get("command", str))
    if not command:
        raise entry.error("command", "is not set")
    if os.path.dirname(command):
        command = str(entry.folder / command)
    env = {}
    for variable in entry.items("env"):
        name = _plain(variable, "name", variable.get("name", str))
        if not name or "=" in name:
            raise variable.error("name", "expected the name of a variable")
        env[name] = _plain(variable, "value", variable.get("value", str))
    return ExecPlugin(
        tls,
        f"{entry.where}: {command!r}",
        command,
        [_plain(entry, "args", text) for text in entry.texts("args")],
        env,
        version,
        mode,
        entry.get("installHint", str),
        exec_info(cluster) if entry.get("provideClusterInfo", bool) else None,
        clock,
    )


def _plain(entry: Entry, name: str, text: str) -> str:
    """Give a text as it is, if a program can be handed it."""
    try:
        if b"\0" not in os.fsencode(text):
            return text
    except UnicodeError:
        pass
    raise entry.error(name, "holds a character that no program can be handed")
