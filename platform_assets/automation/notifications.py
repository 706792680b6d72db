"""The sensor `notifications`: every announced notifier is called with each run that failed, once.

A notifier that raises is logged, and the others are called all the same.
"""

import os
from collections import Counter
from collections.abc import Mapping
from typing import cast

import dagster as dg

from platform_assets.announced import NOTIFIERS, announced
from platform_assets.automation.reported_failures import reported_failures, value_of
from platform_assets.environment import UI_VARIABLE
from platform_assets.notifiers import FailedPartition, FailedRun, Notifier


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
        partitions += reported_failures(metadata)
        counts.update(value_of(metadata, "kinds", {}))
    run, ui = context.dagster_run, variables.get(UI_VARIABLE, "").rstrip("/")
    return FailedRun(
        run_id=run.run_id,
        job=run.job_name,
        message=context.failure_event.message or "",
        partitions=tuple(partitions),
        counts=tuple(sorted(counts.items())),
        link=f"{ui}/runs/{run.run_id}" if ui else None,
    )
