"""From what a file's name says to its partition: keys that Dagster can hold, and times in zones that change clocks.

A name without an offset gives what a wall clock shows at the start of a window. A window whose start a clock change
leaves out (a day without a midnight) is found by either time: the one that its schedule says, and the first that
there is. Of an hour that a clock change repeats, a name without an offset means the first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias
from zoneinfo import ZoneInfo

import dagster as dg

from platform_assets._compat import INVALID_IN_KEYS, is_hourly, partition_windows
from platform_assets.lake.deliveries import SNAPSHOT
from platform_assets.lake.names import is_text
from platform_assets.landing.patterns import ArrivalPattern, NameMatch, composed

KeyOf: TypeAlias = Callable[[NameMatch], str | None]

LAST_YEAR = 9000
"""Windows of later years may end after the last year that a datetime has."""


def partition_key_of(partitions: dg.PartitionsDefinition | None) -> KeyOf:
    """The function that maps what was read from a file name to a partition key, or None where it fits none."""
    if partitions is None:
        return lambda _: SNAPSHOT
    if isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return lambda match: _key_of_time(partitions, match.time)
    if isinstance(partitions, dg.StaticPartitionsDefinition):
        keys = {composed(key): key for key in partitions.get_partition_keys()}
        return lambda match: keys.get(match.key or "")
    return lambda match: match.key if match.key is not None and why_no_key(match.key) is None else None


def why_no_partition(partitions: dg.PartitionsDefinition | None, match: NameMatch) -> str:
    """Why :func:`partition_key_of` gives None for this match."""
    if isinstance(partitions, dg.TimeWindowPartitionsDefinition) and match.time is not None:
        zone = ZoneInfo(partitions.timezone)
        aware = match.time if match.time.tzinfo else match.time.replace(tzinfo=zone)
        if match.time.year > LAST_YEAR:
            return f"the year {match.time.year} is beyond every partition"
        if aware.timestamp() < partitions.start.timestamp():
            return f"partitions begin at {partitions.start:%Y-%m-%d %H:%M}"
        if partitions.end is not None and aware.timestamp() >= partitions.end.timestamp():
            return f"partitions end at {partitions.end:%Y-%m-%d %H:%M}"
        return f"no partition begins at {match.time:%Y-%m-%d %H:%M}"
    if isinstance(partitions, dg.StaticPartitionsDefinition):
        return "its key is none of the feed's"
    return why_no_key(match.key or "") or "it names no key"


def why_no_key(key: str) -> str | None:
    """Why ``key`` cannot be a partition key in Dagster; None if it can."""
    if not key:
        return "it names no key"
    if key == SNAPSHOT:
        return f"the key {SNAPSHOT!r} stands for tables without partitions"
    if not is_text(key):
        return "its key is not UTF-8, which a partition key has to be"
    wrong = next((part for part in INVALID_IN_KEYS if part in key), None)
    return None if wrong is None else f"its key holds {wrong!r}, which a partition key may not"


def may_hold(partitions: dg.PartitionsDefinition | None) -> Callable[[Mapping[str, str], str], bool]:
    """Whether a folder whose path names parts of a time (`tY`, `tm`, ...) or a `key` may hold a partition's files."""
    if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return lambda groups, key: groups.get("key") in (None, composed(key))

    def holds(groups: Mapping[str, str], key: str) -> bool:
        start = partitions.time_window_for_partition_key(key).start
        return all(start.strftime(f"%{name[1:]}") == value for name, value in groups.items() if name != "tz")

    return holds


def parts_of(partitions: dg.PartitionsDefinition | None) -> Callable[[str, tuple[str, ...]], set[tuple[str, ...]]]:
    """What the names of a partition's files may say in groups of a pattern that name a day or a key, or more.

    It leaves out what cannot be the partition's at little cost; which of the rest is, :func:`partition_key_of` says.
    Around a clock change, and with an offset, a name may have the day before or after.
    """
    if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return lambda key, groups: {tuple(composed(key) for _ in groups)}

    def parts(key: str, groups: tuple[str, ...]) -> set[tuple[str, ...]]:
        start = partitions.time_window_for_partition_key(key).start
        days = [start.date() + dt.timedelta(days=shift) for shift in (-2, -1, 0, 1, 2)]
        return {tuple(day.strftime(f"%{group[1:]}") for group in groups) for day in days}

    return parts


