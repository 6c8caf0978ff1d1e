"""The demonstration: a fake API server in this process, with pods that come and go."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from kwatch import KubeConfig, KwatchError


@contextmanager
def demo() -> Iterator[KubeConfig]:
    """Run the server while the context is open; give the way to it.

    Raises:
        KwatchError: pytest-httpserver is not installed.
    """
    try:
        from kwatch.testing import FakeAPIServer, Life
    except ModuleNotFoundError as error:
        if error.name not in ("pytest_httpserver", "werkzeug"):
            raise
        raise KwatchError("the demo needs more: pip install 'kwatch-stream[demo]'") from error
    with FakeAPIServer() as server:
        with TemporaryDirectory(prefix="kwatch-") as folder:  # mode 0700
            path = Path(folder, "kubeconfig")
            path.write_text(server.kubeconfig(), encoding="utf-8")
            config = KubeConfig.from_file(path)
        with Life(server):
            yield config
