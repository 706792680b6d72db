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
    problems = list(_never_built(nodes))
    if partitioned:
        for node in nodes:
            if node["resource_type"] == "model":
                problems += _not_by_partition(node)
    problems += _untested(manifest, selected)
    return problems


def _never_built(nodes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for kind in ("seed", "snapshot"):
        found = [node["original_file_path"] for node in nodes if node["resource_type"] == kind]
        if found:
            yield (
                f"{found[0]} is a {kind}{f' (and {len(found) - 1} more)' if found[1:] else ''}, which DbtModels does "
                f"not build: its asset would be green over old rows. Leave it out (`exclude: resource_type:{kind}`), "
                f"load it with `dbt {kind}`, and give it `meta: {{platform_gate: false}}` if a model reads it"
            )


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


def _untested(manifest: Mapping[str, Any], selected: Sequence[str]) -> Iterator[str]:
    """Ephemeral models have no table that a test of theirs could be attributed to, and their tests are never run."""
    for unique_id in sorted(_ephemeral_above(manifest, selected)):
        node = manifest["nodes"][unique_id]
        tests = [test["name"] for test in _tests_of(manifest, unique_id)]
        if tests:
            yield (
                f"{node['original_file_path']} is ephemeral and has tests ({', '.join(sorted(tests)[:3])}) that are "
                "never run, so what reads it would be published untested. Make it a view, or move the tests to the "
                "models that read it"
            )


def _ephemeral_above(manifest: Mapping[str, Any], selected: Sequence[str]) -> set[str]:
    found: set[str] = set()
    ahead = list(selected)
    while ahead:
        for parent in manifest["parent_map"].get(ahead.pop(), []):
            node = manifest["nodes"].get(parent)
            if node is not None and node["config"].get("materialized") == "ephemeral" and parent not in found:
                found.add(parent)
                ahead.append(parent)
    return found


def _tests_of(manifest: Mapping[str, Any], model: str) -> Iterator[Mapping[str, Any]]:
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] == "test":
            parents = manifest["parent_map"].get(unique_id, [])
            if node.get("attached_node") == model or (not node.get("attached_node") and set(parents) == {model}):
                yield node
    for test in manifest.get("unit_tests", {}).values():
        if model in test["depends_on"]["nodes"] and test["model"] == manifest["nodes"][model]["name"]:
            yield test
