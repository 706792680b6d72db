"""Whether a pattern of file names and a feed's partitions fit each other, found out before any file arrives."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

import dagster as dg

from platform_assets._compat import partition_windows
from platform_assets.feeds.partition_names import partition_key_of
from platform_assets.landing.patterns import ArrivalPattern, PatternError

TRIED = 3
"""Partitions of time whose names are read back; a pattern that is too coarse is wrong on the second already."""


def check_fit(pattern: ArrivalPattern, partitions: dg.PartitionsDefinition | None, word: str) -> None:
    """Raise :class:`PatternError` if files named by ``pattern`` could not be attributed to their partitions.

    ``word`` is the key of defs.yaml that the message begins with.
    """
    timed = isinstance(partitions, dg.TimeWindowPartitionsDefinition)
    if timed and not pattern.names_time:
        raise PatternError(f"{word}: {pattern.pattern!r} does not name the time of a partition, such as %Y-%m-%d")
    if partitions is not None and not timed and not pattern.names_key:
        raise PatternError(f"{word}: {pattern.pattern!r} does not name the partition by {{key}}")
    if partitions is None and (pattern.names_time or pattern.names_key):
        raise PatternError(f"{word}: {pattern.pattern!r} names a partition, but the feed has none; add `partitions:`")
    if isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        for window, key in _first_windows(partitions):
            if not _leads_to(_read_back(pattern, partitions, window), partitions, window, key):
                raise PatternError(
                    f"{word}: {pattern.pattern!r} does not lead to the partition {key}, which begins at "
                    f"{window.start:%A %Y-%m-%d %H:%M}: name the start of a partition as finely as partitions begin"
                )


def _leads_to(
    found: str | None, partitions: dg.TimeWindowPartitionsDefinition, window: dg.TimeWindow, key: str
) -> bool:
    if found is None or found == key:
        return found is not None
    # after a day that is left out, Dagster writes the keys of some schedules in two ways
    return partitions.time_window_for_partition_key(found).start.timestamp() == window.start.timestamp()


def _first_windows(partitions: dg.TimeWindowPartitionsDefinition) -> Iterator[tuple[dg.TimeWindow, str]]:
    listed = islice(partition_windows(partitions, partitions.start.timestamp()), TRIED + 1)
    for (window, key), (following, _) in pairwise(listed):
        if partitions.end is not None and window.end.timestamp() > partitions.end.timestamp():
            return
        # of an hour that a clock change repeats, a name without an offset can only mean the first; and a day that a
        # change of the date line leaves out begins and ends at one moment, which is the next day's
        if not window.start.fold and window.start.timestamp() < following.start.timestamp():
            yield window, key


def _read_back(
    pattern: ArrivalPattern, partitions: dg.TimeWindowPartitionsDefinition, window: dg.TimeWindow
) -> str | None:
    # a group of the pattern's expression is named t and the directive, such as tY
    token = tuple(window.start.strftime(f"%{group[1:]}") for group in pattern.regex.groupindex)
    match = pattern.read(token)
    return None if match is None else partition_key_of(partitions)(match)
