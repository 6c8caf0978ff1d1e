"""`Partition`: what one task is to read, as it goes over the wire."""

from dataclasses import dataclass

from pyspark.sql.datasource import InputPartition

from kwatch.spark._cluster import Cluster
from kwatch.spark._part import Part


@dataclass(frozen=True)
class Partition(InputPartition):
    """What one task is to read; it finds the credential on its own machine.

    Attributes:
        cluster: Where.
        part: What.
        start: The resource version after which to begin; ``""``: with what exists.
        end: The last one that belongs to the batch; ``""``: all that exists.
        ends_with_event: Whether an event has that version, which shows the end when it comes.
        path: The path of the resource, where the driver knows it.
    """

    cluster: Cluster
    part: Part
    start: str = ""
    end: str = ""
    ends_with_event: bool = False
    path: str | None = None
