"""Until when a partition may be delivered, as its contract says."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import dagster as dg

from platform_assets.feeds.feed import Feed

YEARS = dt.timedelta(days=9 * 366)
"""The longest distance of a cron is that of two 29ths of February."""


def deadline_ns(feed: Feed, partition: str) -> int | None:
    """When the delivery of the partition is due, in ns since 1970; None for a partition of no time.

    That is the first deadline after its time is over, or once its latency is over too; without either, once the time of
    another partition has passed.
    """
    key, freshness = feed.keys.of(partition), feed.contract.freshness
    if key.start is None or key.end is None:
        return None
    moment = key.end + (freshness.latency or key.end - key.start)
    if freshness.deadline_cron:
        since = key.end.astimezone(ZoneInfo(freshness.timezone)).replace(tzinfo=None)
        deadlines = dg.TimeWindowPartitionsDefinition(
            start=since, fmt="%Y-%m-%d %H:%M", cron_schedule=freshness.deadline_cron, timezone=freshness.timezone
        )
        with dg.partition_loading_context(effective_dt=key.end + YEARS):
            window = deadlines.get_first_partition_window()
        moment = window.start if window is not None else moment
    return int(moment.timestamp() * 10**9)
