"""The command, as a process of its own, on a real server."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .live import PATIENCE_SECONDS, Box

pytestmark = pytest.mark.e2e


@contextmanager
def command(kubeconfig: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``python -m kwatch``; have it killed in the end."""
    argv = [sys.executable, "-m", "kwatch", "--kubeconfig", kubeconfig, *arguments]
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
        box.create_raw("deep", '{"a":' * 5_000 + "1" + "}" * 5_000)
        lines.append(process.stdout.readline())
        box.delete("a")
        lines.append(process.stdout.readline())
        process.send_signal(number)
        rest, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert json.loads(lines[0]) == {"type": "created", "object": created}
    assert lines[1].count(b'"a":') >= 5_000
    assert json.loads(lines[2])["type"] == "deleted"
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
