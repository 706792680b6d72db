"""The schedule that closes a partition: when its delivery is due, whatever is known of it becomes a state.

A delivery that is there and was not taken starts its run; a partition on which the contract says that nothing is
due is recorded as such; a delivery that is due and missing stays missing, and the tick says so.
"""

import datetime as dt
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg

from platform_assets.contracts.due import reason_not_due
from platform_assets.feeds.feed import Feed
from platform_assets.lake.manifest import read_manifest
from resources.platform import PlatformResource

LOOK_BACK = 7
"""Partitions that one tick closes, the newest first: ticks that were missed are made up for."""


def closing_schedule(feed: Feed) -> dg.ScheduleDefinition | None:
    """The schedule `<feed>_closing` of a feed with partitions of time; None for any other."""
    partitions = feed.partitions
    if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return None
    latency = feed.contract.freshness.latency or dt.timedelta()

    @dg.schedule(
        name=f"{feed.name}_closing",
        description=f"Closes each partition of {feed.name} once its delivery is due.",
        cron_schedule=_cron(partitions, latency),
        execution_timezone=partitions.timezone,
        target=dg.AssetSelection.assets(feed.lake_key, feed.raw_key),
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def closing(
        context: dg.ScheduleEvaluationContext, platform: PlatformResource
    ) -> list[dg.RunRequest] | dg.SkipReason:
        moment = context.scheduled_execution_time.astimezone(ZoneInfo(partitions.timezone)) - latency
        keys = due_partitions(partitions, moment, LOOK_BACK)
        lake = Path(platform.lake)
        open_keys = [key for key in keys if read_manifest(lake, feed.name, key) is None]
        there = feed.landing(platform.landing).deliveries(set(open_keys), now_ns=time.time_ns()).deliveries
        requests, missing = [], []
        for key in open_keys:
            if key in there:
                requests.append(dg.RunRequest(run_key=f"{feed.name}:{key}:{there[key].version}", partition_key=key))
            elif reason_not_due(feed.contract, key) is not None:
                requests.append(dg.RunRequest(run_key=f"{feed.name}:{key}:nothing-due", partition_key=key))
            else:
                missing.append(key)
        if missing:
            context.log.warning(f"{feed.name}: due and missing: {', '.join(missing)}")
        if requests:
            return requests
        return dg.SkipReason(
            f"due and missing: {', '.join(missing)}" if missing else f"every due partition of {feed.name} is closed"
        )

    return closing


def due_partitions(partitions: dg.TimeWindowPartitionsDefinition, moment: dt.datetime, count: int) -> list[str]:
    """The last ``count`` partitions whose time was over at ``moment``, in their order."""
    with dg.partition_loading_context(effective_dt=moment):
        keys: list[str] = []
        window = partitions.get_last_partition_window()
        while window is not None and len(keys) < count:
            keys.append(partitions.get_partition_key_for_timestamp(window.start.timestamp()))
            window = partitions.get_prev_partition_window(window.start)
        return keys[::-1]


def _cron(partitions: dg.TimeWindowPartitionsDefinition, latency: dt.timedelta) -> str:
    """The partitions' own cron, later by the part of the latency that fits into it (minutes, and hours of a day)."""
    schedule = partitions.get_cron_schedule()
    minute, hour, *rest = schedule.split()
    if not minute.isdigit():
        return schedule
    minutes = int(minute) + int(latency.total_seconds() // 60)
    if not hour.isdigit():
        return " ".join([str(minutes % 60), hour, *rest])
    return " ".join([str(minutes % 60), str((int(hour) + minutes // 60) % 24), *rest])
