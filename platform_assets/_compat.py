"""What Dagster does not call public, but for the event log; tests/test_compat.py fails when one moves."""

from __future__ import annotations

import datetime as dt
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
from dagster._check import CheckError
from dagster._core.definitions import automation_condition_sensor_definition
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME
from dagster._core.definitions.data_version import DATA_VERSION_TAG
from dagster._core.definitions.partitions.schedule_type import ScheduleType
from dagster._core.definitions.partitions.snap import PartitionsSnap
from dagster._core.definitions.partitions.utils import infer_partition_mapping
from dagster._core.definitions.partitions.utils.base import INVALID_PARTITION_SUBSTRINGS
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION
from dagster._core.events import RunFailureReason
from dagster._core.execution.plan.resume_retry import ReexecutionStrategy
from dagster._core.executor.child_process_executor import ChildProcessCrashException
from dagster._core.storage.tags import GRPC_INFO_TAG, RUN_FAILURE_REASON_TAG
from dagster._serdes import deserialize_value, serialize_value
from dagster._time import dst_safe_strftime, get_timezone
from dagster._utils.schedules import cron_string_iterator, reverse_cron_string_iterator
from dagster._utils.schedules import get_smallest_cron_interval as smallest_cron_interval
from dagster_shared.serdes.objects import EnvRegistryKey

NOT_A_MATERIALIZATION: Mapping[str, Any] = {SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}
"""Metadata of an Output after which Dagster does not mark the step's whole partition range as materialized."""

INVALID_IN_KEYS: tuple[str, ...] = tuple(INVALID_PARTITION_SUBSTRINGS)
"""What Dagster takes in no partition key."""

CHILD_CRASHED = ChildProcessCrashException.__name__
"""What Dagster raises for a step whose process was killed."""

__all__ = [
    "CHILD_CRASHED",
    "GRPC_INFO_TAG",
    "AssetGraph",
    "IMPLICIT_ASSET_JOB_NAME",
    "INVALID_IN_KEYS",
    "NOT_A_MATERIALIZATION",
    "ReexecutionStrategy",
    "component_tree",
    "is_hourly",
    "last_heartbeats",
    "lift_limit_of_conditions",
    "materialized_data_versions",
    "next_time",
    "evaluate_conditions",
    "infer_partition_mapping",
    "partition_windows",
    "partitions_from_text",
    "partitions_to_text",
    "planned_steps",
    "previous_time",
    "run_launcher",
    "should_retry_run",
    "smallest_cron_interval",
    "state_of",
]


def partitions_to_text(partitions: dg.PartitionsDefinition) -> str:
    """Partitions as Dagster hands them to its daemon and to its UI; raises dg.DagsterError for what it cannot."""
    snapped: Any = PartitionsSnap.from_def(partitions)
    return serialize_value(snapped)


def partitions_from_text(text: str) -> dg.PartitionsDefinition:
    """What :func:`partitions_to_text` was given. Raises ValueError for a text of a version that says it otherwise."""
    try:
        read: Any = deserialize_value(text)
        found: dg.PartitionsDefinition = read.get_partitions_definition()
    except Exception as error:  # Dagster's have no class in common
        raise ValueError(f"these are no partitions that Dagster {dg.__version__} knows") from error
    return found


def partition_windows(
    partitions: dg.TimeWindowPartitionsDefinition, since: float
) -> Iterator[tuple[dg.TimeWindow, str]]:
    """Windows that start at or after the timestamp ``since``, with their keys, as Dagster lists them; no bounds.

    The public ways give one window at a time and begin anew with each; around a clock change they then miss the
    day that it skips, and of a window whose start it leaves out they give another key.
    """
    windows = _hours(partitions, since) if is_hourly(partitions) else _windows(partitions, since)
    try:
        for window in windows:
            yield window, dst_safe_strftime(window.start, partitions.timezone, partitions.fmt, partitions.cron_schedule)
    except (OverflowError, ValueError, CheckError):
        return  # after the last year that a datetime has, or in a day that Dagster itself cannot step over


def _windows(partitions: dg.TimeWindowPartitionsDefinition, since: float) -> Iterator[dg.TimeWindow]:
    """Dagster's own iteration, which cannot begin right before a day that is left out, and can begin earlier.

    Some cron schedules have other windows after hours that are left out, if the iteration begins among them.
    """
    if partitions.schedule_type is not None:
        begun = False
        try:
            for window in partitions._iterate_time_windows(since):
                begun = True
                yield window
        except CheckError:
            if begun:
                raise
    for window in partitions._iterate_time_windows(since - 2 * 86_400):
        if window.start.timestamp() >= since:
            yield window


def is_hourly(partitions: dg.TimeWindowPartitionsDefinition) -> bool:
    """Whether the windows are those of an hour, one after the other."""
    return partitions.schedule_type is ScheduleType.HOURLY and not partitions.exclusions


def _hours(partitions: dg.TimeWindowPartitionsDefinition, since: float) -> Iterator[dg.TimeWindow]:
    """Windows of an hour, counted from the first partition as Dagster lists them.

    Where clocks change by half an hour, an iteration that begins in between finds others.
    """
    zone = get_timezone(partitions.timezone)
    first = next(iter(partitions._iterate_time_windows(partitions.start.timestamp()))).start.timestamp()
    moment = first + 3600 * math.ceil((since - first) / 3600)
    while True:
        window = [dt.datetime.fromtimestamp(moment + shift, zone) for shift in (0, 3600)]
        yield dg.TimeWindow(*window)
        moment += 3600


