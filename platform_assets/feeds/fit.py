"""Whether a pattern of file names and a feed's partitions fit each other, found out before any file arrives."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from platform_assets.feeds.partitions import partition_key_of
from platform_assets.lake.arrival_patterns import ArrivalPattern, PatternError

TRIED = 3
"""Partitions of time whose names are read back; a pattern that is too coarse is wrong on the second already."""


def check_fit(pattern: ArrivalPattern, partitions: dg.PartitionsDefinition | None, word: str) -> None:
    """Raise :class:`PatternError` if files named by ``pattern`` could not be laid to their partitions.

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
            if _read_back(pattern, partitions, window) != key:
                raise PatternError(
                    f"{word}: {pattern.pattern!r} does not lead to the partition {key}, which begins at "
                    f"{window.start:%A %Y-%m-%d %H:%M}: name the start of a partition as finely as partitions begin"
                )


def _first_windows(partitions: dg.TimeWindowPartitionsDefinition) -> Iterator[tuple[dg.TimeWindow, str]]:
    moment = partitions.start
    for _ in range(TRIED):
        window = partitions.get_next_partition_window(moment, respect_bounds=False)
        if window is None or (partitions.end is not None and window.start >= partitions.end):
            return
        # of an hour that a clock change repeats, a name without an offset can only mean the first
        if not window.start.fold:
            yield window, partitions.get_partition_key_for_timestamp(window.start.timestamp())
        moment = window.end


def _read_back(
    pattern: ArrivalPattern, partitions: dg.TimeWindowPartitionsDefinition, window: dg.TimeWindow
) -> str | None:
    # a group of the pattern's expression is named t and the directive, such as tY
    token = tuple(window.start.strftime(f"%{group[1:]}") for group in pattern.regex.groupindex)
    match = pattern.read(token)
    return None if match is None else partition_key_of(partitions)(match)
