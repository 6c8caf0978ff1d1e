"""The delays between failed attempts."""

import pytest

from kwatch import Backoff


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"initial": 0}, "initial"),
        ({"initial": -1.0}, "initial"),
        ({"factor": 0.5}, "factor"),
        ({"maximum": 0.1}, "maximum"),
        ({"maximum": 1e9}, "maximum"),
        ({"maximum": float("inf")}, "maximum"),
        ({"maximum": float("nan")}, "maximum"),
        ({"jitter": -0.1}, "jitter"),
        ({"jitter": 1.1}, "jitter"),
    ],
)
def test_a_number_that_makes_no_sense_is_named(arguments: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=rf"Backoff\.{told}: expected .* got"):
        Backoff(**arguments)


def test_delays_grow_up_to_the_maximum_and_never_end() -> None:
    backoff = Backoff(initial=1.0, factor=3.0, maximum=10.0)
    assert [backoff.delay(n, 0.0) for n in range(5)] == [1.0, 3.0, 9.0, 10.0, 10.0]
    assert backoff.delay(10**9, 0.0) == 10.0


def test_a_factor_of_one_keeps_the_delay() -> None:
    assert Backoff(initial=2.0, factor=1.0).delay(10**9, 0.0) == 2.0


def test_chance_takes_a_share_away_and_never_adds() -> None:
    backoff = Backoff(initial=10.0, maximum=10.0, jitter=0.2)
    assert [backoff.delay(0, chance) for chance in (0.0, 0.5, 1.0)] == [10.0, 9.0, 8.0]
    assert Backoff(jitter=0).delay(0, 0.9) == 0.8
