"""The table of scenarios tells the truth, and names nothing that is not there."""

import ast
import re
from pathlib import Path
from textwrap import dedent

import pytest

from tests.scenarios import TITLES, numbers, table

pytest_plugins = ["pytester"]

TESTS = Path(__file__).parent

SUITE = """
    import pytest

    @pytest.fixture
    def broken_before():
        raise RuntimeError

    @pytest.fixture
    def broken_after():
        yield
        raise RuntimeError

    def test_s01_one(): pass
    def test_s01_another(): pass
    def test_s02_fails(): assert False
    def test_s03_is_skipped(): pytest.skip("why")
    def test_s04_fails_before(broken_before): pass
    def test_s05_fails_after(broken_after): pass
    @pytest.mark.parametrize("x", [1, 2], ids=["s44-error", "a/b"])
    def test_s45_parameters(x): pass
    class TestGroup:
        def test_s46_in_a_class(self): pass
"""
MARKS = {
    1: "2 passed",
    2: "FAILED: 1 failed",
    3: "1 skipped",
    4: "FAILED: 1 failed",
    5: "FAILED: 1 failed, 1 passed",
    44: "1 passed",
    45: "2 passed",
    46: "1 passed",
}


def marks(lines: list[str]) -> dict[int, str]:
    """Read a table: each number, and its mark."""
    rows = [re.fullmatch(r" *(\d+)  (\S.*?) {2,}(\S.*)", line) for line in lines]
    assert all(row[3] == TITLES[int(row[1])] for row in rows if row)
    return {int(row[1]): row[2] for row in rows if row}


def run(pytester: pytest.Pytester, *arguments: str) -> dict[int, str]:
    """Run the suite with the hooks of this one, and read its table."""
    pytester.mkdir("tests").joinpath("test_suite.py").write_text(dedent(SUITE))
    plugins = ["tests.conftest", "no:cacheprovider", "no:hypothesispytest"]
    result = pytester.runpytest(*(f"-p{plugin}" for plugin in plugins), *arguments)
    assert result.ret != pytest.ExitCode.USAGE_ERROR
    return marks(result.outlines)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("tests/test_session.py::test_s24_clean_close[watch]", {24}),
        ("test_a.py::TestABrokenContract::test_is_raised[watch-s44-error]", {44}),
        ("test_a.py::test_s07_s08_both", {7, 8}),
        ("test_a.py::test_s6", {6}),
        ("test_a.py::test_s24_a[a/b]", {24}),
        ("test_a.py::test_plus2_is5_s123_ms12[s3.1-s3b-'s4']", set()),
        ("s11/test_s12_a.py::test_nothing", set()),
    ],
    ids=["function", "parameters", "two", "one-digit", "slash", "other-names", "path"],
)
def test_numbers_of_a_test(test: str, expected: set[int]) -> None:
    assert numbers(test) == expected


@pytest.mark.parametrize("path", sorted(TESTS.rglob("test_*.py")), ids=lambda path: path.stem)
def test_no_function_is_named_after_what_is_not_listed(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert numbers(f"::{node.name}") <= set(TITLES), f"{path.name}: {node.name}"


def test_no_test_of_this_run_is_named_after_what_is_not_listed(
    request: pytest.FixtureRequest,
) -> None:
    """Parameters too, which only a run knows. The tests of the table test no scenario."""
    for item in request.session.items:
        listed = set() if item.path == Path(__file__) else set(TITLES)
        assert numbers(item.nodeid) <= listed, item.nodeid


def test_every_scenario_is_listed_once() -> None:
    assert list(TITLES) == list(range(1, 71))
    assert len(set(TITLES.values())) == 70


def test_each_scenario_has_a_line() -> None:
    assert list(marks(list(table([], whole=True)))) == list(TITLES)


@pytest.mark.parametrize("arguments", [(), ("tests",), ("--scenarios",)])
def test_a_whole_run_ends_with_the_table(
    pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    assert run(pytester, *arguments) == dict.fromkeys(TITLES, "NO TEST") | MARKS


def test_a_run_of_a_part_ends_with_the_table_when_asked(pytester: pytest.Pytester) -> None:
    found = run(pytester, "--scenarios", "-k", "s01")
    assert found == dict.fromkeys(TITLES, "not run") | {1: MARKS[1]}


@pytest.mark.parametrize(
    "arguments",
    [
        ("tests/test_suite.py",),
        ("tests/test_suite.py::test_s01_one",),
        ("-k", "s01"),
        ("-x",),
        ("--collect-only",),
    ],
    ids=["file", "test", "keyword", "first-failure", "collect-only"],
)
def test_other_runs_are_quiet(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    assert run(pytester, *arguments) == {}


def test_a_run_that_was_ended_is_quiet(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(zz_test="import pytest\ndef test_it(): pytest.exit('enough')")
    assert run(pytester) == {}
