"""KubeConfig: which API server to talk to, as whom, and how the two come to trust each other."""

import base64
import os
import re
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from kwatch._credentials import (
    BearerAuth,
    Pem,
    load_client_certificate,
    read_file,
    server_context,
)
from kwatch._errors import ConfigError
from kwatch._transport import TIMEOUT, is_loopback, with_transport

_T = TypeVar("_T", str, bool, list[Any], dict[str, Any])

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_UNSUPPORTED = "proxy-url exec auth-provider username password as as-uid as-groups as-user-extra"
_USER_AGENT = "kwatch"
with suppress(PackageNotFoundError):
    _USER_AGENT += f"/{version('kwatch-stream')}"


@dataclass(frozen=True, slots=True)
class KubeConfig:
    """How to reach one cluster: a context of a kubeconfig, resolved.

    Loading reads and checks every file, so that a KubeConfig that exists can be used. A token file
    is read again later (see `BearerAuth`), a certificate is not. The ``repr`` shows no secret.

    Attributes:
        server: The URL of the API server.
        context: The name of the context; ``""`` where there was none.
        namespace: The context's namespace; in a cluster that of the pod.
        ssl_context: Trusts the cluster's own certificate authority, or the system's where the
            cluster names none; holds the client certificate, if there is one.
        auth: Sends the token, if there is one.

    >>> config = KubeConfig("http://localhost:8001")  # where `kubectl proxy` listens
    >>> with config.client() as client:
    ...     print(client.base_url, config.namespace)
    http://localhost:8001 default
    """

    server: str
    context: str = ""
    namespace: str = "default"
    ssl_context: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)
    auth: httpx.Auth | None = None

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None, context: str | None = None) -> Self:
        """Find the configuration where kubectl does.

        That is ``path``; else the files of ``$KUBECONFIG``, where the first to have a context,
        cluster, user or current context wins; else ``~/.kube/config``; else `in_cluster`.

        Args:
            path: A kubeconfig; default: search.
            context: One of its contexts; default: its ``current-context``.

        Raises:
            ConfigError: Nothing was found, or it cannot be used. The message is one line that
                names the file, the entry and the field.
        """
        if path is not None:
            return cls.from_file(path, context)
        if listed := os.environ.get("KUBECONFIG"):
            paths = [Path(name) for name in listed.split(os.pathsep) if os.path.exists(name)]
            if not paths:
                raise ConfigError(f"$KUBECONFIG: none of these files exists: {listed!r}")
            return cls._from_files(paths, context)
        default = os.path.expanduser("~/.kube/config")
        if os.path.exists(default):
            return cls.from_file(default, context)
        searched = f"$KUBECONFIG is not set, {default!r} does not exist"
        if context is not None:
            raise ConfigError(f"context {context!r}: there is no kubeconfig: {searched}")
        try:
            return cls.in_cluster()
        except ConfigError as error:
            raise ConfigError(f"there is no configuration: {searched}, {error}") from error

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], context: str | None = None) -> Self:
        """Read one kubeconfig. The arguments and errors are those of `load`."""
        return cls._from_files([Path(os.path.expanduser(path))], context)

    @classmethod
    def in_cluster(cls, *, _folder: Path | None = None) -> Self:
        """Use the service account of the pod that this process runs in.

        Raises:
            ConfigError: This is no pod, or its service account is not mounted.
        """
        folder = _folder or _SERVICE_ACCOUNT
        names = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
        host, port = (os.environ.get(name, "") for name in names)
        if not (host and port):
            raise ConfigError(f"not in a cluster: ${names[bool(host)]} is not set")
        fields = {
            "server": f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
            "certificate-authority": "ca.crt",
            "tokenFile": "token",
        }
        with suppress(OSError):
            fields["namespace"] = (folder / "namespace").read_bytes().decode("latin-1").strip()
        account = _Entry("service account", folder, fields)
        return cls._resolved("", account, account, account)

    def client(self, **httpx_options: Any) -> httpx.Client:
        """Make a client for `kwatch.watch`; close it when done.

        It sends the credentials, opens any number of connections, and notices a dead peer by TCP
        keepalive within a minute. Like kubectl it heeds ``HTTPS_PROXY``, ``HTTP_PROXY`` and
        ``NO_PROXY`` (httpcore 1.0 has no keepalive there), but not for a loopback address.

        Args:
            httpx_options: Those of `httpx.Client`, and they win; ``headers`` are added. With a
                ``transport`` everything about connections is the transport's.

        Raises:
            ConfigError: The environment's proxy is no URL.
        """
        return httpx.Client(**self._options(httpx.HTTPTransport, httpx_options))

    def async_client(self, **httpx_options: Any) -> httpx.AsyncClient:
        """Make a client for `kwatch.awatch`; the rest is as for `client`."""
        return httpx.AsyncClient(**self._options(httpx.AsyncHTTPTransport, httpx_options))

    def _options(self, transport: Callable[..., object], given: dict[str, Any]) -> dict[str, Any]:
        headers = httpx.Headers({"User-Agent": _USER_AGENT})
        headers.update(given.get("headers"))
        options = {"base_url": self.server, "auth": self.auth, "timeout": TIMEOUT} | given
        options["headers"] = headers
        return with_transport(options, self.ssl_context, transport)

    @classmethod
    def _from_files(cls, paths: list[Path], context: str | None) -> Self:
        files = [_Entry(str(path), path.absolute().parent, _yaml(path)) for path in paths]
        where = ", ".join(file.where for file in files)
        if context is None:
            context = next(filter(None, (file.get("current-context", str) for file in files)), None)
            if context is None:
                raise ConfigError(f"{where}: current-context: is not set")
        chosen = _find(files, "context", context, where)
        cluster = _find(files, "cluster", chosen.get("cluster", str), chosen.where)
        user = _Entry(chosen.where, chosen.folder, {})
        if name := chosen.get("user", str):
            user = _find(files, "user", name, chosen.where)
        return cls._resolved(context, chosen, cluster, user)

    @classmethod
    def _resolved(cls, context: str, chosen: "_Entry", cluster: "_Entry", user: "_Entry") -> Self:
        for entry, name in product((cluster, user), _UNSUPPORTED.split()):
            if entry.fields.get(name):
                raise entry.error(name, "is not supported")
        server = _server(cluster)
        return cls(
            server=cluster.get("server", str),
            context=context,
            namespace=chosen.get("namespace", str) or "default",
            ssl_context=_ssl_context(cluster, user),
            auth=_auth(server, user),
        )


