"""Credentials that run out, are replaced or refused while a server is watched."""

import base64
import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from kwatch import Backoff, Event, KubeConfig, StatusError
from tests.kubeconfigs import config as kubeconfig_of
from tests.kubeconfigs import write
from tests.pki import Pki

from .gate import EXEC_VERSION, Gate, Plugin, runs
from .live import Box, Front, Object, Run, leave

pytestmark = pytest.mark.e2e

SOON = Backoff(initial=0.05, maximum=0.1)
FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
ALL_WIDGETS: Object = {"kind": None, "resource_path": "/apis/example.com/v1/widgets"}


class Account(NamedTuple):
    """The cluster and the user of a context, as its kubeconfig has them."""

    folder: Path
    cluster: Object
    user: Object

    def load(self, **user: object) -> KubeConfig:
        """Load a kubeconfig for this cluster, and a user who is like this."""
        return load(self.folder, self.cluster, user)

    def pem(self, name: str) -> bytes:
        """Give the user's certificate or key."""
        if f"{name}-data" in self.user:
            return base64.b64decode(self.user[f"{name}-data"])
        return Path(self.user[name]).read_bytes()


def load(folder: Path, cluster: Object, user: Object) -> KubeConfig:
    """Load a kubeconfig with this cluster and this user."""
    return KubeConfig.from_file(write(folder, kubeconfig_of(cluster=cluster, user=user)))


def account_of(kubeconfig: str, context: str | None, folder: Path) -> Account:
    """Find a context's cluster and user."""
    path = Path(kubeconfig).expanduser()
    content = yaml.safe_load(path.read_text())

    def entry(kind: str, name: str) -> Object:
        named = {item["name"]: item[kind] for item in content[f"{kind}s"]}
        if name not in named:
            pytest.skip(f"the kubeconfig has no {kind} {name!r}")
        fields: Object = named[name]
        return fields | {file: str(path.parent / fields[file]) for file in FILES if file in fields}

    chosen = entry("context", context or content["current-context"])
    return Account(folder, entry("cluster", chosen["cluster"]), entry("user", chosen["user"]))


@pytest.fixture
def account(kubeconfig: str, tmp_path: Path) -> Account:
    """What the tests log in with."""
    return account_of(kubeconfig, os.environ.get("KWATCH_E2E_CONTEXT"), tmp_path)


@pytest.fixture
def certified(kubeconfig: str, tmp_path: Path) -> Account:
    """An account that has a client certificate."""
    account = account_of(kubeconfig, "certificate", tmp_path)
    if not {"client-certificate", "client-certificate-data"} & account.user.keys():
        pytest.skip("the user of the context 'certificate' has no client certificate")
    return account


@pytest.fixture
def token(account: Account) -> str:
    """A token that the real server accepts."""
    if "token" not in account.user:
        pytest.skip("the user of the context has no token")
    token: str = account.user["token"]
    return token


def plugin_of(gate: Gate, folder: Path, seconds: float) -> tuple[Plugin, KubeConfig]:
    """Give a plugin whose tokens the gate accepts, and the configuration that uses it."""
    plugin = Plugin(folder, gate.ledger, seconds)
    return plugin, load(folder, {"server": gate.url}, plugin.user)


def put(path: Path, content: str | bytes) -> None:
    """Replace a file, as a whole."""
    other = path.with_suffix(".new")
    other.write_bytes(content if isinstance(content, bytes) else content.encode())
    other.replace(path)


def versions(events: list[Event]) -> list[str]:
    return [event.resource_version for event in events]


def create(box: Box, count: int) -> list[str]:
    """Create some objects; give their resource versions."""
    start = time.monotonic_ns()
    objs = [box.create(f"n-{start}-{number}") for number in range(count)]
    return [obj["metadata"]["resourceVersion"] for obj in objs]


def create_for(box: Box, seconds: float) -> list[str]:
    """Go on creating objects; give their resource versions."""
    written: list[str] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        written += create(box, 1)
        time.sleep(0.02)
    return written


def is_refused(run: Run) -> bool:
    """Whether the last error of a watch is that the server does not know who it is."""
    error = run.status.last_error
    return isinstance(error, StatusError) and error.code == httpx.codes.UNAUTHORIZED


