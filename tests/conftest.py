"""Fixtures that several test modules share, and the table of scenarios at the end of a run."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kwatch.testing import FakeAPIServer
from tests.front import FRONTS, Front
from tests.kubeconfigs import WAYS, Fetch, fetch_by
from tests.pki import Pki
from tests.scenarios import OUTCOMES, table
from tests.worlds import WORLDS, World, until
from tests.worlds import world as make_world


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> Iterator[Front]:
    """Each front end in turn: one test body for all of them."""
    front = Front(request.param)
    yield front
    front.check()


@pytest.fixture
def server() -> Iterator[FakeAPIServer]:
    """A fake API server of a test's own."""
    with FakeAPIServer() as server:
        yield server


@pytest.fixture
def no_thread_left() -> Iterator[None]:
    """Each thread of kwatch has ended at the end of the test; those of servers last longer."""
    yield
    until(lambda: not [t for t in threading.enumerate() if t.name.startswith("kwatch-")])


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Threads, asyncio and trio in turn: one test body for all of them."""
    with make_world(request.param) as world:
        yield world


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No kubeconfig, no cluster, no proxy and no authority but what a test sets up."""
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name.startswith(("KUBE", "SSL_CERT")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Certificate authorities, and certificates."""
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(params=WAYS)
def fetch(request: pytest.FixtureRequest) -> Fetch:
    """GET ``path`` by the client of a configuration, in each of the three ways that there are."""
    return fetch_by(request.param)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run of a part of the suite end with the table too."""
    parser.addoption(
        "--scenarios", action="store_true", help="show what became of each scenario, in any run"
    )


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Print what became of each scenario."""
    outcomes = [
        (report.nodeid, outcome)
        for outcome in OUTCOMES
        for report in terminalreporter.getreports(outcome)
    ]
    whole = bool(outcomes) and _is_whole(terminalreporter, exitstatus, config)
    if whole or config.getoption("scenarios", default=False):
        terminalreporter.section("scenarios")
        for line in table(outcomes, whole=whole):
            terminalreporter.line(line)


def _is_whole(reporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config) -> bool:
    """Tell whether every test ran: none was left out, and nothing ended the run early."""
    asked = {config.invocation_params.dir / argument for argument in config.args}
    if asked.isdisjoint({config.rootpath, config.rootpath / "tests"}):
        return False
    if reporter.stats.get("deselected") or exitstatus not in (0, 1):
        return False
    return exitstatus == 0 or not config.getoption("maxfail")
