"""`kwatch._auth` and `kwatch._stored`: what no token can be, and tokens that change."""

import itertools
import logging
import os
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import anyio
import httpx
import pytest

from kwatch._auth import KubeAuth
from kwatch._entry import Entry
from kwatch._errors import ConfigError
from kwatch._stored import REREAD_SECONDS
from kwatch._tls import Tls
from kwatch._user import auth_of

Handler = Callable[[httpx.Request], httpx.Response]
Get = Callable[[KubeAuth, Handler], httpx.Response]


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Server:
    """Answers 200 to the ``accepted`` tokens, 401 to others; keeps what it was sent."""

    def __init__(self, *accepted: str) -> None:
        self.accepted = set(accepted)
        self.seen: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        scheme, _, token = request.headers["Authorization"].partition(" ")
        assert scheme == "Bearer"
        self.seen.append(token)
        return httpx.Response(200 if token in self.accepted else 401)


def token_auth(
    token: str = "",
    *,
    path: Path | None = None,
    where: str = "user",
    clock: Callable[[], float] = time.time,
) -> KubeAuth:
    """What shows a token, or what is in a token file."""
    fields = {"token": token, "tokenFile": path and str(path)}
    user, cluster = Entry(where, Path(), fields), Entry("cluster", Path(), {})
    return auth_of(user, cluster, httpx.URL("https://server"), Tls(insecure=True), clock=clock)


@pytest.fixture(params=["sync", "asyncio", "trio"])
def get(request: pytest.FixtureRequest) -> Get:
    """One GET with the given auth, by `httpx.Client` or by `httpx.AsyncClient`."""

    def sync_get(auth: KubeAuth, handler: Handler) -> httpx.Response:
        with httpx.Client(auth=auth, transport=httpx.MockTransport(handler)) as client:
            return client.get("http://server/")

    async def async_get(auth: KubeAuth, handler: Handler) -> httpx.Response:
        async with httpx.AsyncClient(auth=auth, transport=httpx.MockTransport(handler)) as client:
            return await client.get("http://server/")

    if request.param == "sync":
        return sync_get
    return lambda auth, handler: anyio.run(async_get, auth, handler, backend=request.param)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("one\n")
    return path


# What no token can be


@pytest.mark.parametrize(
    "token", ["s3cret\n", "s3\ncret", "s3cret\r\nX: y", "s3crét", "s3cret☃", "\0"]
)
def test_a_token_that_no_header_can_hold_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ConfigError, match=r"^kc: user 'a': token: .*printable ASCII") as caught:
        token_auth(token, where="kc: user 'a'")
    assert "s3c" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \n\t", "is empty"),
        (b"s3c\nret", "printable ASCII"),
        (b"s3c\xff\xfe", "printable ASCII"),
        ("s3c☃".encode(), "printable ASCII"),
        ("\ufeffs3c".encode(), "printable ASCII"),
    ],
)
def test_a_file_that_holds_no_token_is_named_and_not_quoted(
    token_file: Path, content: bytes, problem: str
) -> None:
    token_file.write_bytes(content)
    with pytest.raises(ConfigError, match=problem) as caught:
        token_auth(path=token_file, where="kc: user 'a'")
    assert str(caught.value).startswith(f"kc: user 'a': tokenFile: {str(token_file)!r}: ")
    assert "s3c" not in "".join(traceback.format_exception(caught.value))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tokenFile: '.*gone': No such file") as caught:
        token_auth(path=tmp_path / "gone")
    assert isinstance(caught.value.__cause__, FileNotFoundError)


@pytest.mark.parametrize("name", ["\0", "\ud800"])
def test_a_name_that_no_file_can_have_is_a_config_error(name: str) -> None:
    with pytest.raises(ConfigError, match="no file can have this name"):
        token_auth(path=Path(name))


# Tokens that change


def test_s48_a_401_makes_it_read_the_file_again_and_repeat_the_request_once(
    get: Get, token_file: Path
) -> None:
    auth, server = token_auth(path=token_file, clock=Clock()), Server("two")
    token_file.write_text("two")
    assert get(auth, server).status_code == 200
    assert server.seen == ["one", "two"]


def test_a_401_with_the_same_token_in_the_file_is_not_repeated(get: Get, token_file: Path) -> None:
    auth, server = token_auth(path=token_file, clock=Clock()), Server()
    assert get(auth, server).status_code == 401
    assert server.seen == ["one"]


def test_a_second_401_is_the_answer(get: Get, token_file: Path) -> None:
    auth, server = token_auth(path=token_file, clock=Clock()), Server()
    token_file.write_text("two")
    assert get(auth, server).status_code == 401
    assert server.seen == ["one", "two"]


