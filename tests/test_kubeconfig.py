"""`kwatch._kubeconfig`: what is refused and how it is said, where it looks, and real TLS."""

import base64
import dataclasses
import datetime
import http.server
import ipaddress
import json
import logging
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from kwatch import _kubeconfig
from kwatch._credentials import BearerAuth
from kwatch._errors import ConfigError
from kwatch._kubeconfig import KubeConfig
from kwatch._transport import proxy_of

SECRET = "s3cr3t-value"
Config = dict[str, Any]
Fetch = Callable[..., httpx.Response]


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No kubeconfig, no cluster, no proxy and no authority but what a test sets up."""
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name.startswith(("KUBE", "SSL_CERT")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)


def config(server: Any = "https://127.0.0.1:6443", cluster: Any = (), user: Any = ()) -> Config:
    """A kubeconfig with one context ``a``: cluster ``c``, user ``u``."""
    return {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **dict(cluster)}}],
        "users": [{"name": "u", "user": dict(user)}],
    }


def write(folder: Path, content: Config | str | bytes, name: str = "kubeconfig") -> Path:
    """Write a kubeconfig; JSON is YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    text = content if isinstance(content, (str, bytes)) else json.dumps(content)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def refusal(path: Path, context: str | None = None) -> str:
    """What loading says; one line that starts with the file, without a secret anywhere."""
    with pytest.raises(ConfigError) as caught:
        KubeConfig.from_file(path, context)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return message.replace(str(path), "FILE")


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, in one file too."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    path: Path

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, password: str = "") -> bytes:
        encryption = (
            serialization.BestAvailableEncryption(password.encode())
            if password
            else serialization.NoEncryption()
        )
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )


