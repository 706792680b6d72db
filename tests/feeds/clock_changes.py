"""Clock changes of the time zone database, and partitions of every kind around one of them."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Iterator
from functools import cache
from zoneinfo import ZoneInfo

import dagster as dg
from dagster._check import CheckError

from platform_assets._compat import partition_windows
from platform_assets.feeds.fit import check_fit
from platform_assets.feeds.partition_names import partition_key_of, parts_of
from platform_assets.landing.patterns import ArrivalPattern, NameMatch

DATE_LINE = dt.timedelta(hours=20)
"""A change by so much leaves out a day; Dagster cannot step over it in every schedule."""
FIRST, LAST = 1990, 2027
DAY = dt.timedelta(days=1)
OFFSETS = ArrivalPattern("%Y%m%dT%H%M%z.csv")
WALL = ArrivalPattern("%Y%m%dT%H%M.csv")


@cache
def changes(zone: str) -> tuple[dt.datetime, ...]:
    """The moments (UTC) at which the zone's offset changes."""
    info = ZoneInfo(zone)
    found = []
    before = dt.datetime(FIRST, 1, 1, tzinfo=dt.UTC)
    while before.year < LAST:
        after = before + 7 * DAY
        if before.astimezone(info).utcoffset() != after.astimezone(info).utcoffset():
            low, high = before, after
            while high - low > dt.timedelta(minutes=1):
                middle = low + (high - low) / 2
                middle = middle.replace(second=0, microsecond=0)
                if middle.astimezone(info).utcoffset() == before.astimezone(info).utcoffset():
                    low = middle
                else:
                    high = middle
            found.append(high)
            after = high
        before = after
    return tuple(found)


def kinds() -> list[tuple[str, dt.datetime]]:
    """One change of each kind: by offsets and time of day, whichever zone and year it is in."""
    known: dict[object, tuple[str, dt.datetime]] = {}
    for zone in zones():
        for change in changes(zone):
            after = change.astimezone(ZoneInfo(zone))
            before = (change - dt.timedelta(minutes=1)).astimezone(ZoneInfo(zone))
            known.setdefault(
                (zone.startswith("Australia/Lord"), before.utcoffset(), after.utcoffset(), after.time()), (zone, change)
            )
    return sorted(known.values())


def zones() -> list[str]:
    """Every zone of the database, one name for those that are the same since 1990."""
    known: dict[object, str] = {}
    for zone in sorted(zoneinfo.available_timezones() - {"localtime", "Factory"}):
        moments = changes(zone)
        after = tuple(moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in moments)
        first = dt.datetime(FIRST, 1, 1, tzinfo=dt.UTC).astimezone(ZoneInfo(zone)).utcoffset()
        known.setdefault((first, moments, after), zone)
    return sorted(known.values())


def partitions_around(zone: str, change: dt.datetime) -> Iterator[dg.TimeWindowPartitionsDefinition]:
    """Partitions of an hour to a month that begin some days before the change, at it, and at its day."""
    local = change.astimezone(ZoneInfo(zone))
    for shift in (0, 1, 3):
        start = (local.replace(tzinfo=None) - shift * DAY).date()
        end = start + (shift + 4) * DAY
        day, last = start.isoformat(), end.isoformat()
        for minutes in (0, 30):
            yield dg.HourlyPartitionsDefinition(
                f"{day}-00:00", end_date=f"{last}-00:00", timezone=zone, minute_offset=minutes
            )
        before = (change - dt.timedelta(minutes=1)).astimezone(ZoneInfo(zone))
        for hour, minute in {(0, 0), (6, 15), (1, 30), (2, 30), (local.hour, 0), (before.hour, before.minute // 2)}:
            yield dg.DailyPartitionsDefinition(
                day, end_date=last, timezone=zone, hour_offset=hour, minute_offset=minute
            )
        weeks, months = (end + 30 * DAY).isoformat(), (end + 100 * DAY).isoformat()
        yield dg.WeeklyPartitionsDefinition(day, end_date=weeks, timezone=zone, day_offset=(start.weekday() + 1) % 7)
        yield dg.MonthlyPartitionsDefinition(day, end_date=months, timezone=zone, day_offset=min(start.day, 28))
        yield dg.TimeWindowPartitionsDefinition(
            f"{day}-00:00", "%Y-%m-%d-%H:%M", f"{last}-00:00", cron_schedule="0 */6 * * *", timezone=zone
        )


def leaves_out_a_day(partitions: dg.TimeWindowPartitionsDefinition) -> bool:
    """Whether these partitions lie around a change of the date line."""
    offset = (partitions.start + 5 * DAY).utcoffset()
    before = (partitions.start - 2 * DAY).utcoffset()
    assert offset is not None
    assert before is not None
    return abs(offset - before) > DATE_LINE


def wrong(partitions: dg.TimeWindowPartitionsDefinition) -> list[str]:
    """What is wrong with deliveries of these partitions; nothing, it is to be hoped."""
    try:
        listed = list(partitions.get_partition_keys())
        for key in listed:
            partitions.time_window_for_partition_key(key)
    except CheckError:
        assert leaves_out_a_day(partitions), "only there Dagster fails by itself"
        return []
    key_of = partition_key_of(partitions)
    found = []

    def read(pattern: ArrivalPattern, window: dg.TimeWindow) -> str | None:
        token = tuple(window.start.strftime(f"%{group[1:]}") for group in pattern.regex.groupindex)
        match = pattern.read(token)
        return None if match is None else key_of(match)

    starts = {}
    for window, key in partition_windows(partitions, partitions.start.timestamp()):
        if len(starts) == len(listed):
            break
        starts[key] = window
    if list(starts) != listed:
        return [f"Dagster lists {listed}, and not {list(starts)}"]
    named: dict[str, str] = {}
    for key, window in starts.items():
        wall = window.start.strftime("%Y%m%dT%H%M")
        by_wall, by_offset = read(WALL, window), read(OFFSETS, window)
        if named.setdefault(wall, key) != by_wall:
            found.append(f"{wall} leads to {by_wall}, not to {named[wall]}")
        if key not in (by_wall, by_offset):
            found.append(f"{key}, which begins at {window.start.isoformat()}, is found by no name")
        # after a day that is left out, Dagster writes keys of some schedules by a date that it skips
        meant = by_offset and (starts.get(by_offset) or partitions.time_window_for_partition_key(by_offset))
        if meant and meant.start.timestamp() != window.start.timestamp():
            found.append(f"{window.start.isoformat()} leads to {by_offset}")
    for hour in range(-1, 3 * 24):
        moment = partitions.start.replace(tzinfo=None) + dt.timedelta(hours=hour)
        named_by = key_of(NameMatch(time=moment))
        if named_by is not None and not _may_be_named(partitions, named_by, moment):
            found.append(f"{moment} leads to {named_by}, and is none of the names of its files")
    if listed:
        check_fit(OFFSETS, partitions, "files")
        check_fit(WALL, partitions, "files")
    return found


def _may_be_named(partitions: dg.TimeWindowPartitionsDefinition, key: str, moment: dt.datetime) -> bool:
    """Whether a look for the files of the partition alone would see the one that is named by this time."""
    return (f"{moment:%Y}", f"{moment:%m}", f"{moment:%d}") in parts_of(partitions)(key, ("tY", "tm", "td"))
