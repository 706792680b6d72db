"""Partitions that somebody names on the command line: keys and ranges, and what there is where one does not exist."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

RANGE = "..."
SHOWN = 10


class NoSuchPartition(Exception):
    """A partition or a range that does not exist; the message says why, and what there is."""


def keys_between(partitions: dg.PartitionsDefinition, first: str, last: str, *, of: str) -> list[str]:
    """The keys from ``first`` to ``last``, both included; ``of`` is the feed or asset that a message names.

    Raises:
        NoSuchPartition: if one of them does not exist, or ``last`` comes before ``first``.
    """
    for key in dict.fromkeys((first, last)):
        if not partitions.has_partition_key(key):
            raise NoSuchPartition(f"{of} has no partition {key[:80]!r}: {which_there_are(partitions)}")
    if first == last:
        return [first]
    keys = list(partitions.get_partition_keys_in_range(dg.PartitionKeyRange(first, last)))
    if not keys:
        raise NoSuchPartition(f"'{first}{RANGE}{last}' holds no partition: {last} comes before {first}")
    return keys


def which_there_are(partitions: dg.PartitionsDefinition) -> str:
    """What the keys are, in a few words."""
    keys: Sequence[str]
    if isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        keys = [key for key in (partitions.get_first_partition_key(), partitions.get_last_partition_key()) if key]
        return f"they go from {keys[0]} to {keys[-1]}" if keys else "none of them is over yet"
    keys = list(partitions.get_partition_keys())
    if not keys:
        return "it has none yet"
    return f"they are {', '.join(keys[:SHOWN])}" + (f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else "")
