"""What is quarantined in a lake: by partition, and the rows of one."""

from __future__ import annotations

from dataclasses import dataclass, field

from platform_assets.lake.errors import RecordUnreadable
from platform_assets.lake.manifest import Manifest, Rejection
from platform_assets.lake.quarantine import QuarantinedRow
from platform_assets.lake.store import Lake


@dataclass(frozen=True)
class QuarantinedPartition:
    """What is quarantined for one partition; ``rejected`` says why, when the whole delivery was refused.

    If its records are not ``readable``, ``rejected`` says why not and the counts are 0.
    """

    feed: str
    partition: str
    rows: int
    rows_in: int
    reasons: dict[str, int]
    rejected: str | None
    readable: bool = True
    rules: dict[str, int] = field(default_factory=dict)
    purged_at: str = ""


def list_quarantine(lake: Lake, feed: str | None = None) -> list[QuarantinedPartition]:
    """Partitions with rows quarantined, and rejected deliveries, by feed and partition."""
    return [
        item
        for each in ([feed] if feed is not None else lake.feeds())
        for name in lake.partition_names(each)
        for item in _of_partition(lake, each, lake.partition_of(each, name))
    ]


def _of_partition(lake: Lake, feed: str, partition: str) -> list[QuarantinedPartition]:
    found = []
    try:
        rejection, manifest = lake.rejection(feed, partition), lake.manifest(feed, partition)
    except RecordUnreadable as error:
        return [QuarantinedPartition(feed, partition, 0, 0, {}, str(error), readable=False)]
    if rejection is not None:
        found.append(_as_found(rejection, f"{rejection.code}: {rejection.message}"))
    if manifest is not None and manifest.rows_quarantined:
        found.append(_as_found(manifest, None))
    return found


def _as_found(record: Manifest | Rejection, rejected: str | None) -> QuarantinedPartition:
    counts = (record.rows_quarantined, record.rows_in, record.reasons)
    return QuarantinedPartition(
        record.feed, record.partition, *counts, rejected, rules=record.rules, purged_at=record.purged_at
    )


def read_quarantine(lake: Lake, feed: str, partition: str, limit: int | None = None) -> list[QuarantinedRow]:
    """The rows of a partition that are quarantined: those of the latest rejection, else those of the manifest.

    Raises FileNotFoundError if nothing was ingested into the partition.
    """
    rejection, manifest = lake.rejection(feed, partition), lake.manifest(feed, partition)
    if manifest is None and rejection is None:
        raise FileNotFoundError(f"{feed} {partition}: nothing was ingested into {lake}")
    name = rejection.quarantine_file if rejection else manifest.quarantine_file if manifest else None
    return [] if name is None else lake.quarantined_rows(name, limit)
