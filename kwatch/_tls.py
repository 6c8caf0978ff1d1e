"""TLS: how a client verifies its server, and proves itself by a certificate.

Whatever is wrong with a certificate or a key is a `ConfigError` that names the place; no message
shows a key.
"""

import hashlib
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kwatch._errors import ConfigError
from kwatch._files import REREAD_SECONDS, private_file, read_file

_log = logging.getLogger(__name__)

Pem = Path | bytes
"""PEM text: the path of a file, or the text itself."""


@dataclass(frozen=True)
class _Made:
    """A context, and of what it was made."""

    asked: tuple[Pem | None, Pem | None] = field(repr=False)
    digest: bytes = field(repr=False)
    context: ssl.SSLContext


class Tls:
    """Makes the contexts for the connections to one server.

    They speak TLS 1.2 or later. Like kubectl, and like Python before 3.13, they take certificates
    that lack the extensions which RFC 5280 asks for (those of EKS do), and an intermediate
    certificate as the authority.

    Args:
        authority: The certificates to trust, and no others; None: those that the system trusts.
        server_name: The name to verify, and to send as SNI; default: the host of the URL.
        insecure: True: trust anybody.
        where: What messages call the place that these come from.
        clock: Gives seconds, never goes back.

    Attributes:
        authority: The argument.

    Raises:
        ConfigError: No server can have this name.

    Source: https://github.com/kubernetes-client/python/issues/2394
    """

    def __init__(
        self,
        authority: Pem | None = None,
        *,
        server_name: str = "",
        insecure: bool = False,
        where: str = "Tls",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.authority = authority
        self._insecure = insecure
        self._where = where
        self._server_name = server_name
        self._clock = clock
        self._lock = threading.Lock()
        self._last: _Made | None = None
        self._read_at = clock()
        self._warned = ""
        try:
            if server_name:
                self._bare().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
        except (ValueError, TypeError, ssl.SSLError) as error:
            raise ConfigError(f"{where}: tls-server-name: is no host name") from error

    def context(
        self,
        certificate: Pem | None = None,
        key: Pem | None = None,
        *,
        where: str = "Tls",
        fresh: bool = False,
    ) -> ssl.SSLContext:
        """Give the context for a client certificate.

        It is the same one until another certificate is asked for, or a file is seen to have
        changed. Files are read again when the last read is 60 s old; if they cannot be used then,
        a warning is logged, once while that lasts, and the last context stays in use.

        Args:
            certificate: The certificate, and after it the chain, if there is one; None: none.
            key: Its private key, not encrypted.
            where: What messages call the place that both come from.
            fresh: True: read the files now.

        Raises:
            ConfigError: A file cannot be read; the authority holds no certificate; certificate
                or key is there without the other, is no PEM, or is not the other's; the key is
                encrypted.
        """
        with self._lock:
            last, asked = self._last, (certificate, key)
            if last is None or last.asked != asked or fresh:
                last = self._last = self._made(asked, where, last)
            elif self._clock() - self._read_at >= REREAD_SECONDS:
                try:
                    last = self._last = self._made(asked, where, last)
                except ConfigError as error:
                    self._warn(str(error))
            return last.context

    def _made(
        self, asked: tuple[Pem | None, Pem | None], where: str, last: "_Made | None"
    ) -> "_Made":
        self._read_at = self._clock()
        certificate, key = asked
        read = (
            self.authority_pem(),
            _read(certificate, f"{where}: client-certificate"),
            _read(key, f"{where}: client-key"),
        )
        digest = b"".join(hashlib.sha256(content).digest() for content in read)
        if last is not None and last.digest == digest:
            context = last.context
        else:
            context = self._verifying()
            load_client_certificate(context, certificate, key, where)
        self._warned = ""
        return _Made(asked, digest, context)

    def _warn(self, problem: str) -> None:
        if problem != self._warned:
            _log.warning("%s; what was read last stays in use", problem)
        self._warned = problem

    def authority_pem(self) -> bytes:
        """Give the certificates to trust; nothing where they are the system's.

        Raises:
            ConfigError: The file cannot be read.
        """
        return _read(self.authority, f"{self._where}: certificate-authority")

    def proxy_context(self) -> ssl.SSLContext:
        """Make the context for a proxy, which may have a certificate of the system's authorities.

        Raises:
            ConfigError: The authority holds no certificate.
        """
        context = Tls(insecure=self._insecure).context()
        if self.authority is not None:
            _load_certificates(context, self.authority, f"{self._where}: certificate-authority")
        return context

    def _verifying(self) -> ssl.SSLContext:
        context = self._bare()
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if self._insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif self.authority is None:
            context.load_default_certs()
        else:
            place = f"{self._where}: certificate-authority"
            _load_certificates(context, self.authority, place)
        return context

    def _bare(self) -> ssl.SSLContext:
        if not self._server_name:
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and host name
        context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
        context.server_name = self._server_name
        return context


class _NamedContext(ssl.SSLContext):
    """Verifies one name, whatever the host of the URL is; through a proxy's tunnel too."""

    server_name: str

    def wrap_socket(self, sock: socket.socket, *_: Any, **__: Any) -> ssl.SSLSocket:
        return super().wrap_socket(sock, server_hostname=self.server_name)

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *_: Any, **__: Any
    ) -> ssl.SSLObject:
        return super().wrap_bio(incoming, outgoing, server_hostname=self.server_name)


def load_client_certificate(
    context: ssl.SSLContext, certificate: Pem | None, key: Pem | None, where: str
) -> None:
    """Let ``context`` prove itself to the server, if there is a certificate; see `Tls.context`."""
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
        if isinstance(pem, Path):
            context.load_verify_locations(pem)
        else:
            context.load_verify_locations(cadata=pem.decode("ascii", "ignore"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{place}: holds no PEM certificate: {error}") from error


def _read(pem: Pem | None, place: str) -> bytes:
    return read_file(pem, place) if isinstance(pem, Path) else pem or b""


@contextmanager
def _on_disk(pem: Pem) -> Iterator[Path]:
    """Lend ``pem`` as a file, since `ssl` loads a key from nothing else."""
    if isinstance(pem, Path):
        yield pem
        return
    with private_file(pem) as path:
        yield path
