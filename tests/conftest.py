"""Fixtures that several test modules share."""

from collections.abc import Iterator

import pytest

from tests.front import FRONTS, Front


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> Iterator[Front]:
    """Each front end in turn: one test body for all of them."""
    front = Front(request.param)
    yield front
    front.check()
