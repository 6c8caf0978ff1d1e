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
from tests.frames import added, bookmark, error


class Server:
    """Answers a list, and one watch with the frames that it is given; the next one waits."""

    def __init__(self, *watches: tuple[bytes, ...], present: list[str]) -> None:
        self.ended = threading.Event()
        self._present = iter(present)
        self._watches = iter(watches)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        if "watch" not in params:
            metadata = {"resourceVersion": next(self._present)}
            return httpx.Response(200, json={"kind": "PodList", "metadata": metadata, "items": []})
        return httpx.Response(200, content=self._body(next(self._watches, ())))

    def _body(self, frames: tuple[bytes, ...]) -> Iterator[bytes]:
        yield from frames
        if b"ERROR" not in b"".join(frames):
            self.ended.wait(10)


@pytest.mark.parametrize(("present", "went_back"), [("9", False), ("8", True)])
def test_a_server_that_is_older_than_what_was_told(present: str, went_back: bool) -> None:
    gone = (bookmark("9"), error(410, "Expired"))
    server = Server(gone, (added("10", "b"),), present=["9", present])
    told = told_by(server, until="10")
    assert told == ({"9", "8", "10"} if went_back else {"9", "10"})


def test_a_server_that_went_back_and_is_past_where_it_was() -> None:
    back = (bookmark("9"), added("7", "a"))
    told = told_by(Server(back, (added("13", "b"),), present=["9", "12"]), until="13")
    assert told >= {"9", "8", "13"}


def told_by(server: Server, until: str) -> set[str]:
    """Follow a server up to an offset; give all the offsets that were told."""
    options = Options.of({"resource_path": "/api/v1/pods"})
    place = Place(Cluster("east"), None, options)
    with httpx.Client(transport=httpx.MockTransport(server), base_url="http://east") as client:
        tracker = Tracker(place, client)
        tracker.start()
        told = [tracker.offsets()]
        deadline = time.monotonic() + 10
        while told[-1] != [until] and time.monotonic() < deadline:
            told.append(tracker.offsets())
            time.sleep(0.001)
        tracker.stop()
        server.ended.set()
        tracker.join()
    assert told[-1] == [until]
    return {version for (version,) in told}
