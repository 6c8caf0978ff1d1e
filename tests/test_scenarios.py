"""The table of scenarios tells the truth, and names nothing that is not there."""

import ast
from pathlib import Path

import pytest

from tests.scenarios import TITLES, numbers, table

TESTS = Path(__file__).parent


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("tests/test_session.py::test_s24_clean_close[watch]", {24}),
        ("test_a.py::TestABrokenContract::test_is_raised[watch-s44-error]", {44}),
        ("test_a.py::test_s07_s08_both", {7, 8}),
        ("test_a.py::test_plus2_is5_s3_s123_ms12", set()),
        ("s11/test_a.py::test_nothing", set()),
    ],
)
def test_numbers_of_a_test(test: str, expected: set[int]) -> None:
    assert numbers(test) == expected


@pytest.mark.parametrize("path", sorted(TESTS.rglob("test_*.py")), ids=lambda path: path.stem)
def test_no_test_is_named_after_what_is_not_listed(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert numbers(node.name) <= set(TITLES), f"{path.name}: {node.name}"


def test_the_table_marks_what_failed_and_what_has_no_test() -> None:
    outcomes = [(f"test_s{number:02}_x", "passed") for number in range(1, 69) if number != 64]
    outcomes += [("test_s02_y", "failed"), ("test_s03_y", "skipped")]
    lines = {line.split()[0]: line for line in table(outcomes)}
    assert "1 passed" in lines["1"]
    assert "FAILED: 1 failed, 1 passed" in lines["2"]
    assert "1 passed, 1 skipped" in lines["3"]
    assert "NO TEST" in lines["70"]


def test_a_small_run_prints_no_table() -> None:
    assert list(table([("test_s01_x", "passed")])) == []
