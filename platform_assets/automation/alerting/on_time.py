"""The check `on_time` of an asset with deadlines: green while no partition that is due is missing.

A run that publishes evaluates it. What time alone changes, a partition that becomes due and is not there, is reported
by the sensor `alerts` as an event of its own, so that the UI shows it without any run.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

import dagster as dg
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus as _Status

from platform_assets.alerts.lateness import Record, span
from platform_assets.automation.alerting.expected import ON_TIME, Expectation
from platform_assets.automation.alerting.lateness_records import budget_of, looked
from platform_assets.instance.reading import EventIndex

SHOWN = 20
_COLUMNS = [
    dg.TableColumn("partition", "string"),
    dg.TableColumn("deadline", "string"),
    dg.TableColumn("late", "string"),
]


def on_time_now(instance: dg.DagsterInstance, asset: str, expectation: Expectation, now: dt.datetime) -> dict[str, Any]:
    """The result of an asset's check, asked of the event log: the arguments of an evaluation."""
    records = looked({}, {asset: expectation}, EventIndex(instance), now.timestamp(), location="")
    return result_of(records.get(asset), expectation, now)


def result_of(record: Record | None, expectation: Expectation, now: dt.datetime) -> dict[str, Any]:
    """The result that a record comes to. Late data is a warning: what is there is good."""
    missing = sorted(record.missing.items(), key=lambda item: item[1]) if record is not None else []
    metadata: dict[str, dg.MetadataValue] = {"missing": dg.MetadataValue.int(len(missing))}
    if missing:
        rows = [
            dg.TableRecord({"partition": key, "deadline": f"{_utc(due)} UTC", "late": span(now.timestamp() - due)})
            for key, due in missing[:SHOWN]
        ]
        metadata["late"] = dg.MetadataValue.table(rows, schema=dg.TableSchema(_COLUMNS))
    if record is not None and record.next is not None:
        metadata["next_deadline"] = dg.MetadataValue.timestamp(record.next)
    if record is not None and record.outcomes:
        budget = budget_of(record, expectation)
        metadata["on_time"] = dg.MetadataValue.float(round(budget.on_time or 0.0, 4))
        metadata["objective"] = dg.MetadataValue.float(expectation.objective)
    return {"passed": not missing, "severity": dg.AssetCheckSeverity.WARN, "metadata": metadata}


def report_changes(
    instance: dg.DagsterInstance,
    expected: Mapping[str, Expectation],
    checked: Collection[str],
    records: Mapping[str, Record],
    late_before: Collection[str],
    now: dt.datetime,
) -> None:
    """Report the check of each of the ``checked`` assets that became late, or ceased to be, since the last look.

    ``late_before`` are the assets that were late then. What a run has reported meanwhile is not reported again.
    """
    changed = {
        dg.AssetCheckKey(dg.AssetKey.from_user_string(asset), ON_TIME): asset
        for asset, record in sorted(records.items())
        if asset in checked and bool(record.missing) != (asset in late_before)
    }
    if not changed:
        return
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key([*changed])
    for key, asset in changed.items():
        known = latest.get(key)
        wanted = _Status.FAILED if records[asset].missing else _Status.SUCCEEDED
        if known is None or known.status is not wanted:
            result = result_of(records[asset], expected[asset], now)
            instance.report_runless_asset_event(
                dg.AssetCheckEvaluation(asset_key=key.asset_key, check_name=key.name, **result)
            )


def _utc(moment: float) -> str:
    return f"{dt.datetime.fromtimestamp(moment, dt.UTC):%Y-%m-%d %H:%M}"
