"""A partition of a feed as a value: its key, the time it covers, and its place among the others.

It is made in ``feeds``, where a feed's partitions are known, and carried on to whoever needs more of a partition than
its name. What Dagster, the lake, the ledger and the tables hold of a partition is the key, as text.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class PartitionKey:
    """``start`` and ``end`` bound the partition's time, in its zone, ``end`` excluded; None for a partition of no time.

    ``order`` is the place among the feed's partitions: a timestamp for partitions of time, the index in the list for
    static ones. Partitions of one ``order`` (dynamic ones) stand in the order of their keys.
    """

    key: str
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    order: float = 0.0

    def __str__(self) -> str:
        return self.key

    @property
    def days(self) -> tuple[dt.date, ...]:
        """The days that begin within the partition; the day of its start if none does. Empty for one of no time.

        A day that is cut at six in the morning is the one it begins on.
        """
        if self.start is None or self.end is None:
            return ()
        first, last = self.start.date(), self.end.date()
        return tuple(first + dt.timedelta(days=shift) for shift in range(max(1, (last - first).days)))
