"""`Cluster`: one of the clusters that a query reads, by the name of its context."""

from dataclasses import dataclass
from typing import Final

import httpx

from kwatch._kubeconfig import KubeConfig
from kwatch.spark._options import Options

IN_CLUSTER: Final = "in-cluster"
"""What the cluster is called that a pod runs in, where there is no kubeconfig."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where a cluster is found, on whatever machine: a path and a name, and no credential.

    Attributes:
        name: What it is called in rows and offsets.
        context: The context of the kubeconfig; None where there is none.
        kubeconfig: The path of the kubeconfig; None: see `kwatch.KubeConfig.load`.
    """

    name: str
    context: str | None = None
    kubeconfig: str | None = None

    @classmethod
    def each(cls, options: Options) -> "tuple[Cluster, ...]":
        """Give those that a query reads.

        Raises:
            ConfigError: No context was named, and there is no current one that can be used.
        """
        path = options.kubeconfig
        if options.contexts:
            return tuple(cls(context, context, path) for context in options.contexts)
        context = KubeConfig.load(path).context
        return (cls(context or IN_CLUSTER, context or None, path),)

    def client(self) -> httpx.Client:
        """Make a client, with the credential that this machine has; close it when done.

        Raises:
            ConfigError: The kubeconfig cannot be used.
        """
        return KubeConfig.load(self.kubeconfig, self.context).client()
