"""Shell completion, by click's protocol and by a real bash; quick and silent whatever happens."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kwatch.cli import main
from kwatch.testing import DEFAULT_RESOURCES, FakeAPIServer, Resource, faults
from tests.cli.runs import PATIENCE

Complete = Callable[..., list[str]]


@pytest.fixture
def complete(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Complete:
    """Gives what can come in place of the last word."""

    def complete(*words: str) -> list[str]:
        monkeypatch.setenv("_KWATCH_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(["kwatch", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        assert main([]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return [line.partition(",")[2] for line in out.splitlines() if line]

    return complete


@pytest.fixture
def full(server: FakeAPIServer) -> FakeAPIServer:
    for name, namespace in (("web-1", "default"), ("web-2", "default"), ("db-0", "shop")):
        server.create("Pod", name, namespace)
    server.create("Node", "node-1")
    return server


# What goes wrong


def test_without_a_configuration_there_are_the_commands(complete: Complete) -> None:
    assert complete("") == ["watch", "record", "replay", "demo", "completion"]
    assert complete("pods", "-n", "") == []
    assert complete("pods", "") == []
    assert complete("pods", "--context", "") == []


def test_without_a_server_there_is_nothing(complete: Complete, server: FakeAPIServer) -> None:
    server.stop()
    assert complete("po") == []
    assert complete("pods", "w") == []


def test_a_server_that_is_silent_is_not_waited_for(
    complete: Complete, server: FakeAPIServer
) -> None:
    server.script(faults.hold_headers(seconds=9), on="any")
    begun = time.monotonic()
    assert complete("po") == []
    assert time.monotonic() - begun < 3


def test_a_server_that_refuses_is_nobodys_trouble(
    complete: Complete, server: FakeAPIServer
) -> None:
    server.http.expect_request("/api/v1/namespaces").respond_with_data("<html>", 403)
    assert complete("pods", "-n", "") == []


def test_arguments_that_are_wrong_so_far(complete: Complete, full: FakeAPIServer) -> None:
    assert complete("pods", "--timeout", "x", "--until", "(", "-o", "js") == ["json"]
    assert complete("pods", "--timeout", "x", "we") == ["web-1", "web-2"]
    assert complete("pods", "--nothing", "we") == []
    assert complete("podz", "we") == []
    assert complete("pods", "web-1", "") == []


# What comes


def test_resources_come_by_their_plurals(complete: Complete, full: FakeAPIServer) -> None:
    assert complete("po") == ["pods"]
    assert complete("watch", "po") == ["pods"]
    assert complete("record", "wid") == ["widgets"]
    assert complete("-A", "no") == ["nodes"]
    assert "pods" in complete("")


def test_resources_of_one_name_come_with_their_group(
    complete: Complete, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = [*DEFAULT_RESOURCES, Resource("metrics.example.com/v1", "PodMetrics", "pods")]
    with FakeAPIServer(resources=resources) as server:
        path = tmp_path / "kubeconfig"
        path.write_text(server.kubeconfig())
        assert complete("--kubeconfig", str(path), "p") == ["pods", "pods.metrics.example.com"]


def test_what_cannot_be_watched_does_not_come(complete: Complete, server: FakeAPIServer) -> None:
    kinds = {"pods": ["list", "watch"], "podtemplates": ["list"]}
    resources = [
        {"resource": name, "responseKind": {"kind": "Any"}, "scope": "Namespaced", "verbs": verbs}
        for name, verbs in kinds.items()
    ]
    versions = [{"version": "v1", "resources": resources}]
    body = {"kind": "APIGroupDiscoveryList", "items": [{"versions": versions}]}
    server.http.expect_request("/api").respond_with_json(body)
    assert complete("pod") == ["pods"]


def test_names_come_from_the_namespace_that_is_meant(
    complete: Complete, full: FakeAPIServer
) -> None:
    assert complete("pods", "") == ["web-1", "web-2"]
    assert complete("po", "-n", "shop", "") == ["db-0"]
    assert complete("po", "-A", "") == ["db-0", "web-1", "web-2"]
    assert complete("nodes", "n") == ["node-1"]
    assert complete("pod/web") == ["pod/web-1", "pod/web-2"]


def test_namespaces(complete: Complete, server: FakeAPIServer) -> None:
    items = [{"metadata": {"name": name}} for name in ("default", "shop", "shelf")]
    server.http.expect_request("/api/v1/namespaces").respond_with_json({"items": items})
    assert complete("pods", "-n", "sh") == ["shelf", "shop"]


def test_contexts(complete: Complete, server: FakeAPIServer, tmp_path: Path) -> None:
    assert complete("pods", "--context", "") == ["fake"]
    other = tmp_path / "other"
    other.write_text("contexts: [{name: test}, {name: prod}]")
    assert complete("pods", "--kubeconfig", str(other), "--context", "") == ["prod", "test"]


def test_formats_and_options(complete: Complete) -> None:
    assert complete("pods", "-o", "") == ["line", "wide", "json", "yaml", "name", "diff"]
    assert complete("pods", "--until-") == []
    assert complete("--unt") == ["--until"]
    assert complete("pods", "--unt") == ["--until"]
    assert "--version" in complete("--")
    assert complete("completion", "") == ["bash", "zsh", "fish"]


# In a shell


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert main(["completion", shell]) == 0
    out, err = capsys.readouterr()
    assert f"_KWATCH_COMPLETE={shell}_complete" in out
    assert err == ""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes(full: FakeAPIServer, environment: dict[str, str], tmp_path: Path) -> None:
    program = tmp_path / "kwatch"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -W error -m kwatch "$@"\n')
    program.chmod(0o700)
    script = (
        'eval "$(kwatch completion bash)"\n'
        "complete -p kwatch\n"
        "COMP_WORDS=(kwatch pods -n default w); COMP_CWORD=4\n"
        "_kwatch_completion kwatch\n"
        'echo "${COMPREPLY[@]}"\n'
    )
    environment["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stderr == ""
    completion, words = done.stdout.splitlines()
    assert "_kwatch_completion kwatch" in completion
    assert words == "web-1 web-2"
