"""The sensor `notifications`: every announced notifier is called with each run that failed, once.

A notifier that raises is logged, and the others are called all the same.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, cast

import dagster as dg

from platform_assets.announced import NOTIFIERS, announced
from platform_assets.failures import Failure, Kind
from platform_assets.notifiers import FailedPartition, FailedRun, Notifier

UI_VARIABLE = "PLATFORM_UI_URL"


def notification_sensors() -> list[dg.SensorDefinition]:
    """The sensor, if any notifier is announced; on by default."""
    if not announced(NOTIFIERS):
        return []

    @dg.run_failure_sensor(
        name="notifications",
        description=f"Reports each run that failed to: {', '.join(sorted(announced(NOTIFIERS)))}.",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def notifications(context: dg.RunFailureSensorContext) -> None:
        failed = failed_run(context, os.environ)
        for name, entry in sorted(announced(NOTIFIERS).items()):
            try:
                cast(Notifier, entry.load())(failed)
            except Exception as error:
                # its text may hold the address that it could not reach, with a secret in it
                why = f"{type(error).__name__}; run {failed.run_id} was not reported by it"
                context.log.error(f"notifier {name}: {why}")  # noqa: TRY400
            else:
                context.log.info(f"notifier {name}: run {failed.run_id} reported")

    return [notifications]


def failed_run(context: dg.RunFailureSensorContext, variables: Mapping[str, str]) -> FailedRun:
    """What is known of the run that failed."""
    partitions: list[FailedPartition] = []
    counts: Counter[str] = Counter()
    for event in context.get_step_failure_events():
        cause = event.step_failure_data.user_failure_data
        metadata = cause.metadata if cause is not None else {}
        partitions += _partitions(metadata)
        counts.update(_value(metadata, "kinds", {}))
    run, ui = context.dagster_run, variables.get(UI_VARIABLE, "").rstrip("/")
    return FailedRun(
        run_id=run.run_id,
        job=run.job_name,
        message=context.failure_event.message or "",
        partitions=tuple(partitions),
        counts=tuple(sorted(counts.items())),
        link=f"{ui}/runs/{run.run_id}" if ui else None,
    )


def _partitions(metadata: Mapping[str, Any]) -> Iterator[FailedPartition]:
    """The failures in the metadata of a step's `dagster.Failure`, as ``components.reporting`` writes them."""
    table = metadata.get("partitions")
    if not isinstance(table, dg.TableMetadataValue):
        return
    for record in table.records:
        of = record.data
        # somebody else's failure may have a table of that name too
        if not {"partition", "kind", "code", "problem", "next_step"} <= of.keys() or of["kind"] not in set(Kind):
            continue
        failure = Failure(Kind(str(of["kind"])), str(of["code"]), str(of["problem"]), str(of["next_step"]))
        yield FailedPartition(str(_value(metadata, "asset", "")), str(of["partition"]), failure)


def _value(metadata: Mapping[str, Any], name: str, default: Any) -> Any:
    found = metadata.get(name)
    return default if found is None else found.value
