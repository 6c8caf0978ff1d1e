"""`kwatch._stored`: credentials that are written down, and for how long they are good."""

import math
import os
import ssl
import traceback
from pathlib import Path
from typing import Any

import pytest

from kwatch._errors import ConfigError
from kwatch._files import REREAD_SECONDS
from kwatch._stored import Stored
from kwatch._tls import Tls
from tests.kubeconfigs import SECRET
from tests.pki import Pki

pytestmark = pytest.mark.usefixtures("nowhere")

NOW = 1000.0


def stored(**fields: Any) -> Stored:
    """One of a cluster whose server nobody verifies."""
    defaults: dict[str, Any] = {"tls": Tls(insecure=True), "where": "kc: user 'a'", "clock": clock}
    return Stored(**defaults | fields)


def clock() -> float:
    return NOW


@pytest.fixture
def files(tmp_path: Path, pki: Pki) -> dict[str, Path]:
    """A file for each field that may name one."""
    contents = {
        "authority": pki.root.pem,
        "certificate": pki.client.pem,
        "key": pki.client.key_pem(),
        "token_file": b"token\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: tmp_path / name for name in contents}


def test_what_is_not_in_files_is_good_until_it_is_refused(pki: Pki) -> None:
    given = stored(
        tls=Tls(pki.root.pem),
        authorization="Bearer token",
        certificate=pki.client.pem,
        key=pki.client.key_pem(),
    )
    credential = given.fetch()
    assert credential.authorization == "Bearer token"
    assert credential.expires_at == math.inf
    assert not given.renewable
    assert given.fetch() == credential


@pytest.mark.parametrize("names", [["token_file"], ["certificate", "key"], ["authority"]])
def test_what_is_in_files_is_good_for_a_minute(files: dict[str, Path], names: list[str]) -> None:
    fields: dict[str, Any] = {name: files[name] for name in names}
    if authority := fields.pop("authority", None):
        fields["tls"] = Tls(authority)
    given = stored(**fields)
    assert given.renewable
    assert given.fetch().expires_at == NOW + REREAD_SECONDS


@pytest.mark.parametrize("in_a_file", ["certificate", "key"])
def test_half_in_a_file_is_in_a_file(files: dict[str, Path], pki: Pki, in_a_file: str) -> None:
    pair: dict[str, Any] = {"certificate": pki.client.pem, "key": pki.client.key_pem()}
    given = stored(**pair | {in_a_file: files[in_a_file]})
    assert given.renewable
    assert given.fetch().expires_at == NOW + REREAD_SECONDS


def test_a_token_file_is_read_with_each_fetch_and_wins(files: dict[str, Path]) -> None:
    given = stored(authorization="Bearer static", token_file=files["token_file"])
    assert given.fetch().authorization == "Bearer token"
    files["token_file"].write_text(" \tother\r\n")
    assert given.fetch().authorization == "Bearer other"


def test_a_header_is_shown_besides_a_certificate_in_files(files: dict[str, Path]) -> None:
    pair = {"certificate": files["certificate"], "key": files["key"]}
    assert stored(authorization="Bearer static", **pair).fetch().authorization == "Bearer static"


def test_a_certificate_needs_no_header(files: dict[str, Path]) -> None:
    given = stored(certificate=files["certificate"], key=files["key"])
    assert given.fetch().authorization == ""


def test_fetches_are_equal_while_the_files_say_the_same(files: dict[str, Path]) -> None:
    given = stored(
        tls=Tls(files["authority"]),
        token_file=files["token_file"],
        certificate=files["certificate"],
        key=files["key"],
    )
    first = given.fetch()
    for path in files.values():
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
        os.utime(path, (0, 0))
    second = given.fetch()
    assert second == first
    assert second.ssl_context is first.ssl_context


def test_another_token_leaves_the_context(files: dict[str, Path]) -> None:
    given = stored(
        token_file=files["token_file"], certificate=files["certificate"], key=files["key"]
    )
    first = given.fetch()
    files["token_file"].write_text("other")
    second = given.fetch()
    assert second != first
    assert second.ssl_context is first.ssl_context


def test_another_certificate_is_another_credential(files: dict[str, Path], pki: Pki) -> None:
    given = stored(certificate=files["certificate"], key=files["key"])
    first = given.fetch()
    other = pki.issue("other", pki.root)
    files["certificate"].write_bytes(other.pem)
    files["key"].write_bytes(other.key_pem())
    second = given.fetch()
    assert second != first
    assert second.ssl_context is not first.ssl_context


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"token_file": Path("/nowhere/token")}, "tokenFile: '/nowhere/token': No such file"),
        ({"certificate": Path("/nowhere/crt")}, "client-certificate: '/nowhere/crt': No such file"),
        ({"key": Path("/nowhere/key")}, "client-key: '/nowhere/key': No such file"),
        ({"certificate": SECRET.encode()}, "client-certificate: holds no PEM certificate"),
        ({"key": SECRET.encode()}, "client-key: is not the PEM key of the certificate"),
        ({"key": None}, "client-key: is not set, but client-certificate is"),
        ({"certificate": None}, "client-certificate: is not set, but client-key is"),
    ],
)
def test_what_cannot_be_used_is_named_and_not_shown(
    pki: Pki, fault: dict[str, Any], problem: str
) -> None:
    pair: dict[str, Any] = {"certificate": pki.client.pem, "key": pki.client.key_pem()}
    with pytest.raises(ConfigError) as caught:
        stored(**pair | fault).fetch()
    message = str(caught.value)
    assert message.startswith(f"kc: user 'a': {problem}")
    assert "\n" not in message
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "fields",
    [
        {"authorization": "Basic YTpi"},
        {"token_file": Path("token")},
        {"certificate": b"crt"},
        {"key": b"key"},
    ],
)
def test_any_field_shows_something(fields: dict[str, Any]) -> None:
    assert not stored(**fields).is_empty


def test_an_authority_shows_nothing(files: dict[str, Path]) -> None:
    given = stored(tls=Tls(files["authority"]))
    assert given.is_empty
    assert given.renewable
    assert isinstance(given.fetch().ssl_context, ssl.SSLContext)


def test_the_repr_shows_no_secret() -> None:
    given = stored(
        authorization=SECRET,
        token_file=Path("token"),
        certificate=SECRET.encode(),
        key=SECRET.encode(),
    )
    assert SECRET not in repr(given)
    assert "token" in repr(given)
