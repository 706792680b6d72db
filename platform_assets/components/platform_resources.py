"""`PlatformResources`: the platform's resource and sensors in a project of somebody else's, from YAML."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import dagster as dg
from dagster.components.resolved.model import Resolver

from platform_assets.automation.alerting.sensor import alerts_sensor
from platform_assets.automation.conditions import automation_sensor
from platform_assets.automation.dead_runs import dead_runs_sensor
from platform_assets.automation.maintenance import maintenance_schedules
from platform_assets.automation.notifications import notification_sensors
from platform_assets.automation.retention import retention_schedules
from platform_assets.components.scaffold import PlatformResourcesScaffolder
from platform_assets.components.snowflake_resource import snowflake_resources
from platform_assets.components.step_limits import install
from platform_assets.environment import (
    SNAPSHOT_DAYS,
    InvalidEnvironment,
    landing_location,
    place_location,
    quarantine_location,
    warehouse_location,
)
from platform_assets.execution import given_execution
from platform_assets.platform_resource import PlatformResource, warehouse_resource
from platform_assets.retry_file import FILE

ALL, NONE = "*", "none"


@dg.scaffold_with(PlatformResourcesScaffolder)
@dataclass
class PlatformResources(dg.Component, dg.Resolvable):
    """Where files land, where the lake is and which warehouse is used: one per project.

    Relative paths are taken from the project's root. The executor is the project's own.
    """

    landing: Annotated[
        str,
        Resolver.default(
            description="Where files arrive: a folder, or a URL (s3://, gs://, az://, sftp://).",
            examples=["data/landing", "s3://bucket/landing"],
        ),
    ]
    lake: Annotated[
        str,
        Resolver.default(
            description="The lake: a folder, or a URL of objects (s3://, gs://, az://).",
            examples=["data/lake", "s3://bucket/lake"],
        ),
    ]
    warehouse: Annotated[
        str,
        Resolver.default(
            description="The DuckDB file, or the location (scheme://...) of a warehouse that a package announces.",
            examples=["data/warehouse.duckdb"],
        ),
    ]
    landing_events: Annotated[
        str,
        Resolver.default(
            description="The SQS queue that has the notifications of the landing bucket (its URL; none).",
            examples=["https://sqs.eu-central-1.amazonaws.com/123456789012/landing"],
        ),
    ] = ""
    quarantine: Annotated[
        str | None,
        Resolver.default(
            description="Where quarantined rows are written: a folder, or a URL of objects (with the lake).",
            examples=["data/quarantine", "s3://other-bucket/quarantine"],
        ),
    ] = None
    quarantine_days: Annotated[
        float | None,
        Resolver.default(description="Days that quarantined rows are kept; the schedule purges older ones (no limit)."),
    ] = None
    snapshot_days: Annotated[
        float, Resolver.default(description="Days that a DuckLake keeps what was overwritten (7).")
    ] = SNAPSHOT_DAYS
    log_level: Annotated[
        Literal["DEBUG", "INFO"],
        Resolver.default(description="DEBUG has a line for each partition in the log of a run, INFO one for all."),
    ] = "INFO"
    ingestion_workers: Annotated[
        int | None, Resolver.default(description="Partitions of a step that are ingested side by side (2).")
    ] = None
    ingestion_threads: Annotated[
        int | None, Resolver.default(description="Threads of DuckDB that these share (2).")
    ] = None
    ingestion_memory: Annotated[
        str | None, Resolver.default(description="Memory of each of them (1GB).", examples=["512MB"])
    ] = None
    warehouse_memory: Annotated[
        str | None,
        Resolver.default(description="Memory of a session of the warehouse (what fits the work).", examples=["4GB"]),
    ] = None
    warehouse_wait_seconds: Annotated[
        float | None, Resolver.default(description="How long a step waits for other users of the DuckDB file (600).")
    ] = None
    partitions_per_load: Annotated[
        int | None,
        Resolver.default(description="Partitions that are loaded or published in one transaction (all of a run)."),
    ] = None
    automation: Annotated[
        str,
        Resolver.default(
            description="The assets whose automation conditions the sensor `automation` evaluates: a selection (all). "
            "Dagster allows an asset in one such sensor: leave out those of the project's own, or say none.",
            examples=["not group:mine", "none"],
        ),
    ] = ALL

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The resource `platform`, the sensors `automation`, `dead_runs` and `alerts`, one for announced notifiers, the
        schedule `quarantine_retention` where a retention is set, and the resource `platform_snowflake` on Snowflake.
        Each step of the project has a time limit from here on.

        Raises:
            InvalidEnvironment: if a setting holds a value that is not allowed.
            RetryFileError: if the project's `retries.yaml` cannot be used.
            LimitsError: if the section `limits` of `retries.yaml` cannot be used.
        """
        root = Path(context.project_root)
        warehouse = warehouse_location(self.place("warehouse"), folder=root, name="warehouse")
        lake = place_location(self.place("lake"), folder=root, name="lake")
        execution = given_execution(
            ingestion_workers=self.ingestion_workers,
            ingestion_threads=self.ingestion_threads,
            ingestion_memory=self.ingestion_memory,
            warehouse_memory=self.warehouse_memory,
            warehouse_wait_seconds=self.warehouse_wait_seconds,
            partitions_per_load=self.partitions_per_load,
        )
        platform = PlatformResource(
            landing=landing_location(self.place("landing"), folder=root, name="landing"),
            lake=lake,
            quarantine=quarantine_location(self.quarantine, lake=lake, folder=root, name="quarantine"),
            warehouse=warehouse_resource(warehouse, execution),
            landing_events=self.landing_events,
            log_level=self.log_level,
            ingestion_workers=execution.ingestion_workers,
            ingestion_threads=execution.ingestion_threads,
            ingestion_memory=execution.ingestion_memory,
            partitions_per_load=execution.partitions_per_load,
            retries=str(Path(context.defs_module_path) / FILE),
        )
        platform.retry_policies()  # a mistake in the file is told when definitions load
        install(Path(context.defs_module_path) / FILE)
        alerts = alerts_sensor(Path(context.defs_module_path))
        sensors = [*self._automation(), dead_runs_sensor(), alerts, *notification_sensors()]
        schedules = [
            *retention_schedules(self.quarantine_days),
            *maintenance_schedules(warehouse, self.snapshot_days),
        ]
        resources = {"platform": platform, **snowflake_resources(warehouse)}
        return dg.Definitions(resources=resources, sensors=sensors, schedules=schedules)

    def place(self, name: Literal["landing", "lake", "warehouse"]) -> str:
        """One of the places, as it is written; a template that names a variable may have left nothing of it.

        Raises:
            InvalidEnvironment: if nothing is left.
        """
        found: str | None = getattr(self, name)
        if not found:
            raise InvalidEnvironment(
                f"{name} of PlatformResources holds nothing: is the variable set that it is made of?"
            )
        return found

    def _automation(self) -> list[dg.SensorDefinition]:
        if self.automation == NONE:
            return []
        # AssetSelection.from_string warns of a word that is in beta, for "*" too
        selection = None if self.automation == ALL else dg.AssetSelection.from_string(self.automation)
        return [automation_sensor(selection)]
