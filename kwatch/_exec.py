"""ExecPlugin: a program that prints a credential, such as ``aws eks get-token``."""

import base64
import datetime
import json
import math
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kwatch._credential import Credential, bearer
from kwatch._entry import Entry
from kwatch._errors import ConfigError
from kwatch._program import printed_by
from kwatch._tls import Tls

API_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
INTERACTIVE_MODES = ("Never", "IfAvailable", "Always")
TIMEOUT = 60.0
"""Seconds that a plugin may take when nobody has to answer it."""
INTERACTIVE_TIMEOUT = 300.0
"""Seconds that it may take when somebody may have to log in."""

# What a terminal takes for a command: colours, and worse.
_ESCAPES = re.compile(r"\x1b\[[ -?]*[@-~]")
_NO_TIME = datetime.datetime.min.replace(tzinfo=datetime.UTC)  # Go's


def _stdin_is_a_terminal() -> bool:
    with suppress(OSError):
        return os.isatty(0)
    return False


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A credential plugin, as the ``exec`` of a user says.

    Args:
        tls: Makes the context.
        where: What messages call it; they do not show what it prints.
        command: A name on the ``PATH``, or the path of a file.
        args: Its arguments.
        env: Variables besides those of this process.
        api_version: One of `API_VERSIONS`.
        interactive_mode: One of `INTERACTIVE_MODES`: whether it has standard input.
        install_hint: What to do if it is not there.
        cluster: What it is told of the cluster, besides the certificate authority; None: nothing.
        clock: Gives seconds since 1970.
        is_terminal: Tells whether somebody sits at standard input.
        timeout: Seconds that it may take; None: `TIMEOUT`, or `INTERACTIVE_TIMEOUT`.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
    """

    tls: Tls = field(repr=False)
    where: str
    command: str
    args: list[str] = field(default_factory=list, repr=False)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    api_version: str = API_VERSIONS[0]
    interactive_mode: str = "IfAvailable"
    install_hint: str = field(default="", repr=False)
    cluster: Mapping[str, Any] | None = field(default=None, repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)
    is_terminal: Callable[[], bool] = field(default=_stdin_is_a_terminal, repr=False)
    timeout: float | None = None

    @property
    def renewable(self) -> bool:
        """Whether another run may print another credential: yes."""
        return True

    def fetch(self) -> Credential:
        """Run it, and give what it prints."""
        interactive = self._is_interactive()
        try:
            output = printed_by(
                [self._executable(), *self.args],
                os.environ | self.env | {"KUBERNETES_EXEC_INFO": self._info(interactive)},
                interactive=interactive,
                timeout=self.timeout or (INTERACTIVE_TIMEOUT if interactive else TIMEOUT),
                place=self.where,
            )
        except OSError as error:
            raise ConfigError(f"{self.where}: cannot be run: {error.strerror}") from error
        return self._credential(self._status(output))

    def _is_interactive(self) -> bool:
        if self.interactive_mode == "Never":
            return False
        terminal = self.is_terminal()
        if self.interactive_mode == "Always" and not terminal:
            raise ConfigError(
                f"{self.where}: interactiveMode: is Always, and standard input is no terminal"
            )
        return terminal

    def _executable(self) -> str:
        if os.path.dirname(self.command):
            if os.path.exists(self.command):
                return self.command
            problem = "is not there"
        else:
            found = shutil.which(self.command)
            if found is not None and os.path.isabs(found):  # never out of the working directory
                return found
            problem = "is not on the PATH"
        words = _ESCAPES.sub("", self.install_hint).split()
        hint = "".join(filter(str.isprintable, " ".join(words)))
        raise ConfigError(f"{self.where}: {problem}{hint and f': {hint}'}")

    def _info(self, interactive: bool) -> str:
        spec: dict[str, Any] = {"interactive": interactive}
        if self.cluster is not None:
            spec["cluster"] = dict(self.cluster)
            if authority := self.tls.authority_pem():
                text = base64.b64encode(authority).decode()
                spec["cluster"]["certificate-authority-data"] = text
        info = {"kind": "ExecCredential", "apiVersion": self.api_version, "spec": spec}
        return json.dumps(info)

    def _status(self, output: bytes) -> Entry:
        document: Any = None
        with suppress(ValueError, RecursionError):  # the error would hold the output
            document = json.loads(output)
        if (
            not isinstance(document, dict)
            or document.get("kind", "ExecCredential") != "ExecCredential"
        ):
            raise ConfigError(f"{self.where}: expected an ExecCredential in JSON, it printed none")
        if document.get("apiVersion") != self.api_version:
            expected = f"expected apiVersion {self.api_version!r}"
            raise ConfigError(f"{self.where}: {expected}, it printed another")
        return Entry(self.where, Path(), document).inner("status")

    def _credential(self, status: Entry) -> Credential:
        token = status.get("token", str)
        certificate = status.get("clientCertificateData", str)
        key = status.get("clientKeyData", str)
        if not (token or certificate or key):
            raise status.error("token", "is not set, and no clientCertificateData either")
        if bool(certificate) != bool(key):
            missing, other = "clientCertificateData", "clientKeyData"
            if certificate:
                missing, other = other, missing
            raise status.error(missing, f"is not set, but {other} is")
        header = bearer(token, f"{status.where}: token") if token else ""
        pair = _pem(certificate), _pem(key)
        return Credential.of(self.tls, *pair, status.where, header, self._expires_at(status))

    def _expires_at(self, status: Entry) -> float:
        text = status.get("expirationTimestamp", str)
        if not text:
            return math.inf
        try:
            moment = datetime.datetime.fromisoformat(text)
            if moment.tzinfo is None:
                raise ValueError
            expires_at = math.inf if moment == _NO_TIME else moment.timestamp()
        except (ValueError, OverflowError):
            expected = "expected a time such as 2030-01-31T12:00:00Z, it is none"
            raise status.error("expirationTimestamp", expected) from None
        if expires_at <= self.clock():
            problem = "is past: check the plugin, and the clock of this machine"
            raise status.error("expirationTimestamp", problem)
        return expires_at


def _pem(text: str) -> bytes | None:
    return text.encode("utf-8", "replace") if text else None
