"""Materializes what is missing of the year on the real instance, in this process, with a progress bar."""

import logging
import uuid
from dataclasses import dataclass, field

import dagster as dg
from rich.console import Console

from platform_assets.cli.progress import partitions_bar

GROUP = "flights"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Year:
    """What the demo did: seconds of each step that ran, and whether every partition is there now."""

    seconds: dict[str, float] = field(default_factory=dict)
    checks_passed: int = 0
    warnings: list[str] = field(default_factory=list)
    checks_failed: int = 0
    complete: bool = False
    assets: dict[str, int] = field(default_factory=dict)

    @property
    def checks_warned(self) -> int:
        return len(self.warnings)


def materialize_year(console: Console) -> Year:
    """Reference data first, then all days of the year in one run; nothing if all of it is there already."""
    from platform_assets.automation.dead_runs import end_dead_runs
    from platform_assets.definitions import defs

    with console.status("loading the definitions"):
        definitions = defs()
        instance = dg.DagsterInstance.get()
        job = definitions.resolve_implicit_global_asset_job_def()
        graph = definitions.resolve_asset_graph()
    end_dead_runs(instance)
    year = Year()
    nodes = [graph.get(key) for key in graph.toposorted_asset_keys]
    # a source that somebody has added has partitions of its own
    keys = [node.key for node in nodes if node.is_executable and node.group_name == GROUP]
    snapshots = [key for key in keys if graph.get(key).partitions_def is None]
    daily = [key for key in keys if graph.get(key).partitions_def is not None]
    missing = [key for key in snapshots if instance.get_latest_materialization_event(key) is None]
    if missing:
        _run(console, instance, job, snapshots, {}, len(snapshots), "reference data", year)
    partitions = graph.get(daily[0]).partitions_def
    assert partitions is not None
    days = list(partitions.get_partition_keys())
    gaps = sorted({day for key in daily for day in set(days) - instance.get_materialized_partitions(key)})
    if gaps:
        tags = {"dagster/asset_partition_range_start": gaps[0], "dagster/asset_partition_range_end": gaps[-1]}
        count = days.index(gaps[-1]) - days.index(gaps[0]) + 1
        _run(console, instance, job, daily, tags, count * len(daily), f"{count} days", year)
    else:
        console.print("The whole year is there already: nothing to do.")
    for key in keys:
        year.assets[key.to_user_string()] = len(instance.get_materialized_partitions(key)) if key in daily else 1
    year.complete = all(year.assets[key.to_user_string()] == len(days) for key in daily)
    instance.dispose()
    return year


def _count(year: Year, check: dg.AssetCheckEvaluation) -> None:
    if check.passed:
        year.checks_passed += 1
    elif check.severity is dg.AssetCheckSeverity.WARN:
        year.warnings.append(f"{check.asset_key.to_user_string()} {check.check_name}")
    else:
        year.checks_failed += 1


def _run(
    console: Console,
    instance: dg.DagsterInstance,
    job: dg.JobDefinition,
    keys: list[dg.AssetKey],
    tags: dict[str, str],
    total: int,
    what: str,
    year: Year,
) -> None:
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    run_id = str(uuid.uuid4())
    with partitions_bar(console, transient=False) as progress:
        task = progress.add_task(what, total=total)

        def watch(entry: dg.EventLogEntry) -> None:
            event = entry.dagster_event
            if event is None:
                return
            if event.event_type is dg.DagsterEventType.STEP_START:
                progress.update(task, description=f"{what}: {event.step_key}")
            elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key in keys:
                progress.advance(task)
            elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                _count(year, event.asset_check_evaluation_data)
            elif event.event_type is dg.DagsterEventType.STEP_SUCCESS and event.step_key:
                year.seconds[event.step_key] = event.step_success_data.duration_ms / 1000

        instance.add_event_listener(run_id, watch)
        result = job.execute_in_process(
            run_id=run_id,
            instance=instance,
            asset_selection=keys,
            tags=tags,
            run_config=QUIET,
            raise_on_error=False,
        )
    if not result.success:
        failures = [e for e in result.all_events if e.event_type is dg.DagsterEventType.STEP_FAILURE]
        for event in failures[:5]:
            error = event.step_failure_data.error
            console.print(f"[red]{event.step_key}[/red]: {(error.cause or error).message if error else event.message}")
