"""Counts pods by cluster, namespace, minute and phase, into Parquet.

``python -m pod_phases --contexts east,west --output phases --checkpoint checkpoint`` runs until it
is stopped. Run again, it goes on where it was.
"""

import argparse
from contextlib import suppress

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, collect_set, count, get_json_object, size, when, window

from kwatch.spark import KubernetesDataSource


def read(spark: SparkSession, arguments: argparse.Namespace) -> DataFrame:
    """Give the changes of all pods, and before them the pods that exist at the first start."""
    spark.dataSource.register(KubernetesDataSource)
    stream = spark.readStream.format("kubernetes").option("kind", "Pod")
    stream = stream.option("send_initial_events", "true").option("contexts", arguments.contexts)
    if arguments.kubeconfig:
        stream = stream.option("kubeconfig", arguments.kubeconfig)
    return stream.load()


def phases(changes: DataFrame, window_seconds: int, late_seconds: int) -> DataFrame:
    """Count the changes, and the pods that they are of."""
    phase = (
        when(col("event_type") == "deleted", "Deleted")
        .when(col("event_type") == "gap", "Gap")
        .otherwise(get_json_object("object", "$.status.phase"))
    )
    minute = window("observed_at", f"{window_seconds} seconds")
    return (
        changes.withColumn("phase", phase)
        .withWatermark("observed_at", f"{late_seconds} seconds")
        .groupBy("cluster", "namespace", minute, "phase")
        .agg(count("*").alias("changes"), size(collect_set("uid")).alias("pods"))
        .select(
            "cluster", "namespace", col("window.start").alias("minute"), "phase", "changes", "pods"
        )
    )


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("python -m pod_phases", description=__doc__)
    add = parser.add_argument
    add("--contexts", required=True, help="of the kubeconfig, with commas between them")
    add("--output", required=True, help="a directory, for the Parquet files")
    add("--checkpoint", required=True, help="a directory, for how far it is; goes with the output")
    add("--kubeconfig", help="(default: where kubectl finds it)")
    add("--trigger-seconds", type=float, default=10.0, help="from one batch to the next")
    add("--window-seconds", type=int, default=60, help="how long a minute is")
    add("--late-seconds", type=int, default=10, help="that the clocks of executors may differ")
    return parser.parse_args()


def main() -> None:
    """Stream until Ctrl-C."""
    arguments = parse()
    # Few groups need few partitions; as many as there are at the first start are kept for ever.
    spark = SparkSession.builder.config("spark.sql.shuffle.partitions", 2).getOrCreate()
    counts = phases(read(spark, arguments), arguments.window_seconds, arguments.late_seconds)
    query = (
        counts.writeStream.format("parquet")
        .option("path", arguments.output)
        .option("checkpointLocation", arguments.checkpoint)
        .trigger(processingTime=f"{arguments.trigger_seconds} seconds")
        .start()
    )
    with suppress(KeyboardInterrupt):
        query.awaitTermination()
    query.stop()


if __name__ == "__main__":
    main()
