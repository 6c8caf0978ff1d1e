"""What faults do to answers, over bare sockets."""

import gzip
import json
import zlib
from collections.abc import Iterator

import pytest

from kwatch.testing import FakeAPIServer, faults
from kwatch.testing.faults import Fault
from tests.testing.wire import (
    PODS,
    STREAM,
    WATCH,
    Heard,
    added,
    asked,
    events,
    heard,
)


@pytest.fixture
def server() -> Iterator[FakeAPIServer]:
    """A server that has three pods."""
    with FakeAPIServer() as server:
        for number in (1, 2, 3):
            server.create("Pod", f"web-{number}")
        yield server


# The answer


WORDS = [
    (401, "Unauthorized", "Unauthorized"),
    (
        403,
        "Forbidden",
        'pods is forbidden: User "system:anonymous" cannot watch resource "pods" in API group ""'
        " at the cluster scope",
    ),
    (404, "NotFound", "the server could not find the requested resource"),
    (410, "Expired", "too old resource version: 1 (4)"),
    (429, "TooManyRequests", "storage is (re)initializing"),
    (500, "InternalError", "Internal error occurred: etcdserver: request timed out"),
    (
        504,
        "Timeout",
        "Timeout: request did not complete within requested timeout - context deadline exceeded",
    ),
    (409, "Conflict", "Conflict"),
]


@pytest.mark.parametrize(("code", "reason", "message"), WORDS)
def test_http_answers_in_the_words_of_the_server(
    server: FakeAPIServer, code: int, reason: str, message: str
) -> None:
    server.script(faults.http(code))
    found = heard(server)
    status = json.loads(found.body)
    assert (found.code, found.whole, found.end) == (code, True, "FIN")
    assert found.headers["content-type"] == "application/json"
    assert "retry-after" not in found.headers
    assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", code)
    assert (status["reason"], status["message"]) == (reason, message)


@pytest.mark.parametrize(
    ("method", "target", "code", "message"),
    [
        ("GET", PODS, 403, 'User "system:anonymous" cannot list resource "pods" in API group ""'),
        ("GET", f"{PODS}?watch=true", 403, 'cannot watch resource "pods"'),
        ("GET", "/api/v1/namespaces/a/pods/b", 403, 'pods "b" is forbidden: User'),
        ("GET", "/api/v1/namespaces/a/pods/b", 403, 'cannot get resource "pods" in API group ""'),
        ("DELETE", "/api/v1/namespaces/a/pods/b", 403, 'cannot delete resource "pods" in API'),
        ("PUT", "/apis/example.com/v1/namespaces/a/widgets/b", 403, 'cannot update resource "wid'),
        ("POST", "/api/v1/namespaces/a/pods", 403, "cannot create resource"),
        ("POST", "/api/v1/namespaces/a/pods", 403, 'in the namespace "a"'),
        ("GET", "/api", 403, 'forbidden: User "system:anonymous" cannot get path "/api"'),
        ("GET", "/api/v1/namespaces/a/pods/b", 404, 'pods "b" not found'),
        ("GET", PODS, 410, "The resourceVersion for the provided list is too old."),
    ],
)
def test_http_knows_what_was_asked(
    server: FakeAPIServer, method: str, target: str, code: int, message: str
) -> None:
    server.script(faults.http(code), on="any")
    found = heard(server, target, method)
    assert found.code == code
    assert message in json.loads(found.body)["message"]


@pytest.mark.parametrize("code", [502, 503])
def test_http_answers_with_the_page_of_a_proxy(server: FakeAPIServer, code: int) -> None:
    server.script(faults.http(code, retry_after=7))
    found = heard(server)
    assert (found.code, found.headers["content-type"]) == (code, "text/html")
    assert found.body.startswith(b"<html>")
    assert str(code).encode() in found.body
    assert found.headers["retry-after"] == "7"


