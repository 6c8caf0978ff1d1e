"""`kwatch._auth` and `kwatch._stored`: what no token can be, tokens that change, and plugins."""

import itertools
import logging
import os
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from kwatch._auth import KEEP_SECONDS, KubeAuth
from kwatch._credential import Credential
from kwatch._entry import Entry
from kwatch._errors import ConfigError
from kwatch._files import REREAD_SECONDS
from kwatch._tls import Tls
from kwatch._user import auth_of
from tests.front import Clock
from tests.pki import Pki
from tests.plugins import Plugin, credential
from tests.worlds import PATIENCE_SECONDS, until

Handler = Callable[[httpx.Request], httpx.Response]
Get = Callable[[KubeAuth, Handler], httpx.Response]
AskHeld = Callable[[KubeAuth, Handler], list[int | Exception]]


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


# Plugins

EXPIRES = 2000.0


def expiring(token: str, at: float = EXPIRES) -> dict[str, Any]:
    """What a plugin prints: a token, and until when it may be used."""
    return credential(token, expirationTimestamp=datetime.fromtimestamp(at, UTC).isoformat())


def plugin_auth(plugin: Plugin, *, clock: Callable[[], float] = time.time, **user: Any) -> KubeAuth:
    """What shows the credential of a user who has a plugin."""
    entry = Entry("kc: user 'a'", Path(), {"exec": plugin.entry(), **user})
    cluster = Entry("cluster", Path(), {})
    return auth_of(entry, cluster, httpx.URL("https://server"), Tls(insecure=True), clock=clock)


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


def test_a_plugin_is_run_at_the_first_request_and_once_for_many(get: Get, plugin: Plugin) -> None:
    auth, server = plugin_auth(plugin), Server("one")
    assert plugin.runs == []
    for _ in range(3):
        assert get(auth, server).status_code == 200
    assert server.seen == ["one"] * 3
    assert len(plugin.runs) == 1


def test_a_plugin_is_run_again_when_its_credential_has_run_out(get: Get, plugin: Plugin) -> None:
    plugin.prints(expiring("one"))
    clock, server = Clock(), Server("one", "two")
    auth = plugin_auth(plugin, clock=clock)
    get(auth, server)
    plugin.prints(credential("two"))
    clock.now = EXPIRES - 0.1
    get(auth, server)
    clock.now = EXPIRES
    get(auth, server)
    clock.now = 1e12
    get(auth, server)
    assert server.seen == ["one", "one", "two", "two"]
    assert len(plugin.runs) == 2


def test_a_401_makes_it_run_the_plugin_again_and_repeat_the_request_once(
    get: Get, plugin: Plugin
) -> None:
    auth, server = plugin_auth(plugin), Server("one")
    get(auth, server)
    server.accepted = {"two"}
    plugin.prints(credential("two"))
    assert get(auth, server).status_code == 200
    assert server.seen == ["one", "one", "two"]
    assert len(plugin.runs) == 2


def test_the_same_token_again_is_not_sent_again(get: Get, plugin: Plugin) -> None:
    auth, server = plugin_auth(plugin), Server()
    plugin.prints(expiring("one", at=time.time() + 1000))
    assert get(auth, server).status_code == 401
    plugin.prints(expiring("one", at=time.time() + 2000))
    assert get(auth, server).status_code == 401
    assert server.seen == ["one", "one"]
    assert len(plugin.runs) == 3


def test_a_second_401_with_another_token_is_the_answer(get: Get, plugin: Plugin) -> None:
    auth, server = plugin_auth(plugin), Server("one")
    get(auth, server)
    server.accepted = set()
    plugin.prints(credential("two"))
    assert get(auth, server).status_code == 401
    assert server.seen == ["one", "one", "two"]
    assert len(plugin.runs) == 2


def test_a_clock_that_is_set_back_does_not_prolong_a_credential(get: Get, plugin: Plugin) -> None:
    plugin.prints(expiring("one"))
    clock, server = Clock(), Server("one", "two")
    clock.now = EXPIRES - 1
    auth = plugin_auth(plugin, clock=clock)
    get(auth, server)
    plugin.prints(expiring("two"))
    for now in (EXPIRES - 2, EXPIRES - 1.5, EXPIRES - 2):
        clock.now = now
        get(auth, server)
    assert server.seen == ["one", "two", "two", "two"]
    clock.now = 500.0
    get(auth, server)
    assert len(plugin.runs) == 3


