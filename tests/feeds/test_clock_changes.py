"""Every partition around a clock change can be delivered, and every delivery finds its partition."""

from __future__ import annotations

import datetime as dt
import random
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from platform_assets.automation.closing_schedule import due_partitions
from platform_assets.feeds.fit import check_fit
from platform_assets.feeds.partition_names import partition_key_of
from platform_assets.landing.patterns import ArrivalPattern
from tests.feeds.clock_changes import DAY, changes, kinds, partitions_around, wrong, zones
from tests.support.campaigns import CAMPAIGN, times

NO_MIDNIGHT = [
    ("Africa/Cairo", "2023-04-28"),
    ("America/Santiago", "2023-09-03"),
    ("Asia/Beirut", "2023-03-30"),
    ("America/Sao_Paulo", "2018-11-04"),
    ("America/Havana", "2024-03-10"),
    ("America/Asuncion", "2023-10-01"),
    ("Asia/Tehran", "2022-03-22"),
    ("Atlantic/Azores", "1993-03-28"),
    ("Pacific/Apia", "2011-12-30"),
]


@pytest.mark.parametrize(("zone", "day"), NO_MIDNIGHT)
def test_a_day_without_a_midnight_is_delivered_like_any_other(zone: str, day: str) -> None:
    """The day, the week and the month that begin with it; partitions may begin with it, too."""
    at = dt.date.fromisoformat(day)
    pattern = ArrivalPattern("%Y-%m-%d.csv")
    for start in (at - DAY, at):
        weekday = (at.weekday() + 1) % 7
        for partitions in (
            dg.DailyPartitionsDefinition(start.isoformat(), timezone=zone),
            dg.WeeklyPartitionsDefinition(start.isoformat(), timezone=zone, day_offset=weekday),
            dg.MonthlyPartitionsDefinition(start.isoformat(), timezone=zone, day_offset=at.day),
        ):
            check_fit(pattern, partitions, "files")
            token = pattern.token(f"{day}.csv")
            assert token is not None
            match = pattern.read(token)
            assert match is not None
            assert partition_key_of(partitions)(match) == day


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("Africa/Cairo", "2023-04-27T22:00Z"),
        ("America/Havana", "2023-11-05T05:00Z"),
        ("America/New_York", "2024-03-10T07:00Z"),
        ("America/New_York", "2024-11-03T06:00Z"),
        ("Asia/Kathmandu", None),
        ("Australia/Lord_Howe", "2024-04-06T15:00Z"),
        ("Australia/Lord_Howe", "2024-10-05T15:30Z"),
        ("Pacific/Apia", "2011-12-30T10:00Z"),
        ("Pacific/Chatham", "2024-09-28T14:00Z"),
        ("Antarctica/Troll", "2024-03-31T01:00Z"),
    ],
)
def test_partitions_around_a_change_and_names_lead_to_each_other(zone: str, change: str | None) -> None:
    moment = dt.datetime.fromisoformat(change or "2024-06-01T00:00Z")
    assert change is None or moment in changes(zone)
    assert {(p.cron_schedule, *wrong(p)) for p in partitions_around(zone, moment)} == {
        (p.cron_schedule,) for p in partitions_around(zone, moment)
    }


@pytest.mark.parametrize(("zone", "day"), [*NO_MIDNIGHT, ("Pacific/Kwajalein", "1993-08-21")])
def test_every_day_around_a_change_becomes_due_once(zone: str, day: str) -> None:
    at = dt.date.fromisoformat(day)
    partitions = dg.DailyPartitionsDefinition((at - 20 * DAY).isoformat(), timezone=zone)
    moment = dt.datetime.combine(at + 3 * DAY, dt.time(12), ZoneInfo(zone))
    keys = due_partitions(partitions, moment, dt.timedelta(days=7))
    assert keys == sorted(set(keys))
    assert {(at + shift * DAY).isoformat() for shift in (-2, 1, 2)} <= set(keys)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_every_clock_change_of_every_zone(part: int) -> None:
    """Each change of the database since 1990 with hours and days, and one of each kind with every schedule.

    CI takes a sample of both, another number in PLATFORM_CAMPAIGN all kinds, and 10 or more all changes.
    """
    chosen = [(zone, change) for zone in zones()[part::8] for change in changes(zone)]
    if CAMPAIGN < 10:
        chosen = random.Random(part).sample(chosen, min(len(chosen), times(40)))
    found = []
    for zone, change in chosen:
        start = change.astimezone(ZoneInfo(zone)).date() - DAY
        end = start + 4 * DAY
        days = dg.DailyPartitionsDefinition(start.isoformat(), end_date=end.isoformat(), timezone=zone)
        hours = dg.HourlyPartitionsDefinition(f"{start}-00:00", end_date=f"{end}-00:00", timezone=zone)
        found += [(zone, change, problem) for partitions in (days, hours) for problem in wrong(partitions)]
    of_kinds = kinds()[part::8]
    for zone, change in of_kinds if CAMPAIGN > 1 else of_kinds[::2]:
        found += [(zone, change, problem) for p in partitions_around(zone, change) for problem in wrong(p)]
    assert found == []
