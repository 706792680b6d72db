"""The schedule that closes a partition: when its delivery is due, whatever is known of it becomes a state.

A delivery that is there and was not taken starts its run; a partition on which the contract says that nothing is
due is recorded as such; a delivery that is due and missing stays missing, and the tick says so.
"""

import datetime as dt
import time
from itertools import takewhile
from zoneinfo import ZoneInfo

import dagster as dg

from platform_assets._compat import IMPLICIT_ASSET_JOB_NAME, partition_windows
from platform_assets.automation.holdings import PATIENCE_SECONDS
from platform_assets.automation.runs_in_progress import partitions_in_progress
from platform_assets.contracts.due import reason_not_due
from platform_assets.contracts.model import Freshness
from platform_assets.feeds.feed import Feed
from platform_assets.holds.holds import held
from platform_assets.lake.errors import RecordUnreadable
from platform_assets.logs import forwarded, log_context, logger
from platform_assets.platform_resource import PlatformResource
from platform_assets.publishing.readers import unreadable
from platform_assets.warehouse.errors import WarehouseBusy

log = logger(__name__)

LOOK_BACK = dt.timedelta(days=7)
"""How far back a tick looks for partitions that are not closed: what was missed meanwhile is made up for."""


def closing_schedule(feed: Feed) -> dg.ScheduleDefinition | None:
    """The schedule `<feed>_closing` of a feed with partitions of time; None for any other."""
    partitions = feed.partitions
    if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return None
    due_time, assets = _DueTime(feed.contract.freshness, partitions), [feed.lake_key, feed.raw_key]

    @dg.schedule(
        name=f"{feed.name}_closing",
        description=f"Closes each partition of {feed.name} once its delivery is due.",
        cron_schedule=due_time.cron,
        execution_timezone=due_time.timezone,
        # each run takes its assets of Dagster's own job: a job for each schedule would make a repository big
        job_name=IMPLICIT_ASSET_JOB_NAME,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def closing(
        context: dg.ScheduleEvaluationContext, platform: PlatformResource
    ) -> list[dg.RunRequest] | dg.SkipReason:
        if holds := held(context.instance, time.time()).of([key.to_user_string() for key in assets]):
            return dg.SkipReason(f"{holds[0].failure.message}. {holds[0].failure.next_step}")
        with log_context(feed=feed.name), forwarded(context.log, level=platform.log_level):
            return closed(context, platform)

    def closed(
        context: dg.ScheduleEvaluationContext, platform: PlatformResource
    ) -> list[dg.RunRequest] | dg.SkipReason:
        moment, look_back = due_time.looked_at(context.scheduled_execution_time)
        keys = due_partitions(partitions, moment, look_back)
        lake = platform.open_lake()
        found = feed.landing(platform.landing).deliveries(set(keys), now_ns=time.time_ns())
        try:
            audited = _audited(feed, platform, keys)
        except WarehouseBusy as error:
            return dg.SkipReason(f"the warehouse is busy: {error}")
        running = partitions_in_progress(context.instance, feed, time.time_ns())
        requests, missing = [], []
        for key in keys:
            delivery = found.deliveries.get(key)
            try:
                manifest, rejection = lake.manifest(feed.name, key), lake.rejection(feed.name, key)
            except RecordUnreadable as error:
                # a run ingests the delivery again, which replaces the record, or says what is wrong
                context.log.warning(f"{feed.name} {key}: {error}")
                manifest = rejection = None
            taken = manifest is not None and (delivery is None or manifest.delivery_version == delivery.version)
            if (taken and key in audited) or key in running:
                continue
            if delivery is None and key in found.waiting:
                context.log.warning(f"{feed.name}: {key} is due, and not complete: {found.waiting[key]}")
                missing.append(key)
                continue
            if delivery is not None and rejection is not None and rejection.delivery_version == delivery.version:
                continue  # this very delivery was looked at and refused
            if taken or delivery is not None or reason_not_due(feed.contract, feed.keys.of(key)) is not None:
                # a run of an earlier tick may have died: each tick asks under a key of its own
                run_key = f"{feed.name}:{key}:closing:{context.scheduled_execution_time.isoformat()}"
                requests.append(dg.RunRequest(run_key=run_key, partition_key=key, asset_selection=assets))
            else:
                missing.append(key)
        if missing:
            context.log.warning(f"{feed.name}: due and missing: {', '.join(missing)}")
        if requests:
            log.info("%d partitions are due and not closed: a run is asked for each", len(requests))
            return requests
        return dg.SkipReason(
            f"due and missing: {', '.join(missing)}" if missing else f"every due partition of {feed.name} is closed"
        )

    return closing


def _audited(feed: Feed, platform: PlatformResource, keys: list[str]) -> set[str]:
    """The partitions that have a verdict in the ledger, good or bad: they need no further run."""
    warehouse, asset = platform.warehouse.open(), feed.raw_key.to_user_string()
    refused = unreadable(warehouse, asset=asset, partitions=keys, wait_seconds=PATIENCE_SECONDS)
    return {key for key in keys if key not in refused or refused[key].run_id}


def due_partitions(
    partitions: dg.TimeWindowPartitionsDefinition, moment: dt.datetime, look_back: dt.timedelta
) -> list[str]:
    """Partitions whose time was over at ``moment``, and for no longer than ``look_back``; at least the last one."""
    with dg.partition_loading_context(effective_dt=moment):
        last = partitions.get_last_partition_window()
    if last is None:
        return []
    until, since = last.start.timestamp(), (moment - look_back).timestamp()
    length = last.end.timestamp() - last.start.timestamp()
    # months differ in length; a window too many is left out below
    first = max(partitions.start.timestamp(), min(until, since - 1.2 * length - 86_400))
    listed = takewhile(lambda item: item[0].start.timestamp() <= until, partition_windows(partitions, first))
    keys = [(window.end.timestamp(), key) for window, key in listed]
    return [key for end, key in keys if end >= since] or [key for _, key in keys[-1:]]


class _DueTime:
    """When deliveries are due: at the deadlines that the contract names, or once its latency is over.

    Weeks and months are looked at daily too, unless a deadline says otherwise: which partitions are due follows from
    their windows, not from the cron.
    """

    def __init__(self, freshness: Freshness, partitions: dg.TimeWindowPartitionsDefinition) -> None:
        self._partitions = partitions
        self._deadline = freshness.deadline_cron
        # beside a deadline the latency says how old data may be then, which is the freshness policy's business
        self._latency = dt.timedelta() if self._deadline else freshness.latency or dt.timedelta()
        self.timezone = freshness.timezone if self._deadline else partitions.timezone

    @property
    def cron(self) -> str:
        """The deadlines; else every hour for partitions of an hour, and every day, at the minute they become due."""
        if self._deadline:
            return self._deadline
        minute, hour, *_ = self._partitions.get_cron_schedule().split()
        minutes = (int(minute) if minute.isdigit() else 0) + int(self._latency.total_seconds() // 60)
        if not hour.isdigit():
            return f"{minutes % 60} * * * *"
        return f"{minutes % 60} {(int(hour) + minutes // 60) % 24} * * *"

    def looked_at(self, scheduled: dt.datetime) -> tuple[dt.datetime, dt.timedelta]:
        """The moment until which partitions are over that are due at the tick, and how far back the tick looks."""
        moment = scheduled.astimezone(ZoneInfo(self._partitions.timezone)) - self._latency
        return moment, max(LOOK_BACK, scheduled - self._deadline_before(scheduled))

    def _deadline_before(self, scheduled: dt.datetime) -> dt.datetime:
        if not self._deadline:
            return scheduled
        # Dagster's windows between deadlines; the longest distance of a cron is that of two 29ths of February
        since = scheduled.astimezone(ZoneInfo(self.timezone)).replace(tzinfo=None) - dt.timedelta(days=9 * 366)
        deadlines = dg.TimeWindowPartitionsDefinition(
            start=since, fmt="%Y-%m-%d %H:%M", cron_schedule=self._deadline, timezone=self.timezone
        )
        with dg.partition_loading_context(effective_dt=scheduled):
            window = deadlines.get_last_partition_window()
        return scheduled if window is None else window.start
