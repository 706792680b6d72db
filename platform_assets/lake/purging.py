"""Quarantined rows that are older than a retention, removed from a lake; their records then say so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from platform_assets.lake.errors import PartitionLocked, RecordUnreadable
from platform_assets.lake.manifest import Manifest, Rejection
from platform_assets.lake.store import Lake, LakePartition

BUSY = "a run is writing it"
"""Why nothing was purged of a partition that can be purged later."""
UNNAMED = dt.timedelta(hours=1)
"""What no record names may be that of a run which is about to commit it; so long it is left alone at least."""


@dataclass(frozen=True)
class Purge:
    """What was purged of one partition: ``rows`` that records named, and ``files``; ``left`` says why nothing was."""

    feed: str
    partition: str
    rows: int = 0
    files: int = 0
    left: str = ""


def purge_quarantine(
    lake: Lake, feed: str | None = None, *, older_than: dt.timedelta, dry_run: bool = False
) -> Iterator[Purge]:
    """Purge the quarantines of a feed, or of all, that were written before that; a result for each partition of which
    something is that old.

    A partition that a run is writing is left alone. With ``dry_run`` nothing is removed.
    """
    for each in [feed] if feed is not None else lake.feeds():
        for name in lake.partition_names(each):
            done = purge_partition(lake, each, lake.partition_of(each, name), older_than=older_than, dry_run=dry_run)
            if done is not None:
                yield done


def purge_partition(
    lake: Lake, feed: str, partition: str, *, older_than: dt.timedelta, dry_run: bool = False,
) -> Purge | None:  # fmt: skip
    """:func:`purge_quarantine` of one partition; None if nothing of it is that old."""
    if not _old(lake, feed, partition, older_than):
        return None
    try:
        with lake.opened(feed, partition, wait_seconds=0) as held:
            if not held.is_readable:
                return Purge(feed, partition, left="its records cannot be read; materialize it in the lake again")
            due = _due(lake, held, feed, partition, older_than)
            if not due:
                return None
            rows = sum(record.rows_quarantined for record in _records(held) if record.quarantine_file in due)
            if not dry_run:
                held.purge(due)
            return Purge(feed, partition, rows, len(due))
    except PartitionLocked:
        return Purge(feed, partition, left=BUSY)
    except RecordUnreadable as error:
        return Purge(feed, partition, left=str(error))


def purge_unprotected(lake: Lake, feed: str, partition: str) -> Purge | None:
    """Purge all quarantined rows of a partition that hold values as they came; None if there are none.

    Those of a partition that was written anew from the lake are protected, and nowhere else. A run that is writing the
    partition is waited for, or has lost.
    """
    listed = lake.quarantines.listed(feed, partition).keys()
    if not listed:
        return None
    with lake.opened(feed, partition) as held:
        if not held.is_readable:
            return Purge(feed, partition, left="its records cannot be read; materialize it in the lake again")
        kept = {held.manifest.quarantine_file} if held.manifest is not None and held.manifest.rewritten else set()
        due = lake.quarantines.listed(feed, partition).keys() - kept
        if not due:
            return None
        rows = sum(record.rows_quarantined for record in _records(held) if record.quarantine_file in due)
        held.purge(due)
        return Purge(feed, partition, rows, len(due))


def _records(held: LakePartition) -> list[Manifest | Rejection]:
    return [record for record in (held.manifest, held.rejection) if record is not None]


def _old(lake: Lake, feed: str, partition: str, older_than: dt.timedelta) -> set[str]:
    now = dt.datetime.now(dt.UTC)
    return {name for name, at in lake.quarantines.listed(feed, partition).items() if now - at >= older_than}


def _due(lake: Lake, held: LakePartition, feed: str, partition: str, older_than: dt.timedelta) -> set[str]:
    """What is old and named by a record, and what none names and is older than any that is about to be committed."""
    named = {record.quarantine_file for record in _records(held)}
    return (_old(lake, feed, partition, older_than) & named) | (
        _old(lake, feed, partition, max(older_than, UNNAMED)) - named
    )
