"""Which partitions were published by their deadline: pure values, kept from one look to the next.

A partition is judged once, when its deadline is over. What was not published by then is missing until it is published,
and late for good: a backfill of another partition changes neither.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

DAY = 86_400.0
SPAN_DAYS = 30
"""Days over which what was on time is counted."""
MISSING_DAYS = 7
"""How far back the first look at an asset goes for partitions that are missing."""
MOST_MISSING = 50
"""Missing partitions that are kept of an asset: the newest ones."""
GRACE_SECONDS = 15 * 60.0
"""How long what was due before the first look at an asset may still be on its way: it is just being set up."""
SECONDS_BELOW = 120
"""A shorter time is said in seconds."""
ON_TIME, LATE = ".", "x"


@dataclass(frozen=True)
class Due:
    """A partition that is to be published by ``deadline``, a timestamp."""

    partition: str
    deadline: float


@dataclass(frozen=True)
class Record:
    """What is known of one asset. Times are timestamps.

    Deadlines up to ``until`` were judged; ``next`` is the first one after them, or None if there is none. Deadlines
    before ``since`` count for nothing: the asset was not published yet. ``missing`` has the deadlines of partitions
    that are late and not published. ``days`` has a sign for each partition by the day of its deadline, in their order.
    ``rules`` identifies the expectation, ``location`` the code location. ``looked`` is when it was looked at first.
    """

    rules: str
    location: str
    since: float
    until: float
    next: float | None = None
    missing: Mapping[str, float] = field(default_factory=dict)
    days: Mapping[str, str] = field(default_factory=dict)
    looked: float = 0.0

    def late(self, now: float) -> dict[str, float]:
        """What is missing, without what was due before the first look, for as long as it may be on its way."""
        graced = self.looked if now < self.looked + GRACE_SECONDS else -1.0
        return {partition: deadline for partition, deadline in self.missing.items() if deadline > graced}

    @property
    def outcomes(self) -> str:
        """A sign for each partition of the last 30 days, the oldest first."""
        return "".join(signs for _, signs in sorted(self.days.items()))

    def to_list(self) -> list[Any]:
        """Plain values, for JSON."""
        missing, days = dict(self.missing), dict(self.days)
        return [self.rules, self.location, self.since, self.until, self.next, missing, days, self.looked]

    @classmethod
    def from_list(cls, values: Sequence[Any]) -> Record:
        """What :meth:`to_list` gave."""
        return cls(*values)


def judged(record: Record, dues: Sequence[Due], published: Mapping[str, float], now: float) -> Record:
    """The record after the deadlines of ``dues``, in their order, are over.

    ``published`` has when each partition was published first, as far as it was: of ``dues`` and of what was missing.
    """
    missing = {partition: deadline for partition, deadline in record.missing.items() if partition not in published}
    days = dict(record.days)
    for due in dues:
        at = published.get(due.partition)
        if due.deadline >= record.since:
            day = _day(due.deadline)
            days[day] = days.get(day, "") + (ON_TIME if at is not None and at <= due.deadline else LATE)
        if at is None:
            missing[due.partition] = due.deadline
    oldest = _day(now - SPAN_DAYS * DAY)
    newest = sorted(missing.items(), key=lambda item: item[1])[-MOST_MISSING:]
    return replace(
        record, missing=dict(newest), days={day: signs for day, signs in days.items() if day > oldest},
        until=max([record.until, *(due.deadline for due in dues)]),
    )  # fmt: skip


def first_record(
    rules: str, location: str, dues: Sequence[Due], published: Mapping[str, float], now: float, first: float | None
) -> Record:
    """The record of an asset that is looked at for the first time.

    ``first`` is when it was published first, whatever the partition. What was due before that counts for nothing, and
    of it only the newest partition is missing: nobody has to backfill what was never wanted.
    """
    since = max(now - SPAN_DAYS * DAY, now if first is None else first)
    record = judged(Record(rules, location, since, now, looked=now), dues, published, now)
    oldest = max(since, now - MISSING_DAYS * DAY)
    newest = dues[-1].deadline if dues else now
    kept = {key: deadline for key, deadline in record.missing.items() if deadline >= min(oldest, newest)}
    return replace(record, missing=kept)


def described(partition: str, deadline: float) -> str:
    """What is reported of a partition that is late, true whenever it is read."""
    return f"{partition} was to be published by {dt.datetime.fromtimestamp(deadline, dt.UTC):%Y-%m-%d %H:%M} UTC"


def span(seconds: float) -> str:
    """Such as ``90 s``, ``3 min``, ``5 h`` or ``2 d 4 h``."""
    if seconds < SECONDS_BELOW:
        return f"{int(seconds)} s"
    minutes = int(seconds // 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    if hours < 48:
        return f"{hours} h"
    return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"


def _day(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, dt.UTC).date().isoformat()
