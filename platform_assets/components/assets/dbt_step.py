"""What is known of the models of one `DbtModels` before they run: the part of the manifest that a step needs."""

from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg

from platform_assets.components.assets.upstream import UpstreamAsset
from platform_assets.components.reporting.dbt_metadata import ModelTables
from platform_assets.dbt.graph import ModelGraph
from platform_assets.dbt.project import DbtProjectFiles


@dataclass(frozen=True)
class DbtStep:
    """The models of one `DbtModels`, and what is needed to run any part of them. Models are named by unique id."""

    files: DbtProjectFiles
    graph: ModelGraph
    asset_keys: Mapping[str, dg.AssetKey]
    check_keys: Mapping[str, dg.AssetCheckKey]
    selectors: Mapping[str, str]
    about: ModelTables
    upstream: Mapping[str, UpstreamAsset]
    partitions: dg.PartitionsDefinition | None
