"""`kwatch._credentials`: tokens that change, certificates that are not what they should be."""

import datetime
import itertools
import logging
import os
import ssl
import stat
import tempfile
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kwatch._credentials import (
    REREAD_SECONDS,
    BearerAuth,
    load_client_certificate,
    server_context,
)
from kwatch._errors import ConfigError

Handler = Callable[[httpx.Request], httpx.Response]
Get = Callable[[BearerAuth, Handler], httpx.Response]


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


@pytest.fixture(params=["sync", "asyncio", "trio"])
def get(request: pytest.FixtureRequest) -> Get:
    """One GET with the given auth, by `httpx.Client` or by `httpx.AsyncClient`."""

    def sync_get(auth: BearerAuth, handler: Handler) -> httpx.Response:
        with httpx.Client(auth=auth, transport=httpx.MockTransport(handler)) as client:
            return client.get("http://server/")

    async def async_get(auth: BearerAuth, handler: Handler) -> httpx.Response:
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
        BearerAuth(token, where="kc: user 'a'")
    assert "s3c" not in "".join(traceback.format_exception(caught.value))


def test_no_token_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="token: is empty"):
        BearerAuth()


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
        BearerAuth(path=token_file, where="kc: user 'a'")
    assert str(caught.value).startswith(f"kc: user 'a': tokenFile: {str(token_file)!r}: ")
    assert "s3c" not in "".join(traceback.format_exception(caught.value))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tokenFile: '.*gone': No such file") as caught:
        BearerAuth(path=tmp_path / "gone")
    assert isinstance(caught.value.__cause__, FileNotFoundError)


@pytest.mark.parametrize("name", ["\0", "\ud800"])
def test_a_name_that_no_file_can_have_is_a_config_error(name: str) -> None:
    with pytest.raises(ConfigError, match="no file can have this name"):
        BearerAuth(path=Path(name))


# Tokens that change


def test_s48_a_401_makes_it_read_the_file_again_and_repeat_the_request_once(
    get: Get, token_file: Path
) -> None:
    auth, server = BearerAuth(path=token_file, clock=Clock()), Server("two")
    token_file.write_text("two")
    assert get(auth, server).status_code == 200
    assert server.seen == ["one", "two"]


def test_a_401_with_the_same_token_in_the_file_is_not_repeated(get: Get, token_file: Path) -> None:
    auth, server = BearerAuth(path=token_file, clock=Clock()), Server()
    assert get(auth, server).status_code == 401
    assert server.seen == ["one"]


def test_a_second_401_is_the_answer(get: Get, token_file: Path) -> None:
    auth, server = BearerAuth(path=token_file, clock=Clock()), Server()
    token_file.write_text("two")
    assert get(auth, server).status_code == 401
    assert server.seen == ["one", "two"]


def test_a_401_to_a_token_without_a_file_is_not_repeated(get: Get) -> None:
    server = Server()
    assert get(BearerAuth("one"), server).status_code == 401
    assert server.seen == ["one"]


