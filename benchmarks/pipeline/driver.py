"""The Spark driver of `benchmarks.pipeline`, which is killed: it obeys the lines of its input.

``start`` starts a query, ``progress`` tells of it, ``stop`` stops it. The answer to each is a line
of JSON, after `ANSWER`.
"""

import json
import sys
from typing import Any, Final

from pyspark.sql import SparkSession
from pyspark.sql.functions import get_json_object
from pyspark.sql.streaming.query import StreamingQuery

from kwatch.spark import KubernetesDataSource

ANSWER: Final = "answer: "

SETTINGS: Final = {
    "spark.master": "local[2]",
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.streaming.minBatchesToRetain": "1000000",  # the offsets tell where gaps are
    "spark.sql.streaming.numRecentProgressUpdates": "1000",
}


def session() -> SparkSession:
    """Start Spark."""
    builder: Any = SparkSession.builder
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    spark: SparkSession = builder.getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    spark.dataSource.register(KubernetesDataSource)
    return spark


def start(
    spark: SparkSession, source: dict[str, str], folder: str, trigger: int, *, every: bool = False
) -> StreamingQuery:
    """Stream changes into Parquet files; tell of every trigger, or not of all that were empty."""
    interval = 0 if every else 10_000
    spark.conf.set("spark.sql.streaming.noDataProgressEventInterval", interval)
    changes = spark.readStream.format("kubernetes").options(**source).load()
    rows = changes.select(
        "cluster",
        "event_type",
        "uid",
        "resource_version",
        get_json_object("object", "$.spec.change").cast("int").alias("number"),
    )
    writer = rows.writeStream.format("parquet").trigger(processingTime=f"{trigger} milliseconds")
    writer = writer.option("checkpointLocation", f"{folder}/checkpoint")
    return writer.start(f"{folder}/rows")


def progress(query: StreamingQuery) -> dict[str, Any]:
    """Tell how a query is, and what its triggers have done."""
    error = query.exception()
    return {
        "error": str(error) if error else "",
        "triggers": [json.loads(progress.json) for progress in query.recentProgress],
    }


def main() -> None:
    """Obey until there is nobody any more who says something."""
    spark, query = session(), None
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        answer: Any = None
        if command == "start":
            query = start(spark, *arguments[:3], every="every" in arguments)
        elif command == "progress" and query is not None:
            answer = progress(query)
        elif query is not None:
            query.stop()
        print(ANSWER + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
