"""What the tests of the command share: no cluster but a fake one, and processes that are ended."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kwatch.testing import FakeAPIServer
from tests.cli.runs import COMMAND, TOKEN, Running, Start


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No kubeconfig, no cluster and no proxy but what a test sets up."""
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name.startswith("KUBE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a process, next to nothing: an empty folder for temporary files."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    return {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp")}


@pytest.fixture
def server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> Iterator[FakeAPIServer]:
    """A server that the kubeconfig leads to, and its context to the namespace ``default``."""
    with FakeAPIServer(token=TOKEN) as server:
        path = tmp_path / "kubeconfig"
        path.write_text(server.kubeconfig())
        monkeypatch.setenv("KUBECONFIG", str(path))
        environment["KUBECONFIG"] = str(path)
        yield server


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Start]:
    """Starts the command, and ends it whatever happens."""
    started: list[Running] = []

    def start(*argv: str, command: list[str] = COMMAND) -> Running:
        errors = tmp_path / f"stderr-{len(started)}"
        started.append(Running([*command, *argv], environment, errors))
        return started[-1]

    yield start
    for running in started:
        with running:
            pass
