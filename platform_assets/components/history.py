"""How long a step or an asset took in its latest runs, from the event log."""

from __future__ import annotations

import dagster as dg

from platform_assets.limits.policy import Earlier

RUNS = 10
SECONDS = "seconds"
"""Metadata of a materialization: its share of the time of its step."""
_LOOKED_AT = 500
"""Materializations among which the latest runs are looked for; one of a long range has hundreds itself."""


def earlier_steps(instance: dg.DagsterInstance, asset: dg.AssetKey, step: str) -> list[Earlier]:
    """The latest runs of a step of ``asset``, at most RUNS, the newest first."""
    records = instance.fetch_materializations(asset, limit=_LOOKED_AT).records
    partitions: dict[str, int] = {}
    for record in records:
        partitions[record.run_id] = partitions.get(record.run_id, 0) + 1
    found = []
    for run_id, count in list(partitions.items())[:RUNS]:
        for entry in instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_SUCCESS).records:
            event = entry.event_log_entry.dagster_event
            if event is not None and event.step_key == step:
                found.append(Earlier(event.step_success_data.duration_ms / 1000, count))
    return found


def seconds_per_partition(instance: dg.DagsterInstance, asset: dg.AssetKey) -> list[float]:
    """What a partition of ``asset`` took in each of its latest runs that say so, at most RUNS, the newest first."""
    runs: dict[str, list[float]] = {}
    for record in instance.fetch_materializations(asset, limit=_LOOKED_AT).records:
        found = record.asset_materialization
        value = found.metadata.get(SECONDS) if found is not None else None
        if isinstance(value, dg.FloatMetadataValue | dg.IntMetadataValue) and value.value is not None:
            runs.setdefault(record.run_id, []).append(float(value.value))
    return [sum(values) / len(values) for values in list(runs.values())[:RUNS]]
