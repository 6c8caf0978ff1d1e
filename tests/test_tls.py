"""`kwatch._tls`: whom clients trust, by which name, and how they prove themselves."""

import os
import ssl
import stat
import tempfile
import traceback
from pathlib import Path
from typing import Any

import httpx
import pytest

from kwatch._entry import Entry
from kwatch._errors import ConfigError
from kwatch._files import REREAD_SECONDS
from kwatch._kubeconfig import KubeConfig
from kwatch._tls import Tls, load_client_certificate
from kwatch._user import auth_of
from tests.front import Clock
from tests.https import serve
from tests.kubeconfigs import SECRET, Fetch, b64, config, refusal, trusting, write
from tests.pki import Pki

pytestmark = pytest.mark.usefixtures("nowhere")


# Fields that are not what they should be


@pytest.mark.parametrize("pem", ["", SECRET, f"-----BEGIN CERTIFICATE-----\n{SECRET}\n"])
def test_bad_pem_of_the_cluster(tmp_path: Path, pem: str) -> None:
    path = write(
        tmp_path, config(cluster={"certificate-authority": write(tmp_path, pem, "ca").name})
    )
    expected = "FILE: cluster 'c': certificate-authority: holds no PEM certificate"
    assert refusal(path).startswith(expected)


def test_no_verification_and_an_authority_contradict(tmp_path: Path, pki: Pki) -> None:
    cluster = {"insecure-skip-tls-verify": True, "certificate-authority-data": b64(pki.root.pem)}
    path = write(tmp_path, config(cluster=cluster))
    assert refusal(path).startswith("FILE: cluster 'c': insecure-skip-tls-verify: excludes ")


def test_a_server_name_that_no_host_can_have(tmp_path: Path) -> None:
    path = write(tmp_path, config(cluster={"tls-server-name": ".a"}))
    assert refusal(path) == "FILE: cluster 'c': tls-server-name: is no host name"


def test_half_a_client_certificate(tmp_path: Path, pki: Pki) -> None:
    path = write(tmp_path, config(user={"client-certificate-data": b64(pki.client.pem)}))
    assert refusal(path).startswith("FILE: user 'u': client-key: is not set")
    path = write(tmp_path, config(user={"client-key-data": b64(pki.client.key_pem())}))
    assert refusal(path).startswith("FILE: user 'u': client-certificate: is not set")


def test_an_encrypted_key(tmp_path: Path, pki: Pki) -> None:
    key = b64(pki.client.key_pem(password=SECRET))
    user = {"client-certificate-data": b64(pki.client.pem), "client-key-data": key}
    message = refusal(write(tmp_path, config(user=user)))
    assert message.startswith("FILE: user 'u': client-key: is encrypted")


def test_a_key_of_another_certificate(tmp_path: Path, pki: Pki) -> None:
    user = {
        "client-certificate-data": b64(pki.client.pem),
        "client-key-data": b64(pki.root.key_pem()),
    }
    message = refusal(write(tmp_path, config(user=user)))
    assert message.startswith("FILE: user 'u': client-key: is not the PEM key of the certificate")


# Real servers


def assert_refused(fetch: Fetch, loaded: KubeConfig, reason: str) -> None:
    with pytest.raises(httpx.ConnectError) as caught:
        fetch(loaded)
    error: BaseException | None = caught.value
    while error and not isinstance(error, ssl.SSLError):  # with trio the outer one has no message
        error = error.__cause__ or error.__context__
    assert reason in str(error)


def test_a_server_of_another_authority_is_refused(tmp_path: Path, pki: Pki, fetch: Fetch) -> None:
    with serve(pki.server) as server:
        loaded = trusting(tmp_path, server.url, pki.other_root)
        assert_refused(fetch, loaded, "CERTIFICATE_VERIFY_FAILED")


def test_without_an_authority_the_system_s_are_asked(
    tmp_path: Path, pki: Pki, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(pki.server) as server:
        path = write(tmp_path, config(server.url))
        assert_refused(fetch, KubeConfig.from_file(path), "CERTIFICATE_VERIFY_FAILED")
        monkeypatch.setenv("SSL_CERT_FILE", str(pki.root.path))
        assert fetch(KubeConfig.from_file(path)).status_code == 200


def test_an_authority_excludes_those_of_the_system(
    tmp_path: Path, pki: Pki, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pki.root.path))
    with serve(pki.server) as server:
        loaded = trusting(tmp_path, server.url, pki.other_root)
        assert_refused(fetch, loaded, "CERTIFICATE_VERIFY_FAILED")


