"""Watch Kubernetes as a Spark stream: the data source ``kubernetes``.

It needs the extra ``kwatch-stream[spark]``, Spark 4.0 or later, and kwatch where the executors run.
"""

from kwatch.spark._source import KubernetesDataSource

__all__ = ["KubernetesDataSource"]