@pytest.mark.parametrize("status", [403, 407, 500])
def test_another_refusal_than_401_does_not_run_a_plugin_again(
    get: Get, plugin: Plugin, status: int
) -> None:
    auth = plugin_auth(plugin)
    assert get(auth, lambda request: httpx.Response(status)).status_code == status
    assert len(plugin.runs) == 1


def test_the_last_credential_outlives_a_plugin_that_fails_and_heals(
    get: Get, plugin: Plugin, caplog: pytest.LogCaptureFixture
) -> None:
    """Each 401 runs it again; the warning comes once while the failure is the same."""
    auth, server = plugin_auth(plugin), Server("one")
    get(auth, server)
    server.accepted = {"two"}
    for code in (1, 1, 3, 3):
        plugin.prints(credential("two"), code=code)
        assert get(auth, server).status_code == 401
    assert len(plugin.runs) == 5
    head = f"kc: user 'a': exec: {str(plugin.path)!r}: failed with exit code"
    tail = "the last good credential stays in use"
    assert caplog.messages == [f"{head} {code}; {tail}" for code in (1, 3)]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    plugin.prints(credential("two"))
    assert get(auth, server).status_code == 200
    assert server.seen == ["one"] * 6 + ["two"]
    assert "two" not in caplog.text


@dataclass
class Broken:
    """Gives credentials, or raises what no source should."""

    error: BaseException | None = None
    tls: Tls = field(default_factory=lambda: Tls(insecure=True))
    renewable: bool = True

    def fetch(self) -> Credential:
        if self.error is not None:
            raise self.error
        return Credential(self.tls.context(), self.tls.context, "Bearer one")


def test_a_bug_is_raised_at_first_and_a_warning_later(
    get: Get, caplog: pytest.LogCaptureFixture
) -> None:
    source, server = Broken(ZeroDivisionError("a bug")), Server()
    auth = KubeAuth(source)
    with pytest.raises(ZeroDivisionError):
        get(auth, server)
    source.error = None
    get(auth, server)
    source.error = ZeroDivisionError("a bug")
    assert get(auth, server).status_code == 401
    assert caplog.messages == ["a bug; the last good credential stays in use"]


def test_what_ends_the_thread_is_raised_even_later(get: Get) -> None:
    source, server = Broken(), Server()
    auth = KubeAuth(source)
    get(auth, server)
    source.error = SystemExit(3)
    with pytest.raises(SystemExit):
        auth.renew()
    source.error = None
    assert get(auth, server).status_code == 401


def test_a_failure_that_comes_back_is_logged_again(
    plugin: Plugin, caplog: pytest.LogCaptureFixture
) -> None:
    auth = plugin_auth(plugin)
    for code in (0, 1, 0, 1):
        plugin.prints(credential("one"), code=code)
        auth.renew()
    assert len(caplog.messages) == 2


def test_a_plugin_that_fails_to_replace_what_has_run_out_is_run_again_after_a_minute(
    get: Get, plugin: Plugin, caplog: pytest.LogCaptureFixture
) -> None:
    plugin.prints(expiring("one"))
    clock, server = Clock(), Server("one", "two")
    auth = plugin_auth(plugin, clock=clock)
    get(auth, server)
    plugin.prints("", code=1)
    clock.now = EXPIRES
    get(auth, server)
    assert len(caplog.messages) == 1
    plugin.prints(credential("two"))
    clock.now += KEEP_SECONDS - 0.1
    get(auth, server)
    assert len(plugin.runs) == 2
    clock.now += 0.1
    get(auth, server)
    assert server.seen == ["one", "one", "one", "two"]


