"""Files that hold what has to be kept safe: how they are read, lent to others, and judged."""

import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kwatch._errors import ConfigError

REREAD_SECONDS = 60.0
"""How old what was read may be. The kubelet renews a token two minutes or more before it runs out.

Source: https://github.com/kubernetes/client-go/blob/master/transport/token_source.go
"""

_log = logging.getLogger(__name__)


def read_file(path: Path, place: str) -> bytes:
    """Give the content of ``path``, or a `ConfigError` that starts with ``place``."""
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL or a surrogate in the name
        reason = getattr(error, "strerror", None) or "no file can have this name"
        raise ConfigError(f"{place}: {str(path)!r}: {reason}") from error


@contextmanager
def private_file(content: bytes) -> Iterator[Path]:
    """Lend ``content`` as a file that only its owner can read, and that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="kwatch-") as folder:  # mode 0700
        path = Path(folder, "content")
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(content)
        yield path


def warn_of_writers(path: Path) -> None:
    """Log a warning if others than the user and root may write to a kubeconfig.

    It names programs to run: whoever writes to it runs them as the user.
    """
    if os.name == "nt":  # where the mode says nothing
        return
    try:
        status = path.stat()
    except OSError:  # it was there when it was read
        return
    if status.st_uid not in (0, os.geteuid()):
        _log.warning("%s: it belongs to another user, who can have this one run anything", path)
    elif status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        problem = f"others may write to it (mode {stat.S_IMODE(status.st_mode):04o})"
        _log.warning("%s: %s, and so have this user run anything: chmod go-w", path, problem)