def test_a_certificate_for_another_host_is_refused(tmp_path: Path, pki: Pki, fetch: Fetch) -> None:
    with serve(pki.named) as server:
        loaded = trusting(tmp_path, server.url, pki.root)
        assert_refused(fetch, loaded, "IP address mismatch")


def test_an_address_is_verified_by_the_authority_from_a_file(
    tmp_path: Path, pki: Pki, fetch: Fetch
) -> None:
    (tmp_path / "ca.crt").write_bytes("# Autorité\n".encode() + pki.root.pem)
    with serve(pki.server) as server:
        path = write(tmp_path, config(server.url, {"certificate-authority": "ca.crt"}))
        assert fetch(KubeConfig.from_file(path)).status_code == 200


def test_an_intermediate_certificate_may_be_the_authority(
    tmp_path: Path, pki: Pki, fetch: Fetch
) -> None:
    with serve(pki.deep) as server:
        assert fetch(trusting(tmp_path, server.url, pki.intermediate)).status_code == 200


def test_the_tls_server_name_is_verified_and_sent(tmp_path: Path, pki: Pki, fetch: Fetch) -> None:
    with serve(pki.named) as server:
        loaded = trusting(tmp_path, server.url, pki.root, **{"tls-server-name": "api.example"})
        assert fetch(loaded).status_code == 200
        assert server.names == ["api.example"]


def test_another_tls_server_name_is_refused(tmp_path: Path, pki: Pki, fetch: Fetch) -> None:
    with serve(pki.server) as server:
        loaded = trusting(tmp_path, server.url, pki.root, **{"tls-server-name": "api.example"})
        assert_refused(fetch, loaded, "Hostname mismatch")


def test_verification_is_skipped_only_when_told_so(tmp_path: Path, pki: Pki, fetch: Fetch) -> None:
    with serve(pki.named) as server:
        path = write(tmp_path, config(server.url, {"insecure-skip-tls-verify": True}))
        assert fetch(KubeConfig.from_file(path)).status_code == 200
        path = write(tmp_path, config(server.url, {"insecure-skip-tls-verify": False}))
        assert_refused(fetch, KubeConfig.from_file(path), "CERTIFICATE_VERIFY_FAILED")


def test_a_client_without_a_certificate_is_refused_by_a_server_that_wants_one(
    tmp_path: Path, pki: Pki, fetch: Fetch
) -> None:
    with serve(pki.server, client_authority=pki.root) as server:
        loaded = trusting(tmp_path, server.url, pki.root)
        # The refusal comes after the handshake; httpcore 1.0 does not map it for asyncio.
        with pytest.raises((httpx.TransportError, ssl.SSLError)):
            fetch(loaded)


@pytest.mark.parametrize("certificate", ["file", "data"])
@pytest.mark.parametrize("key", ["file", "data"])
def test_mutual_tls(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pki: Pki,
    fetch: Fetch,
    certificate: str,
    key: str,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    write(tmp_path, pki.client.pem, "client.crt")
    write(tmp_path, pki.client.key_pem(), "client.key")
    user = {
        ("certificate", "file"): {"client-certificate": "client.crt"},
        ("certificate", "data"): {"client-certificate-data": b64(pki.client.pem)},
        ("key", "file"): {"client-key": "client.key"},
        ("key", "data"): {"client-key-data": b64(pki.client.key_pem())},
    }
    chosen = user["certificate", certificate] | user["key", key]
    cluster = {"certificate-authority-data": b64(pki.root.pem)}
    with serve(pki.server, client_authority=pki.root) as server:
        path = write(tmp_path, config(server.url, cluster, chosen))
        response = fetch(KubeConfig.from_file(path))
    assert response.json()["client"] == {"commonName": "client"}
    left = {"client.crt", "client.key", "kubeconfig"}
    assert {path.name for path in tmp_path.iterdir()} == left


# Certificates and keys, as PEM

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


@pytest.fixture
def pems(pki: Pki) -> dict[str, bytes | None]:
    """What may stand where a certificate or a key should, by name."""
    return {
        "certificate": pki.client.pem,
        "key": pki.client.key_pem(),
        "other key": pki.server.key_pem(),
        "encrypted key": pki.client.key_pem(password="s3cr3t"),
        "broken PEM": BROKEN,
        "no PEM": b"s3cr3t",
        "empty": b"",
        "none": None,
    }


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_pem_text_is_on_disk_for_its_owner_alone_and_gone_afterwards(
    temporary: Path, pki: Pki, umask: int
) -> None:
    context = WatchedContext(ssl.PROTOCOL_TLS_CLIENT)
    before = os.umask(umask)
    try:
        load_client_certificate(context, pki.client.pem, pki.client.key_pem(), "")
    finally:
        os.umask(before)
    assert context.modes == (0o600, 0o700, 0o600, 0o700)
    assert list(temporary.iterdir()) == []


def test_files_are_loaded_from_where_they_are(temporary: Path, tmp_path: Path, pki: Pki) -> None:
    certificate = write(tmp_path, pki.client.pem, "crt")
    key = write(tmp_path, pki.client.key_pem(), "key")
    temporary.rmdir()
    load_client_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), certificate, key, "")


