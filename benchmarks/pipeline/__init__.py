"""Whether Spark gets each change of two clusters exactly once, though it is killed."""
