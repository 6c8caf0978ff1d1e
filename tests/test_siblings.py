"""`Siblings`: what one session fails at need not stop the others."""

import pytest

from kwatch._siblings import Siblings


def test_a_session_alone_always_raises() -> None:
    alone = Siblings()
    assert not alone.bear("a")
    alone.succeed()
    assert not alone.bear("a")


@pytest.mark.parametrize("count", [2, 3, 50])
def test_only_when_all_have_failed_is_it_an_error(count: int) -> None:
    siblings = Siblings(count)
    for number in range(count - 1):
        assert siblings.bear(number)
    assert siblings.bear(0)  # the same one again is none more
    assert not siblings.bear(count)
    assert not siblings.bear(0)


def test_once_one_has_begun_well_the_others_go_on_trying() -> None:
    siblings = Siblings(2)
    assert siblings.bear("a")
    siblings.succeed()
    assert siblings.bear("b")
    assert siblings.bear("a")


def test_one_that_begins_well_helps_those_that_failed_before() -> None:
    siblings = Siblings(2)
    assert [siblings.bear("a"), siblings.bear("b")] == [True, False]
    siblings.succeed()
    assert siblings.bear("a")
