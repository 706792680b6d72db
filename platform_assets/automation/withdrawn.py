"""Deliveries that were ingested and are no longer in the landing folder, in whole or in part.

The manifests of the lake name the files that they were made from. Whenever something may have been taken away, they are
gone through, some at each tick. What is left of a delivery in part is a delivery of another version, which the sensor
asks for. One that is gone as a whole stays published and is reported.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from platform_assets.automation.cursor import Withdrawals
from platform_assets.automation.digests import digest
from platform_assets.lake.errors import RecordUnreadable
from platform_assets.lake.store import Lake
from platform_assets.landing.landing import Landing

MANIFESTS_PER_TICK = 500
SECONDS_PER_TICK = 2.0


@dataclass(frozen=True)
class Search:
    """One step of the search: partitions of which a file is gone, and from where the next step goes on."""

    suspects: frozenset[str]
    progress: Withdrawals


def search(
    lake: Lake, landing: Landing, progress: Withdrawals, folders: int, limit: int = MANIFESTS_PER_TICK
) -> Search:
    """Look at the next manifests of the lake, if the search is under way or the landing folder has changed."""
    if progress.at is None:
        if folders == progress.folders:
            return Search(frozenset(), progress)
        progress = Withdrawals(folders, "", reported=progress.reported)
    feed = landing.names.feed
    names = lake.partition_names(feed)
    start, until = bisect_right(names, progress.at or ""), time.monotonic() + SECONDS_PER_TICK
    suspects: set[str] = set()
    at: str | None = None
    for name in names[start : start + limit]:
        at, key = name, lake.partition_of(feed, name)
        if _lacks_a_file(lake, landing, key):
            suspects.add(key)
        if time.monotonic() > until:
            break
    return Search(frozenset(suspects), replace(progress, at=None if at is None or at == names[-1] else at))


def concluded(step: Search, gone: Sequence[str]) -> tuple[Withdrawals, bool]:
    """The progress after ``gone`` were found to have no file left, and whether that is to be reported now.

    What is gone is reported once the search is through, and only if it is not what was reported before.
    """
    progress = step.progress
    for key in sorted(gone):
        progress = replace(progress, count=progress.count + 1, digest=digest(f"{progress.digest} {key}"))
    if progress.at is not None or progress.digest == progress.reported:
        return progress, False
    return replace(progress, reported=progress.digest), progress.count > 0


def _lacks_a_file(lake: Lake, landing: Landing, key: str) -> bool:
    try:
        manifest = lake.manifest(landing.names.feed, key)
    except RecordUnreadable:
        return True  # whether its delivery is there, the landing place says
    return manifest is not None and landing.lacks(manifest.delivery_files)