def test_http_tells_when_to_come_again(server: FakeAPIServer) -> None:
    server.script(faults.http(429, retry_after=3))
    found = heard(server)
    assert found.headers["retry-after"] == "3"
    assert json.loads(found.body)["details"] == {"retryAfterSeconds": 3}


def test_a_proxy_that_holds_back_the_head_until_there_is_something(server: FakeAPIServer) -> None:
    server.script(faults.hold_headers())
    with asked(server, f"{PODS}?watch=1&resourceVersion=4") as line:
        assert line.hear() == Heard(b"", "")
        server.create("Pod", "web-4")
        assert events(line.hear_until(b"web-4").body) == added(4)


def test_a_proxy_that_holds_back_the_head_for_some_time(server: FakeAPIServer) -> None:
    server.script(faults.hold_headers(seconds=0.4))
    with asked(server, WATCH) as line:
        assert line.hear() == Heard(b"", "")
        found = line.hear_until(b"web-3")
    assert events(found.body) == added(1, 2, 3)
    server.script(faults.hold_headers(seconds=0.4), on="list")
    with asked(server, PODS) as line:
        assert line.hear() == Heard(b"", "")
        assert line.hear(2).whole


# The body


def test_gzip_has_a_member_for_each_event(server: FakeAPIServer) -> None:
    body = heard(server).body
    server.script(faults.gzip())
    with asked(server, WATCH) as line:
        found = line.hear()
        server.create("Pod", "web-4")
        later = line.hear()
    assert found.headers["content-encoding"] == "gzip"
    assert [gzip.decompress(chunk) for chunk in found.chunks] == body.splitlines(keepends=True)
    member = zlib.decompressobj(wbits=31)
    assert events(member.decompress(later.chunks[-1])) == added(4)
    assert (member.eof, member.unused_data) == (True, b"")


def test_a_list_that_is_compressed(server: FakeAPIServer) -> None:
    well = heard(server, PODS).body
    server.script(faults.gzip(), on="list")
    found = heard(server, PODS)
    assert found.whole
    assert gzip.decompress(found.body) == well


@pytest.mark.parametrize(("code", "reason", "message"), WORDS[3:])
@pytest.mark.parametrize("after", [0, 2])
def test_an_error_ends_the_watch(
    server: FakeAPIServer, code: int, reason: str, message: str, after: int
) -> None:
    server.script(faults.error(code, after))
    found = heard(server)
    assert (found.whole, found.end) == (True, "FIN")
    assert events(found.body) == [*added(1, 2, 3)[:after], ("ERROR", str(code))]
    status = json.loads(found.body.splitlines()[-1])["object"]
    assert (status["kind"], status["reason"], status["message"]) == ("Status", reason, message)
    assert "retryAfterSeconds" not in status.get("details", {})


def test_an_error_comes_right_after_the_event(server: FakeAPIServer) -> None:
    """It does not wait for the one that it is to come before."""
    server.script(faults.error(410, after=3))
    found = heard(server)
    assert events(found.body) == [*added(1, 2, 3), ("ERROR", "410")]


def test_an_error_in_other_words(server: FakeAPIServer) -> None:
    error = faults.error(500, reason="StorageReadError", retry_after=2)
    server.script(error, faults.error(410, reason="Gone", message="gone"))
    status = json.loads(heard(server).body)["object"]
    assert status["reason"] == "StorageReadError"
    assert status["message"].startswith("saw a DELETED event, but object data is corrupt")
    assert status["details"] == {"retryAfterSeconds": 2}
    status = json.loads(heard(server).body)["object"]
    assert (status["reason"], status["message"]) == ("Gone", "gone")


def test_no_end_bookmark() -> None:
    """All that exists comes, then changes and plain bookmarks."""
    with FakeAPIServer(bookmark_interval=0.1) as server:
        server.create("Pod", "web-1")
        server.script(faults.no_end_bookmark())
        with asked(server, STREAM) as line:
            line.hear_until(b"BOOKMARK")
            server.create("Pod", "web-2")
            found = line.hear_until(b"web-2").body
        assert b"initial-events-end" not in found
        seen = events(found)
        assert (seen[0], seen[1], seen[-1]) == (*added(1), ("BOOKMARK", "2"), *added(2))
        assert b"initial-events-end" in heard(server, STREAM).body


