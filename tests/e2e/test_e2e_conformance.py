"""The fake server answers as the real one does: one script of requests is put to both of them.

What the real one answered is in ``tests/fixtures``, and both are held to that: the fake one where
there is no real one as well.
"""

import sys

import httpx
import pytest

from .conformance import events, play, recorded, side_by_side
from .live import Object

pytestmark = pytest.mark.e2e

RECORDED_MINOR = "36"
STEPS = {step["what"]: step for step in recorded()}


@pytest.fixture(scope="session")
def played(api: httpx.Client) -> dict[str, Object]:
    """What the server answers, by the request in words."""
    version = api.get("/version").json()
    if version.get("minor", RECORDED_MINOR) != RECORDED_MINOR:
        pytest.skip(f"the recording is of 1.{RECORDED_MINOR}, the server is {version}")
    return {step["what"]: step for step in play(api)}


def test_the_requests_are_those_of_the_recording(played: dict[str, Object]) -> None:
    """None of them is held to nothing."""
    assert list(played) == list(STEPS)


@pytest.mark.parametrize("what", STEPS)
def test_answer(played: dict[str, Object], what: str) -> None:
    """Code, media type, and the body or the events are the real server's."""
    assert played[what] == STEPS[what]


def test_events(played: dict[str, Object]) -> None:
    """The events of all watches are the same, in the same order; ``-s`` shows them."""
    expected, found = events(recorded()), events(played.values())
    sys.stdout.write("\n".join(side_by_side(expected, found)))
    assert found == expected
