"""`kwatch.cli.main` in this process: what it refuses, what it asks, what it prints."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kwatch
from kwatch.cli import main
from kwatch.testing import FakeAPIServer

TOKEN = "s3cr3t-token"
PODS = "/api/v1/pods"
END = {
    "type": "ERROR",
    "object": {"kind": "Status", "status": "Failure", "code": 400, "message": "the end"},
}


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No kubeconfig, no cluster and no proxy but what a test sets up."""
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name.startswith("KUBE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAPIServer]:
    """A server that the kubeconfig leads to, and its context to the namespace ``default``."""
    with FakeAPIServer(token=TOKEN) as server:
        path = tmp_path / "kubeconfig"
        path.write_text(server.kubeconfig())
        monkeypatch.setenv("KUBECONFIG", str(path))
        yield server


class Run:
    """One run of the command, which ends by itself and never tells the token."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *argv: str) -> None:
        try:
            self.status = main(argv)
        except SystemExit as ended:
            self.status = ended.code if isinstance(ended.code, int) else 1
        self.out, self.err = capsys.readouterr()
        assert TOKEN not in self.out + self.err

    @property
    def error(self) -> str:
        """The one line on stderr, of a run that printed nothing."""
        assert self.out == ""
        return self.last_error

    @property
    def last_error(self) -> str:
        """The one line on stderr."""
        assert self.status == 1
        lines = self.err.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("kwatch: ")
        return lines[0].removeprefix("kwatch: ")


def script(server: FakeAPIServer, *documents: Any, path: str = PODS) -> None:
    """Have the next request for a path answered with a watch of these documents."""
    body = "".join(it if isinstance(it, str) else json.dumps(it) + "\n" for it in documents)
    handler = server.http.expect_oneshot_request(path)
    handler.respond_with_data(body, content_type="application/json")


def added(name: str, version: int, **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "resourceVersion": str(version)}
    return {"type": "ADDED", "object": {"metadata": metadata, **fields}}


# What is refused


def test_without_a_resource_the_usage_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys)
    assert run.status == 2
    assert "kwatch: error: RESOURCE is missing" in run.err


@pytest.mark.parametrize(
    "argv",
    [
        ["pods", "-n", "a", "-A"],
        ["pods", "-o", "yaml"],
        ["pods", "--kube", "a"],
        ["--demo", "--kubeconfig", "a"],
        ["--demo", "--context", "a"],
    ],
)
def test_arguments_that_exclude_each_other_or_do_not_exist(
    capsys: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    run = Run(capsys, *argv)
    assert (run.status, run.out) == (2, "")


def test_no_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert Run(capsys, "pods").error.startswith("there is no configuration: $KUBECONFIG")


def test_a_kubeconfig_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(tmp_path / "none")
    assert path in Run(capsys, "pods", "--kubeconfig", path).error


def test_an_unknown_context(capsys: pytest.CaptureFixture[str], server: FakeAPIServer) -> None:
    assert (
        "context 'b': is not there; there is 'fake'" in Run(capsys, "pods", "--context", "b").error
    )


def test_no_server_is_told_with_its_address(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    server.stop()
    error = Run(capsys, "pods").error
    assert error.startswith(f"cannot reach {server.url}/api: ")
    assert error.endswith("refused")


def test_a_server_that_hangs_up_is_told_with_its_address(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    def hang_up(request: Any) -> Any:
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionError

    server.http.expect_request("/api").respond_with_handler(hang_up)
    assert Run(capsys, "pods").error.startswith(f"cannot reach {server.url}/api: ")


def test_a_wrong_token(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, tmp_path: Path
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(path.read_text().replace(TOKEN, "wr0ng-token"))
    error = Run(capsys, "pods").error
    assert "401 Unauthorized" in error
    assert "wr0ng" not in error


def test_an_unknown_kind(capsys: pytest.CaptureFixture[str], server: FakeAPIServer) -> None:
    error = Run(capsys, "podz").error
    assert error == "the server knows no resource 'podz'; did you mean pods?"


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (["pods/log"], "expected a kind such as"),
        (["nodes", "-n", "shop"], "Node is cluster-scoped, but got namespace 'shop'"),
        (["pods", "-n", ""], "expected a namespace such as 'default'"),
        (["pods", "-n", "../nodes"], "expected a namespace such as 'default'"),
        (["pods", "-l", "a=("], "the server answered 400"),
        (["pods", "--field-selector", "spec.a=1"], "the server answered 400"),
        (["pods", "--resource-version", "1"], "the server answered 410"),
    ],
)
def test_what_cannot_be_watched_is_one_line(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, argv: list[str], reason: str
) -> None:
    server.create("Pod", "web")
    server.compact()
    assert reason in Run(capsys, *argv).error


def test_the_words_of_a_server_are_one_harmless_line(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    status = {"kind": "Status", "status": "Failure", "message": "no\nentry\x1b[2J"}
    server.http.expect_request(PODS).respond_with_json(status, 403)
    assert Run(capsys, "pods", "-A").error.endswith(": no entry\\x1b[2J")


# What is asked


@pytest.mark.parametrize(
    ("argv", "path"),
    [
        (["pods"], "/api/v1/namespaces/default/pods"),
        (["po", "-n", "shop"], "/api/v1/namespaces/shop/pods"),
        (["Pod", "-A"], "/api/v1/pods"),
        (["widgets.example.com"], "/apis/example.com/v1/namespaces/default/widgets"),
        (["nodes"], "/api/v1/nodes"),
        (["nodes", "-A"], "/api/v1/nodes"),
    ],
)
def test_the_namespace_is_the_context_s_where_there_can_be_one(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, argv: list[str], path: str
) -> None:
    script(server, END, path=path)
    Run(capsys, *argv, "--resource-version", "1")
    assert server.requests[-1].path == path


def test_selectors_and_the_resource_version_are_sent(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    script(server, END)
    options = ["-l", "app=web,tier in (a, b)", "--field-selector", "status.phase=Running"]
    Run(capsys, "pods", "-A", *options, "--resource-version", "7")
    params = server.requests[-1].params
    assert params["labelSelector"].startswith("app=web,tier in (a")
    assert params["fieldSelector"] == "status.phase=Running"
    assert params["resourceVersion"] == "7"


def test_what_exists_comes_first_unless_it_is_not_wanted(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    """As with ``kubectl get -w``, and its ``--watch-only``."""
    script(server, END)
    Run(capsys, "pods", "-A")
    assert server.requests[-1].params["sendInitialEvents"] == "true"
    server.create("Pod", "web")
    server.http.expect_request(PODS, query_string={"limit": "500"}).respond_with_json(
        {"kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": []}
    )
    script(server, END)
    Run(capsys, "pods", "-A", "--watch-only")
    assert "sendInitialEvents" not in server.requests[-1].params
    assert Run(capsys, "pods", "--watch-only", "--resource-version", "7").status == 2


# What is printed


def test_events_are_printed_before_the_error_that_follows(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    script(server, added("web", 2), END)
    run = Run(capsys, "pods", "-A", "--resource-version", "1")
    assert run.out.endswith("  created   default/web\n")
    assert run.last_error.endswith("the end")


def test_no_object_stops_the_watch(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    """Nested too deep for `json`, and too large for a float."""
    awkward = (
        '{"type":"MODIFIED","object":{"metadata":{"name":"é","resourceVersion":"3"},'
        f'"a":{"[" * 9_000}{"]" * 9_000},"b":1e999}}}}\n'
    )
    script(server, added("a", 2), awkward, added("b", 4), END)
    run = Run(capsys, "pods", "-A", "--resource-version", "1", "-o", "json")
    assert run.last_error.endswith("the end")
    lines = run.out.splitlines()
    assert [json.loads(lines[place])["object"]["metadata"]["name"] for place in (0, 2)] == [
        "a",
        "b",
    ]
    assert lines[1] == awkward.strip().replace("MODIFIED", "modified")


def test_only_verbose_tells_of_reconnects(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    for _ in range(2):
        script(server, added("a", 2))
        server.http.expect_oneshot_request(PODS).respond_with_data("", 503)
        script(server, END)
    argv = ["pods", "-A", "--resource-version", "1"]
    run = Run(capsys, *argv)
    assert run.last_error.endswith("the end")
    run = Run(capsys, *argv, "-v")
    assert "503" in run.err.splitlines()[0]
    assert run.err.splitlines()[-1].endswith("the end")


def test_a_right_that_was_lost_is_a_warning(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    script(server, added("a", 2))
    server.http.expect_oneshot_request(PODS).respond_with_data("", 403)
    script(server, END)
    run = Run(capsys, "pods", "-A", "--resource-version", "1")
    warning, error = run.err.splitlines()
    assert warning.startswith("kwatch: the server answered 403 Forbidden to GET /api/v1/pods?")
    assert "403" in warning
    assert error.endswith("the end")


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, "--version")
    assert (run.status, run.out) == (0, f"kwatch {kwatch.__version__}\n")
    run = Run(capsys, "--help")
    assert run.status == 0
    assert "exit status:" in run.out