def test_repeat_brings_what_came_before(server: FakeAPIServer) -> None:
    server.patch("Pod", "web-1", status={"phase": "Running"})
    server.create("Node", "node-1")
    server.delete("Pod", "web-2")
    server.create("Pod", "web-4")
    server.script(faults.repeat(2))
    with asked(server, f"{PODS}?watch=1&resourceVersion=7") as line:
        found = events(line.hear_until(b"web-4").body)
    assert found == [("MODIFIED", "web-1"), ("DELETED", "web-2"), *added(4)]


def test_repeat_is_selective_and_goes_as_far_as_the_history(server: FakeAPIServer) -> None:
    server.compact()
    server.create("Pod", "app-1", "shop")
    server.create("Pod", "web-4")
    server.create("Pod", "app-2", "shop")
    server.script(faults.repeat(9))
    shop = "/api/v1/namespaces/shop/pods?watch=1&resourceVersion=6"
    assert events(heard(server, shop).body) == [("ADDED", "app-1"), ("ADDED", "app-2")]


def test_repeat_of_what_exists(server: FakeAPIServer) -> None:
    server.script(faults.repeat(2))
    end = ("BOOKMARK", "4")
    assert events(heard(server, STREAM).body) == [*added(1, 2), *added(1, 2, 3), end]


def test_back_in_time(server: FakeAPIServer) -> None:
    """The server is as it was, other watches end, and new versions are older than old ones."""
    server.create("Pod", "web-4")
    server.create("Node", "node-1")
    server.delete("Pod", "web-1")
    with asked(server, WATCH) as other:
        other.hear_until(b"DELETED")
        server.script(faults.back_in_time(3))
        with asked(server, f"{PODS}?watch=1&resourceVersion=7") as line:
            assert line.hear().body == b""
            assert server.resource_version == "4"
            server.create("Pod", "web-5")
            assert events(line.hear_until(b"web-5").body) == added(5)
        assert other.hear().whole
    listed = json.loads(heard(server, PODS).body)
    names = [item["metadata"]["name"] for item in listed["items"]]
    assert (names, listed["metadata"]["resourceVersion"]) == (
        ["web-1", "web-2", "web-3", "web-5"],
        "5",
    )


def test_back_in_time_to_the_beginning(server: FakeAPIServer) -> None:
    """No further than what is kept; a list may meet it too."""
    server.script(faults.back_in_time(100), on="list")
    listed = json.loads(heard(server, PODS).body)
    assert (listed["items"], listed["metadata"]["resourceVersion"]) == ([], "1")
    server.create("Pod", "web-1")
    server.compact()
    server.create("Pod", "web-2")
    server.script(faults.back_in_time(10**12), on="list")
    assert json.loads(heard(server, PODS).body)["metadata"]["resourceVersion"] == "2"


def test_a_frame_that_is_cut_short(server: FakeAPIServer) -> None:
    """Half of it is a line, and the next one is whole."""
    frames = heard(server).body.splitlines(keepends=True)
    server.script(faults.truncate(after=1))
    found = heard(server).body.splitlines(keepends=True)
    assert (found[0], found[2]) == (frames[0], frames[2])
    assert found[1] == frames[1][: len(frames[1]) // 2] + b"\n"


@pytest.mark.parametrize("fault", [faults.error(410), faults.truncate(), faults.repeat()], ids=repr)
def test_a_watch_that_the_api_refuses_stays_refused(server: FakeAPIServer, fault: Fault) -> None:
    server.script(fault)
    found = heard(server, f"{PODS}?watch=1&labelSelector=((")
    assert (found.code, json.loads(found.body)["reason"]) == (400, "BadRequest")
    assert server.unmet == 0
