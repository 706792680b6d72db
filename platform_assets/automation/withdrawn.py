"""Deliveries that were ingested and are no longer in the landing folder, in whole or in part.

The manifests of the lake name the files that they were made from. Whenever a folder of the landing folder has changed,
they are gone through, some at each tick. What is left of a delivery in part is a delivery of another version, which the
sensor asks for. One that is gone as a whole stays published and is reported.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from platform_assets.automation.cursor import Withdrawals
from platform_assets.automation.digests import digest
from platform_assets.lake.errors import RecordUnreadable
from platform_assets.lake.store import Lake

MANIFESTS_PER_TICK = 500


@dataclass(frozen=True)
class Search:
    """One step of the search: partitions of which a file is gone, and from where the next step goes on."""

    suspects: frozenset[str]
    progress: Withdrawals


def search(lake: Lake, feed: str, progress: Withdrawals, folders: int, limit: int = MANIFESTS_PER_TICK) -> Search:
    """Look at the next manifests of the lake, if the search is under way or the landing folder has changed."""
    if progress.at is None:
        if folders == progress.folders:
            return Search(frozenset(), progress)
        progress = Withdrawals(folders, "", reported=progress.reported)
    names = lake.partition_names(feed)
    start = bisect_right(names, progress.at or "")
    part = names[start : start + limit]
    suspects = frozenset(key for name in part if _lacks_a_file(lake, feed, key := lake.partition_of(feed, name)))
    return Search(suspects, replace(progress, at=part[-1] if start + limit < len(names) else None))


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


def _lacks_a_file(lake: Lake, feed: str, key: str) -> bool:
    try:
        manifest = lake.manifest(feed, key)
    except RecordUnreadable:
        return True  # whether its delivery is there, the landing folder says
    return manifest is not None and any(_is_gone(file.path) for file in manifest.delivery_files)


def _is_gone(path: str) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False  # it cannot be looked at: nobody took it away
    return False
