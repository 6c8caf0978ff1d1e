"""The command, as a process of its own, on a real server."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

import kwatch

from .live import PATIENCE_SECONDS, Box, wait_for

pytestmark = pytest.mark.e2e


@contextmanager
def command(kubeconfig: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``python -m kwatch``; have it killed in the end."""
    argv = [sys.executable, "-m", "kwatch", *arguments]
    if arguments[0] != "replay":
        argv += ["--kubeconfig", kubeconfig]
        if context := os.environ.get("KWATCH_E2E_CONTEXT"):
            argv += ["--context", context]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_json_lines_until_a_signal(kubeconfig: str, box: Box, number: int, code: int) -> None:
    """Each change is one line of JSON at once; a signal ends it quietly."""
    begin = ("-A", "-o", "json", "-l", box.selector, "--resource-version", box.version())
    with command(kubeconfig, "widgets", *begin) as process:
        assert process.stdout is not None
        created = box.create("a", {"text": "a\u2028\u0085b\n"})
        lines = [process.stdout.readline()]
        box.delete("a")
        lines.append(process.stdout.readline())
        process.send_signal(number)
        rest, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert json.loads(lines[0]) == {"type": "created", "object": created}
    assert json.loads(lines[1])["type"] == "deleted"
    assert (rest, errors, process.returncode) == (b"", b"", code)


def test_lines_for_people(kubeconfig: str, box: Box) -> None:
    """Without ``-o json`` a line names what happened and the object."""
    arguments = ("-n", box.namespace, "-l", box.selector, "--resource-version", box.version())
    with command(kubeconfig, "wd", *arguments) as process:
        assert process.stdout is not None
        box.create("a")
        line = process.stdout.readline().decode()
    assert "created" in line
    assert box.name("a") in line


def test_unknown_kind(kubeconfig: str, box: Box) -> None:
    """An error is one line that helps, without a traceback, and exit status 1."""
    with command(kubeconfig, "wigdets", "-A") as process:
        output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert (output, process.returncode) == (b"", 1)
    assert len(errors.decode().splitlines()) == 1
    assert b"widget" in errors.lower()


def run(kubeconfig: str, *arguments: str) -> tuple[int, str, str]:
    """Run the command to its end; give its status and what it printed."""
    with command(kubeconfig, *arguments) as process:
        output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, output.decode(), errors.decode()


def of(box: Box) -> tuple[str, ...]:
    """Select the widgets of a test."""
    return ("widgets", "-n", box.namespace, "-l", box.selector)


def condition(box: Box, api: httpx.Client, name: str, status: str) -> None:
    """Have a controller's condition say something of a widget."""
    path = f"/apis/example.com/v1/namespaces/{box.namespace}/widgets/{box.name(name)}/status"
    patch = {"status": {"conditions": [{"type": "Ready", "status": status}]}}
    headers = {"Content-Type": "application/merge-patch+json"}
    api.patch(path, json=patch, headers=headers).raise_for_status()


def test_until_every_object_is_ready(kubeconfig: str, box: Box, api: httpx.Client) -> None:
    """It ends with 0 as soon as the last object is, and has printed all that led there."""
    box.create("a")
    box.create("b")
    condition(box, api, "a", "True")
    with command(kubeconfig, *of(box), "--until", "condition=ready", "-o", "name") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        condition(box, api, "b", "False")
        condition(box, api, "b", "True")
        rest, errors = process.communicate(timeout=PATIENCE_SECONDS)
    names = [f"widget.example.com/{box.name(name)}\n".encode() for name in "ab"]
    assert (sorted(lines), rest, errors, process.returncode) == (names, names[1] * 2, b"", 0)


