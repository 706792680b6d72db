"""What a warehouse needs from time to time: done once a day, where its engine needs anything."""

import datetime as dt

import dagster as dg

from platform_assets.automation.daily import daily_schedule
from platform_assets.environment import scheme_of
from platform_assets.platform_resource import PlatformResource
from platform_assets.warehouse.locations import open_warehouse
from platform_assets.warehouse.protocol import Maintained

NAME = "warehouse_maintenance"
CRON = "53 3 * * *"


def maintenance_schedules(location: str, days: float) -> list[dg.ScheduleDefinition]:
    """The schedule `warehouse_maintenance`, on by default; none where the warehouse at ``location`` needs nothing.

    ``days`` is how long old snapshots are kept.
    """
    if not scheme_of(location) or not isinstance(open_warehouse(location), Maintained):
        return []

    @dg.op(name="maintain_warehouse", out=dg.Out(dg.Nothing))
    def maintain(platform: dg.ResourceParam[PlatformResource]) -> dg.Output[None]:
        warehouse = platform.warehouse.open()
        done = warehouse.maintain(dt.timedelta(days=days)) if isinstance(warehouse, Maintained) else {}
        return dg.Output(None, metadata=dict(done))

    what = f"forgets old snapshots of the warehouse ({days:g} days), and joins small files."
    return [daily_schedule(maintain, name=NAME, cron=CRON, what=what)]