class Pki:
    """Authorities and what they issued. Like those of EKS, they have no key identifiers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root = self._issue("root", authority=True)
        self.other_root = self._issue("other-root", authority=True)
        self.intermediate = self._issue("intermediate", self.root, authority=True)
        self.server = self._issue("server", self.root, names=["127.0.0.1", "::1", "localhost"])
        self.named = self._issue("named", self.root, names=["api.example"])
        self.deep = self._issue("deep", self.intermediate, names=["127.0.0.1"])
        self.client = self._issue("client", self.root)

    def _issue(
        self,
        name: str,
        issuer: Issued | None = None,
        names: list[str] | None = None,
        authority: bool = False,
    ) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            general = [_general_name(text) for text in names]
            builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
        certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
        issued = Issued(certificate, key, self._folder / name)
        issued.path.write_bytes(issued.pem + issued.key_pem())
        return issued


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with what it was sent; ``/stream`` goes on until the server is told to stop."""

    protocol_version = "HTTP/1.1"
    timeout = 10
    server: "Server"

    def do_GET(self) -> None:
        if self.path == "/stream":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"1\r\nx\r\n")
            self.server.stopping.wait(self.timeout)
            self.wfile.write(b"0\r\n\r\n")
            return
        peer: Any = None
        if isinstance(self.connection, ssl.SSLSocket):
            peer = self.connection.getpeercert()
        body = json.dumps(
            {
                "path": self.path,
                "authorization": self.headers.get("Authorization"),
                "user_agent": self.headers["User-Agent"],
                "client": dict(name for [name] in peer["subject"]) if peer else None,
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        """Be a proxy in whose network every name is 127.0.0.1."""
        self.server.tunnels.append(self.path)
        port = int(self.path.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=self.timeout) as upstream:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_pump, args=(upstream, self.connection))
            back.start()
            _pump(self.connection, upstream)
            back.join()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Server(http.server.ThreadingHTTPServer):
    """A real server on a loopback socket, with TLS where it has a certificate."""

    daemon_threads = False
    request_queue_size = 256

    def __init__(self, identity: Issued | None, client_authority: Issued | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stopping = threading.Event()
        self.tunnels: list[str] = []
        self.names: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_port}"
        if identity is None:
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.path)
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        if client_authority:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_authority.path)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what these tests are about."""


@contextmanager
def serve(
    identity: Issued | None = None, client_authority: Issued | None = None
) -> Iterator[Server]:
    with Server(identity, client_authority) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()


async def _async_fetch(loaded: KubeConfig, path: str, options: Config) -> httpx.Response:
    async with loaded.async_client(**options) as client:
        return await client.get(path)


@pytest.fixture(params=["sync", "asyncio", "trio"])
def fetch(request: pytest.FixtureRequest) -> Fetch:
    """GET ``path`` by the client of a configuration, in each of the three ways that there are."""

    def get(loaded: KubeConfig, path: str = "/", **options: Any) -> httpx.Response:
        if request.param == "sync":
            with loaded.client(**options) as client:
                return client.get(path)
        return anyio.run(_async_fetch, loaded, path, options, backend=request.param)

    return get


# Files that are no kubeconfig


def test_a_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone") == "kubeconfig: 'FILE': No such file or directory"


def test_a_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "kubeconfig: 'FILE': Is a directory"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "FILE: expected a YAML mapping, got nothing"),
        ("# nothing\n", "FILE: expected a YAML mapping, got nothing"),
        ("- a\n", "FILE: expected a YAML mapping, got list"),
        (SECRET, "FILE: expected a YAML mapping, got str"),
        (f"a: b\n  c: {SECRET}\n", "FILE: is no YAML: line 2, column 4: mapping values are not"),
        (f"token: !{SECRET}", "FILE: is no YAML: line 1, column 8: could not determine a const"),
        (f"token: *{SECRET}", "FILE: is no YAML: line 1, column 8: found undefined alias '...'"),
        (f"token: [{SECRET}", "FILE: is no YAML: line 1, column "),
        (f"token: !!int {SECRET}", "FILE: is no YAML: ValueError"),
        (f"token: !!timestamp {SECRET}", "FILE: is no YAML: AttributeError"),
        ("expires: 2024-99-99", "FILE: is no YAML: ValueError"),
        ("!!python/object/apply:os.getcwd []", "FILE: is no YAML: line 1, column 1: could not"),
        ("[" * 5000, "FILE: is no YAML: RecursionError"),
        (b"\xff\xfe\xff", "FILE: is no YAML: "),
        (b"a: \xff", "FILE: is no YAML: "),
    ],
)
def test_no_yaml_mapping(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert refusal(write(tmp_path, text)).startswith(message)


# Entries that are not there


def test_no_current_context(tmp_path: Path) -> None:
    path = write(tmp_path, config() | {"current-context": ""})
    assert refusal(path) == "FILE: current-context: is not set"


@pytest.mark.parametrize("context", ["b", ""])
def test_an_unknown_context_and_what_there_is(tmp_path: Path, context: str) -> None:
    path = write(tmp_path, config())
    assert refusal(path, context) == f"FILE: context {context!r}: is not there; there is 'a'"


@pytest.mark.parametrize("kind", ["cluster", "user"])
def test_an_unknown_cluster_or_user(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path, config() | {f"{kind}s": None})
    name = kind[0]
    expected = f"FILE: context 'a': {kind} {name!r}: is not there; there is none"
    assert refusal(path) == expected


@pytest.mark.parametrize("kind", ["context", "cluster", "user"])
def test_a_name_that_is_there_twice(tmp_path: Path, kind: str) -> None:
    content = config()
    content[f"{kind}s"] *= 2
    assert refusal(write(tmp_path, content)).startswith(f"FILE: {kind}s[1]: name: ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"current-context": 5}, "FILE: current-context: expected str, got int"),
        ({"clusters": {}}, "FILE: clusters: expected list, got dict"),
        ({"users": "u"}, "FILE: users: expected list, got str"),
        ({"contexts": [3]}, "FILE: contexts[0]: expected dict, got int"),
        ({"contexts": [{"name": 3}]}, "FILE: contexts[0]: name: expected str, got int"),
        ({"contexts": [{"name": "a", "context": []}]}, "FILE: contexts[0]: context: expected dict"),
        ({"users": [{"name": "u", "user": True}]}, "FILE: users[0]: user: expected dict, got bool"),
    ],
)
def test_a_structure_of_another_type(tmp_path: Path, change: Config, message: str) -> None:
    assert refusal(write(tmp_path, config() | change)).startswith(message)


@pytest.mark.parametrize("value", [5, True, 1.5, [SECRET], {SECRET: SECRET}])
@pytest.mark.parametrize(
    "field",
    ["token", "tokenFile", "client-certificate", "client-certificate-data", "client-key-data"],
)
def test_a_field_of_the_user_of_another_type(tmp_path: Path, field: str, value: Any) -> None:
    path = write(tmp_path, config(user={field: value}))
    assert refusal(path) == f"FILE: user 'u': {field}: expected str, got {type(value).__name__}"


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("certificate-authority", 1, "str"),
        ("certificate-authority-data", 1, "str"),
        ("tls-server-name", 1, "str"),
        ("insecure-skip-tls-verify", "yes", "bool"),
        ("insecure-skip-tls-verify", 1, "bool"),
        ("server", 1, "str"),
    ],
)
def test_a_field_of_the_cluster_of_another_type(
    tmp_path: Path, field: str, value: Any, expected: str
) -> None:
    message = refusal(write(tmp_path, config(cluster={field: value})))
    assert message.startswith(f"FILE: cluster 'c': {field}: expected {expected}, got ")


# Fields that cannot be used


@pytest.mark.parametrize(
    "server",
    [
        *(None, "", "127.0.0.1:6443", "ftp://host", "https://", "https:///path", "http://[::1"),
        *("https://host:port", "https://ho st\n", f"https://u:{SECRET}@host", "https://\ud800"),
        *(f"https://:{SECRET}@h", f"https://host?token={SECRET}", f"https://host#{SECRET}"),
    ],
)
def test_a_server_that_is_no_plain_url(tmp_path: Path, server: str | None) -> None:
    message = refusal(write(tmp_path, config(server)))
    assert message.startswith("FILE: cluster 'c': server: expected http://host or https://host")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("exec", {"command": "aws", "args": [SECRET]}),
        ("auth-provider", {"name": "oidc", "config": {"id-token": SECRET}}),
        ("username", SECRET),
        ("password", SECRET),
        ("as", "root"),
        ("as-uid", "1"),
        ("as-groups", ["system:masters"]),
        ("as-user-extra", {"k": ["v"]}),
    ],
)
def test_a_way_to_authenticate_that_is_not_supported(
    tmp_path: Path, field: str, value: Any
) -> None:
    path = write(tmp_path, config(user={"token": "t", field: value}))
    assert refusal(path) == f"FILE: user 'u': {field}: is not supported"


def test_a_proxy_url_is_not_supported(tmp_path: Path) -> None:
    path = write(tmp_path, config(cluster={"proxy-url": f"http://u:{SECRET}@proxy"}))
    assert refusal(path) == "FILE: cluster 'c': proxy-url: is not supported"


def test_what_another_context_uses_does_not_matter(tmp_path: Path) -> None:
    content = config()
    content["users"].append({"name": "v", "user": {"exec": {"command": "aws"}}})
    assert KubeConfig.from_file(write(tmp_path, content)).context == "a"


def test_empty_fields_are_fields_that_are_not_set(tmp_path: Path) -> None:
    empty: Config = {
        "exec": None,
        "username": "",
        "as-groups": [],
        "token": "",
        "client-key-data": None,
    }
    loaded = KubeConfig.from_file(write(tmp_path, config(user=empty)))
    assert loaded.auth is None


@pytest.mark.parametrize("text", ["%%%", SECRET, "YQ", "YQ==YQ==", "é", "a"])
@pytest.mark.parametrize("field", ["client-certificate-data", "client-key-data"])
def test_bad_base64_of_the_user(tmp_path: Path, field: str, text: str) -> None:
    path = write(tmp_path, config(user={field: text}))
    assert refusal(path) == f"FILE: user 'u': {field}: is not base64"


def test_bad_base64_of_the_cluster(tmp_path: Path) -> None:
    path = write(tmp_path, config(cluster={"certificate-authority-data": "%"}))
    assert refusal(path) == "FILE: cluster 'c': certificate-authority-data: is not base64"


@pytest.mark.parametrize("pem", ["", SECRET, f"-----BEGIN CERTIFICATE-----\n{SECRET}\n"])
def test_bad_pem_of_the_cluster(tmp_path: Path, pem: str) -> None:
    path = write(
        tmp_path, config(cluster={"certificate-authority": write(tmp_path, pem, "ca").name})
    )
    expected = "FILE: cluster 'c': certificate-authority: holds no PEM certificate"
    assert refusal(path).startswith(expected)


@pytest.mark.parametrize("field", ["tokenFile", "client-certificate", "client-key"])
@pytest.mark.parametrize("name", ["gone", "/", "a\0b", "\ud800"])
def test_a_file_of_the_user_that_cannot_be_read(tmp_path: Path, field: str, name: str) -> None:
    path = write(tmp_path, config(user={field: name}))
    assert refusal(path).startswith(f"FILE: user 'u': {field}: {str(tmp_path / name)!r}: ")


def test_an_authority_that_cannot_be_read(tmp_path: Path) -> None:
    path = write(tmp_path, config(cluster={"certificate-authority": "gone"}))
    assert refusal(path).startswith("FILE: cluster 'c': certificate-authority: '")


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


@pytest.mark.parametrize("token", [f"{SECRET}\n", f"{SECRET}é", f"{SECRET}\0"])
def test_a_token_that_no_header_can_hold(tmp_path: Path, token: str) -> None:
    message = refusal(write(tmp_path, config(user={"token": token})))
    assert message.startswith("FILE: user 'u': token: ")
    write(tmp_path, token.replace("\n", "\n!"), "token")
    message = refusal(write(tmp_path, config(user={"tokenFile": "token"})))
    assert message.startswith("FILE: user 'u': tokenFile: ")


@pytest.mark.parametrize("server", ["http://host", "http://10.0.0.1:8080"])
def test_a_token_is_not_sent_over_a_network_in_the_clear(tmp_path: Path, server: str) -> None:
    message = refusal(write(tmp_path, config(server, user={"token": SECRET})))
    assert message == "FILE: user 'u': token: cannot be sent over plain http"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_a_token_may_go_to_this_machine_in_the_clear(tmp_path: Path, host: str) -> None:
    path = write(tmp_path, config(f"http://{host}:8001", user={"token": "t"}))
    assert KubeConfig.from_file(path).auth is not None


# Whatever the file is

FIELDS = (
    "server tls-server-name certificate-authority certificate-authority-data proxy-url token "
    "insecure-skip-tls-verify tokenFile client-certificate client-certificate-data client-key "
    "client-key-data exec username namespace cluster user name"
)
NAMES = st.sampled_from(FIELDS.split())
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.sampled_from(["/", "..", "\0", "a", "c", "u", "YQ==", "-----BEGIN CERTIFICATE-----"])
    | st.from_regex(r"\Ahttps?://[^/]{0,9}(:\d{1,6})?\Z")
)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(NAMES, SCALARS, max_size=2)
ENTRIES = st.dictionaries(NAMES, VALUES, max_size=1)
FIELD_CHANGED = st.builds(config, cluster=ENTRIES, user=ENTRIES)
LISTS = st.lists(VALUES | st.dictionaries(NAMES, ENTRIES, max_size=2), max_size=2)
PART_CHANGED = st.builds(
    lambda part, value: config() | {part: value},
    st.sampled_from(["clusters", "users", "contexts", "current-context"]),
    VALUES | LISTS,
)
fuzz = settings(max_examples=300, deadline=None, derandomize=True, database=None)


def load_or_refuse(folder: Path, content: Config | bytes) -> None:
    path = write(folder, content)
    message = str(path)
    try:
        KubeConfig.from_file(path).client().close()
    except ConfigError as error:
        message = str(error)
    assert "\n" not in message
    assert str(path) in message


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@given(content=FIELD_CHANGED | PART_CHANGED)
@fuzz
def test_any_field_with_any_value_loads_or_is_a_config_error(fuzzed: Path, content: Config) -> None:
    load_or_refuse(fuzzed, content)


@given(content=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode()))
@fuzz
def test_any_bytes_are_a_config_error(fuzzed: Path, content: bytes) -> None:
    load_or_refuse(fuzzed, content)


@given(
    content=st.lists(
        st.sampled_from(
            [
                *("clusters:", "users:", "token: ", "!!", "!!timestamp ", "2024-02-31", "\n", "  "),
                *("&a ", "*a", "<<: ", "=: ", "- ", "{", "}", "[", "]", "'", '"', "|", ">", "---"),
            ]
        )
    )
)
@fuzz
def test_any_pieces_of_yaml_are_a_config_error(fuzzed: Path, content: list[str]) -> None:
    load_or_refuse(fuzzed, "".join(content).encode())


# Where it looks


def test_nothing_anywhere_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        KubeConfig.load()
    message = str(caught.value)
    assert "$KUBECONFIG is not set" in message
    assert str(tmp_path / "home/.kube/config") in message
    assert "not in a cluster: $KUBERNETES_SERVICE_HOST is not set" in message


def test_a_context_needs_a_kubeconfig(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not forgotten on the way to the service account."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(ConfigError, match=r"^context 'prod': there is no kubeconfig"):
        KubeConfig.load(context="prod")


def test_a_kubeconfig_variable_of_missing_files_does_not_fall_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or else a misspelt name would choose another cluster."""
    write(tmp_path / "home/.kube", config(), "config")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/gone{os.pathsep}{tmp_path}/too")
    with pytest.raises(ConfigError, match=r"^\$KUBECONFIG: none of these files exists: '.*gone"):
        KubeConfig.load()


