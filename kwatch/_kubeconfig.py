"""KubeConfig: which API server to talk to, as whom, and how the two come to trust each other."""

import os
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from kwatch._arotating import AsyncRotatingTransport
from kwatch._auth import KubeAuth
from kwatch._cluster import proxy_of, server_of, tls_of
from kwatch._entry import Entry, find
from kwatch._errors import ConfigError
from kwatch._rotating import RotatingTransport
from kwatch._transport import TIMEOUT, wire_options
from kwatch._user import auth_of
from kwatch._version import version

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class KubeConfig:
    """How to reach one cluster: a context of a kubeconfig, resolved.

    Loading reads and checks every file, so that a KubeConfig that exists can be used; an exec
    plugin runs when its credential is needed. Files with a token or a certificate are read again
    when the last read is 60 s old, and a plugin runs again when its credential has run out; both
    also when the server answers 401, and then the request is repeated once. If that fails, a
    warning is logged, and the last good credential stays in use. New certificates are for new
    connections; what is under way goes on. The ``repr`` shows no secret.

    Attributes:
        server: The URL of the API server.
        context: The name of the context; ``""`` where there was none.
        namespace: The context's namespace; in a cluster that of the pod.
        ssl_context: What connections were to be made with at the time of loading: it trusts the
            cluster's own certificate authority, or the system's where the cluster names none, and
            holds the client certificate, if there was one.
        auth: Shows the credential: token, name and password, certificate, or what a plugin gives;
            and as whom to act. It serves clients of any transport, but certificates need the
            clients that are made here.
        proxy: Through what the server is reached; None: what the environment says.
        disable_compression: True: the server is asked not to compress its answers.

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
    proxy: httpx.Proxy | None = None
    disable_compression: bool = False

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
        account = Entry("service account", folder, fields)
        return cls._resolved("", account, account, account)

    def client(self, **httpx_options: Any) -> httpx.Client:
        """Make a client for `kwatch.watch`; close it when done.

        It sends the credentials, opens any number of connections, and notices a dead peer by TCP
        keepalive within a minute. Like kubectl it heeds ``HTTPS_PROXY``, ``HTTP_PROXY`` and
        ``NO_PROXY`` where the cluster has no ``proxy-url``, but not for a loopback address
        (httpcore 1.0 has no keepalive through a proxy, and waits without an end for a socks5 proxy
        that accepts a connection and never answers).

        Args:
            httpx_options: Those of `httpx.Client`, and they win; ``headers`` are added. With a
                ``transport`` everything about connections is the transport's, and with
                ``verify`` everything about TLS.

        Raises:
            ConfigError: The environment's proxy cannot be used.
            TypeError: There is an option that httpx does not know, or ``cert`` without ``verify``.
        """
        return httpx.Client(**self._options(httpx.HTTPTransport, RotatingTransport, httpx_options))

    def async_client(self, **httpx_options: Any) -> httpx.AsyncClient:
        """Make a client for `kwatch.awatch`; the rest is as for `client`."""
        transports = httpx.AsyncHTTPTransport, AsyncRotatingTransport
        return httpx.AsyncClient(**self._options(*transports, httpx_options))

    def _options(
        self,
        transport: Callable[..., Any],
        rotating: Callable[..., object],
        given: dict[str, Any],
    ) -> dict[str, Any]:
        headers = httpx.Headers({"User-Agent": f"kwatch/{version()}"})
        if self.disable_compression:
            headers["Accept-Encoding"] = "identity"
        headers.update(given.get("headers"))
        options = {"base_url": self.server, "auth": self.auth, "timeout": TIMEOUT} | given
        options["headers"] = headers
        if options.get("transport") is not None:
            return options
        wire, rest = wire_options(options, self.proxy)
        if "cert" in wire and "verify" not in wire:  # httpx would load it into the shared context
            raise TypeError("expected verify=<an SSLContext that holds the certificate>, got cert")
        auth = self.auth
        if "verify" not in wire and isinstance(auth, KubeAuth) and auth.source.renewable:
            made = rotating(
                lambda context: transport(verify=context, **wire), lambda: auth.ssl_context
            )
        else:
            made = transport(**{"verify": self.ssl_context} | wire)
        return rest | {"transport": made}

    @classmethod
    def _from_files(cls, paths: list[Path], context: str | None) -> Self:
        files = [Entry.of_file(path) for path in paths]
        where = ", ".join(file.where for file in files)
        if context is None:
            context = next(filter(None, (file.get("current-context", str) for file in files)), None)
            if context is None:
                raise ConfigError(f"{where}: current-context: is not set")
        chosen = find(files, "context", context, where)
        cluster = find(files, "cluster", chosen.get("cluster", str), chosen.where)
        user = Entry(chosen.where, chosen.folder, {})
        if name := chosen.get("user", str):
            user = find(files, "user", name, chosen.where)
        return cls._resolved(context, chosen, cluster, user)

    @classmethod
    def _resolved(cls, context: str, chosen: Entry, cluster: Entry, user: Entry) -> Self:
        server, tls = server_of(cluster), tls_of(cluster)
        auth = auth_of(user, cluster, server, tls)
        text = cluster.get("server", str)
        return cls(
            server=text if "://" in text else str(server),
            context=context,
            namespace=chosen.get("namespace", str) or "default",
            ssl_context=auth.ssl_context,
            auth=auth,
            proxy=proxy_of(cluster, tls),
            disable_compression=cluster.get("disable-compression", bool),
        )
