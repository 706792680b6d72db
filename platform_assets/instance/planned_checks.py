"""The rows of a check that a run plans to execute: one for each partition, all with the same event."""

from __future__ import annotations

from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._serdes import serialize_value
from sqlalchemy.engine import Connection


def store_planned_check(
    storage: SqlEventLogStorage, connection: Connection, event: EventLogEntry, event_id: int | None
) -> None:
    """What the stock storages store; they serialize the event anew for each partition."""
    planned = event.get_dagster_event().asset_check_planned_data
    keys: list[str | None] = [None]
    if planned.partitions_subset:
        keys = list(planned.partitions_subset.get_partition_keys())
    row = {
        "asset_key": planned.asset_key.to_string(),
        "check_name": planned.check_name,
        "run_id": event.run_id,
        "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
        "evaluation_event": serialize_value(event),
        "evaluation_event_timestamp": storage._event_insert_timestamp(event),
        "evaluation_event_storage_id": event_id,
    }
    if rows := [{**row, "partition": key} for key in keys]:
        connection.execute(AssetCheckExecutionsTable.insert(), rows)
