"""The Dagster resources of this deployment, for each environment.

The library's own classes are in `platform_assets.platform_resource`; where things lie is read from the environment's
variables by `platform_assets.environment`. DuckDB is the warehouse of every environment so far.
"""

from platform_assets.environment import Environment
from platform_assets.platform_resource import DuckDBWarehouseResource, PlatformResource


def platform_resources(environment: Environment) -> dict[str, PlatformResource]:
    """The resources that the platform's assets ask for, by key."""
    platform = PlatformResource(
        landing=str(environment.landing),
        lake=str(environment.lake),
        warehouse=DuckDBWarehouseResource(path=str(environment.warehouse)),
        log_level=environment.log_level,
    )
    return {"platform": platform}
