"""The partitions of a feed that a run is working on, or will be: queued, starting, started or canceling."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from platform_assets._compat import planned_steps
from platform_assets.feeds import run_tags
from platform_assets.feeds.feed import Feed
from platform_assets.lake.deliveries import SNAPSHOT

IN_PROGRESS = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
NEVER_STARTED_SECONDS = 60
"""Whoever makes a run hands it over at once: one that was not even queued for so long was given up by a crash."""


def partitions_in_progress(instance: dg.DagsterInstance, feed: Feed, now_ns: int) -> set[str]:
    """Partitions of `lake/<feed>` or `raw/<feed>` in a run that is not over, whoever asked for it."""
    ours = {feed.lake_key, feed.raw_key}
    steps = {key.to_python_identifier() for key in ours}
    plans: dict[str | None, frozenset[str]] = {}
    found: set[str] = set()
    with dg.partition_loading_context(dynamic_partitions_store=instance):
        for record in instance.get_run_records(dg.RunsFilter(statuses=list(IN_PROGRESS))):
            run = record.dagster_run
            if run.asset_selection is not None:
                is_ours = bool(ours & set(run.asset_selection))
            else:
                plan = run.execution_plan_snapshot_id
                if plan not in plans:
                    plans[plan] = planned_steps(instance, run)
                is_ours = bool(steps & plans[plan])
            if not is_ours:
                continue
            waited = now_ns / 1e9 - record.create_timestamp.timestamp()
            if run.status is dg.DagsterRunStatus.NOT_STARTED and waited > NEVER_STARTED_SECONDS:
                continue
            found.update(_partitions(feed, run))
    return found


def _partitions(feed: Feed, run: dg.DagsterRun) -> Iterator[str]:
    if feed.partitions is None:
        yield SNAPSHOT
        return
    one = run.tags.get(run_tags.PARTITION)
    first, last = (run.tags.get(end) for end in (run_tags.RANGE_START, run_tags.RANGE_END))
    if one is not None:
        yield one
    elif first is not None and last is not None and all(map(feed.partitions.has_partition_key, (first, last))):
        yield from feed.partitions.get_partition_keys_in_range(dg.PartitionKeyRange(first, last))
