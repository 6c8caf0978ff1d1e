"""What faults do to connections, and the script of them, over bare sockets."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from kwatch.testing import FakeAPIServer, faults
from kwatch.testing._http import GRACE_SECONDS
from kwatch.testing.faults import Fault, Sort
from tests.testing.asking import eventually
from tests.testing.wire import (
    PODS,
    STREAM,
    WATCH,
    Heard,
    added,
    asked,
    connected,
    events,
    heard,
    refused,
)


@pytest.fixture
def server() -> Iterator[FakeAPIServer]:
    """A server that has three pods."""
    with FakeAPIServer() as server:
        for number in (1, 2, 3):
            server.create("Pod", f"web-{number}")
        yield server


# Arguments


wrong: Any = faults  # whose arguments a type checker would refuse


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: wrong.cut(-1), "cut: after=-1: expected a whole number from 0"),
        (lambda: wrong.cut(1.5), "cut: after=1.5: expected a whole number from 0"),
        (lambda: wrong.reset(True), "reset: after=True: expected a whole number from 0"),
        (lambda: wrong.stall("9"), "stall: after='9': expected a whole number from 0"),
        (lambda: wrong.stall(0, -1), "stall: seconds=-1: expected seconds from 0, below a day"),
        (lambda: wrong.drip(0), "drip: size=0: expected a whole number from 1"),
        (lambda: wrong.drip(1, float("nan")), "drip: interval=nan: expected seconds"),
        (lambda: wrong.drip(1, None), "drip: interval=None: expected seconds"),
        (lambda: wrong.refuse(float("inf")), "refuse: seconds=inf: expected seconds"),
        (lambda: wrong.refuse(None), "refuse: seconds=None: expected seconds"),
        (lambda: wrong.http(200), "http: code=200: expected an HTTP status from 400 to 599"),
        (lambda: wrong.http(499), "http: code=499: expected an HTTP status"),
        (lambda: wrong.http(410.0), "http: code=410.0: expected an HTTP status"),
        (lambda: wrong.http(429, retry_after=-1), "http: retry_after=-1: expected a whole"),
        (lambda: wrong.error(0), "error: code=0: expected an HTTP status from 400 to 599"),
        (lambda: wrong.error(410, after=-1), "error: after=-1: expected a whole number from 0"),
        (lambda: wrong.error(429, retry_after=0.5), "error: retry_after=0.5: expected a whole"),
        (lambda: wrong.repeat(0), "repeat: count=0: expected a whole number from 1"),
        (lambda: wrong.back_in_time(0), "back_in_time: changes=0: expected a whole number from 1"),
        (lambda: wrong.hold_headers(-0.1), "hold_headers: seconds=-0.1: expected seconds"),
        (lambda: wrong.truncate(-2), "truncate: after=-2: expected a whole number from 0"),
    ],
)
def test_arguments_that_make_no_sense(make: Callable[[], Fault], told: str) -> None:
    with pytest.raises(ValueError, match="expected") as raised:
        make()
    assert str(raised.value).startswith(told)


@pytest.mark.parametrize(
    ("script", "on", "told"),
    [
        ([faults.cut()], "watches", "on='watches': expected one of watch, list, discovery, get"),
        ([faults.cut], "watch", "expected faults such as faults.cut(after=0), got <function cut"),
        (
            [faults.healthy(), faults.error(410)],
            "list",
            "on='list': faults.error(410, after=0) can",
        ),
        ([faults.no_end_bookmark()], "any", "on='any': faults.no_end_bookmark() can only strike a"),
        ([faults.repeat()], "get", "on='get': faults.repeat(1) can only strike a watch"),
        ([faults.truncate()], "write", "on='write': faults.truncate(after=0) can only strike a"),
    ],
)
def test_a_script_that_makes_no_sense_changes_nothing(script: Any, on: Any, told: str) -> None:
    server = FakeAPIServer()
    with pytest.raises(ValueError, match=r"can only|expected") as raised:
        server.script(*script, on=on)
    assert str(raised.value).startswith(told)
    assert server.unmet == 0


# The connection


@pytest.mark.parametrize("fault", [faults.cut, faults.reset])
@pytest.mark.parametrize("after", [0, 1, 100, "a frame", "a frame and one"])
def test_a_connection_that_ends_in_the_middle(
    server: FakeAPIServer, fault: Callable[[int], Fault], after: Any
) -> None:
    """So many bytes of the body come, no last chunk, and then the right end."""
    body = heard(server).body
    frame = body.index(b"\n") + 1
    after = {"a frame": frame, "a frame and one": frame + 1}.get(after, after)
    server.script(fault(after))
    found = heard(server)
    assert found.end == {"cut": "FIN", "reset": "RST"}[fault.__name__]
    assert found.code == 200
    assert found.body == body[:after]
    assert not found.whole


@pytest.mark.parametrize("fault", [faults.cut, faults.reset])
def test_a_list_that_ends_in_the_middle(
    server: FakeAPIServer, fault: Callable[[int], Fault]
) -> None:
    """It is as long as it says, and shorter."""
    well = heard(server, PODS)
    server.script(fault(50), on="list")
    found = heard(server, PODS)
    assert found.headers == well.headers
    assert found.body == well.body[:50]
    assert found.end == {"cut": "FIN", "reset": "RST"}[fault.__name__]


@pytest.mark.parametrize("fault", [faults.cut(10**6), faults.reset(10**6), faults.stall(10**6)])
def test_what_is_shorter_comes_whole(server: FakeAPIServer, fault: Fault) -> None:
    server.script(fault, on="list")
    found = heard(server, PODS)
    assert (found.whole, found.end) == (True, "FIN")
    assert server.unmet == 0


def test_a_cut_waits_for_its_byte(server: FakeAPIServer) -> None:
    """The bytes of a watch are counted for as long as it lives."""
    size = len(heard(server).body)
    server.script(faults.cut(after=size + 1))
    with asked(server, WATCH) as line:
        assert line.hear().end == ""
        server.create("Pod", "web-4")
        found = line.hear()
    assert (found.end, found.body[size:]) == ("FIN", b"{")


def test_a_stall_for_ever(server: FakeAPIServer) -> None:
    """Nothing comes and nothing is closed; it ends when the client has gone."""
    server.script(faults.stall(after=20))
    with asked(server, WATCH) as line:
        server.create("Pod", "web-4")
        found = line.hear()
        assert (len(found.body), found.end) == (20, "")
        assert server.watches == 1
    eventually(lambda: server.watches == 0)


@pytest.mark.parametrize("after", [0, 20])
def test_a_stall_for_some_time_loses_nothing(server: FakeAPIServer, after: int) -> None:
    server.script(faults.stall(after, seconds=0.4))
    began = time.monotonic()
    with asked(server, WATCH) as line:
        assert len(line.hear().body) == after
        server.create("Pod", "web-4")
        server.delete("Pod", "web-1")
        found = line.hear_until(b"DELETED").body
    assert 0.4 <= time.monotonic() - began < 1.0
    assert events(found) == [*added(1, 2, 3, 4), ("DELETED", "web-1")]


def test_a_stall_of_a_list(server: FakeAPIServer) -> None:
    server.script(faults.stall(after=20, seconds=0.4), on="list")
    with asked(server, PODS) as line:
        assert len(line.hear().body) == 20
        assert line.hear(2).whole


def test_a_stall_outlives_the_watch() -> None:
    """The end of the watch does not pass either."""
    with FakeAPIServer(watch_timeout=0.1) as server:
        server.script(faults.stall(seconds=0.5))
        with asked(server, WATCH) as line:
            assert line.hear(0.3).end == ""
            assert line.hear(2).whole


def test_open_watches_stall_and_go_on(server: FakeAPIServer) -> None:
    """`server.stall` freezes what is open, and nothing else; all comes later."""
    with asked(server, WATCH) as line, asked(server, WATCH) as other:
        line.hear_until(b"web-3")
        other.hear_until(b"web-3")
        server.stall(seconds=0.6)
        server.create("Pod", "web-4")
        with asked(server, WATCH) as new:
            assert events(new.hear_until(b"web-4").body) == added(1, 2, 3, 4)
        assert events(line.hear().body) == events(other.hear().body) == added(1, 2, 3)
        assert events(line.hear_until(b"web-4").body) == added(1, 2, 3, 4)
        assert events(other.hear_until(b"web-4").body) == added(1, 2, 3, 4)


def test_open_watches_that_stall_for_ever_can_be_freed_or_cut(server: FakeAPIServer) -> None:
    with asked(server, WATCH) as line, asked(server, WATCH) as other:
        line.hear_until(b"web-3")
        other.hear_until(b"web-3")
        server.stall()
        server.create("Pod", "web-4")
        server.close_watches()
        assert line.hear().end == ""
        server.stall(0)
        assert line.hear(2).whole
        assert other.hear(2).whole
    with asked(server, WATCH) as line:
        line.hear_until(b"web-3")
        server.stall()
        server.disconnect()
        found = line.hear()
        assert (found.end, found.whole) == ("FIN", False)
    eventually(lambda: server.watches == 0)


def test_a_drip(server: FakeAPIServer) -> None:
    """Each chunk has so many bytes, but for the end of a frame; they are so long apart."""
    body = heard(server).body
    server.script(faults.drip(size=100, interval=0.02))
    began = time.monotonic()
    with asked(server, WATCH) as line:
        found = line.hear_until(body[-10:])
        lasted = time.monotonic() - began
    frames = body.splitlines(keepends=True)
    assert found.body == body
    assert found.chunks == [f[n : n + 100] for f in frames for n in range(0, len(f), 100)]
    assert (len(found.chunks) - 1) * 0.02 <= lasted < 1.0


def test_a_list_that_drips(server: FakeAPIServer) -> None:
    server.script(faults.drip(size=200, interval=0.01), on="list")
    began = time.monotonic()
    found = heard(server, PODS)
    assert found.whole
    assert time.monotonic() - began >= (len(found.body) // 200) * 0.01


def test_refuse(server: FakeAPIServer) -> None:
    """No answer, nobody can connect, what is open goes on, and then it listens again."""
    port = server.http.port
    with asked(server, WATCH) as line:
        line.hear_until(b"web-3")
        server.script(faults.refuse(seconds=0.4))
        began = time.monotonic()
        with asked(server, WATCH) as other:
            assert other.hear(5) == Heard(b"", "FIN")
        server.create("Pod", "web-4")
        while refused(server):
            assert events(line.hear_until(b"web-4").body) == added(1, 2, 3, 4)
            assert time.monotonic() - began < 2
        assert time.monotonic() - began >= 0.4
    assert server.http.port == port
    assert events(heard(server).body) == added(1, 2, 3, 4)


def test_refuse_is_at_once(server: FakeAPIServer) -> None:
    """Who is hung up on and tries again is refused."""
    for _ in range(5):
        server.script(faults.refuse(seconds=0.05))
        assert heard(server) == Heard(b"", "FIN")
        assert refused(server)
        eventually(lambda: not refused(server))


def test_two_that_are_refused_at_the_same_time(server: FakeAPIServer) -> None:
    """The longer time counts."""
    server.script(faults.refuse(seconds=0.4), faults.refuse(seconds=0.1))
    threads = threading.active_count()
    with connected(server) as one, connected(server) as two:
        eventually(lambda: threading.active_count() == threads + 2)
        one.ask(WATCH)
        two.ask(WATCH)
        began = time.monotonic()
        assert {one.hear(2), two.hear(2)} == {Heard(b"", "FIN")}
        eventually(lambda: not refused(server))
        assert 0.4 <= time.monotonic() - began < 1.0
    assert server.unmet == 0
    assert events(heard(server).body) == added(1, 2, 3)


LONG = [
    faults.stall(),
    faults.stall(after=50, seconds=60),
    faults.drip(size=10, interval=60),
    faults.hold_headers(),
    faults.hold_headers(seconds=60),
    faults.refuse(seconds=60),
    faults.no_end_bookmark(),
    faults.back_in_time(),
]


@pytest.mark.parametrize("fault", LONG, ids=repr)
def test_stop_is_prompt_during(fault: Fault) -> None:
    """It takes less than a second, and leaves no thread behind (see the fixture)."""
    with FakeAPIServer() as server:
        server.script(fault)
        with asked(server, STREAM) as line:
            eventually(lambda: server.unmet == 0)
            line.hear(0.05)
            began = time.monotonic()
            server.stop()
            assert time.monotonic() - began < 1.0
            assert line.hear(2).end == "FIN"
        server.start()
        assert heard(server, PODS).code == 200


def test_stop_is_prompt_during_a_stall_of_what_is_open(server: FakeAPIServer) -> None:
    with asked(server, WATCH) as line:
        line.hear_until(b"web-3")
        server.stall()
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < GRACE_SECONDS
        found = line.hear(2)
    assert (found.end, found.whole) == ("FIN", False)


# The script


def codes(server: FakeAPIServer, *targets: str) -> list[int]:
    return [heard(server, target).code for target in targets]


def test_faults_come_in_order_one_each_and_then_all_is_well(server: FakeAPIServer) -> None:
    server.script(faults.http(500), faults.healthy(), faults.http(429))
    server.script(faults.http(503))
    assert server.unmet == 4
    assert codes(server, *[WATCH] * 3) == [500, 200, 429]
    assert server.unmet == 1
    assert codes(server, *[WATCH] * 2) == [503, 200]
    assert server.unmet == 0


@pytest.mark.parametrize(
    ("on", "method", "target"),
    [
        ("watch", "GET", WATCH),
        ("watch", "GET", f"{PODS}?watch"),
        ("list", "GET", PODS),
        ("list", "GET", f"{PODS}?watch=false"),
        ("get", "GET", "/api/v1/namespaces/default/pods/web-1"),
        ("get", "GET", "/api/v1/namespaces/default/pods/web-1?watch=1"),
        ("write", "DELETE", "/api/v1/namespaces/default/pods/web-1"),
        ("write", "POST", "/api/v1/namespaces/default/pods"),
        ("discovery", "GET", "/api"),
        ("discovery", "GET", "/apis/example.com/v1/"),
    ],
)
def test_a_fault_strikes_its_sort_of_request(
    server: FakeAPIServer, on: Any, method: str, target: str
) -> None:
    """The others go by, and do not spend it."""
    sorts: tuple[Sort, ...] = ("watch", "list", "get", "write", "discovery")
    for sort in sorts:
        server.script(faults.http(500 if sort == on else 503), on=sort)
    assert heard(server, target, method).code == 500
    assert server.unmet == 4
    assert heard(server, target, method).code != 500
    assert server.unmet == 4


def test_a_fault_for_any_strikes_whatever_comes_next(server: FakeAPIServer) -> None:
    server.script(faults.http(500), on="list")
    server.script(faults.http(503), faults.http(502), on="any")
    assert codes(server, PODS, "/api", PODS, PODS) == [500, 503, 502, 200]


def test_an_answer_that_is_expected_beneath_spends_no_fault(server: FakeAPIServer) -> None:
    server.script(faults.http(503), on="list")
    server.http.expect_oneshot_request(PODS).respond_with_data("mine")
    assert heard(server, PODS).body == b"mine"
    assert codes(server, PODS, PODS) == [503, 200]


def test_a_fault_may_come_before_the_token_is_looked_at() -> None:
    with FakeAPIServer(token="secret") as server:
        server.script(faults.http(503), on="list")
        assert codes(server, PODS, PODS) == [503, 401]


def test_the_script_outlives_a_stop(server: FakeAPIServer) -> None:
    server.script(faults.http(503), on="list")
    server.stop()
    server.start()
    assert codes(server, PODS, PODS) == [503, 200]


def test_faults_are_values() -> None:
    """One may strike many times, and says how it was made."""
    made = [
        faults.healthy(),
        faults.cut(after=9),
        faults.stall(seconds=2),
        faults.drip(),
        faults.http(429, retry_after=1),
        faults.error(410, after=2, message="gone"),
        faults.hold_headers(),
    ]
    assert [repr(fault) for fault in made] == [
        "faults.healthy()",
        "faults.cut(after=9)",
        "faults.stall(after=0, seconds=2)",
        "faults.drip(size=1, interval=0.01)",
        "faults.http(429, retry_after=1)",
        "faults.error(410, after=2, message='gone')",
        "faults.hold_headers(seconds=None)",
    ]
    assert all(eval(repr(fault)).text == fault.text for fault in made)
    with FakeAPIServer() as server:
        server.script(*[made[4]] * 2)
        assert codes(server, WATCH, WATCH, WATCH) == [429, 429, 200]


def test_a_client_sees_the_faults_as_httpx_tells_them(server: FakeAPIServer) -> None:
    """The three ways in which a connection fails are three errors."""
    server.script(faults.cut(after=9), faults.reset(after=9), faults.refuse(seconds=0.1), on="list")
    seen = []
    with httpx.Client(base_url=server.url) as client:
        for _ in range(4):
            try:
                client.get(PODS)
            except httpx.TransportError as error:
                seen.append(type(error).__name__)
    assert seen == ["RemoteProtocolError", "ReadError", "RemoteProtocolError", "ConnectError"]