def test_a_timeout_before_that(kubeconfig: str, box: Box) -> None:
    """It ends with 1, and tells how far it came."""
    box.create("a", {"phase": "Running"})
    box.create("b", {"phase": "Pending"})
    until = ("--until", "spec.phase == 'Running'", "--timeout", "2s", "-o", "name")
    code, _, errors = run(kubeconfig, *of(box), *until)
    name = f"{box.namespace}/{box.name('b')}"
    expected = f"1 of 2 objects meet it; {name} does not"
    assert (code, errors.splitlines()) == (
        1,
        [f"kwatch: timed out after 2 s: --until spec.phase == 'Running': {expected}"],
    )


def test_until_they_are_gone(kubeconfig: str, box: Box) -> None:
    """``delete`` is met when the last one is."""
    assert run(kubeconfig, *of(box), "--until", "delete") == (0, "", "")
    box.create("a")
    with command(kubeconfig, *of(box), "--until", "delete", "-o", "name") as process:
        assert process.stdout is not None
        process.stdout.readline()
        box.delete("a")
        process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0


@pytest.mark.real_only("kubectl shows no token to a server without TLS")
def test_names_are_those_of_kubectl(kubeconfig: str, box: Box) -> None:
    """What ``-o name`` prints can be handed to kubectl, as what that prints can."""
    kubectl = os.environ.get("KWATCH_E2E_KUBECTL") or shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("there is no kubectl")
    for name in ("a", "b"):
        box.create(name)
    namespace, selector = ("-n", box.namespace), ("-l", box.selector)
    argv = [kubectl, "--kubeconfig", kubeconfig, "get", "widgets", *namespace, *selector]
    listed = subprocess.run(
        [*argv, "-o", "name"], capture_output=True, text=True, timeout=60, check=True
    )
    for options in ((), ("--metadata-only",)):
        _, output, _ = run(kubeconfig, *of(box), *options, "-o", "name", "--timeout", "2")
        assert sorted(output.splitlines()) == sorted(listed.stdout.splitlines())


def test_yaml_documents(kubeconfig: str, box: Box) -> None:
    """Each event is a document."""
    created = [box.create("a", {"text": "é\u2028\x85: yes"}), box.create("b", {"text": "---\n"})]
    code, output, _ = run(kubeconfig, *of(box), "-o", "yaml", "--timeout", "2")
    documents = sorted(yaml.safe_load_all(output), key=lambda it: it["object"]["metadata"]["name"])
    assert (code, documents) == (0, [{"type": "created", "object": obj} for obj in created])


@pytest.mark.real_only("the fake server keeps dicts, which Python nests less deep")
@pytest.mark.parametrize("output", ["json", "yaml", "diff", "wide"])
def test_an_object_that_is_nested_deep(kubeconfig: str, box: Box, output: str) -> None:
    """It is printed all the same, in any format."""
    box.create_raw("deep", '{"a":' * 5_000 + "1" + "}" * 5_000)
    code, printed, errors = run(kubeconfig, *of(box), "-o", output, "--timeout", "2")
    assert (code, errors) == (0, "")
    assert box.name("deep") in printed
    assert output in ("diff", "wide") or printed.count('"a":') >= 5_000


def recorded(path: Path) -> int:
    """Give how many events are in a recording that is being written."""
    try:
        return len(list(kwatch.replay(path)))
    except (FileNotFoundError, kwatch.DecodeError):  # its header is not there yet, or not whole
        return 0


def test_what_was_recorded_is_replayed(kubeconfig: str, box: Box, tmp_path: Path) -> None:
    """A recording gives what the same watch would have printed."""
    path = tmp_path / "widgets.kwatch"
    box.create("a")
    begin = (*of(box), "-f", str(path))
    with command(kubeconfig, "record", *begin, "--until", "spec.phase == 'Done'") as process:
        wait_for(lambda: recorded(path) == 1)
        done = box.patch("a", {"spec": {"phase": "Done"}})
        _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert errors.decode().endswith(f"frames of widgets.example.com are in {path}\n")
    code, output, _ = run(kubeconfig, "replay", str(path), "-o", "json")
    lines = [json.loads(line) for line in output.splitlines()]
    assert (code, [line["type"] for line in lines]) == (0, ["created", "modified"])
    assert lines[1]["object"] == done