def test_path_wins_over_the_variable_and_that_over_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "home/.kube", config("https://home"), "config")
    assert KubeConfig.load().server == "https://home"
    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "env", config("https://env"))))
    assert KubeConfig.load().server == "https://env"
    assert KubeConfig.load(write(tmp_path, config("https://path"))).server == "https://path"
    assert KubeConfig.load("~/.kube/config").server == "https://home"
    monkeypatch.setenv("KUBECONFIG", "")
    assert KubeConfig.load().server == "https://home"


def test_a_context_by_name(tmp_path: Path) -> None:
    content = config()
    content["contexts"].append({"name": "b", "context": {"cluster": "c"}})
    loaded = KubeConfig.load(write(tmp_path, content), context="b")
    assert (loaded.context, loaded.namespace, loaded.auth) == ("b", "default", None)
    loaded = KubeConfig.load(write(tmp_path, content))
    assert (loaded.context, loaded.namespace) == ("a", "shop")


def test_of_several_files_the_first_wins_entry_by_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = {"users": [{"name": "u", "user": {"tokenFile": "token"}}]}
    two = config("https://two", user={"token": "two"})
    three = config("https://three") | {"current-context": "other"}
    paths = [
        write(tmp_path / "one", one),
        tmp_path / "gone",
        write(tmp_path / "two", two),
        write(tmp_path / "three", three),
    ]
    token = write(tmp_path / "one", "t", "token")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(["", *map(str, paths)]))
    loaded = KubeConfig.load()
    assert (loaded.server, loaded.context) == ("https://two", "a")
    assert repr(loaded.auth) == repr(BearerAuth(path=token))