def materialized_data_versions(
    instance: dg.DagsterInstance, key: dg.AssetKey, partitions: Sequence[str]
) -> dict[str | None, str]:
    """The data version of the latest materialization of ``partitions``; under None that of an asset without any."""
    last = instance.get_latest_materialization_event(key)
    if last is None or last.asset_materialization is None:
        return {}
    if last.asset_materialization.partition is None:
        return {None: (last.asset_materialization.tags or {}).get(DATA_VERSION_TAG, "")}
    found = instance.event_log_storage.get_latest_tags_by_partition(
        key, dg.DagsterEventType.ASSET_MATERIALIZATION, [DATA_VERSION_TAG], asset_partitions=partitions
    )
    return {partition: tags[DATA_VERSION_TAG] for partition, tags in found.items() if DATA_VERSION_TAG in tags}


def evaluate_conditions(
    sensor: dg.AutomationConditionSensorDefinition, context: dg.SensorEvaluationContext, graph: AssetGraph
) -> list[dg.SensorResult]:
    """What Dagster's own sensor asks for, as if ``graph`` had the assets of its code location."""
    seen: Any = SimpleNamespace(
        repository_def=SimpleNamespace(asset_graph=graph),
        instance=context.instance,
        cursor=context.cursor,
        log=context.log,
    )
    return [automation_condition_sensor_definition._evaluate(sensor, seen)]


def lift_limit_of_conditions() -> None:
    """Let a sensor that the code server evaluates have conditions of more than 500 assets, as one of the daemon has."""
    automation_condition_sensor_definition.MAX_ENTITIES = 100_000


def planned_steps(instance: dg.DagsterInstance, run: dg.DagsterRun) -> frozenset[str]:
    """The keys of the steps that a run was made for; empty for one that was made without a plan.

    A run of a job that was not cut down to a selection names no assets itself.
    """
    if run.execution_plan_snapshot_id is None:
        return frozenset()
    return frozenset(instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id).step_keys_to_execute)


def run_launcher(instance: dg.DagsterInstance) -> object | None:
    """What starts the instance's runs; None where its package is not installed, as a code server need not have it."""
    try:
        return instance.run_launcher
    except CheckError as error:
        if isinstance(error.__context__, ImportError):
            return None
        raise


def component_tree(project: Path) -> dg.ComponentTree:
    """The components of the dg project that ``project`` lies in; nothing is loaded yet.

    Dagster looks each component's declaration up by listing those of all components, which grows by the square of
    their number. Here they are listed once.
    """
    _describe_what_is_imported()
    tree = dg.ComponentTree.for_project(project)
    for location, declaration in tree._component_decl_tree().items():
        tree.state_tracker.set_cache_data(location, component_decl=declaration)
    return tree


def state_of(tree: dg.ComponentTree) -> object:
    """An object that lives as long as the tree and is its own; to the tree itself nothing can refer weakly."""
    return tree.state_tracker


def _describe_what_is_imported() -> None:
    """Let a code server name a project's components without importing all component libraries that are installed.

    It asks them which of their words stands for the class of a component, and that is imported. dbt, which a project
    without models has no use for, takes seconds.
    """
    from dagster._core.remote_representation.external_data import ComponentTreeSnap
    from dagster.components.core import package_entry

    described: Any = ComponentTreeSnap.from_tree
    if hasattr(described, "only_imported"):
        return

    def words() -> dict[EnvRegistryKey, object]:
        modules = {point.value: sys.modules.get(point.value) for point in package_entry.get_plugin_entry_points()}
        return {
            EnvRegistryKey(name=name, namespace=value): found
            for value, module in modules.items()
            for name, found in list(vars(module).items() if module is not None else ())
            if isinstance(found, type) and hasattr(found, package_entry.PACKAGE_ENTRY_ATTR)
        }

    def from_tree(tree: dg.ComponentTree) -> ComponentTreeSnap:
        discover = package_entry.discover_entry_point_package_objects
        package_entry.discover_entry_point_package_objects = words
        try:
            snap: ComponentTreeSnap = described(tree)
            return snap
        finally:
            package_entry.discover_entry_point_package_objects = discover

    from_tree.only_imported = True  # type: ignore[attr-defined]
    replaced: Any = ComponentTreeSnap
    replaced.from_tree = staticmethod(from_tree)


def should_retry_run(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether Dagster's daemon retries a run that has failed, as it decides itself."""
    # two thirds of a second, which runs do not need
    from dagster._daemon.auto_run_reexecution.auto_run_reexecution import auto_reexecution_should_retry_run

    reason = run.tags.get(RUN_FAILURE_REASON_TAG)
    return auto_reexecution_should_retry_run(instance, run, RunFailureReason(reason) if reason else None)


def previous_time(cron: str | Sequence[str], timezone: str, moment: dt.datetime) -> dt.datetime | None:
    """The latest time of a schedule up to ``moment``, in UTC."""
    found = []
    for each in [cron] if isinstance(cron, str) else cron:
        time = next(reverse_cron_string_iterator(moment.timestamp(), each, timezone), None)
        found += [time.astimezone(dt.UTC)] if time is not None else []
    return max(found, default=None)


def last_heartbeats(instance: dg.DagsterInstance) -> dict[str, dt.datetime]:
    """When each daemon that the instance needs said last that it is alive (UTC), by its type, such as SENSOR."""
    needed = set(instance.get_required_daemon_types())
    return {
        kind: dt.datetime.fromtimestamp(beat.timestamp, dt.UTC)
        for kind, beat in instance.get_daemon_heartbeats().items()
        if kind in needed
    }


def next_time(cron: str, timezone: str, moment: dt.datetime) -> dt.datetime | None:
    """The first time of a schedule that is not before ``moment``, in UTC."""
    found = next(cron_string_iterator(moment.timestamp(), cron, timezone), None)
    return found.astimezone(dt.UTC) if found is not None else None
