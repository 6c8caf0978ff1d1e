"""Credentials: how a client and a server prove to each other who they are.

A bearer token or a certificate speaks for the client, a certificate authority for the server.
Whatever is wrong with one is a `ConfigError` that names the place; no message and no ``repr``
shows a token or a key.
"""

import logging
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from kwatch._errors import ConfigError

REREAD_SECONDS = 60.0
"""The kubelet renews a token two minutes or more before it runs out; this is half of that.

Source: https://github.com/kubernetes/client-go/blob/master/transport/token_source.go
"""

Pem = Path | bytes
"""PEM text: the path of a file, or the text itself."""

_log = logging.getLogger(__name__)


class BearerAuth(httpx.Auth):
    """Send a bearer token with each request, for `httpx.Client` and `httpx.AsyncClient` alike.

    A token file is read at once, again when the last read is 60 s old, and again when the server
    answers 401; the request is then repeated once, if the token is another one. A file that cannot
    be read any more is logged as a warning, and the last good token stays in use. One object may
    serve any number of clients and threads.

    Args:
        token: The token; with a ``path``, what is used until the file can be read.
        path: The file that holds the token. White space around the token is ignored.
        where: What messages call the place that both come from.
        clock: Gives seconds, never goes back.

    Raises:
        ConfigError: There is no token, or it holds anything but printable ASCII.

    >>> BearerAuth("s3cret")
    BearerAuth(token=...)
    """

    def __init__(
        self,
        token: str = "",
        *,
        path: Path | None = None,
        where: str = "BearerAuth",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._where = where
        self._clock = clock
        self._read_at = clock()
        self._token = _checked(token, f"{where}: token") if token or path is None else ""
        if path is not None:
            self._reread(path)

    def __repr__(self) -> str:
        shown = f"path={str(self._path)!r}" if self._path else "token=..."
        return f"{type(self).__name__}({shown})"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Authorize ``request``, and once more if the answer is 401 and the file has a new token.

        The file is small and local: it is read in place, in an event loop too.
        """
        if self._path is not None and self._clock() - self._read_at >= REREAD_SECONDS:
            self._reread(self._path)
        sent = self._authorize(request)
        response = yield request
        if response.status_code == HTTPStatus.UNAUTHORIZED and self._path is not None:
            self._reread(self._path)
            if self._authorize(request) != sent:
                yield request

    def _authorize(self, request: httpx.Request) -> str:
        token = self._token  # looked at once: another thread may replace it meanwhile
        request.headers["Authorization"] = f"Bearer {token}"
        return token

    def _reread(self, path: Path) -> None:
        self._read_at = self._clock()
        place = f"{self._where}: tokenFile"
        try:
            # latin-1 decodes anything; the error of another codec would carry the token with it.
            token = read_file(path, place).decode("latin-1").strip()
            self._token = _checked(token, f"{place}: {str(path)!r}")
        except ConfigError as error:
            if not self._token:
                raise
            _log.warning("%s; the last good token stays in use", error)


def _checked(token: str, place: str) -> str:
    if not token:
        raise ConfigError(f"{place}: is empty")
    if not (token.isascii() and token.isprintable()):
        raise ConfigError(f"{place}: a token is printable ASCII, this is not")
    return token


def server_context(
    authority: Pem | None, *, server_name: str = "", insecure: bool = False, where: str
) -> ssl.SSLContext:
    """Make the context that verifies a server, over TLS 1.2 or later.

    Like kubectl, and like Python before 3.13, it takes certificates that lack the extensions which
    RFC 5280 asks for (those of EKS do), and an intermediate certificate as the authority.

    Args:
        authority: The certificates to trust, and no others; None: those that the system trusts.
        server_name: The name to verify, and to send as SNI; default: the host of the URL.
        insecure: True: trust anybody.
        where: What messages call the place that these come from.

    Raises:
        ConfigError: The authority holds no certificate, or no server can have this name.

    Source: https://github.com/kubernetes-client/python/issues/2394
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies the certificate and the host name
    if server_name:
        context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
        context.server_name = server_name
        try:
            context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
        except (ValueError, TypeError, ssl.SSLError) as error:
            raise ConfigError(f"{where}: tls-server-name: is no host name") from error
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authority is None:
        context.load_default_certs()
    else:
        _load_certificates(context, authority, f"{where}: certificate-authority")
    return context


def load_client_certificate(
    context: ssl.SSLContext, certificate: Pem | None, key: Pem | None, where: str
) -> None:
    """Let ``context`` prove itself to the server with a certificate, if there is one.

    Args:
        context: What the certificate is loaded into.
        certificate: The certificate, and after it the chain, if there is one; None: none.
        key: Its private key, not encrypted.
        where: What messages call the place that both come from.

    Raises:
        ConfigError: One is there without the other, one is no PEM, the key is encrypted, or they
            are not a pair.
    """
    if certificate is None and key is None:
        return
    if key is None:
        raise ConfigError(f"{where}: client-key: is not set, but client-certificate is")
    if certificate is None:
        raise ConfigError(f"{where}: client-certificate: is not set, but client-key is")

    def refuse_password() -> str:
        raise ConfigError(f"{where}: client-key: is encrypted, and kwatch asks for no password")

    scratch = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _load_certificates(scratch, certificate, f"{where}: client-certificate")
    try:
        with _on_disk(certificate) as certificate_path, _on_disk(key) as key_path:
            context.load_cert_chain(certificate_path, key_path, refuse_password)
    except OSError as error:  # ssl.SSLError is one
        problem = f"is not the PEM key of the certificate: {error}"
        raise ConfigError(f"{where}: client-key: {problem}") from error


def _load_certificates(context: ssl.SSLContext, pem: Pem, place: str) -> None:
    try:
        with _on_disk(pem) as path:
            context.load_verify_locations(path)
    except OSError as error:
        raise ConfigError(f"{place}: holds no PEM certificate: {error}") from error


def read_file(path: Path, place: str) -> bytes:
    """Give the content of ``path``, or a `ConfigError` that starts with ``place``."""
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL or a surrogate in the name
        reason = getattr(error, "strerror", None) or "no file can have this name"
        raise ConfigError(f"{place}: {str(path)!r}: {reason}") from error


@contextmanager
def _on_disk(pem: Pem) -> Iterator[Path]:
    """Lend ``pem`` as a file, since `ssl` loads a key from nothing else.

    Only its owner can read the file, and it is gone at the end of the block.
    """
    if isinstance(pem, Path):
        yield pem
        return
    with tempfile.TemporaryDirectory(prefix="kwatch-") as folder:  # mode 0700
        path = Path(folder, "pem")
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(pem)
        yield path


class _NamedContext(ssl.SSLContext):
    """Verifies one name, whatever the host of the URL is; through a proxy's tunnel too."""

    server_name: str

    def wrap_socket(self, sock: socket.socket, *_: Any, **__: Any) -> ssl.SSLSocket:
        return super().wrap_socket(sock, server_hostname=self.server_name)

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *_: Any, **__: Any
    ) -> ssl.SSLObject:
        return super().wrap_bio(incoming, outgoing, server_hostname=self.server_name)
