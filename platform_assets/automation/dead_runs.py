"""Runs whose process is gone: ended as failed, so that they do not count as running for ever.

Dagster ends a run that never started; one that was killed while it ran (kill -9, a machine that went down) stays
STARTED on an instance without a run launcher that can be asked, and takes a place in the queue. This is for
instances whose runs are processes of this machine.
"""

import dagster as dg
import psutil


def dead_runs_sensor() -> dg.SensorDefinition:
    """The sensor `dead_runs`; on by default."""

    @dg.sensor(
        name="dead_runs",
        description="Ends runs of this machine whose process is gone; their partitions can be materialized again.",
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        ended = end_dead_runs(context.instance)
        return dg.SkipReason(f"ended {', '.join(ended)}" if ended else "every run that is under way has a process")

    return dead_runs


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report each started run whose process is gone as failed; their ids."""
    ended = []
    under_way = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING])
    for record in instance.get_run_records(under_way):
        run = record.dagster_run
        process = _process(instance, run.run_id)
        if process is not None and record.start_time is not None and not _is_alive(process, record.start_time):
            instance.report_run_failed(run, f"The process {process} of this run is gone; launch its partitions again.")
            ended.append(run.run_id)
    return ended


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
