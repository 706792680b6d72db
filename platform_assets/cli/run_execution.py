"""Runs of `platform-assets run`, executed in this process on the instance of DAGSTER_HOME, where the UI shows them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import dagster as dg

from platform_assets.cli.ctrl_c import Interrupts
from platform_assets.cli.in_process_runs import execute_run
from platform_assets.cli.run_outcome import AssetResult, merged, read_events
from platform_assets.cli.run_plan import PlannedRun

Watch = Callable[[dg.EventLogEntry], None]


@dataclass
class Executed:
    """What came of all runs: a result for each asset, the ids of the runs, and whether Ctrl-C ended them early."""

    results: list[AssetResult]
    run_ids: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def is_good(self) -> bool:
        return not self.interrupted and all(result.is_good for result in self.results)


def execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    runs: Sequence[PlannedRun],
    interrupts: Interrupts,
    watch: Watch,
) -> Executed:
    """Execute the runs one after the other; ``watch`` is called with each event and each line of the log.

    A run that fails does not keep the later ones from running, as with a backfill. Ctrl-C does: what they were to
    materialize counts as canceled.
    """
    job = definitions.resolve_implicit_global_asset_job_def()
    found = []
    executed = Executed([])
    for run in runs:
        if interrupts.received:
            found.append(read_events(job, run, [], {}, interrupted=True))
            continue
        run_id = str(uuid.uuid4())
        executed.run_ids.append(run_id)
        found.append(_execute(job, instance, run, run_id, interrupts, watch))
    executed.interrupted = interrupts.received
    executed.results = merged(found)
    return executed


def _execute(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    run: PlannedRun,
    run_id: str,
    interrupts: Interrupts,
    watch: Watch,
) -> dict[dg.AssetKey, AssetResult]:
    began: dict[str, float] = {}
    seconds: dict[str, float] = {}
    events: list[dg.DagsterEvent] = []

    def listen(entry: dg.EventLogEntry) -> None:
        watch(entry)
        event = entry.dagster_event
        if event is None:
            return
        events.append(event)
        step = event.step_key or ""
        if event.event_type is dg.DagsterEventType.STEP_START:
            began.setdefault(step, entry.timestamp)
        elif event.is_step_success or event.is_step_failure:
            seconds[step] = entry.timestamp - began.get(step, entry.timestamp)

    instance.add_event_listener(run_id, listen)
    execute_run(job, instance, run_id, interrupts, keys=run.keys, partition_key=run.partition_key, tags=run.tags)
    return read_events(job, run, events, seconds, interrupted=interrupts.received)
