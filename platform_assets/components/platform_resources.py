"""`PlatformResources`: the platform's resource in a project of somebody else's, from YAML."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import dagster as dg
from dagster.components.resolved.model import Resolver

from platform_assets.platform_resource import DuckDBWarehouseResource, PlatformResource


@dataclass
class PlatformResources(dg.Component, dg.Resolvable):
    """Where files land, where the lake is and which warehouse is used: one per project.

    Relative paths are taken from the project's root.
    """

    landing: Annotated[str, Resolver.default(description="Folder in which files arrive.", examples=["data/landing"])]
    lake: Annotated[str, Resolver.default(description="Folder of the lake.", examples=["data/lake"])]
    warehouse: Annotated[str, Resolver.default(description="The DuckDB file.", examples=["data/warehouse.duckdb"])]
    log_level: Annotated[
        Literal["DEBUG", "INFO"],
        Resolver.default(description="DEBUG has a line for each partition in the log of a run, INFO one for all."),
    ] = "INFO"

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The resource `platform`, and an executor that runs the steps of a run in one process."""
        root = Path(context.project_root)
        platform = PlatformResource(
            landing=str(root / self.landing),
            lake=str(root / self.lake),
            warehouse=DuckDBWarehouseResource(path=str(root / self.warehouse)),
            log_level=self.log_level,
        )
        return dg.Definitions(resources={"platform": platform}, executor=dg.in_process_executor)