def test_a_plugin_that_fails_first_is_an_error_each_time_until_it_works(
    get: Get, plugin: Plugin, caplog: pytest.LogCaptureFixture
) -> None:
    auth, server = plugin_auth(plugin), Server("one")
    plugin.prints("s3cret", code=1)
    errors = []
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"^kc: user 'a': exec: .*: failed with") as caught:
            get(auth, server)
        errors.append(caught.value)
        assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert errors[0] is not errors[1]
    assert (server.seen, caplog.messages, len(plugin.runs)) == ([], [], 2)
    plugin.prints(credential("one"))
    assert get(auth, server).status_code == 200
    assert len(plugin.runs) == 3


def test_what_cannot_be_run_keeps_its_cause(get: Get, plugin: Plugin) -> None:
    auth = plugin_auth(plugin)
    plugin.path.chmod(0o644)
    with pytest.raises(ConfigError, match="cannot be run") as caught:
        get(auth, Server())
    assert isinstance(caught.value.__cause__, PermissionError)


def test_a_request_with_an_authorization_of_its_own_needs_no_plugin(plugin: Plugin) -> None:
    server = Server()
    transport, headers = httpx.MockTransport(server), {"authorization": "Bearer own"}
    with httpx.Client(auth=plugin_auth(plugin), transport=transport) as client:
        assert client.get("http://server/", headers=headers).status_code == 401
    assert server.seen == ["own"]
    assert plugin.runs == []


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        ({"token": "static"}, "Bearer static"),
        ({"tokenFile": "token"}, "Bearer one"),
        ({"username": "admin", "password": "secret"}, "Basic YWRtaW46c2VjcmV0"),
        ({"username": "admin"}, "Basic YWRtaW46"),
        ({"client-certificate": "identity", "client-key": "identity"}, None),
    ],
)
def test_a_plugin_is_not_run_for_a_user_who_has_another_credential(
    get: Get,
    plugin: Plugin,
    pki: Pki,
    token_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    user: dict[str, Any],
    shown: str | None,
) -> None:
    """As with kubectl. Not even on a 401."""
    monkeypatch.chdir(token_file.parent)
    Path("identity").write_bytes(pki.client.path.read_bytes())
    auth = plugin_auth(plugin, **user)
    seen: list[str | None] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Authorization"))
        return httpx.Response(401)

    assert get(auth, refuse).status_code == 401
    assert seen == [shown]
    assert plugin.runs == []


def test_a_credential_without_a_token_sends_no_authorization(
    get: Get, plugin: Plugin, pki: Pki
) -> None:
    """Nor does the request that is repeated carry the token of before."""
    auth = plugin_auth(plugin)
    auth.renew()
    certificate, key = pki.client.pem.decode(), pki.client.key_pem().decode()
    plugin.prints(credential(clientCertificateData=certificate, clientKeyData=key))
    before = auth.ssl_context
    seen: list[str | None] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Authorization"))
        return httpx.Response(401)

    assert get(auth, refuse).status_code == 401
    assert seen == ["Bearer one", None]
    assert auth.ssl_context is not before


def test_the_context_is_the_same_while_a_plugin_prints_the_same_certificate(
    plugin: Plugin, pki: Pki
) -> None:
    certificate, key = pki.client.pem.decode(), pki.client.key_pem().decode()
    plugin.prints(credential("one", clientCertificateData=certificate, clientKeyData=key))
    auth = plugin_auth(plugin)
    auth.renew()
    before = auth.ssl_context
    plugin.prints(credential("two", clientCertificateData=certificate, clientKeyData=key))
    auth.renew()
    assert len(plugin.runs) == 2
    assert auth.ssl_context is before


# Many requests at a time


def ask(auth: KubeAuth, server: Handler, way: str, count: int) -> list[int | Exception]:
    """Send requests at once, in threads or in tasks, and give what became of each."""
    answers: list[int | Exception] = []

    def in_thread() -> None:
        with httpx.Client(auth=auth, transport=httpx.MockTransport(server)) as client:
            try:
                answers.append(client.get("http://server/").status_code)
            except ConfigError as error:
                answers.append(error)

    async def in_task(client: httpx.AsyncClient) -> None:
        try:
            answers.append((await client.get("http://server/")).status_code)
        except ConfigError as error:
            answers.append(error)

    async def in_tasks() -> None:
        transport = httpx.MockTransport(server)
        async with (
            httpx.AsyncClient(auth=auth, transport=transport) as client,
            anyio.create_task_group() as tasks,
        ):
            for _ in range(count):
                tasks.start_soon(in_task, client)

    if way == "threads":
        in_threads([in_thread] * count)
    else:
        anyio.run(in_tasks, backend=way)
    return answers