def test_relative_names_are_relative_to_the_file_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pki: Pki
) -> None:
    write(tmp_path / "kube/pki", pki.root.pem.decode(), "ca.crt")
    write(tmp_path / "kube/pki", "one", "token")
    cluster = {"certificate-authority": "pki/ca.crt"}
    write(tmp_path / "kube", config(cluster=cluster, user={"tokenFile": "pki/token"}), "config")
    monkeypatch.chdir(tmp_path)
    loaded = KubeConfig.from_file("kube/config")
    monkeypatch.chdir("/")
    assert repr(loaded.auth) == repr(BearerAuth(path=tmp_path / "kube/pki/token"))


def test_data_wins_over_files(tmp_path: Path, pki: Pki) -> None:
    cluster = {
        "certificate-authority": "gone",
        "certificate-authority-data": b64(pki.root.pem),
    }
    KubeConfig.from_file(write(tmp_path, config(cluster=cluster)))


def test_base64_may_be_folded(tmp_path: Path, pki: Pki) -> None:
    cluster = {"certificate-authority-data": base64.encodebytes(pki.root.pem).decode()}
    KubeConfig.from_file(write(tmp_path, config(cluster=cluster)))


# In a cluster


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pki: Pki) -> Path:
    """What the kubelet gives a pod."""
    folder = tmp_path / "serviceaccount"
    write(folder, pki.root.pem, "ca.crt")
    write(folder, "one\n", "token")
    write(folder, "shop\n", "namespace")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return folder


