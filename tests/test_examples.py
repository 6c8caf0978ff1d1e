"""The example projects, and the README's own test: they pass, are shown as they are, and run."""

import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from kwatch.testing import FakeAPIServer

EXAMPLES = Path(__file__).parents[1] / "examples"
PROJECTS = sorted(path.parent for path in EXAMPLES.glob("*/pyproject.toml"))

projects = pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)


def code_blocks(text: str) -> list[str]:
    """Give the Python code of a README."""
    blocks: list[list[str]] = []
    inside = False
    for line in text.splitlines():
        if line.strip() == ".. code-block:: python":
            inside = True
            blocks.append([])
        elif line and not line.startswith(" "):
            inside = False
        elif inside:
            blocks[-1].append(line)
    return [textwrap.dedent("\n".join(block)).strip() for block in blocks]


@projects
def test_its_tests_pass(project: Path, tmp_path: Path) -> None:
    """In a directory of their own, with nothing but what the project says."""
    place = shutil.copytree(project, tmp_path / project.name)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout


@projects
def test_its_readme_shows_its_tests(project: Path) -> None:
    """What the README has of the tests is what is there."""
    code = "".join(path.read_text() for path in sorted(project.glob("test_*.py")))
    blocks = code_blocks((project / "README.rst").read_text())
    shown = [block for block in blocks if "def test_" in block]
    assert shown
    assert [block for block in shown if block not in code] == []


def test_the_test_of_the_readme_passes(tmp_path: Path) -> None:
    """With the watcher that the README shows before it."""
    blocks = code_blocks((EXAMPLES.parent / "README.rst").read_text())
    parts = [block for block in blocks if "class Names" in block or "def test_" in block]
    watcher, test = (part.partition("\nwith ")[0] for part in parts)
    imports = "import kwatch, logging\nfrom itertools import islice\nfrom kwatch import *\n"
    path = tmp_path / "test_readme.py"
    path.write_text(f"{imports}\nlogger = logging.getLogger()\n{watcher}\n\n{test}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout
    assert "1 passed" in result.stdout


def test_restarts_as_a_program(
    server: FakeAPIServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It finds the cluster as kubectl does, warns, and ends after Ctrl-C."""
    (tmp_path / "config").write_text(server.kubeconfig())
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    server.create("Pod", "web", "shop", status={"containerStatuses": [{"restartCount": 3}]})
    command = [sys.executable, "-m", "restarts", "shop"]
    with subprocess.Popen(
        command, cwd=EXAMPLES / "restarts", stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        too_late = threading.Timer(15, process.kill)
        too_late.start()
        try:
            line = process.stderr.readline()
            process.send_signal(signal.SIGINT)
            _, rest = process.communicate()
        finally:
            too_late.cancel()
            process.kill()
    assert line == "WARNING shop/web has been restarted 3 times\n"
    assert (rest, process.returncode) == ("", 0)
