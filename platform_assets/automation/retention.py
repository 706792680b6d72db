"""Quarantined rows that are kept no longer: purged once a day, where a retention is set."""

import datetime as dt

import dagster as dg

from platform_assets.automation.daily import daily_schedule
from platform_assets.lake.names import shown
from platform_assets.lake.purging import BUSY, purge_quarantine
from platform_assets.platform_resource import PlatformResource
from platform_assets.wording import counted

NAME = "quarantine_retention"
CRON = "23 3 * * *"


def retention_schedules(days: float | None) -> list[dg.ScheduleDefinition]:
    """The schedule `quarantine_retention`, on by default; none without a retention, in ``days``."""
    if days is None:
        return []
    older_than = dt.timedelta(days=days)

    @dg.op(name="purge_quarantine", out=dg.Out(dg.Nothing))
    def purge(context: dg.OpExecutionContext, platform: dg.ResourceParam[PlatformResource]) -> dg.Output[None]:
        rows = files = 0
        unreadable = []
        for done in purge_quarantine(platform.open_lake(), older_than=older_than):
            name = f"{shown(done.feed)} {shown(done.partition)}"
            rows, files = rows + done.rows, files + done.files
            if done.left == BUSY:
                context.log.info(f"{name}: left until the next time, since a run is writing it")
            elif done.left:
                unreadable.append(f"{name}: {done.left}")
        if unreadable:
            raise dg.Failure(
                f"rows older than {days:g} days of {counted(len(unreadable), 'partition')} could not be purged: "
                + "; ".join(unreadable[:10]),
                allow_retries=False,
            )
        return dg.Output(None, metadata={"rows purged": rows, "files purged": files})

    what = f"removes quarantined rows that are older than {days:g} days."
    return [daily_schedule(purge, name=NAME, cron=CRON, what=what)]
