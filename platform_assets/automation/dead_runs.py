"""Runs whose process is gone: ended as failed, so that they do not count as running for ever, nor keep slots of pools.

Dagster ends a run that never started; one that was killed while it ran (kill -9, a machine that went down) stays
STARTED on an instance without a run launcher that can be asked, and takes a place in the queue. Only runs that are
processes of this machine are looked at: the instance's run launcher says whether there are any, and a run itself says
which machine its code server was on.
"""

import json
import time

import dagster as dg
import psutil

from platform_assets._compat import GRPC_INFO_TAG, run_launcher
from platform_assets.feeds import run_tags
from platform_assets.launching._compat import end_run
from platform_assets.launching.worker_process import WorkerProcess, is_this_machine

LOOK_SECONDS = 15
"""With the round of the sensor daemon and the notice of an alert, a dead process is told of within a minute."""

OVER_SECONDS = 10.0
"""How long after the end of its run a step may take to give back the slot of its pool."""

STARTING_SECONDS = 20.0
"""A launcher whose process for a run has died may be about to start the run in another, which takes it moments."""


def dead_runs_sensor() -> dg.SensorDefinition:
    """The sensor `dead_runs`; on by default."""

    @dg.sensor(
        name="dead_runs",
        description="Ends runs of this machine whose process is gone; their partitions can be materialized again.",
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        if launcher := _other_launcher(context.instance):
            return dg.SkipReason(f"runs are started by {launcher}: they are no processes of this machine")
        free_slots_of_runs_that_are_over(context.instance)
        ended = end_dead_runs(context.instance)
        return dg.SkipReason(f"ended {', '.join(ended)}" if ended else "every run that is under way has a process")

    return dead_runs


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report each run of this machine whose process is gone as failed; their ids."""
    ended = []
    under_way = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    for record in instance.get_run_records(dg.RunsFilter(statuses=under_way)):
        run = record.dagster_run
        if _is_elsewhere(run):
            continue
        if run.status is dg.DagsterRunStatus.STARTING:
            if _died_while_it_started(run, time.time() - record.update_timestamp.timestamp()):
                end_run(instance, run, "The process of this run died before it began; launch it again.")
                ended.append(run.run_id)
            continue
        process = _process(instance, run.run_id)
        if process is not None and record.start_time is not None and not _is_alive(process, record.start_time):
            end_run(instance, run, f"The process {process} of this run is gone; launch its partitions again.")
            ended.append(run.run_id)
    return ended


def free_slots_of_runs_that_are_over(instance: dg.DagsterInstance) -> list[str]:
    """Free the slots of pools that steps of runs have which are over, whoever reported their end; the runs' ids.

    A step that is killed gives no slot back. Dagster's run monitoring frees it too: minutes later.
    """
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return []
    freed = []
    for run_id in sorted(storage.get_concurrency_run_ids()):
        record = instance.get_run_record_by_id(run_id)
        if record is None or (record.dagster_run.is_finished and time.time() - (record.end_time or 0) > OVER_SECONDS):
            storage.free_concurrency_slots_for_run(run_id)
            freed.append(run_id)
    return freed


def _died_while_it_started(run: dg.DagsterRun, seconds: float) -> bool:
    """Whether a run that has been starting for so long has a process of this machine that is gone."""
    worker = WorkerProcess.from_tag(run.tags.get(run_tags.WORKER))
    return worker is not None and not worker.is_alive and seconds > STARTING_SECONDS


def _other_launcher(instance: dg.DagsterInstance) -> str:
    """The name of the instance's run launcher, if it is another than Dagster's default one; else nothing."""
    launcher = run_launcher(instance)
    if launcher is None:
        return "a launcher that is not installed here"
    return "" if isinstance(launcher, dg.DefaultRunLauncher) else type(launcher).__name__


def _is_elsewhere(run: dg.DagsterRun) -> bool:
    """Whether another machine has the run's process, as its launcher says. What a command ran itself names none."""
    worker = WorkerProcess.from_tag(run.tags.get(run_tags.WORKER))
    if worker is not None:
        return not worker.is_here
    server = run.tags.get(GRPC_INFO_TAG)
    return server is not None and not is_this_machine(json.loads(server).get("host"))


def _process(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """The id of the process that started the run, as its first event says."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.RUN_START, limit=1).records
    event = records[0].event_log_entry.dagster_event if records else None
    return event.pid if event is not None else None


def _is_alive(process: int, since: float) -> bool:
    try:
        found = psutil.Process(process)
        # an id may have been given to another process since
        return found.status() != psutil.STATUS_ZOMBIE and found.create_time() <= since + 1
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
