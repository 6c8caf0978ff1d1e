"""`Tracker`: where batches end, by what servers send."""

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from kwatch.spark._cluster import Cluster
from kwatch.spark._options import Options
from kwatch.spark._place import Place
from kwatch.spark._tracker import Tracker
from tests.frames import added, initial_end


class Server:
    """Answers a list, and one watch with the frames that it is given; the next one waits."""

    def __init__(self, version: str, *frames: bytes) -> None:
        self.ended = threading.Event()
        self._list = {"kind": "PodList", "metadata": {"resourceVersion": version}, "items": []}
        self._frames = [frames]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if "watch" not in request.url.params:
            return httpx.Response(200, json=self._list)
        return httpx.Response(200, content=self._body(self._frames.pop() if self._frames else ()))

    def _body(self, frames: tuple[bytes, ...]) -> Iterator[bytes]:
        yield from frames
        self.ended.wait(10)


@pytest.mark.parametrize("ends", [1, 2])
def test_an_end_of_what_exists_that_comes_twice_is_no_break(ends: int) -> None:
    """No server goes back in time by that: no batch is a gap."""
    server = Server("7", added("5", "a"), *[initial_end("7")] * ends, added("8", "b"))
    options = Options.of({"resource_path": "/api/v1/pods"})
    place = Place(Cluster("east"), None, options)
    with httpx.Client(transport=httpx.MockTransport(server), base_url="http://east") as client:
        tracker = Tracker(place, client)
        tracker.start()
        told = [tracker.offsets()]
        deadline = time.monotonic() + 10
        while told[-1] != ["8"] and time.monotonic() < deadline:
            told.append(tracker.offsets())
            time.sleep(0.001)
        tracker.stop()
        server.ended.set()
        tracker.join()
    assert {version for (version,) in told} <= {"7", "8"}
    assert told[-1] == ["8"]
