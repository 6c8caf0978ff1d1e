"""`kwatch.cli.main` in this process: what it refuses, what it asks, what it prints."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

import kwatch
from kwatch.testing import FakeAPIServer
from tests.cli.runs import PODS, TOKEN, Run

END = {
    "type": "ERROR",
    "object": {"kind": "Status", "status": "Failure", "code": 400, "message": "the end"},
}


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
    for argv in ([], ["-A"], ["watch"]):
        assert Run(capsys, *argv).wrong_usage.startswith("RESOURCE is missing: a kind such as Pod")


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        (["pods", "-n", "a", "-A"], "-n and -A exclude each other"),
        (
            ["pods", "--watch-only", "--resource-version", "7"],
            "--watch-only and --resource-version",
        ),
        (["pods", "--resource-path", "/api/v1/pods", "a"], "--resource-path stands for RESOURCE"),
        (["--resource-path", "/api/v1/pods", "--api-version", "v1"], "--resource-path says what"),
        (["pods", "-o", "xml"], "Invalid value for '-o' / '--output': 'xml' is not one of 'line'"),
        (["pods", "--table", "-o", "json"], "--table and -o exclude each other"),
        (["pods", "--table"], "--table needs a terminal, and stdout is none"),
        (["pods", "--kube", "a"], "No such option"),
        (["pods", "a", "b"], "Got unexpected extra argument (b)"),
        (["pod/a", "b"], "expected RESOURCE NAME or RESOURCE/NAME, such as pod/web-1"),
        (["pod/"], "expected RESOURCE NAME"),
        (["/a"], "expected RESOURCE NAME"),
        (["pod/a/b"], "expected RESOURCE NAME"),
        (["pods", "--any"], "--any goes with --until"),
        (["pods", "--until", "create", "--watch-only"], "--until looks at all objects that exist"),
        (
            ["pods", "--until", "condition=Ready", "--metadata-only"],
            "--until condition=Ready looks at the status, and --metadata-only leaves that out",
        ),
        (["pods", "--timeout", "0"], "Invalid value for '--timeout': expected a time above 0"),
        (["pods", "--timeout-seconds", "0"], "'--timeout-seconds': expected whole seconds from 1"),
        (["pods", "--backoff", "1,2"], "'--backoff': expected INITIAL,FACTOR,MAXIMUM"),
        (["pods", "--backoff", "9,2,3"], "'--backoff': Backoff.maximum: expected initial or more"),
        (["pods", "--loads", "loads"], "'--loads': expected MODULE.FUNCTION such as orjson.loads"),
        (["pods", "--loads", "nowhere.loads"], "No module named 'nowhere'"),
        (["demo", "--kubeconfig", "a"], "No such option"),
        (["record", "pods"], "Missing option '-f' / '--file'"),
        (["record", "pods", "-f", "a", "--loads", "json.loads"], "No such option"),
        (["replay"], "Missing argument 'FILE'"),
        (["replay", "a", "--speed", "0"], "'--speed': expected a number above 0"),
        (["completion", "tcsh"], "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
    ],
)
def test_wrong_usage_is_told_below_a_line_of_usage(
    capsys: pytest.CaptureFixture[str], argv: list[str], problem: str
) -> None:
    assert problem in Run(capsys, *argv).wrong_usage


def test_what_is_typed_is_told_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\\x1b[2J" in Run(capsys, "pods", "-o", "\x1b[2J\n").wrong_usage


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
        (["pods..log"], "expected a kind such as"),
        (["--resource-path", "pods"], "expected a resource_path such as '/api/v1/pods'"),
        (["--resource-path", "/api/v1/pods", "-n", "a"], "expected {namespace} in resource_path"),
        (["pods", "--api-version", "apps/v9"], "does not serve api_version 'apps/v9'"),
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
    server.http.expect_request(PODS, query_string={"limit": "500"}).respond_with_json(
        {"kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": []}
    )
    script(server, END)
    Run(capsys, "pods", "-A", "--watch-only")
    assert "sendInitialEvents" not in server.requests[-1].params


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


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys, "--version")
    assert (run.status, run.out, run.err) == (0, f"kwatch {kwatch.__version__}\n", "")