def test_a_401_to_a_token_without_a_file_is_not_repeated(get: Get) -> None:
    server = Server()
    assert get(token_auth("one"), server).status_code == 401
    assert server.seen == ["one"]


def test_a_403_is_not_repeated(get: Get, token_file: Path) -> None:
    auth = token_auth(path=token_file, clock=Clock())
    token_file.write_text("two")
    seen: list[str] = []

    def forbid(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(403)

    assert get(auth, forbid).status_code == 403
    assert seen == ["Bearer one"]


def test_the_file_is_read_again_after_a_minute_and_not_before(get: Get, token_file: Path) -> None:
    clock, server = Clock(), Server("one", "two")
    auth = token_auth(path=token_file, clock=clock)
    token_file.write_text("two")
    clock.now += REREAD_SECONDS - 0.1
    get(auth, server)
    clock.now += 0.1
    get(auth, server)
    assert server.seen == ["one", "two"]


def test_every_read_starts_a_new_minute(get: Get, token_file: Path) -> None:
    clock, server = Clock(), Server("two", "three")
    auth = token_auth(path=token_file, clock=clock)
    clock.now += REREAD_SECONDS - 1
    token_file.write_text("two")
    get(auth, server)  # a 401, and so a read
    token_file.write_text("three")
    clock.now += REREAD_SECONDS - 1
    get(auth, server)
    clock.now += 1
    get(auth, server)
    assert server.seen == ["one", "two", "two", "three"]


def test_white_space_around_the_token_in_a_file_is_ignored(get: Get, token_file: Path) -> None:
    token_file.write_text("\n  one \r\n\n")
    server = Server("one")
    assert get(token_auth(path=token_file), server).status_code == 200


def test_a_file_wins_over_a_token(get: Get, token_file: Path) -> None:
    server = Server("one")
    assert get(token_auth("static", path=token_file), server).status_code == 200


def test_a_token_serves_until_the_file_can_be_read(
    get: Get, token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token_file.unlink()
    clock, server = Clock(), Server("static", "one")
    auth = token_auth("static", path=token_file, clock=clock)
    assert "No such file" in caplog.text
    get(auth, server)
    token_file.write_text("one")
    clock.now += REREAD_SECONDS
    get(auth, server)
    assert server.seen == ["static", "one"]


@pytest.mark.parametrize("fault", ["gone", "", "tw\no", "tw☃"])
def test_the_last_good_token_outlives_a_file_that_goes_bad_and_heals(
    get: Get, token_file: Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    clock, server = Clock(), Server("one", "three")
    auth = token_auth(path=token_file, where="kc: user 'a'", clock=clock)
    if fault == "gone":
        token_file.unlink()
    else:
        token_file.write_text(fault)
    clock.now += REREAD_SECONDS
    assert get(auth, server).status_code == 200
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("kc: user 'a': tokenFile: ")
    assert "tw" not in record.getMessage().replace(str(token_file), "")
    server.accepted = {"three"}
    token_file.write_text("three")
    assert get(auth, server).status_code == 200
    assert server.seen == ["one", "one", "three"]


def test_a_request_is_repeated_when_another_one_has_fetched_the_new_token(token_file: Path) -> None:
    auth = token_auth(path=token_file, clock=Clock())
    flows = [auth.auth_flow(httpx.Request("GET", "http://server/")) for _ in range(2)]
    assert {next(flow).headers["Authorization"] for flow in flows} == {"Bearer one"}
    token_file.write_text("two")
    for flow in flows:
        assert flow.send(httpx.Response(401)).headers["Authorization"] == "Bearer two"
        flow.close()


def test_threads_may_share_it_while_the_file_is_replaced(token_file: Path) -> None:
    """Each request carries a whole token, one that was in the file."""
    minutes = itertools.count(step=REREAD_SECONDS).__next__  # so each request reads the file
    auth, server = token_auth(path=token_file, clock=minutes), Server("one")
    answers: list[int] = []
    rotations = 50

    def rotate() -> None:
        for number in range(rotations):
            token = f"token-{number}-" + "x" * 5000
            server.accepted.add(token)
            temporary = token_file.with_name("new")
            temporary.write_text(token)
            os.replace(temporary, token_file)

    def ask() -> None:
        with httpx.Client(auth=auth, transport=httpx.MockTransport(server)) as client:
            answers.extend(client.get("http://server/").status_code for _ in range(rotations))

    threads = [threading.Thread(target=target) for target in [rotate] + [ask] * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 8 * rotations
    assert len(set(server.seen)) > 1


def test_the_repr_shows_no_token(token_file: Path) -> None:
    assert "s3cret" not in repr(token_auth("s3cret"))
    shown = repr(token_auth("s3cret", path=token_file))
    assert "s3cret" not in shown
    assert str(token_file) in shown
