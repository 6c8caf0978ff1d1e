"""What is shown on a terminal, and what in a pipe."""

import re

import pytest

from kwatch.testing import FakeAPIServer
from tests.cli.runs import Run, Start, on_terminal

GREEN = "\x1b[32m"

WISHES: list[tuple[list[str], dict[str, str], bool]] = [
    ([], {}, True),
    ([], {"NO_COLOR": ""}, True),
    ([], {"NO_COLOR": "1"}, False),
    (["--color", "never"], {}, False),
    (["--color", "always"], {"NO_COLOR": "1"}, True),
]
"""What is said about colours, and whether there are any on a terminal then."""


@pytest.fixture
def server(server: FakeAPIServer) -> FakeAPIServer:
    """A server with a pod."""
    server.create("Pod", "web-1", status={"phase": "Running"})
    return server


@pytest.mark.parametrize(
    ("argv", "variables", "coloured"), [*WISHES, ([], {"TERM": "dumb"}, False)]
)
def test_colours_on_a_terminal(
    server: FakeAPIServer,
    environment: dict[str, str],
    argv: list[str],
    variables: dict[str, str],
    coloured: bool,
) -> None:
    status, shown = on_terminal(environment | variables, "pods", "--until", "create", *argv)
    assert status == 0
    assert "default/web-1\r\n" in shown
    assert (GREEN in shown) is coloured


@pytest.mark.parametrize("output", ["line", "wide", "diff"])
def test_colours_in_a_pipe(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, output: str
) -> None:
    argv = ["pods", "--until", "create", "-o", output]
    assert "\x1b" not in Run(capsys, *argv).out
    assert GREEN in Run(capsys, *argv, "--color", "always").out


def test_the_table_stays_when_it_ends(server: FakeAPIServer, environment: dict[str, str]) -> None:
    status, shown = on_terminal(environment, "pods", "--table", "--timeout", "1")
    assert status == 0
    left = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.rpartition("\x1b[?1049l")[2])
    assert re.search(r"web-1 .*Running", left)


@pytest.mark.parametrize(("argv", "variables", "coloured"), WISHES)
def test_the_colours_of_the_table(
    server: FakeAPIServer,
    environment: dict[str, str],
    argv: list[str],
    variables: dict[str, str],
    coloured: bool,
) -> None:
    options = ["pods", "--table", "--until", "create", *argv]
    status, shown = on_terminal(environment | variables, *options)
    assert status == 0
    assert bool(re.search(r"\x1b\[(1;)?3\dm", shown)) is coloured


def test_bookmarks_are_not_for_the_table(environment: dict[str, str]) -> None:
    status, shown = on_terminal(environment, "pods", "--table", "--allow-bookmarks")
    assert status == 2
    assert shown.endswith("kwatch: --table shows no bookmarks: leave --allow-bookmarks\r\n")


def test_what_was_waited_for_is_told_below_the_table(
    server: FakeAPIServer, environment: dict[str, str]
) -> None:
    argv = ["pods", "--table", "--until", "status.phase == 'Failed'", "--timeout", "1"]
    status, shown = on_terminal(environment, *argv)
    assert status == 1
    last = shown.rpartition("\x1b[?1049l")[2].splitlines()[-1]
    assert last == (
        "kwatch: timed out after 1 s: --until status.phase == 'Failed':"
        " default/web-1 does not meet it"
    )


def test_the_table_of_a_recording(
    server: FakeAPIServer, environment: dict[str, str], start: Start
) -> None:
    path = environment["TMPDIR"] + "/pods.kwatch"
    assert start("record", "pods", "-f", path, "--until", "create").ended() == 0
    status, shown = on_terminal(environment, "replay", path, "--table")
    assert status == 0
    assert "web-1" in shown.rpartition("\x1b[?1049l")[2]


def test_the_demo_is_a_table_on_a_terminal(environment: dict[str, str]) -> None:
    status, shown = on_terminal(environment, "demo", "--timeout", "2")
    assert status == 0
    assert "\x1b[?1049h" in shown
    assert "events/s" in shown
    status, shown = on_terminal(environment, "demo", "-o", "name", "--until", "create", "--any")
    assert status == 0
    assert "pod/" in shown
