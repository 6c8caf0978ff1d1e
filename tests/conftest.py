"""Fixtures that several test modules share."""

import pytest

from tests.front import FRONTS, Front


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> Front:
    """Each front end in turn: one test body for all of them."""
    return Front(request.param)
