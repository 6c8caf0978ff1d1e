"""`kwatch.cli._values`: what can be typed, and what cannot."""

import sys
from pathlib import Path

import pytest

from kwatch import Backoff
from kwatch.cli._values import backoff, duration, function, lifetime, shard, speed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        ("0.5", 0.5),
        ("30s", 30),
        ("5m", 300),
        ("1h", 3_600),
        ("1h30m", 5_400),
        ("1.5h", 5_400),
        ("500ms", 0.5),
        (".5s", 0.5),
        ("1m0.5s", 60.5),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0s",
        "-1",
        "-1s",
        "s",
        "5x",
        "5 m",
        "m5",
        "5m5",
        "nan",
        "inf",
        "1e99",
        "99999999999h",
    ],
    ids=lambda text: text[:9],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time above 0 such as 30, 30s, 5m or 1h"):
        duration(text)


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "fast"])
def test_what_is_no_speed(text: str) -> None:
    with pytest.raises(ValueError, match="expected a number above 0"):
        speed(text)


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "86401", "٣", "1" * 5_000])
def test_what_is_no_lifetime(text: str) -> None:
    with pytest.raises(ValueError, match="expected whole seconds from 1 to 86400"):
        lifetime(text)


@pytest.mark.parametrize(
    "text", ["", "0", "1", "4/4", "5/4", "-1/4", "0/0", "a/b", "0/4/", "٣/4", "0/" + "1" * 5_000]
)
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(ValueError, match="expected INDEX/COUNT such as 0/4, the first of 4, got"):
        shard(text)


def test_backoffs() -> None:
    assert backoff("1,2,30") == Backoff(1, 2, 30)
    assert backoff("1, 2, 30, 0") == Backoff(1, 2, 30, 0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected INITIAL,FACTOR,MAXIMUM"),
        ("1,2", "expected INITIAL,FACTOR,MAXIMUM"),
        ("1,2,3,4,5", "expected INITIAL,FACTOR,MAXIMUM"),
        ("a,2,30", "Backoff.initial: expected a number of seconds above 0"),
        ("1,0,30", "Backoff.factor: expected a number from 1"),
        ("1,2,inf", "Backoff.maximum"),
        ("9,2,3", "Backoff.maximum"),
    ],
)
def test_what_is_no_backoff(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        backoff(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected MODULE.FUNCTION such as orjson.loads"),
        ("loads", "expected MODULE.FUNCTION"),
        ("json.", "expected MODULE.FUNCTION"),
        (".loads", "expected MODULE.FUNCTION"),
        ("json..loads", "expected MODULE.FUNCTION"),
        ("json:loads", "expected MODULE.FUNCTION"),
        ("nowhere_at_all.loads", "cannot import .*: No module named 'nowhere_at_all'"),
        ("json.lods", "cannot import 'json.lods': module 'json' has no attribute 'lods'"),
        ("sys.path", "expected a function, but 'sys.path' is of type list"),
        ("kwatch_broken.loads", "cannot import 'kwatch_broken.loads': SyntaxError|invalid syntax"),
        ("kwatch_empty.loads", "cannot import 'kwatch_empty.loads': ZeroDivisionError"),
    ],
)
def test_what_is_no_function(
    text: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kwatch_broken.py").write_text("def")
    (tmp_path / "kwatch_empty.py").write_text("raise ZeroDivisionError")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=problem):
        function(text)
    assert not {"kwatch_broken", "kwatch_empty"} & set(sys.modules)


def test_a_function_of_a_module_in_a_package() -> None:
    assert function("json.decoder.JSONDecoder").__name__ == "JSONDecoder"