def refuse_one(run: Run) -> None:
    """Have the server refuse the next request."""

    def change(request: httpx.Request) -> None:
        request.headers["Authorization"] = "Bearer revoked"
        run.change = leave

    run.change = change


# Tokens in files


def test_a_token_file_that_is_wrong_for_a_while(
    front: Front, box: Box, account: Account, token: str, tmp_path: Path
) -> None:
    """A real server's 401s are retried until the file has a good token; nothing is lost."""
    path = tmp_path / "token"
    put(path, token)
    config = account.load(tokenFile=str(path))
    with Front(front.name, config).start(box=box, backoff=SOON, timeout_seconds=1) as run:
        run.wait_until_open()
        written = create(box, 2)
        run.take(2)
        put(path, "wrong")
        refuse_one(run)
        run.wait_for(lambda: is_refused(run))
        asked = len(run.asked)
        written += create(box, 3)
        run.wait_for(lambda: len(run.asked) > asked + 3)
        assert len(run.events) == 2
        put(path, token)
        run.take(5)
        written += create(box, 2)
        run.take(7, quiet=0.05)
    assert versions(run.events) == written


def test_a_token_file_that_is_replaced(
    front: Front, box: Box, gate: Gate, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A watch whose token was replaced goes on with the new one; no 401 reaches anybody."""
    path = tmp_path / "token"
    put(path, "token-0")
    gate.accept("token-0", 600)
    config = load(tmp_path, {"server": gate.url}, {"tokenFile": str(path)})
    with Front(front.name, config).start(box=box, backoff=SOON) as run:
        run.wait_until_open()
        written = create(box, 2)
        for number in range(3):
            gate.accept(f"token-{number}", 0)
            gate.accept(f"token-{number + 1}", 600)
            put(path, f"token-{number + 1}")
            gate.cut()
            written += create(box, 3)
            run.take(len(written))
        run.take(len(written), quiet=0.05)
    assert versions(run.events) == written
    assert "Unauthorized" not in caplog.text
    assert run.status.connects == 4
    assert gate.codes.count(401) == 3


# Plugins


@contextmanager
def watching(
    fronts: list[Front], config: KubeConfig, box: Box, **options: Any
) -> Iterator[list[Run]]:
    """Watch with all front ends side by side, and with one configuration for all of them."""
    with ExitStack() as stack:
        starts = [Front(front.name, config).start(box=box, **options) for front in fronts]
        runs = [stack.enter_context(start) for start in starts]
        for run in runs:
            run.wait_until_open()
        yield runs


@pytest.mark.parametrize(
    ("lifetime", "seconds"), [(1, 4), pytest.param(5, 60, marks=pytest.mark.slow)]
)
def test_a_plugin_whose_tokens_run_out(
    fronts: list[Front], box: Box, gate: Gate, tmp_path: Path, lifetime: float, seconds: float
) -> None:
    """Threads and both event loops share a plugin; it runs once for each token that runs out.

    Connections of a second go through many of them, and nobody sees one run out.
    """
    plugin, config = plugin_of(gate, tmp_path, lifetime)
    with watching(fronts, config, box, timeout_seconds=1) as runs:
        written = create_for(box, seconds)
        for run in runs:
            run.take(len(written), quiet=0.05)
    for run in runs:
        assert versions(run.events) == written
        assert run.status.connects >= seconds // 1.5
        assert run.status.last_error is None
    assert not plugin.overlapped
    assert all(after.issued >= before.deadline for before, after in pairwise(gate.tokens))
    assert len(gate.tokens) >= seconds // (lifetime + 1)  # a connection outlives its token
    assert gate.codes.count(401) < len(gate.tokens) / 2  # it may run out on the way


def test_a_plugin_whose_tokens_are_refused(
    fronts: list[Front], box: Box, gate: Gate, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A plugin runs once more for a token that should be good, and is not; nobody sees a 401."""
    plugin, config = plugin_of(gate, tmp_path, 600)
    with watching(fronts, config, box, backoff=SOON) as runs:
        written = create(box, 2)
        for _ in range(3):
            gate.accept(gate.tokens[-1].text, 0)
            gate.cut()
            written += create(box, 3)
            for run in runs:
                run.take(len(written))
    for run in runs:
        assert versions(run.events) == written
    assert not plugin.overlapped
    assert len({token.text for token in gate.tokens}) == 4
    assert "Unauthorized" not in caplog.text


def test_a_plugin_that_fails_for_a_while(
    front: Front, box: Box, gate: Gate, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While it fails, the 401s of the token that ran out are retried; then nothing is lost."""
    plugin, config = plugin_of(gate, tmp_path, 0.5)
    with Front(front.name, config).start(box=box, backoff=SOON, timeout_seconds=1) as run:
        run.wait_until_open()
        written = create(box, 2)
        run.take(2)
        plugin.breaks()
        run.wait_for(lambda: is_refused(run))
        written += create(box, 3)
        refused = gate.codes.count(401)
        run.wait_for(lambda: gate.codes.count(401) > refused + 2)
        assert len(run.events) == 2
        plugin.mends()
        run.take(5)
        written += create(box, 2)
        run.take(7, quiet=0.05)
    assert versions(run.events) == written
    assert "exit code 1" in caplog.text
    assert not plugin.overlapped


CERTIFICATES = """\
import sys
from pathlib import Path

first, *others = sorted(Path(sys.argv[1]).iterdir())
print(first.read_text())
if others:
    first.unlink()
"""


def certificate_plugin(folder: Path, *pairs: tuple[bytes, bytes]) -> Object:
    """Give a user whose plugin answers with one certificate and key after the other."""
    script, answers = folder / "certificates.py", folder / "answers"
    script.write_text(CERTIFICATES)
    answers.mkdir()
    for number, (certificate, key) in enumerate(pairs):
        status = {"clientCertificateData": certificate.decode(), "clientKeyData": key.decode()}
        answer = {"apiVersion": EXEC_VERSION, "kind": "ExecCredential", "status": status}
        (answers / str(number)).write_text(json.dumps(answer))
    return runs(script, str(answers))


@pytest.mark.parametrize("stale", [False, True], ids=["good", "refused-at-first"])
def test_a_plugin_that_gives_certificates(
    front: Front, box: Box, certified: Account, tmp_path: Path, stale: bool
) -> None:
    """A plugin's certificate is shown; where the server refuses it, the plugin's next one is."""
    good = certified.pem("client-certificate"), certified.pem("client-key")
    pairs = [good]
    if stale:
        unknown = Pki(tmp_path).client
        pairs.insert(0, (unknown.pem, unknown.key_pem()))
    config = certified.load(**certificate_plugin(tmp_path, *pairs))
    with Front(front.name, config).start(box=box) as run:
        run.wait_until_open()
        written = create(box, 2)
        run.take(2)
    assert versions(run.events) == written


def test_certificate_files_that_are_replaced(
    front: Front, box: Box, certified: Account, tmp_path: Path
) -> None:
    """Where the server refuses a certificate, the files are read again, and it is reconnected."""
    unknown = Pki(tmp_path).client
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    put(certificate, unknown.pem)
    put(key, unknown.key_pem())
    user = {"client-certificate": str(certificate), "client-key": str(key)}
    config = certified.load(**user)
    put(certificate, certified.pem("client-certificate"))
    put(key, certified.pem("client-key"))
    with Front(front.name, config).start(box=box) as run:
        run.wait_until_open()
        written = create(box, 2)
        run.take(2)
    assert versions(run.events) == written


# Impersonation


@pytest.mark.real_only("the fake server has no rights")
def test_impersonating_one_who_has_no_rights(front: Front, box: Box, account: Account) -> None:
    """The server judges whom one stands for, and says at once what that one may not do."""
    config = account.load(**account.user, **{"as": "somebody"})
    error = Front(front.name, config).fails(**ALL_WIDGETS)
    assert isinstance(error, StatusError)
    assert (error.code, error.reason) == (403, "Forbidden")
    assert '"somebody"' in error.message
    assert "widgets" in error.message


@pytest.mark.real_only("the fake server has no rights")
def test_impersonating_an_administrator(front: Front, box: Box, account: Account) -> None:
    """One who may impersonate gets the rights of the groups, whatever else is told of whom."""
    whom = {
        "as": "somebody",
        "as-uid": "1-2-3",
        "as-groups": ["nobodies", "system:masters"],
        "as-user-extra": {"example.com/Why": ["for a test", "100 %"]},
    }
    config = account.load(**account.user, **whom)
    with Front(front.name, config).start(box=box) as run:
        run.wait_until_open()
        written = create(box, 2)
        run.take(2)
    assert versions(run.events) == written
