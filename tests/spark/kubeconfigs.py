"""A kubeconfig with several fake servers in it."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from kwatch.testing import FakeAPIServer

TOKEN = "token-that-nobody-may-see"


def write(path: Path, servers: Mapping[str, FakeAPIServer]) -> str:
    """Write one with a context for each server; the first is the current one."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": server.url}} for name, server in servers.items()
        ],
        "users": [{"name": "user", "user": {"token": TOKEN}}],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": "user"}} for name in servers
        ],
        "current-context": next(iter(servers)),
    }
    path.write_text(yaml.safe_dump(config))
    return str(path)
