"""The kubeconfig that leads to a server."""

import yaml


def kubeconfig(url: str, token: str | None) -> str:
    """Its text: one context, in the namespace ``default``, and a user with a token."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "fake", "cluster": {"server": url}}],
        "users": [{"name": "fake", "user": {"token": token or "fake"}}],
        "contexts": [
            {"name": "fake", "context": {"cluster": "fake", "user": "fake", "namespace": "default"}}
        ],
        "current-context": "fake",
    }
    return yaml.safe_dump(config, sort_keys=False)
