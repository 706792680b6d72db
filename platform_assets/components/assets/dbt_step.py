"""What is known of the models of one `DbtModels` before they run: the part of the manifest that a step needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from platform_assets.access.access_file import PUBLIC
from platform_assets.access.labels import contract_labels
from platform_assets.components.assets.upstream import UpstreamAsset
from platform_assets.components.reporting.dbt_metadata import ModelTables
from platform_assets.contracts.model import Contract
from platform_assets.dbt.graph import ModelGraph, table_of_node
from platform_assets.dbt.parsed import ParsedProject
from platform_assets.dbt.project import DbtProjectFiles
from platform_assets.dbt.sources import contracts_below
from platform_assets.warehouse.protocol import TableName


@dataclass(frozen=True)
class DbtStep:
    """The models of one `DbtModels`, and what is needed to run any part of them. Models are named by unique id.

    ``parsed_as`` is the identity of the parse that all of it was taken from; below ``contracts`` are the feeds of the
    project with their contracts. A step ``beside_others`` has what is without partitions in a `DbtModels` with
    partitions: its seeds and snapshots.
    """

    files: DbtProjectFiles
    graph: ModelGraph
    asset_keys: Mapping[str, dg.AssetKey]
    check_keys: Mapping[str, Sequence[dg.AssetCheckKey]]
    selectors: Mapping[str, str]
    about: ModelTables
    upstream: Mapping[str, UpstreamAsset]
    partitions: dg.PartitionsDefinition | None
    parsed_as: str
    contracts: Path
    beside_others: bool = False

    def contracts_by_table(self) -> dict[TableName, Contract]:
        """The contract of each raw table of the project. Raises ``ContractError``."""
        return {TableName("raw", contract.name): contract for contract in contracts_below(self.contracts)}

    def personal_columns(self) -> dict[TableName, list[str]]:
        """The columns of raw tables that are classified and in clear, by table. Raises ``ContractError``."""
        return {
            table: sorted(column for column, labels in contract_labels(contract).items() if labels - {*PUBLIC})
            for table, contract in self.contracts_by_table().items()
        }


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