def test_a_403_is_not_repeated(get: Get, token_file: Path) -> None:
    auth = BearerAuth(path=token_file, clock=Clock())
    token_file.write_text("two")
    seen: list[str] = []

    def forbid(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(403)

    assert get(auth, forbid).status_code == 403
    assert seen == ["Bearer one"]


def test_the_file_is_read_again_after_a_minute_and_not_before(get: Get, token_file: Path) -> None:
    clock, server = Clock(), Server("one", "two")
    auth = BearerAuth(path=token_file, clock=clock)
    token_file.write_text("two")
    clock.now += REREAD_SECONDS - 0.1
    get(auth, server)
    clock.now += 0.1
    get(auth, server)
    assert server.seen == ["one", "two"]


def test_every_read_starts_a_new_minute(get: Get, token_file: Path) -> None:
    clock, server = Clock(), Server("two", "three")
    auth = BearerAuth(path=token_file, clock=clock)
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
    assert get(BearerAuth(path=token_file), server).status_code == 200


def test_a_file_wins_over_a_token(get: Get, token_file: Path) -> None:
    server = Server("one")
    assert get(BearerAuth("static", path=token_file), server).status_code == 200


def test_a_token_serves_until_the_file_can_be_read(
    get: Get, token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token_file.unlink()
    clock, server = Clock(), Server("static", "one")
    auth = BearerAuth("static", path=token_file, clock=clock)
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
    auth = BearerAuth(path=token_file, where="kc: user 'a'", clock=clock)
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
    auth = BearerAuth(path=token_file, clock=Clock())
    flows = [auth.auth_flow(httpx.Request("GET", "http://server/")) for _ in range(2)]
    assert {next(flow).headers["Authorization"] for flow in flows} == {"Bearer one"}
    token_file.write_text("two")
    for flow in flows:
        assert flow.send(httpx.Response(401)).headers["Authorization"] == "Bearer two"
        flow.close()


def test_threads_may_share_it_while_the_file_is_replaced(token_file: Path) -> None:
    """Each request carries a whole token, one that was in the file."""
    minutes = itertools.count(step=REREAD_SECONDS).__next__  # so each request reads the file
    auth, server = BearerAuth(path=token_file, clock=minutes), Server("one")
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
    assert repr(BearerAuth("s3cret")) == "BearerAuth(token=...)"
    assert repr(BearerAuth("s3cret", path=token_file)) == f"BearerAuth(path={str(token_file)!r})"


# Certificates


def _pair(password: bytes | None = None) -> tuple[bytes, bytes]:
    """A self-signed certificate and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "someone")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    encryption = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, encryption)
    return certificate.public_bytes(pem), secret


BROKEN = b"-----BEGIN CERTIFICATE-----\ns3cr3t\n-----END CERTIFICATE-----\n"


class WatchedContext(ssl.SSLContext):
    """Notes who may read the files that it is given."""

    modes: tuple[int, ...] = ()

    def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
        paths = (certfile, certfile.parent, keyfile, keyfile.parent)
        self.modes = tuple(stat.S_IMODE(path.stat().st_mode) for path in paths)
        super().load_cert_chain(certfile, keyfile, password)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_pem_text_is_on_disk_for_its_owner_alone_and_gone_afterwards(
    temporary: Path, umask: int
) -> None:
    context = WatchedContext(ssl.PROTOCOL_TLS_CLIENT)
    before = os.umask(umask)
    try:
        load_client_certificate(context, *_pair(), "")
    finally:
        os.umask(before)
    assert context.modes == (0o600, 0o700, 0o600, 0o700)
    assert list(temporary.iterdir()) == []


def test_files_are_loaded_from_where_they_are(temporary: Path, tmp_path: Path) -> None:
    paths = [tmp_path / "crt", tmp_path / "key"]
    for path, pem in zip(paths, _pair(), strict=True):
        path.write_bytes(pem)
    temporary.rmdir()
    load_client_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), paths[0], paths[1], "")


@pytest.mark.parametrize(
    ("certificate", "key", "problem"),
    [
        (_pair()[0], None, "client-key: is not set"),
        (None, _pair()[1], "client-certificate: is not set"),
        (BROKEN, _pair()[1], "client-certificate: holds no PEM certificate"),
        (b"", _pair()[1], "client-certificate: holds no PEM certificate"),
        (_pair()[1], _pair()[1], "client-certificate: holds no PEM certificate"),
        (_pair()[0], BROKEN, "client-key: is not the PEM key"),
        (_pair()[0], b"s3cr3t", "client-key: is not the PEM key"),
        (_pair()[0], b"", "client-key: is not the PEM key"),
        (_pair()[0], _pair()[1], "client-key: is not the PEM key of the certificate: .*MISMATCH"),
        (*_pair(b"s3cr3t"), "client-key: is encrypted"),
    ],
)
def test_what_is_no_pair_is_refused_named_and_leaves_no_file(
    temporary: Path, certificate: bytes | None, key: bytes | None, problem: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ConfigError, match=f"^kc: user 'a': {problem}") as caught:
        load_client_certificate(context, certificate, key, "kc: user 'a'")
    assert "\n" not in str(caught.value)
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))
    assert list(temporary.iterdir()) == []


def test_no_folder_for_temporary_files_is_a_config_error(temporary: Path) -> None:
    temporary.rmdir()
    with pytest.raises(ConfigError, match="No such file or directory"):
        load_client_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), *_pair(), "")


@pytest.mark.parametrize("pem", [b"", b"s3cr3t", BROKEN, _pair()[1]])
def test_an_authority_without_a_certificate_is_refused_and_leaves_no_file(
    temporary: Path, pem: bytes
) -> None:
    with pytest.raises(ConfigError, match=r"^kc: certificate-authority: holds no PEM") as caught:
        server_context(pem, where="kc")
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", [".api", "a\0b", "\ud800", "a" * 64 + ".example"])
def test_a_server_name_that_no_host_can_have_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^kc: tls-server-name: is no host name$"):
        server_context(None, server_name=name, where="kc")


@pytest.mark.parametrize("server_name", ["", "api.example"])
def test_servers_are_verified_as_kubectl_does(server_name: str) -> None:
    context = server_context(_pair()[0], server_name=server_name, where="")
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.cert_store_stats()["x509"] == 1
