"""`Tracker`: where batches end, by what servers send."""

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from kwatch._backoff import Backoff
from kwatch.spark._cluster import Cluster
from kwatch.spark._options import Options
from kwatch.spark._place import Place
from kwatch.spark._tracker import Tracker
from tests.frames import added, bookmark, error, frame, status


class Server:
    """Answers each list and each watch as it is told, and further watches with silence.

    Args:
        watches: The frames of each.
        present: The version of each list, or another answer.
    """

    def __init__(self, *watches: tuple[bytes, ...], present: list[str | httpx.Response]) -> None:
        self.ended = threading.Event()
        self._present = iter(present)
        self._watches = iter(watches)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        params = request.url.params
        if "watch" not in params:
            answer = next(self._present)
            if isinstance(answer, httpx.Response):
                return answer
            metadata = {"resourceVersion": answer}
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


TOO_LARGE = status(504, "Timeout", "Too large resource version: 9, current: 5")


@pytest.mark.parametrize(
    ("frame", "probed"),
    [(added("7", "a"), []), (frame("ERROR", TOO_LARGE), [httpx.Response(504, json=TOO_LARGE)])],
    ids=["older events", "too large"],
)
def test_a_server_that_went_back_and_is_past_where_it_was(
    frame: bytes, probed: list[httpx.Response]
) -> None:
    server = Server((bookmark("9"), frame), (added("13", "b"),), present=["9", *probed, "12"])
    assert told_by(server, until="13") >= {"9", "8", "13"}


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503, json=status(503)),
        httpx.Response(403, json=status(403)),
        httpx.Response(200, content=b"<html>", headers={"Content-Type": "text/html"}),
    ],
    ids=["503", "403", "html"],
)
def test_a_gap_at_a_server_that_is_not_itself_yet(
    answer: httpx.Response, caplog: pytest.LogCaptureFixture
) -> None:
    gone = (bookmark("9"), error(410, "Expired"))
    server = Server(gone, (added("20", "b"),), present=["7", answer, answer, "12"])
    assert told_by(server, until="20") <= {"7", "9", "12", "20"}
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 2  # the gap, and what came once and again
    assert all(warning.startswith("cluster east: ") for warning in warnings)


def told_by(server: Server, until: str) -> set[str]:
    """Follow a server up to an offset; give all the offsets that were told."""
    options = Options.of({"resource_path": "/api/v1/pods"})
    place = Place(Cluster("east"), None, options)
    with httpx.Client(transport=httpx.MockTransport(server), base_url="http://east") as client:
        tracker = Tracker(place, client, Backoff(initial=0.01, maximum=0.01))
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
