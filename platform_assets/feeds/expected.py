"""The partitions of which files are most likely to come now: those of these days, and those that never came."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from itertools import islice

import dagster as dg

from platform_assets._compat import partition_windows
from platform_assets.landing.landing import RecentKeys, no_recent_keys

DAYS_BACK = 3
WINDOWS_BACK = 3
AHEAD_SECONDS = 86_400
MOST_RECENT = 200
MISSING_BACK = 1_000
"""Windows that are gone through for those of which nothing has come."""
MOST_MISSING = 20


def recent_keys(partitions: dg.PartitionsDefinition | None) -> RecentKeys:
    """The function that gives the partitions of the last days, or the last few of longer ones, and of today."""
    if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return no_recent_keys

    def keys(now_ns: int) -> Iterable[str]:
        now = now_ns / 1e9
        back = max(DAYS_BACK * 86_400, WINDOWS_BACK * _length(partitions, now))
        windows = islice(partition_windows(partitions, now - back), MOST_RECENT)
        return [key for window, key in windows if window.start.timestamp() < now + AHEAD_SECONDS]

    return keys


def missing_keys(partitions: dg.PartitionsDefinition | None, held: Container[str], now_ns: int) -> list[str]:
    """The newest partitions that are not ``held``, of those that are over; a bounded number of them."""
    return list(islice((key for key in _newest_first(partitions, now_ns / 1e9) if key not in held), MOST_MISSING))


def _newest_first(partitions: dg.PartitionsDefinition | None, now: float) -> Iterator[str]:
    if isinstance(partitions, dg.StaticPartitionsDefinition):
        yield from partitions.get_partition_keys()
    if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return
    until = min(now, partitions.end.timestamp()) if partitions.end is not None else now
    start = partitions.start.timestamp()
    since = max(start, until - MISSING_BACK * _length(partitions, until))
    windows = islice(partition_windows(partitions, since), 2 * MISSING_BACK)
    over = [key for window, key in windows if start <= window.start.timestamp() and window.end.timestamp() <= until]
    yield from reversed(over)


def _length(partitions: dg.TimeWindowPartitionsDefinition, now: float) -> float:
    """The seconds of a window."""
    window = next((window for window, _ in partition_windows(partitions, now - 40 * 86_400)), None)
    return (window.end - window.start).total_seconds() if window is not None else 86_400.0
