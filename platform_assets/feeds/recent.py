"""The partitions of which files are most likely to come now."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import dagster as dg

from platform_assets._compat import partition_windows
from platform_assets.landing.landing import RecentKeys, no_recent_keys

DAYS_BACK = 3
WINDOWS_BACK = 3
AHEAD_SECONDS = 86_400
MOST_KEYS = 200


def recent_keys(partitions: dg.PartitionsDefinition | None) -> RecentKeys:
    """The function that gives the partitions of the last days, or the last few of longer ones, and of today."""
    if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return no_recent_keys

    def keys(now_ns: int) -> Iterable[str]:
        now = now_ns / 1e9
        first = next(partition_windows(partitions, now - DAYS_BACK * 86_400), None)
        if first is None:
            return []
        length = (first[0].end - first[0].start).total_seconds()
        back = max(DAYS_BACK * 86_400, WINDOWS_BACK * length)
        windows = islice(partition_windows(partitions, now - back), MOST_KEYS)
        return [key for window, key in windows if window.start.timestamp() < now + AHEAD_SECONDS]

    return keys
