"""Fixtures that several test modules share, and the table of scenarios at the end of a run."""

from collections.abc import Iterator

import pytest

from tests.front import FRONTS, Front
from tests.scenarios import table


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> Iterator[Front]:
    """Each front end in turn: one test body for all of them."""
    front = Front(request.param)
    yield front
    front.check()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what became of each scenario."""
    outcomes = [
        (report.nodeid, outcome)
        for outcome in ("passed", "failed", "skipped")
        for report in terminalreporter.getreports(outcome)
    ]
    lines = list(table(outcomes))
    if lines:
        terminalreporter.section("scenarios")
        for line in lines:
            terminalreporter.line(line)
