"""The Dagster resources of this deployment, and how its runs execute, for each environment.

The library's own classes are in `platform_assets.platform_resource`; where things lie, and how much of the machine is
theirs, is read from the environment's variables by `platform_assets.environment`.
"""

import dagster as dg

from platform_assets.environment import Environment
from platform_assets.platform_resource import PlatformResource, warehouse_resource


def platform_resources(environment: Environment, *, retries: str = "") -> dict[str, PlatformResource]:
    """The resources that the platform's assets ask for, by key; ``retries`` is the path of `retries.yaml`."""
    execution = environment.execution
    platform = PlatformResource(
        landing=environment.landing,
        lake=environment.lake,
        landing_events=environment.landing_events,
        warehouse=warehouse_resource(environment.warehouse, execution),
        quarantine=environment.quarantine,
        log_level=environment.log_level,
        ingestion_workers=execution.ingestion_workers,
        ingestion_threads=execution.ingestion_threads,
        ingestion_memory=execution.ingestion_memory,
        partitions_per_load=execution.partitions_per_load,
        retries=retries,
    )
    return {"platform": platform}


def executor(environment: Environment) -> dg.ExecutorDefinition:
    """How the steps of a run share the machine.

    One warehouse file has one writer: in one process the steps take turns, and import what they need once.
    """
    executors = {"in_process": dg.in_process_executor, "multiprocess": dg.multiprocess_executor}
    return executors[environment.execution.executor]
