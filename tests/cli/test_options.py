"""The options of the command: none of `watch` is forgotten, and each is handed on."""

import inspect
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

import kwatch
from kwatch import Backoff
from kwatch.cli import _selection
from kwatch.cli._command import cli as command
from kwatch.testing import FakeAPIServer
from tests.cli.runs import Run

SPELT_OTHERWISE = {"send_initial_events": "watch_only", "stop_event": "timeout"}
OF_THE_COMMAND_ITSELF = {"client", "status"}


def params(name: str) -> set[str]:
    return {param.name or "" for param in command.commands[name].params}


@pytest.mark.parametrize("name", ["watch", "demo", "record"])
def test_each_parameter_of_watch_has_an_option(name: str) -> None:
    expected = {
        SPELT_OTHERWISE.get(parameter, parameter)
        for parameter in inspect.signature(kwatch.watch).parameters
        if parameter not in OF_THE_COMMAND_ITSELF
    }
    if name == "record":
        expected -= {"loads", "allow_bookmarks"}  # it decodes and keeps all by itself
    assert expected <= params(name)


@pytest.mark.parametrize("name", ["watch", "demo", "record", "replay"])
def test_each_option_has_a_help(name: str) -> None:
    for param in command.commands[name].params:
        record = param.get_help_record(command.make_context("kwatch", [], resilient_parsing=True))
        assert param.param_type_name == "argument" or (record and ". " in f"{record[1]} ")


def test_what_watch_is_handed(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All the options at once, as `watch` gets them."""
    handed: dict[str, Any] = {}

    def watch(_: httpx.Client, **options: Any) -> Generator[kwatch.Event, None, None]:
        handed.update(options)
        yield from ()

    monkeypatch.setattr(_selection, "watch", watch)
    argv = "wd w1 -n shop -n shop -l a=b --field-selector c=d --api-version example.com/v1"
    argv += " --metadata-only --subresource scale --loads json.loads --timeout-seconds 300"
    argv += " --backoff 1,2,3 --resource-version 7 --shard 1/4"
    assert Run(capsys, *argv.split()).status == 0
    del handed["status"], handed["stop_event"]
    assert handed.pop("loads") is json.loads
    assert handed == {
        "resource_path": "/apis/example.com/v1/namespaces/{namespace}/widgets",
        "namespace": "shop",
        "name": "w1",
        "label_selector": "a=b",
        "field_selector": "c=d",
        "resource_version": "7",
        "send_initial_events": False,
        "allow_bookmarks": True,
        "metadata_only": True,
        "subresource": "scale",
        "shard": (1, 4),
        "timeout_seconds": 300,
        "backoff": Backoff(1, 2, 3),
    }


@pytest.mark.parametrize(
    ("argv", "path", "selector"),
    [
        (["pod/web"], "/api/v1/namespaces/default/pods", "metadata.name=web"),
        (["pods", "web"], "/api/v1/namespaces/default/pods", "metadata.name=web"),
        (["watch", "po", "web"], "/api/v1/namespaces/default/pods", "metadata.name=web"),
        (["-A", "pods"], "/api/v1/pods", None),
        (["--resource-path", "/api/v1/pods"], "/api/v1/pods", None),
        (["--resource-path", "/api/v1/pods", "web"], "/api/v1/pods", "metadata.name=web"),
        (
            ["--resource-path", "/api/v1/namespaces/{namespace}/pods"],
            "/api/v1/namespaces/default/pods",
            None,
        ),
        (["--resource-path", "/api/v1/namespaces/{namespace}/pods", "-A"], "/api/v1/pods", None),
        (["pods", "-n", "shop", "-n", "shop"], "/api/v1/namespaces/shop/pods", None),
    ],
)
def test_what_is_asked(
    capsys: pytest.CaptureFixture[str],
    server: FakeAPIServer,
    argv: list[str],
    path: str,
    selector: str | None,
) -> None:
    assert Run(capsys, *argv, "--timeout", "0.2").status == 0
    request = server.requests[-1]
    assert (request.path, request.params.get("fieldSelector")) == (path, selector)


def test_a_path_needs_no_discovery(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    Run(capsys, "--resource-path", "/api/v1/pods", "--timeout", "0.2")
    assert {request.path for request in server.requests} == {"/api/v1/pods"}


def test_a_resource_that_is_called_like_a_command(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    error = Run(capsys, "watch", "record").error
    assert error == "the server knows no resource 'record'"


def test_metadata_alone_keeps_its_name(
    capsys: pytest.CaptureFixture[str], server: FakeAPIServer
) -> None:
    server.create("Widget", "w1")
    run = Run(capsys, "wd", "--metadata-only", "-o", "name", "--until", "create")
    assert run.out == "widget.example.com/w1\n"


def test_a_kubeconfig_by_its_name(
    capsys: pytest.CaptureFixture[str],
    server: FakeAPIServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("KUBECONFIG")
    server.create("Pod", "a")
    argv = ["--kubeconfig", str(tmp_path / "kubeconfig"), "--context", "fake", "-o", "name"]
    assert Run(capsys, "pods", "--until", "create", *argv).out == "pod/a\n"