@dataclass(frozen=True)
class _Entry:
    """A mapping of a kubeconfig that knows, for messages, where it stands."""

    where: str
    folder: Path
    fields: dict[str, Any] = field(repr=False)

    def error(self, name: str, problem: str) -> ConfigError:
        return ConfigError(f"{self.where}: {name}: {problem}")

    def get(self, name: str, kind: type[_T]) -> _T:
        """Give a field, or the empty value of its type where it is not set."""
        value = self.fields.get(name)
        if value is None:
            return kind()
        if not isinstance(value, kind):
            raise self.error(name, f"expected {kind.__name__}, got {type(value).__name__}")
        return value

    def path(self, name: str) -> Path | None:
        text = self.get(name, str)
        return self.folder / text if text else None

    def pem(self, name: str) -> Pem | None:
        """Give what ``<name>-data`` holds, or else the file that ``<name>`` names."""
        if data := self.get(f"{name}-data", str):
            try:
                return base64.b64decode("".join(data.split()), validate=True)
            except ValueError as error:
                raise self.error(f"{name}-data", "is not base64") from error
        path = self.path(name)
        if path is not None:
            read_file(path, f"{self.where}: {name}")
        return path

    def entries(self, kind: str) -> "dict[str, _Entry]":
        found: dict[str, _Entry] = {}
        for position, item in enumerate(self.get(f"{kind}s", list)):
            place = f"{self.where}: {kind}s[{position}]"
            if not isinstance(item, dict):
                raise ConfigError(f"{place}: expected dict, got {type(item).__name__}")
            listed = _Entry(place, self.folder, item)
            name = listed.get("name", str)
            if name in found:
                raise listed.error("name", f"{name!r} is there twice")
            where = f"{self.where}: {kind} {name!r}"
            found[name] = _Entry(where, self.folder, listed.get(kind, dict))
        return found


def _yaml(path: Path) -> dict[str, Any]:
    import yaml  # a client in a cluster does without

    stream = BytesIO(read_file(path, "kubeconfig"))
    try:
        document = yaml.safe_load(stream)
    except Exception as error:  # PyYAML lets out much more than YAMLError
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        # The error quotes the file, and so perhaps a token: what is in quotes is left out, and
        # the error is not chained.
        problem = getattr(error, "problem", None) or type(error).__name__
        problem = re.sub(r"""['"].*['"]""", "'...'", problem, flags=re.DOTALL)
        raise ConfigError(f"{path}: is no YAML: {place}{problem}") from None
    if not isinstance(document, dict):
        got = "nothing" if document is None else type(document).__name__
        raise ConfigError(f"{path}: expected a YAML mapping, got {got}")
    return document


def _find(files: list[_Entry], kind: str, name: str, where: str) -> _Entry:
    """Give the entry of the first file that has one of this name."""
    found: dict[str, _Entry] = {}
    for file in files:
        found = file.entries(kind) | found
    if name not in found:
        known = ", ".join(map(repr, found)) or "none"
        raise ConfigError(f"{where}: {kind} {name!r}: is not there; there is {known}")
    return found[name]


def _server(cluster: _Entry) -> httpx.URL:
    # A malformed URL may hold a password: nothing of it is repeated.
    with suppress(httpx.InvalidURL, ValueError):
        url = httpx.URL(cluster.get("server", str))
        extra = url.userinfo or url.query or url.fragment
        if url.scheme in ("http", "https") and url.host and not extra:
            return url
    raise cluster.error("server", "expected http://host or https://host, without user and query")


def _ssl_context(cluster: _Entry, user: _Entry) -> ssl.SSLContext:
    authority = cluster.pem("certificate-authority")
    insecure = cluster.get("insecure-skip-tls-verify", bool)
    if insecure and authority is not None:
        raise cluster.error("insecure-skip-tls-verify", "excludes a certificate-authority")
    name = cluster.get("tls-server-name", str)
    context = server_context(authority, server_name=name, insecure=insecure, where=cluster.where)
    certificate, key = user.pem("client-certificate"), user.pem("client-key")
    load_client_certificate(context, certificate, key, user.where)
    return context


def _auth(server: httpx.URL, user: _Entry) -> BearerAuth | None:
    token, path = user.get("token", str), user.path("tokenFile")
    if not token and path is None:
        return None
    if server.scheme == "http" and not is_loopback(server.host):
        raise user.error("tokenFile" if path else "token", "cannot be sent over plain http")
    return BearerAuth(token, path=path, where=user.where)
