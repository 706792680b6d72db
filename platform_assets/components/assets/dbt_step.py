"""What is known of the models of one `DbtModels` before they run: the part of the manifest that a step needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from platform_assets.components.assets.upstream import UpstreamAsset
from platform_assets.components.reporting.dbt_metadata import ModelTables
from platform_assets.dbt.graph import ModelGraph, table_of_node
from platform_assets.dbt.parsed import ParsedProject
from platform_assets.dbt.project import DbtProjectFiles


@dataclass(frozen=True)
class DbtStep:
    """The models of one `DbtModels`, and what is needed to run any part of them. Models are named by unique id.

    ``parsed_as`` is the identity of the parse that all of it was taken from.
    """

    files: DbtProjectFiles
    graph: ModelGraph
    asset_keys: Mapping[str, dg.AssetKey]
    check_keys: Mapping[str, dg.AssetCheckKey]
    selectors: Mapping[str, str]
    about: ModelTables
    upstream: Mapping[str, UpstreamAsset]
    partitions: dg.PartitionsDefinition | None
    parsed_as: str


def refuse_other_tables(step: DbtStep, parsed: ParsedProject, models: Sequence[str]) -> None:
    """Let a run build the tables that the definitions name, whatever its profile makes of its environment.

    Raises:
        dg.Failure: if dbt puts one of the ``models`` elsewhere in this run.
    """
    if parsed.identity == step.parsed_as:
        return
    nodes = parsed.manifest()["nodes"]
    for model in models:
        known, now = step.about.tables[model], table_of_node(nodes[model]) if model in nodes else None
        if now is not None and known != now:
            raise dg.Failure(
                f"dbt puts {model} into {now} in this run, and into {known} where the definitions were loaded: the "
                "project has changed since, or its profile has another target there. Nothing was changed. Reload the "
                "definitions; name `target` in DbtModels, or give the code server the variables of its runs.",
                allow_retries=False,
            )
