"""dbt without Dagster: the manifest, one invocation in process, and which partitions a failed test names."""