@pytest.mark.parametrize(
    ("certificate", "key", "problem"),
    [
        ("certificate", "none", "client-key: is not set"),
        ("none", "key", "client-certificate: is not set"),
        ("broken PEM", "key", "client-certificate: holds no PEM certificate"),
        ("empty", "key", "client-certificate: holds no PEM certificate"),
        ("key", "key", "client-certificate: holds no PEM certificate"),
        ("certificate", "broken PEM", "client-key: is not the PEM key"),
        ("certificate", "no PEM", "client-key: is not the PEM key"),
        ("certificate", "empty", "client-key: is not the PEM key"),
        (
            "certificate",
            "other key",
            "client-key: is not the PEM key of the certificate: .*MISMATCH",
        ),
        ("certificate", "encrypted key", "client-key: is encrypted"),
    ],
)
def test_what_is_no_pair_is_refused_named_and_leaves_no_file(
    temporary: Path, pems: dict[str, bytes | None], certificate: str, key: str, problem: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ConfigError, match=f"^kc: user 'a': {problem}") as caught:
        load_client_certificate(context, pems[certificate], pems[key], "kc: user 'a'")
    assert "\n" not in str(caught.value)
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))
    assert list(temporary.iterdir()) == []


def test_no_folder_for_temporary_files_is_a_config_error(temporary: Path, pki: Pki) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    temporary.rmdir()
    with pytest.raises(ConfigError, match="No such file or directory"):
        load_client_certificate(context, pki.client.pem, pki.client.key_pem(), "")


@pytest.mark.parametrize("name", ["empty", "no PEM", "broken PEM", "key"])
def test_an_authority_without_a_certificate_is_refused_and_leaves_no_file(
    temporary: Path, pems: dict[str, bytes | None], name: str
) -> None:
    with pytest.raises(ConfigError, match=r"^kc: certificate-authority: holds no PEM") as caught:
        Tls(pems[name], where="kc").context()
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", [".api", "a\0b", "\ud800", "a" * 64 + ".example"])
def test_a_server_name_that_no_host_can_have_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^kc: tls-server-name: is no host name$"):
        Tls(server_name=name, where="kc")


@pytest.mark.parametrize("server_name", ["", "api.example"])
def test_servers_are_verified_as_kubectl_does(pki: Pki, server_name: str) -> None:
    context = Tls(pki.root.pem, server_name=server_name).context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.cert_store_stats()["x509"] == 1


# Contexts that are kept, and made anew


@pytest.fixture
def pair(tmp_path: Path, pki: Pki) -> tuple[Path, Path]:
    """A certificate and its key, in files."""
    return write(tmp_path, pki.client.pem, "crt"), write(tmp_path, pki.client.key_pem(), "key")


def test_a_context_is_kept_while_the_files_hold_the_same(
    tmp_path: Path, pki: Pki, pair: tuple[Path, Path]
) -> None:
    authority = write(tmp_path, pki.root.pem, "ca")
    tls = Tls(authority)
    context = tls.context(*pair, fresh=True)
    for path in (authority, *pair):
        path.write_bytes(path.read_bytes())
        os.utime(path, (0, 0))
    assert tls.context(*pair, fresh=True) is context


@pytest.mark.parametrize("position", [0, 1])
def test_a_comment_is_reason_enough_for_another_context(
    pki: Pki, pair: tuple[Path, Path], position: int
) -> None:
    """What files hold is compared, not what it means."""
    tls = Tls(pki.root.pem)
    context = tls.context(*pair, fresh=True)
    pair[position].write_bytes(b"# new\n" + pair[position].read_bytes())
    assert tls.context(*pair, fresh=True) is not context


