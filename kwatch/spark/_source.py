"""`KubernetesDataSource`: what Spark knows of kwatch."""

from collections.abc import Iterator, Sequence
from typing import Any

from pyspark.sql.datasource import (
    DataSource,
    DataSourceReader,
    DataSourceStreamReader,
    InputPartition,
)
from pyspark.sql.types import StructType

from kwatch.spark._cluster import Cluster
from kwatch.spark._offsets import Json
from kwatch.spark._options import Options
from kwatch.spark._part import Part
from kwatch.spark._partition import Partition
from kwatch.spark._reading import PATIENCE_SECONDS, Reading
from kwatch.spark._rows import SCHEMA, Row, check_schema
from kwatch.spark._stream import Stream


class KubernetesDataSource(DataSource):
    """Kubernetes objects, as a stream of their changes, or as a table of what exists.

    ::

        spark.dataSource.register(KubernetesDataSource)
        changes = spark.readStream.format("kubernetes").option("kind", "Pod").load()
        pods = spark.read.format("kubernetes").option("kind", "Pod").load()

    A row has the columns ``cluster``, ``event_type``, ``namespace``, ``name``, ``uid``,
    ``resource_version``, ``observed_at`` and ``object``, which is JSON. Of a stream, each change
    is in one batch, and a batch that is read again is the same. Events that the server has
    forgotten are told by a row ``gap``, after which what exists comes as ``snapshot``.

    kwatch, the kubeconfig and the files that it names must be there where the executors run: no
    credential is sent to them.

    Options: ``kind``, ``api_version``, ``resource_path``, ``label_selector``, ``field_selector``
    and ``metadata_only`` as in `kwatch.watch`; ``namespaces`` and ``contexts``, with commas
    between them; ``kubeconfig``, a path; ``shards``, in how many parts to read each namespace;
    ``send_initial_events``, whether a stream begins with what exists; ``on_gap``, ``snapshot`` or
    ``fail``.

    >>> KubernetesDataSource({"kind": "Pod", "shards": "0"}).schema()
    Traceback (most recent call last):
    ValueError: option 'shards': expected a whole number from 1 to 1000, got '0'
    """

    @classmethod
    def name(cls) -> str:
        """Give the name for ``format``."""
        return "kubernetes"

    def schema(self) -> StructType:
        """Give the columns.

        Raises:
            ValueError: An option cannot be right.
        """
        Options.of(self.options)
        return SCHEMA

    def reader(self, schema: StructType) -> "KubernetesReader":
        """Make what reads the objects that exist.

        Raises:
            ValueError: An option or the schema cannot be right.
        """
        check_schema(schema)
        return KubernetesReader(Options.of(self.options))

    def streamReader(self, schema: StructType) -> "KubernetesStreamReader":  # noqa: N802
        """Make what reads the changes.

        Raises:
            ValueError: An option or the schema cannot be right.
        """
        check_schema(schema)
        return KubernetesStreamReader(Options.of(self.options))


class KubernetesReader(DataSourceReader):
    """Reads what exists now, each object as a row ``created``.

    Args:
        options: What the query was told.
    """

    def __init__(self, options: Options) -> None:
        self._options = options

    def partitions(self) -> Sequence[Partition]:
        """Give one for each shard of each namespace of each cluster."""
        options = self._options
        return [
            Partition(cluster, Part(cluster.name, namespace, index, options.shards))
            for cluster in Cluster.each(options)
            for namespace in options.namespaces
            for index in range(options.shards)
        ]

    def read(self, partition: InputPartition) -> Iterator[Row]:
        """Give the rows of a partition; a failure is raised at once."""
        assert isinstance(partition, Partition)  # noqa: S101 - `partitions` has made it
        return Reading(self._options, partition, 0.0).existing()


class KubernetesStreamReader(DataSourceStreamReader):
    """Reads changes, in batches whose ends the driver sees.

    Args:
        options: What the query was told.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._stream: Stream | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._options,)

    def initialOffset(self) -> Json:  # noqa: N802
        """Give where a new query begins: with what exists, or now."""
        return self._driver().initial()

    def latestOffset(self) -> Json:  # type: ignore[override]  # noqa: N802
        """Give up to where there is something to read."""
        return self._driver().latest()

    def partitions(self, start: dict[str, Any], end: dict[str, Any]) -> Sequence[Partition]:
        """Give what is to be read of a batch; nothing of what is known to be quiet."""
        return self._driver().partitions(start, end)

    def read(self, partition: InputPartition) -> Iterator[Row]:
        """Give the rows of a partition."""
        assert isinstance(partition, Partition)  # noqa: S101 - `partitions` has made it
        return Reading(self._options, partition, PATIENCE_SECONDS).batch()

    def stop(self) -> None:
        """End what runs in the driver."""
        if self._stream is not None:
            self._stream.stop()

    def _driver(self) -> Stream:
        if self._stream is None:
            self._stream = Stream(self._options)
        return self._stream
