"""A kubectl that is pointed at a fake API server."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kwatch.testing import FakeAPIServer
from tests.testing.asking import eventually

PATIENCE_SECONDS = 20


class Kubectl:
    """A kubectl whose home, configuration and cache are a test's own."""

    def __init__(self, path: str, server: FakeAPIServer, home: Path) -> None:
        config = home / "config"
        config.write_text(server.kubeconfig())
        self._server = server
        self._command = [path, f"--kubeconfig={config}", f"--cache-dir={home / 'cache'}"]
        kept = {name: text for name, text in os.environ.items() if not name.startswith("KUBE")}
        self._env = {**kept, "HOME": str(home)}

    def __call__(self, command: str, text: str | None = None) -> str:
        """What a command prints."""
        done = self._run(command, text)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fails(self, command: str, text: str | None = None) -> str:
        """What a command complains of."""
        done = self._run(command, text)
        assert done.returncode != 0, done.stdout
        return done.stderr.strip()

    def lines(self, command: str) -> list[list[str]]:
        """The words of the lines that a command prints."""
        return [line.split() for line in self(command).splitlines()]

    @contextmanager
    def running(self, command: str) -> Iterator[Iterator[list[str]]]:
        """The words of the lines of a command, while it runs; it is ended at the end."""
        with subprocess.Popen(
            [*self._command, *command.split()],
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout is not None
            patience = threading.Timer(PATIENCE_SECONDS, process.kill)
            patience.start()
            try:
                yield (line.split() for line in process.stdout)
            finally:
                process.kill()
                patience.cancel()
                patience.join()
                process.wait()
                eventually(lambda: self._server.watches == 0)

    def _run(self, command: str, text: str | None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*self._command, *command.split()],
            env=self._env,
            input=text,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