def test_another_pair_needs_another_context(pki: Pki, pair: tuple[Path, Path]) -> None:
    tls = Tls(pki.root.pem)
    contexts = [tls.context(*pair, fresh=True)]
    for name in ("one", "two"):
        issued = pki.issue(name, pki.root)
        pair[0].write_bytes(issued.pem)
        pair[1].write_bytes(issued.key_pem())
        contexts.append(tls.context(*pair, fresh=True))
    assert len({id(context) for context in contexts}) == 3


def test_another_authority_needs_another_context(tmp_path: Path, pki: Pki) -> None:
    authority = write(tmp_path, pki.root.pem, "ca")
    tls = Tls(authority)
    context = tls.context()
    authority.write_bytes(pki.root.pem + pki.other_root.pem)
    assert tls.context(fresh=True).cert_store_stats()["x509"] == 2
    assert tls.context() is not context


def test_no_certificate_any_more_needs_another_context(pki: Pki, pair: tuple[Path, Path]) -> None:
    tls = Tls(pki.root.pem)
    assert tls.context(*pair) is not tls.context()
    assert tls.context() is tls.context()


def test_what_moves_from_one_file_to_the_next_is_noticed(pki: Pki, pair: tuple[Path, Path]) -> None:
    """The files together hold the same bytes as before."""
    tls = Tls(pki.root.pem)
    context = tls.context(*pair, fresh=True)
    whole = pair[0].read_bytes() + pair[1].read_bytes()
    pair[0].write_bytes(whole)
    pair[1].write_bytes(b"")
    with pytest.raises(ConfigError, match="client-key: is not the PEM key"):
        tls.context(*pair, fresh=True)
    pair[0].write_bytes(pki.client.pem)
    pair[1].write_bytes(pki.client.key_pem())
    assert tls.context(*pair, fresh=True) is context


def test_the_last_context_outlives_files_that_are_wrong_for_a_while(
    pki: Pki, pair: tuple[Path, Path]
) -> None:
    tls = Tls(pki.root.pem)
    context = tls.context(*pair, fresh=True)
    good = pair[1].read_bytes()
    for content in (b"", pki.server.key_pem()):
        pair[1].write_bytes(content)
        for _ in range(2):
            with pytest.raises(ConfigError, match="client-key: is not the PEM key"):
                tls.context(*pair, fresh=True)
    pair[1].write_bytes(good)
    assert tls.context(*pair, fresh=True) is context


def test_files_are_read_again_after_a_minute_and_not_before(tmp_path: Path, pki: Pki) -> None:
    clock, authority = Clock(), write(tmp_path, pki.root.pem, "ca")
    tls = Tls(authority, clock=clock)
    context = tls.context()
    authority.write_bytes(pki.other_root.pem)
    clock.now += REREAD_SECONDS - 0.1
    assert tls.context() is context
    clock.now += 0.1
    renewed = tls.context()
    assert renewed is not context
    authority.unlink()
    clock.now += REREAD_SECONDS - 0.1  # each read starts a new minute
    assert tls.context() is renewed


def test_what_was_read_last_outlives_a_file_that_goes_bad_and_heals(
    tmp_path: Path, pki: Pki, caplog: pytest.LogCaptureFixture
) -> None:
    clock, authority = Clock(), write(tmp_path, pki.root.pem, "ca")
    tls = Tls(authority, where="kc: cluster 'c'", clock=clock)
    context = tls.context()
    authority.write_bytes(b"")
    for _ in range(3):
        clock.now += REREAD_SECONDS
        assert tls.context() is context
    [record] = caplog.records  # once while it lasts
    assert record.getMessage().startswith("kc: cluster 'c': certificate-authority: holds no PEM")
    authority.write_bytes(pki.other_root.pem)
    clock.now += REREAD_SECONDS
    assert tls.context() is not context


def test_an_authority_is_read_again_though_the_credential_is_not(
    tmp_path: Path, pki: Pki, fetch: Fetch
) -> None:
    """The caller shows a token of its own, so that nothing is fetched."""
    clock = Clock()
    authority = write(tmp_path, pki.other_root.pem, "ca")
    tls = Tls(authority, clock=clock)
    with serve(pki.server) as server:
        user, cluster = Entry("user", tmp_path, {"token": "a"}), Entry("cluster", tmp_path, {})
        auth = auth_of(user, cluster, httpx.URL(server.url), tls)
        loaded = KubeConfig(server.url, ssl_context=auth.ssl_context, auth=auth)
        headers = {"Authorization": "Bearer own"}
        with pytest.raises(httpx.ConnectError):
            fetch(loaded, headers=headers)
        authority.write_bytes(pki.root.pem)
        clock.now += REREAD_SECONDS
        assert fetch(loaded, headers=headers).status_code == 200
