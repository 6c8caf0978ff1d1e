"""Stored: a credential that is written down, in a kubeconfig or in files that it names."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kwatch._credential import Credential, bearer
from kwatch._files import REREAD_SECONDS, read_file
from kwatch._tls import Pem, Tls


@dataclass(frozen=True, slots=True)
class Stored:
    """A token, a name and password, a certificate, or several of them.

    Files are read again with each `fetch`, and what they hold is good for a minute. So is the
    certificate authority that the server is verified by.

    Args:
        tls: Makes the context.
        authorization: The header to send, where there is no ``token_file``.
        token_file: Holds a token; white space around it is ignored.
        certificate: The client certificate.
        key: Its private key.
        where: What messages call the place that these come from.
        clock: Gives seconds since 1970.
    """

    tls: Tls = field(repr=False)
    authorization: str = field(default="", repr=False)
    token_file: Path | None = None
    certificate: Pem | None = field(default=None, repr=False)
    key: Pem | None = field(default=None, repr=False)
    where: str = "Stored"
    clock: Callable[[], float] = field(default=time.time, repr=False)

    @property
    def renewable(self) -> bool:
        """Whether any of it is in a file."""
        files = self.token_file, self.certificate, self.key, self.tls.authority
        return any(isinstance(file, Path) for file in files)

    @property
    def is_empty(self) -> bool:
        """Whether it shows nothing."""
        return not (self.authorization or self.token_file or self.certificate or self.key)

    def fetch(self) -> Credential:
        """Read the files, if there are any."""
        expires_at = self.clock() + REREAD_SECONDS if self.renewable else math.inf
        parts = self.tls, self.certificate, self.key, self.where
        return Credential.of(*parts, self._header(), expires_at)

    def _header(self) -> str:
        if self.token_file is None:
            return self.authorization
        place = f"{self.where}: tokenFile"
        # latin-1 decodes anything; the error of another codec would carry the token with it.
        token = read_file(self.token_file, place).decode("latin-1").strip()
        return bearer(token, f"{place}: {str(self.token_file)!r}")
