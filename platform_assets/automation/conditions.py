"""When what lies downstream is built without anybody asking for it."""

import functools
import warnings
from typing import Any

import dagster as dg

from platform_assets._compat import lift_limit_of_conditions
from platform_assets.automation.condition_sensor import ConditionSensor
from platform_assets.automation.held_condition import NotHeld


@functools.cache
def upstream_published() -> dg.AutomationCondition:
    """Build a partition when something upstream of it has changed, and everything upstream is there.

    This is Dagster's `eager()` without its limit to the latest time window, so that a late or replaced file of an
    old day reaches the marts too, and with an eye on data versions: a snapshot that is delivered again with the same
    content rebuilds nothing, except what is missing or has failed. A partition that a gate rejected is not
    materialized: it neither triggers nor satisfies what is behind it, in this run or in any other. It asks once for
    each new upstream version; without `since_last_handled` a partition that keeps failing would be asked for on
    every tick. What failed is started again by run retries alone. Nothing is asked for while the asset, or one that it
    needs, is held.
    """
    not_good = dg.AutomationCondition.missing() | dg.AutomationCondition.execution_failed()
    asked: dg.AutomationCondition[Any] = (
        dg.AutomationCondition.newly_missing()
        | _changed_upstream()
        | (dg.AutomationCondition.any_deps_updated() & not_good)
    )
    return (
        asked.since_last_handled()
        & ~dg.AutomationCondition.any_deps_missing()
        & ~dg.AutomationCondition.any_deps_in_progress()
        & ~dg.AutomationCondition.in_progress()
        & dg.AutomationCondition.all_deps_blocking_checks_passed()
        & NotHeld()
    ).with_label("upstream_published")


@functools.cache
def code_changed() -> dg.AutomationCondition:
    """Build what has nothing upstream, such as a seed of dbt, when it is new or its code version has changed."""
    new = dg.AutomationCondition.newly_missing() | (
        dg.AutomationCondition.initial_evaluation() & dg.AutomationCondition.missing()
    )
    asked: dg.AutomationCondition[Any] = new | dg.AutomationCondition.code_version_changed()
    # not `since_last_handled`, which takes the first look for one that was answered
    handled = dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated()
    return (asked.since(handled) & ~dg.AutomationCondition.in_progress() & NotHeld()).with_label("code_changed")


def _changed_upstream() -> dg.AutomationCondition[Any]:
    """Something upstream has a new data version, or will be built in the same run."""
    changed = dg.AutomationCondition.data_version_changed() & ~dg.AutomationCondition.executed_with_root_target()
    return dg.AutomationCondition.any_deps_match(changed | dg.AutomationCondition.will_be_requested()).with_label(
        "any_deps_changed"
    )


def automation_sensor(selection: dg.AssetSelection | None = None) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions of the assets of ``selection`` (all); on by default.

    It is evaluated by the code server, as the daemon does not know the platform's own condition.
    """
    lift_limit_of_conditions()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return ConditionSensor(
            "automation",
            target=dg.AssetSelection.all() if selection is None else selection,
            default_status=dg.DefaultSensorStatus.RUNNING,
            minimum_interval_seconds=30,
            description="Builds what is downstream of newly published partitions.",
        )
