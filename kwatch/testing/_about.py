"""What the server says of itself: its version, its health, its paths."""

from collections.abc import Iterable

from kwatch.testing._call import Call, Reply, text
from kwatch.testing._object import Object
from kwatch.testing._status import method_not_allowed

VERSION: Object = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.0+kwatch",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}
"""The version of Kubernetes that the server behaves as, after the plus sign by whom."""

_HEALTH = ("healthz", "livez", "readyz")


class About:
    """The paths that are about the server and not about objects.

    Args:
        paths: All other paths, for the index at ``/``.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        own = [f"/{name}{check}" for name in _HEALTH for check in ("", "/ping")]
        self._index = {"paths": sorted([*paths, *own, "/version"])}

    def answer(self, call: Call, path: str) -> Reply | None:
        """Answer a request, where there is no such path with the index; None: about objects."""
        if path.startswith(("/api/", "/apis/")):
            return None
        if path == "":
            return Reply(self._index)
        if path == "/version":
            if call.method not in {"GET", "HEAD"}:
                raise method_not_allowed()
            return Reply(VERSION)
        name, _, check = path.removeprefix("/").partition("/")
        if name in _HEALTH and check in ("", "ping"):
            verbose = "verbose" in call.params and not check
            return text(f"[+]ping ok\n{name} check passed\n" if verbose else "ok")
        return Reply(self._index, 404)