_NAMED_BY = (frozenset("GV"), frozenset("Ym"), frozenset("ym"), frozenset("Ymd"), frozenset("ymd"), frozenset("Yj"))
_OF_A_CRON = {"weekly": _NAMED_BY[:1], "monthly": _NAMED_BY[1:3], "daily": _NAMED_BY[3:]}


def names_one_file(pattern: ArrivalPattern, partitions: dg.PartitionsDefinition | None) -> bool:
    """Whether no two paths that match the pattern can belong to one partition; False where that is not certain."""
    if "*" in pattern.pattern or pattern.has_alternatives:
        return False
    if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
        return True
    named = frozenset(group.removeprefix("t") for group in pattern.regex.groupindex)
    minute, hour, day, month, weekday = partitions.get_cron_schedule().split()
    if not minute.isdecimal() or month != "*":
        return False
    if hour == "*" and day == weekday == "*":
        return named - {"H"} in _OF_A_CRON["daily"]
    if not hour.isdecimal():
        return False
    if day == weekday == "*":
        return named in _OF_A_CRON["daily"]
    if day.isdecimal() and weekday == "*":
        return named in _OF_A_CRON["monthly"]
    return weekday.isdecimal() and day == "*" and named in _OF_A_CRON["weekly"]


def _key_of_time(partitions: dg.TimeWindowPartitionsDefinition, time: dt.datetime | None) -> str | None:
    if time is None or time.year > LAST_YEAR:
        return None
    zone = ZoneInfo(partitions.timezone)
    if time.tzinfo:
        first = last = time.timestamp()
    else:
        # where a clock change leaves the time out, the one reading is later than the other by what it skips
        readings = [time.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1)]
        first, last = min(readings), max(readings)
    if last < partitions.start.timestamp():
        return None
    found = None
    for window, key in _inside(partitions, first, last):
        if time.tzinfo:
            return key
        # the wall clock of a window in Dagster may show a time that is left out
        if window.start.replace(tzinfo=None, fold=0) == time:
            return key
        if found is None and _is_meant(partitions, window, time, zone):
            found = key
    return found


def _inside(
    partitions: dg.TimeWindowPartitionsDefinition, first: float, last: float
) -> Iterator[tuple[dg.TimeWindow, str]]:
    """The windows that start from ``first`` to ``last``, both included, within the bounds of the partitions."""
    start = partitions.start.timestamp()
    for window, key in partition_windows(partitions, first):
        if window.start.timestamp() > last:
            return
        if window.start.timestamp() >= start and not _is_beyond(partitions, window, key):
            yield window, key


def _is_beyond(partitions: dg.TimeWindowPartitionsDefinition, window: dg.TimeWindow, key: str) -> bool:
    end = partitions.end
    if end is None or window.start.timestamp() >= end.timestamp():
        return end is not None
    if window.end.timestamp() <= end.timestamp() or is_hourly(partitions):
        return False
    # whether a longer window that lies across the end is a partition depends on its schedule
    with dg.partition_loading_context(effective_dt=end):
        return not partitions.has_partition_key(key)


def _is_meant(
    partitions: dg.TimeWindowPartitionsDefinition, window: dg.TimeWindow, time: dt.datetime, zone: ZoneInfo
) -> bool:
    """Whether a clock change moved the start of ``window``, and ``time`` is what its schedule says or where it is."""
    real = dt.datetime.fromtimestamp(window.start.timestamp(), zone).replace(tzinfo=None, fold=0)
    minute, hour, *_ = partitions.get_cron_schedule().split()
    scheduled = (hour, minute) == (str(time.hour), str(time.minute))
    moved = (hour, minute) != (str(real.hour), str(real.minute)) and hour.isdigit() and minute.isdigit()
    return moved and (real == time or scheduled)
