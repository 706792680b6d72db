"""The words by which dbt selects one node of a project, and no other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platform_assets.dbt.graph import ModelGraph


def selectors(manifest: Mapping[str, Any], graph: ModelGraph) -> dict[str, str]:
    """What `--select` is given for each model and test of the graph, and selects nothing else."""
    found = {model: selector_of(manifest["nodes"][model]) for model in graph.order}
    for test in graph.tests:
        found[test.unique_id] = selector_of(manifest["unit_tests" if test.is_unit_test else "nodes"][test.unique_id])
    return found


def selector_of(node: Mapping[str, Any]) -> str:
    """What selects the node of a manifest, and nothing besides."""
    fqn = "fqn:" + ".".join(node["fqn"])
    if node["resource_type"] in ("test", "unit_test"):
        # a test's fqn may be that of a folder of models, which `dbt build` would build
        return f"{fqn},resource_type:{node['resource_type']}"
    # a model's fqn is also the beginning of those in a folder of its name: the file tells them apart
    return f"{fqn},file:{Path(node['original_file_path']).name}"