def in_threads(functions: Sequence[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture(
    params=[["threads"], ["asyncio"], ["trio"], ["threads", "asyncio", "trio", "asyncio", "trio"]],
    ids="-".join,
)
def ask_held(request: pytest.FixtureRequest, plugin: Plugin) -> AskHeld:
    """Send 50 requests in each way, while the plugin is held up."""

    def ask_all(auth: KubeAuth, server: Handler) -> list[int | Exception]:
        answers: list[int | Exception] = []
        before = len(plugin.runs)

        def release() -> None:
            with plugin.held():
                begun.set()
                until(lambda: len(plugin.runs) > before)
                time.sleep(0.05)  # the others get to where they wait

        def ask_in(way: str) -> None:
            begun.wait()
            answers.extend(ask(auth, server, way, 50))

        begun = threading.Event()
        in_threads([release, *(partial(ask_in, way) for way in request.param)])
        assert len(answers) == 50 * len(request.param)
        return answers

    return ask_all


def test_many_first_requests_run_the_plugin_once(plugin: Plugin, ask_held: AskHeld) -> None:
    server = Server("one")
    assert set(ask_held(plugin_auth(plugin), server)) == {200}
    assert set(server.seen) == {"one"}
    assert len(plugin.runs) == 1


def test_many_that_are_refused_run_the_plugin_once(plugin: Plugin, ask_held: AskHeld) -> None:
    auth, server = plugin_auth(plugin), Server("two")
    auth.renew()
    plugin.prints(credential("two"))
    assert set(ask_held(auth, server)) == {200}
    assert len(plugin.runs) == 2


def test_many_whose_credential_has_run_out_run_the_plugin_once(
    plugin: Plugin, ask_held: AskHeld
) -> None:
    plugin.prints(expiring("one"))
    clock, server = Clock(), Server("two")
    auth = plugin_auth(plugin, clock=clock)
    auth.renew()
    plugin.prints(credential("two"))
    clock.now = EXPIRES
    assert set(ask_held(auth, server)) == {200}
    assert set(server.seen) == {"two"}
    assert len(plugin.runs) == 2


def test_many_share_a_failure_and_each_gets_an_error_of_its_own(
    plugin: Plugin, ask_held: AskHeld
) -> None:
    plugin.prints("", code=1)
    answers = ask_held(plugin_auth(plugin), Server())
    assert {type(answer) for answer in answers} == {ConfigError}
    assert len(set(map(id, answers))) == len(answers)
    assert not plugin.overlapped
    assert len(plugin.runs) < 10


def test_one_run_at_a_time_however_many_are_refused(plugin: Plugin) -> None:
    """Nobody is accepted: each request runs the plugin, or waits for the run of another one."""
    auth, server = plugin_auth(plugin), Server()
    answers: list[int | Exception] = []

    def ask_in(way: str) -> None:
        answers.extend(ask(auth, server, way, 4))

    in_threads([partial(ask_in, way) for way in ("threads", "asyncio", "trio")])
    assert answers == [401] * 12
    assert not plugin.overlapped


async def until_run(plugin: Plugin) -> None:
    with anyio.fail_after(PATIENCE_SECONDS):
        while not plugin.runs:  # noqa: ASYNC110 - it is another process that runs
            await anyio.sleep(0.001)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_event_loop_goes_on_while_the_plugin_runs(plugin: Plugin, backend: str) -> None:
    """It is the loop itself that lets the plugin end."""
    auth, server = plugin_auth(plugin), Server("one")

    async def main() -> None:
        transport = httpx.MockTransport(server)
        async with (
            httpx.AsyncClient(auth=auth, transport=transport) as client,
            anyio.create_task_group() as tasks,
        ):
            with plugin.held():
                tasks.start_soon(client.get, "http://server/")
                await until_run(plugin)
                assert server.seen == []

    anyio.run(main, backend=backend)
    assert server.seen == ["one"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_task_that_waits_for_the_plugin_can_be_cancelled(plugin: Plugin, backend: str) -> None:
    """At once; the others get the credential that it has asked for."""
    auth, server = plugin_auth(plugin), Server("one")

    async def main() -> None:
        transport = httpx.MockTransport(server)
        async with httpx.AsyncClient(auth=auth, transport=transport) as client:
            async with anyio.create_task_group() as others:
                with plugin.held():
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(client.get, "http://server/first")
                        await until_run(plugin)
                        others.start_soon(client.get, "http://server/other")
                        await anyio.sleep(0.01)
                        tasks.cancel_scope.cancel()
                    assert server.seen == []
            assert server.seen == ["one"]
            await client.get("http://server/later")

    anyio.run(main, backend=backend)
    assert server.seen == ["one", "one"]
    assert len(plugin.runs) == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_loop_may_end_while_the_plugin_runs(
    plugin: Plugin, caplog: pytest.LogCaptureFixture, backend: str
) -> None:
    """What comes of it is there for those who ask later."""
    auth, server = plugin_auth(plugin), Server("one")

    async def main() -> None:
        transport = httpx.MockTransport(server)
        async with (
            httpx.AsyncClient(auth=auth, transport=transport) as client,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(client.get, "http://server/")
            await until_run(plugin)
            tasks.cancel_scope.cancel()

    with plugin.held():
        anyio.run(main, backend=backend)
        [running] = [thread for thread in threading.enumerate() if "credential" in thread.name]
    running.join()
    assert caplog.messages == []
    assert ask(auth, server, "threads", 1) == [200]
    assert len(plugin.runs) == 1


def test_where_there_can_be_no_more_threads_files_are_read_all_the_same(
    token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From Python 3.12 on, an interpreter that exits starts none."""
    auth, server = token_auth(path=token_file), Server("two")
    token_file.write_text("two")
    monkeypatch.setattr(threading.Thread, "start", refuse_to_start)
    with httpx.Client(auth=auth, transport=httpx.MockTransport(server)) as client:
        assert client.get("http://server/").status_code == 200


def refuse_to_start(_: threading.Thread) -> None:
    raise RuntimeError("can't create new thread at interpreter shutdown")


# What may go wrong with the machine


def test_a_clock_that_is_set_back_does_not_keep_a_token(get: Get, token_file: Path) -> None:
    clock, server = Clock(), Server("one", "two")
    auth = token_auth(path=token_file, clock=clock)
    token_file.write_text("two")
    clock.now -= 86400
    get(auth, server)
    get(auth, server)
    assert server.seen == ["two", "two"]


def test_what_was_read_before_the_refusal_is_read_once_more(token_file: Path) -> None:
    """A request was sent; the same token is read again, is replaced, and then refused."""
    clock = Clock()
    auth = token_auth(path=token_file, clock=clock)
    slow = auth.auth_flow(httpx.Request("GET", "http://server/"))
    next(slow)
    clock.now += REREAD_SECONDS
    next(auth.auth_flow(httpx.Request("GET", "http://server/")))
    token_file.write_text("two")
    assert slow.send(httpx.Response(401)).headers["Authorization"] == "Bearer two"


def test_two_that_were_refused_renew_the_credential_once(plugin: Plugin) -> None:
    auth = plugin_auth(plugin)
    flows = [auth.auth_flow(httpx.Request("GET", "http://server/")) for _ in range(2)]
    for flow in flows:
        next(flow)
    plugin.prints(credential("two"))
    for flow in flows:
        assert flow.send(httpx.Response(401)).headers["Authorization"] == "Bearer two"
    assert len(plugin.runs) == 2


def test_any_failure_leaves_the_last_credential_in_use(
    token_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock, server = Clock(), Server("one")
    auth = token_auth(path=token_file, clock=clock)

    def fail(_: Path) -> bytes:
        raise MemoryError("no more of it")

    monkeypatch.setattr(Path, "read_bytes", fail)
    clock.now += REREAD_SECONDS
    with httpx.Client(auth=auth, transport=httpx.MockTransport(server)) as client:
        assert client.get("http://server/").status_code == 200
    assert "no more of it" in caplog.text
