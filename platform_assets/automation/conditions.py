"""When what lies downstream is built without anybody asking for it."""

import dagster as dg


def upstream_published() -> dg.AutomationCondition:
    """Build a partition when something upstream of it was published, and everything upstream is there.

    This is Dagster's `eager()` without its limit to the latest time window, so that a late or replaced file of an
    old day reaches the marts too. A partition that a gate rejected is not materialized: it neither triggers nor
    satisfies what is behind it, in this run or in any other. It asks once for each new upstream version; without
    `since_last_handled` a partition that keeps failing would be asked for on every tick.
    """
    return (
        (dg.AutomationCondition.newly_missing() | dg.AutomationCondition.any_deps_updated()).since_last_handled()
        & ~dg.AutomationCondition.any_deps_missing()
        & ~dg.AutomationCondition.any_deps_in_progress()
        & ~dg.AutomationCondition.in_progress()
        & dg.AutomationCondition.all_deps_blocking_checks_passed()
    ).with_label("upstream_published")


def automation_sensor() -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions of all assets; on by default."""
    return dg.AutomationConditionSensorDefinition(
        "automation",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        description="Builds what is downstream of newly published partitions.",
    )
