"""An asset of twelve days, an instance on either storage, and the questions that the UI asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from platform_assets.components.reporting.materializations import materialized

DAYS = dg.StaticPartitionsDefinition([f"d{i:02}" for i in range(12)])
RANGE = {"dagster/asset_partition_range_start": "d00", "dagster/asset_partition_range_end": "d11"}
BAD = "d05"
TOGETHER = "together"
EVENTS = "shared/history/runs"
"""The folder of the event log below the home of an instance."""


@dg.multi_asset(
    specs=[dg.AssetSpec("raw", partitions_def=DAYS)],
    check_specs=[dg.AssetCheckSpec("verdict", asset="raw", partitions_def=DAYS)],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def raw(context):  # type: ignore[no-untyped-def]
    good = {
        key: dg.AssetMaterialization(
            "raw", partition=key, metadata={"rows": 3}, tags={"dagster/data_version": f"version of {key}"}
        )
        for key in context.partition_keys
        if key != BAD
    }
    if TOGETHER in context.run.tags:
        yield from materialized(context, list(good.values()))
        good.clear()
    for key in context.partition_keys:
        if key in good:
            yield good[key]
        passed = key != BAD
        yield dg.AssetCheckEvaluation(asset_key=dg.AssetKey("raw"), check_name="verdict", passed=passed, partition=key)
    yield dg.Output(None, output_name="raw", metadata={"__source_asset_observation__": True})
    yield dg.Output(None, output_name="raw_verdict")


@contextmanager
def instance(home: Path, kind: str, *, process: str = "") -> Iterator[dg.DagsterInstance]:
    """An instance whose storage lies in `home`; processes that share it give names, for each writes a dagster.yaml."""
    module, name, events = {
        "quick": ("platform_assets.instance.storage", "QuickSqliteStorage", "QuickSqliteEventLogStorage"),
        "stock": ("dagster._core.storage.sqlite_storage", "DagsterSqliteStorage", "SqliteEventLogStorage"),
    }[kind]
    config = {"custom": {"module": module, "class": name, "config": {"base_dir": str(home / "shared")}}}
    own = home / process
    own.mkdir(exist_ok=True)
    with dg.instance_for_test(overrides={"storage": config}, temp_dir=str(own)) as made:
        assert type(made.event_log_storage).__name__ == events
        yield made


def materialize(on: dg.DagsterInstance, *, together: bool = False) -> str:
    """A run of all days; ``together`` marks the materializations as a batch."""
    result = dg.materialize([raw], instance=on, tags={**RANGE, **({TOGETHER: ""} if together else {})})
    assert result.success
    return result.run_id


def answers(on: dg.DagsterInstance, run_id: str) -> dict[str, object]:
    """What the UI asks for, without what differs from run to run by nature."""
    log, key = on.event_log_storage, dg.AssetKey("raw")
    check = dg.AssetCheckKey(key, "verdict")
    record = on.get_asset_records([key])[0].asset_entry
    last = record.last_materialization
    history = log.get_asset_check_execution_history(check, limit=50)
    return {
        "events": [(e.dagster_event_type, e.step_key) for e in on.all_logs(run_id)],
        "planned": len(on.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)),
        "materialized": on.get_materialized_partitions(key),
        "latest": sorted(log.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION)),
        "tags": log.get_latest_tags_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
        ),
        "last": (record.last_run_id == run_id, last and last.get_dagster_event().partition),
        "checks": sorted((str(h.partition), h.status.value) for h in history if h.run_id == run_id),
        "failed": sorted(log.get_latest_asset_partition_materialization_attempts_without_materializations(key)),
        "stats": on.get_run_stats(run_id).materializations,
        "status": on.get_run_by_id(run_id).status.value,  # type: ignore[union-attr]
        "changes": len(on.fetch_run_status_changes(dg.DagsterEventType.RUN_SUCCESS, 100).records),
    }
