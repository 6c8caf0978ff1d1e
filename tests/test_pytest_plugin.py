"""The pytest plugin: what its fixtures give, and what it costs those who use none of them.

The plugin is loaded in this run too. What ends only after a test is seen in runs of their own, in
other processes: what such a run imports would else be imported twice in this one.
"""

from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

import kwatch
from kwatch.testing import FakeAPIServer, Resource

pytest_plugins = ["pytester"]

DEPLOYMENTS = Resource("apps/v1", "Deployment", "deployments")
PODS = "/api/v1/pods"


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run the tests that are in the directory; warnings are errors."""
    strict = ("-W", "error", "-p", "no:cacheprovider")
    return pytester.runpytest_subprocess(*strict, *arguments)


def test_a_test_of_five_lines(kwatch_server: FakeAPIServer, kwatch_client: httpx.Client) -> None:
    """A server that is started, and a client that leads to it."""
    kwatch_server.create("Pod", "web-1")
    events = kwatch.watch(kwatch_client, "Pod", send_initial_events=True)
    event_type, pod = next(events)
    assert (event_type, pod["metadata"]["name"]) == ("created", "web-1")


def test_a_program_that_reads_a_kubeconfig(
    kwatch_server: FakeAPIServer,
    kwatch_kubeconfig: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There is a file, which is not in the directory of the test."""
    monkeypatch.setenv("KUBECONFIG", str(kwatch_kubeconfig))
    config = kwatch.KubeConfig.load()
    assert (config.server, config.namespace) == (kwatch_server.url, "default")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_async_client_in_any_event_loop(kwatch_config: kwatch.KubeConfig, backend: str) -> None:
    """It is opened and closed by the test, in the test's own loop."""

    async def get() -> int:
        async with kwatch_config.async_client() as client:
            return (await client.get(PODS)).status_code

    assert anyio.run(get, backend=backend) == 200


class TestOptions:
    """A conftest, a module or a class says how the server is to be."""

    @pytest.fixture
    def kwatch_server_options(self) -> dict[str, Any]:
        return {"resources": [DEPLOYMENTS], "token": "secret"}

    def test_what_is_served(
        self, kwatch_server: FakeAPIServer, kwatch_client: httpx.Client
    ) -> None:
        kwatch_server.create("Deployment", "web")
        assert kwatch_client.get("/apis/apps/v1/deployments").json()["items"]
        assert kwatch_client.get(PODS).status_code == 404

    def test_the_client_has_the_token(
        self, kwatch_server: FakeAPIServer, kwatch_client: httpx.Client
    ) -> None:
        assert httpx.get(f"{kwatch_server.url}/apis").status_code == 401
        assert kwatch_client.get("/apis").status_code == 200


def test_each_test_has_a_server_of_its_own(pytester: pytest.Pytester) -> None:
    """In the end it is stopped and the client is closed, also when the test has failed."""
    pytester.makepyfile(
        """
        import httpx, pytest

        seen = []

        def test_one(kwatch_server, kwatch_client):
            kwatch_server.create("Pod", "web-1")
            assert kwatch_client.get("/api/v1/pods").json()["items"]
            seen.extend([kwatch_server, kwatch_client])
            raise LookupError("broken")

        def test_other(kwatch_server, kwatch_client):
            server, client = seen
            assert client.is_closed
            with pytest.raises(httpx.ConnectError):
                httpx.get(server.url)
            assert kwatch_client.get("/api/v1/pods").json()["items"] == []
        """
    )
    result = run(pytester)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines("*LookupError: broken")


def test_without_the_extra(pytester: pytest.Pytester) -> None:
    """Tests that need no server run; those that do fail with one line that says what to install."""
    pytester.makeconftest(
        "import sys; sys.modules['pytest_httpserver'] = sys.modules['werkzeug'] = None"
    )
    pytester.makepyfile("def test_without(): pass\ndef test_with(kwatch_client): pass")
    result = run(pytester, "-p", "no:pytest_httpserver")
    result.assert_outcomes(passed=1, errors=1)
    line = "kwatch_server needs pytest-httpserver: pip install 'kwatch-stream[[]testing]'"
    result.stdout.fnmatch_lines(["*ERROR at setup of test_with*", line])
    result.stdout.no_fnmatch_line("*No module named*")
    result.stdout.no_fnmatch_line("*_pytest_plugin.py:*")


def test_a_module_that_is_missing_for_another_reason(pytester: pytest.Pytester) -> None:
    """It is not blamed on the extra."""
    pytester.makeconftest("import sys; sys.modules['yaml'] = None")
    pytester.makepyfile("def test_with(kwatch_server): pass")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("E*ModuleNotFoundError*yaml*")
    result.stdout.no_fnmatch_line("*pip install*")


def test_nothing_heavy_is_imported(pytester: pytest.Pytester) -> None:
    """Where no fixture is used, neither the server nor what it needs is."""
    pytester.makepyfile(
        """
        import sys

        def test_modules():
            assert "kwatch._pytest_plugin" in sys.modules
            assert not {"kwatch.testing", "kwatch.cli", "werkzeug", "yaml"} & set(sys.modules)
        """
    )
    result = run(pytester, "-p", "no:pytest_httpserver")
    result.assert_outcomes(passed=1)


def test_the_fixtures_are_described(pytester: pytest.Pytester) -> None:
    """``pytest --fixtures`` says what there is."""
    output = run(pytester, "--fixtures").stdout
    names = ("kwatch_server_options", "kwatch_server", "kwatch_kubeconfig", "kwatch_config")
    output.fnmatch_lines([f"{name} -- *" for name in (*names, "kwatch_client")])
