"""Jobs of one op that a schedule runs once a day, or once an hour."""

import dagster as dg


def daily_schedule(
    op: dg.OpDefinition, *, name: str, cron: str, what: str, every: str = "Every day"
) -> dg.ScheduleDefinition:
    """The schedule ``name``, on by default, of a job of that name; ``what`` it does goes on after ``every``."""

    @dg.job(name=name, description=f"{what[0].upper()}{what[1:]}", executor_def=dg.in_process_executor)
    def daily() -> None:
        op()

    return dg.ScheduleDefinition(
        name=name,
        job=daily,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"{every}: {what}",
    )