@pytest.mark.parametrize("name", ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"])
def test_outside_of_a_cluster(pod: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(ConfigError, match=rf"^not in a cluster: \${name} is not set$"):
        KubeConfig.in_cluster(_folder=pod)


@pytest.mark.parametrize("name", ["token", "ca.crt"])
def test_a_service_account_that_is_not_mounted(pod: Path, name: str) -> None:
    (pod / name).unlink()
    with pytest.raises(ConfigError, match=rf"^service account: .*/{name}': No such file"):
        KubeConfig.in_cluster(_folder=pod)


@pytest.mark.parametrize(
    ("host", "server"),
    [("10.0.0.1", "https://10.0.0.1"), ("fd00::1", "https://[fd00::1]"), ("api", "https://api")],
)
def test_the_service_account(
    pod: Path, monkeypatch: pytest.MonkeyPatch, host: str, server: str
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    loaded = KubeConfig.in_cluster(_folder=pod)
    assert (loaded.server, loaded.namespace, loaded.context) == (f"{server}:6443", "shop", "")
    assert repr(loaded.auth) == repr(BearerAuth(path=pod / "token"))
    assert loaded.ssl_context.cert_store_stats()["x509"] == 1


def test_a_pod_without_a_namespace_file_is_in_the_default_one(pod: Path) -> None:
    (pod / "namespace").unlink()
    assert KubeConfig.in_cluster(_folder=pod).namespace == "default"


def test_load_finds_the_service_account_last(
    pod: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_kubeconfig, "_SERVICE_ACCOUNT", pod)
    assert KubeConfig.load().server == "https://10.0.0.1:443"
    write(tmp_path / "home/.kube", config("https://home"), "config")
    assert KubeConfig.load().server == "https://home"


# Secrets


def test_it_is_frozen(tmp_path: Path) -> None:
    loaded = KubeConfig.from_file(write(tmp_path, config()))
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.server = "https://other"  # type: ignore[misc]


def test_no_secret_is_shown_by_repr_or_log(
    tmp_path: Path, pki: Pki, fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = pki.client.key_pem()
    user = {
        "token": SECRET,
        "client-certificate-data": b64(pki.client.pem),
        "client-key-data": b64(key),
    }
    cluster = {"certificate-authority-data": b64(pki.root.pem)}
    with serve(pki.server) as server:
        loaded = KubeConfig.from_file(write(tmp_path, config(server.url, cluster, user)))
        response = fetch(loaded)
    assert response.json()["authorization"] == f"Bearer {SECRET}"
    shown = f"{loaded!r} {loaded.auth!r} {loaded} {response.request!r} {response.request.headers!r}"
    shown += caplog.text
    for secret in (SECRET, b64(key), key.decode().splitlines()[1]):
        assert secret not in shown


def test_yaml_is_imported_only_to_read_a_kubeconfig() -> None:
    code = "import sys, kwatch._kubeconfig; sys.exit('yaml' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# TLS


def trusting(folder: Path, server: str, authority: Issued, **cluster: Any) -> KubeConfig:
    """The configuration for a server whose certificate ``authority`` has signed."""
    cluster["certificate-authority-data"] = b64(authority.pem)
    return KubeConfig.from_file(write(folder, config(server, cluster)))


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


# Clients


def test_the_token_the_agent_and_a_path_in_the_server_s_url(tmp_path: Path, fetch: Fetch) -> None:
    with serve() as server:
        path = write(tmp_path, config(f"{server.url}/k8s/clusters/c-1", user={"token": "t"}))
        answer = fetch(KubeConfig.from_file(path), "/api/v1/pods").json()
    assert answer["path"] == "/k8s/clusters/c-1/api/v1/pods"
    assert answer["authorization"] == "Bearer t"
    assert answer["user_agent"].startswith("kwatch")


def test_s48_a_token_that_was_replaced_is_read_again(tmp_path: Path, fetch: Fetch) -> None:
    token = write(tmp_path, "one", "token")
    path = write(tmp_path, config(user={"tokenFile": "token"}))
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return httpx.Response(200 if seen[-1] == "Bearer two" else 401)

    loaded = KubeConfig.from_file(path)
    token.write_text("two")
    assert fetch(loaded, transport=httpx.MockTransport(answer)).status_code == 200
    assert seen == ["Bearer one", "Bearer two"]


def test_options_win_over_the_defaults(tmp_path: Path, pki: Pki, fetch: Fetch) -> None:
    with serve(pki.server) as server:
        path = write(tmp_path, config(server.url, user={"token": "t"}))
        loaded = KubeConfig.from_file(path)
        headers = {"user-agent": "mine", "X-Mine": "1"}
        response = fetch(loaded, auth=None, verify=False, headers=headers, timeout=7)
    assert response.json()["authorization"] is None
    assert response.json()["user_agent"] == "mine"
    assert response.request.headers["x-mine"] == "1"
    assert response.request.extensions["timeout"]["read"] == 7


def test_headers_are_added_to_the_default_ones() -> None:
    with KubeConfig("http://localhost").client(headers={"X-Mine": "1"}) as client:
        assert client.headers["user-agent"].startswith("kwatch")
        assert client.headers["x-mine"] == "1"


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        KubeConfig("http://localhost").client(colour="red")


def test_no_timeout_is_endless() -> None:
    with KubeConfig("http://localhost").client() as client:
        assert None not in client.timeout.as_dict().values()


def test_options_are_not_changed() -> None:
    options: Config = {"headers": {"X-Mine": "1"}, "verify": False}
    KubeConfig("http://localhost").client(**options).close()
    assert options == {"headers": {"X-Mine": "1"}, "verify": False}


def _keepalive(response: httpx.Response) -> list[int]:
    """The socket options, as the kernel has them."""
    connected = response.extensions["network_stream"].get_extra_info("socket")
    tcp = [
        connected.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
        for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
        if hasattr(socket, name)
    ]
    return [connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), *tcp]


KEEPALIVE = [1] + [
    value
    for name, value in [("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)]
    if hasattr(socket, name)
]


@pytest.mark.parametrize("tls", [False, True])
def test_the_kernel_looks_for_dead_peers(tmp_path: Path, pki: Pki, tls: bool) -> None:
    with serve(pki.server if tls else None) as server:
        loaded = trusting(tmp_path, server.url, pki.root)
        with loaded.client() as client, client.stream("GET", "/") as response:
            assert _keepalive(response) == KEEPALIVE


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_kernel_looks_for_dead_peers_of_an_async_client(
    tmp_path: Path, pki: Pki, tls: bool, backend: str
) -> None:
    async def options_of(loaded: KubeConfig) -> list[int]:
        async with loaded.async_client() as client, client.stream("GET", "/") as response:
            return _keepalive(response)

    with serve(pki.server if tls else None) as server:
        loaded = trusting(tmp_path, server.url, pki.root)
        assert anyio.run(options_of, loaded, backend=backend) == KEEPALIVE


def test_s70_150_watches_on_one_client() -> None:
    with serve() as server, KubeConfig(server.url).client() as client, ExitStack() as stack:
        for _ in range(150):
            response = stack.enter_context(client.stream("GET", "/stream"))
            assert next(response.iter_raw()) == b"x"
        assert client.get("/").status_code == 200


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_s70_150_watches_on_one_async_client(backend: str) -> None:
    chunks: list[bytes] = []

    async def watch(client: httpx.AsyncClient, server: Server) -> None:
        async with client.stream("GET", "/stream") as response:
            async for chunk in response.aiter_raw():
                chunks.append(chunk)
                if len(chunks) == 150:
                    server.stopping.set()

    async def watch_all(server: Server) -> None:
        loaded = KubeConfig(server.url)
        async with loaded.async_client() as client, anyio.create_task_group() as tasks:
            for _ in range(150):
                tasks.start_soon(watch, client, server)

    with serve() as server:
        anyio.run(watch_all, server, backend=backend)
    assert chunks == [b"x"] * 150


def test_connections_are_used_again_however_many_there_are() -> None:
    """With a bound on idle ones, httpcore closes each after use once there are more than that."""
    with serve() as server, KubeConfig(server.url).client() as client, ExitStack() as stack:
        for _ in range(25):
            stack.enter_context(client.stream("GET", "/stream"))
        ports = set()
        for _ in range(3):
            with client.stream("GET", "/") as response:
                response.read()
                stream = response.extensions["network_stream"]
                ports.add(stream.get_extra_info("client_addr"))
        assert len(ports) == 1


# Proxies


@pytest.mark.parametrize("name", ["api.example", "elsewhere.example"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_the_environment_s_proxy_is_used_and_the_server_verified_through_it(
    tmp_path: Path,
    pki: Pki,
    fetch: Fetch,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    scheme: str,
) -> None:
    with serve() as proxy, serve(pki.named) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}127.0.0.1:{proxy.server_port}")
        address = f"{name}:{server.server_port}"
        server_name = {"tls-server-name": "api.example"} if name != "api.example" else {}
        loaded = trusting(tmp_path, f"https://{address}", pki.root, **server_name)
        assert fetch(loaded).status_code == 200
        assert proxy.tunnels == [address]
        assert server.names == ["api.example"]


def test_a_proxy_option_wins_over_the_environment(
    tmp_path: Path, pki: Pki, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with serve() as proxy, serve(pki.named) as server:
        loaded = trusting(tmp_path, f"https://api.example:{server.server_port}", pki.root)
        assert fetch(loaded, proxy=proxy.url).status_code == 200


def test_no_proxy_is_asked_for_this_machine(
    tmp_path: Path, pki: Pki, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with serve(pki.server) as server:
        assert fetch(trusting(tmp_path, server.url, pki.root)).status_code == 200


@pytest.mark.parametrize(
    ("server", "no_proxy", "proxied"),
    [
        ("https://api.example", "", True),
        ("https://api.example", "other.example,xapi.example", True),
        ("https://api.example", "api.example", False),
        ("https://api.example", "other, EXAMPLE", False),
        ("https://api.example", ".example", False),
        ("https://api.example", "*.example", False),
        ("https://xample", "ample", True),
        ("https://api.example", "*", False),
        ("https://api.example", ",,", True),
        ("https://10.1.2.3:6443", "10.0.0.0/8", False),
        ("https://11.1.2.3:6443", "10.0.0.0/8", True),
        ("https://10.1.2.3", "10.1.2.3", False),
        ("https://[fd00::1]", "fd00::/8", False),
        ("https://[fd00::1]", "10.0.0.0/8", True),
        ("https://localhost", "", False),
        ("https://127.0.0.1", "", False),
        ("https://[::1]:6443", "", False),
        ("http://api.example", "", False),
    ],
)
def test_no_proxy_names_hosts_and_networks(
    monkeypatch: pytest.MonkeyPatch, server: str, no_proxy: str, proxied: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (proxy_of(httpx.URL(server)) is not None) is proxied


def test_the_environment_can_be_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://")
    KubeConfig("https://api.example").client(trust_env=False).close()


@pytest.mark.parametrize("address", [f"gopher://u:{SECRET}@proxy", f"http://u:{SECRET}@proxy:port"])
def test_a_proxy_that_is_none_is_a_config_error(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)
    with pytest.raises(ConfigError, match=r"^\$HTTPS_PROXY: is no URL of a proxy$") as caught:
        KubeConfig("https://api.example").client()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
