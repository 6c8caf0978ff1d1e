"""What the command tells of itself."""

import pytest

from tests.cli.runs import Run


def test_the_help_has_it_all(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, "--help")
    assert (run.status, run.err) == (0, "")
    assert run.out.startswith("Usage: kwatch RESOURCE [NAME] [OPTIONS]\n")
    titles = [line for line in run.out.splitlines() if line.endswith(":") and line[0] != " "]
    assert titles == [
        "What to watch:",
        "Where to begin:",
        "What to print:",
        "When to end:",
        "The cluster:",
        "The connection:",
        "Other:",
        "Commands:",
        "Examples:",
        "Exit status:",
    ]
    for word in ("watch", "record", "replay", "demo", "completion", "0", "1", "2", "130", "141"):
        assert f"\n  {word}  " in run.out
    assert Run(capsys, "-h").out == run.out


def test_the_help_fits_a_terminal_of_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in ([], ["watch"], ["record"], ["replay"], ["demo"], ["completion"]):
        lines = Run(capsys, *argv, "--help").out.splitlines()
        assert max(map(len, lines)) <= 80
        assert not [line for line in lines if line != line.rstrip()]


def test_all_columns_of_options_begin_at_the_same_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = Run(capsys, "--help").out.splitlines()
    places = {
        line.index(help_)
        for line, help_ in ((line, line.rpartition("  ")[2].strip()) for line in lines)
        if line.startswith("  -")
    }
    assert places == {30}


@pytest.mark.parametrize(
    ("argv", "usage"),
    [
        (["pods", "--help"], "Usage: kwatch RESOURCE [NAME] [OPTIONS]"),
        (["record", "-h"], "Usage: kwatch record RESOURCE [NAME] -f FILE [OPTIONS]"),
        (["replay", "-h"], "Usage: kwatch replay FILE [OPTIONS]"),
        (["demo", "-h"], "Usage: kwatch demo [RESOURCE] [NAME] [OPTIONS]"),
        (["completion", "-h"], "Usage: kwatch completion bash|zsh|fish"),
    ],
)
def test_each_command_has_its_own_help(
    capsys: pytest.CaptureFixture[str], argv: list[str], usage: str
) -> None:
    run = Run(capsys, *argv)
    assert (run.status, run.out.splitlines()[0]) == (0, usage)


def test_wrong_usage_says_where_there_is_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert Run(capsys).err == (
        "Usage: kwatch RESOURCE [NAME] [OPTIONS]; more: kwatch --help\n"
        "kwatch: RESOURCE is missing: a kind such as Pod, pods, po or deployments.apps\n"
    )
    assert "; more: kwatch replay --help\n" in Run(capsys, "replay").err
