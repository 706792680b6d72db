"""What a `DbtModels` cannot build, or would build unsafely, found out when definitions load: by the manifest alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

STRATEGY = "partition_overwrite"

_FULL_REFRESH = ("DBT_FULL_REFRESH", "DBT_ENGINE_FULL_REFRESH")
_SAMPLE = ("DBT_SAMPLE", "DBT_ENGINE_SAMPLE")


def full_refresh_asked_for(variables: Mapping[str, str]) -> str | None:
    """The variable by which dbt is asked to replace whole tables, if there is one."""
    true = ("1", "true", "t", "yes", "y", "on")
    return next((name for name in _FULL_REFRESH if variables.get(name, "").strip().lower() in true), None)


def sample_asked_for(variables: Mapping[str, str]) -> str | None:
    """The variable by which dbt is asked to build models from a part of their rows, if there is one."""
    return next((name for name in _SAMPLE if variables.get(name, "").strip()), None)


def unsupported(manifest: Mapping[str, Any], selected: Sequence[str], *, partitioned: bool) -> list[str]:
    """Why some of the ``selected`` nodes must not be selected, one sentence each; empty where all may be."""
    nodes = [manifest["nodes"][unique_id] for unique_id in sorted(selected)]
    problems: list[str] = []
    if partitioned:
        for node in nodes:
            if node["resource_type"] == "model":
                problems += _not_by_partition(node)
    return problems


def _not_by_partition(node: Mapping[str, Any]) -> Iterator[str]:
    """Models that would lose or change the other partitions when some are built."""
    path, config = node["original_file_path"], node["config"]
    if config.get("materialized") != "incremental" or config.get("incremental_strategy") != STRATEGY:
        yield (
            f"{path} is {config.get('materialized')} without the strategy {STRATEGY}, so it cannot be built partition "
            f"by partition. Give it config(materialized='incremental', incremental_strategy={STRATEGY!r}), or select "
            "it in a DbtModels without `partitions`. The macros: platform-assets dbt macros --into macros/platform"
        )
    elif config.get("full_refresh"):
        yield (
            f"{path} has full_refresh: true, with which a run of one partition replaces the whole table and loses all "
            "other partitions. Remove it; to build everything anew, materialize all partitions"
        )
