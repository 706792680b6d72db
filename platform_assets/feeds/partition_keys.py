"""From a key as Dagster writes it to the value that is carried on: the partition's time and its place."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import dagster as dg

from platform_assets.partition_key import PartitionKey


class PartitionKeys:
    """The keys of one feed's partitions. Takes keys that are no longer among them too, as a ledger holds them."""

    def __init__(self, partitions: dg.PartitionsDefinition | None) -> None:
        self._partitions = partitions
        static = isinstance(partitions, dg.StaticPartitionsDefinition)
        listed = partitions.get_partition_keys() if static and partitions is not None else ()
        self._places = {key: float(place) for place, key in enumerate(listed)}

    def of(self, key: str) -> PartitionKey:
        """The partition ``key``, with the time that it covers if partitions are those of time."""
        if isinstance(self._partitions, dg.TimeWindowPartitionsDefinition):
            try:
                window = self._partitions.time_window_for_partition_key(key)
            except ValueError:
                return PartitionKey(key, order=self.order(key))  # written when partitions had another format
            return PartitionKey(key, window.start, window.end, window.start.timestamp())
        return PartitionKey(key, order=self.order(key))

    def order(self, key: str) -> float:
        """The :attr:`PartitionKey.order` of ``key``, at a fraction of the cost. What is no key comes first."""
        partitions = self._partitions
        if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
            return self._places.get(key, -1.0 if self._places else 0.0)
        try:
            return dt.datetime.strptime(key, partitions.fmt).replace(tzinfo=ZoneInfo(partitions.timezone)).timestamp()
        except ValueError:
            pass  # an hour that a clock change repeats has its offset behind
        try:
            return partitions.time_window_for_partition_key(key).start.timestamp()
        except ValueError:
            return -1e18
