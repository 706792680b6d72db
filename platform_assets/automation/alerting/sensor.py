"""The sensor `alerts`: failures, and their ends, are reported to the right people, once."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from platform_assets.instance.wakes import ALERTS

INTERVAL_SECONDS = 10


def alerts_sensor(folder: Path) -> dg.SensorDefinition:
    """The sensor, on by default; the alerts file in ``folder``, that of the project's defs, need not exist."""

    @dg.sensor(
        name=ALERTS,
        description="Makes incidents of failures, late data and everything that stands still, and reports each once.",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        # half a second, which only ticks need
        from platform_assets.alerts.routing.alerts_file import FILE
        from platform_assets.automation.alerting.rounds import AlertRound, location_of, summary

        if context.repository_def is None:
            return dg.SkipReason("evaluated without definitions")
        origin = context.code_location_origin
        location = location_of(context.repository_def, origin.location_name if origin is not None else "")
        changed, sent = AlertRound.of(context.instance, location, folder / FILE).run()
        for name, why in sorted(sent.failed.items()):
            context.log.warning(f"{name} has not taken an alert: {why}; it is tried again")
        return dg.SkipReason(summary(changed, sent))

    return alerts
