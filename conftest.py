"""Runs the code blocks of README.rst, and gives them and the doctests a cluster."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.rest import PythonCodeBlockParser

from kwatch.testing import FakeAPIServer, Life


@pytest.fixture(scope="module")
def readme_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Make ``KubeConfig.load()`` find a server whose pods live and die quickly."""
    folder: Path = tmp_path_factory.mktemp("kube")
    with FakeAPIServer() as server, pytest.MonkeyPatch.context() as patch:
        (folder / "config").write_text(server.kubeconfig())
        patch.setenv("KUBECONFIG", str(folder / "config"))
        with Life(server, interval=0.01, random=random.Random(1)):  # noqa: S311 - no secret
            yield


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser()], pattern="README.rst", fixtures=["readme_cluster"]
).pytest()
