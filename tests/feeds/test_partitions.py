"""From a file's name to a partition key: every kind of partition, clock changes, and names that fit none."""

from functools import cache

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from platform_assets.feeds.partition_names import partition_key_of
from platform_assets.feeds.partitions import number_of_keys
from platform_assets.landing.patterns import ArrivalPattern

NEW_YORK = "America/New_York"
HOURS = dg.HourlyPartitionsDefinition("2024-01-01-00:00", end_date="2025-01-01-00:00", timezone=NEW_YORK)


def key(partitions: dg.PartitionsDefinition | None, pattern: str, path: str) -> str | None:
    read = ArrivalPattern(pattern)
    token = read.token(path)
    assert token is not None, "the name matches the pattern"
    match = read.read(token)
    return None if match is None else partition_key_of(partitions)(match)


@pytest.mark.parametrize(
    ("partitions", "pattern", "path", "expected"),
    [
        (HOURS, "h/%Y-%m-%dT%H.csv", "h/2024-06-01T13.csv", "2024-06-01-13:00"),
        (HOURS, "h/%Y-%m-%dT%H.csv", "h/2024-03-10T02.csv", None),  # the clock change leaves it out
        (HOURS, "h/%Y-%m-%dT%H.csv", "h/2024-11-03T01.csv", "2024-11-03-01:00"),
        (HOURS, "h/%Y-%m-%dT%H%z.csv", "h/2024-11-03T01-0400.csv", "2024-11-03-01:00"),
        (HOURS, "h/%Y-%m-%dT%H%z.csv", "h/2024-11-03T01-0500.csv", "2024-11-03-01:00-0500"),
        (HOURS, "h/%Y-%m-%dT%H%z.csv", "h/2024-11-03T06Z.csv", "2024-11-03-01:00-0500"),
        (HOURS, "h/%Y-%m-%dT%H.csv", "h/2023-12-31T23.csv", None),
        (HOURS, "h/%Y-%m-%dT%H.csv", "h/2025-01-01T00.csv", None),
        (dg.DailyPartitionsDefinition("2024-01-01"), "%Y%m%d.csv", "20240229.csv", "2024-02-29"),
        (dg.DailyPartitionsDefinition("2024-01-01"), "%Y%m%d.csv", "20240230.csv", None),
        (dg.DailyPartitionsDefinition("2024-01-01", hour_offset=6), "%Y%m%d%H.csv", "2024010506.csv", "2024-01-05"),
        (dg.WeeklyPartitionsDefinition("2024-01-01", day_offset=1), "%G-W%V.csv", "2024-W05.csv", "2024-01-29"),
        (dg.WeeklyPartitionsDefinition("2024-01-01", day_offset=1), "%Y-%m-%d.csv", "2024-01-30.csv", None),
        (dg.MonthlyPartitionsDefinition("2024-01-01"), "%Y-%m.parquet", "2024-02.parquet", "2024-02-01"),
        (dg.StaticPartitionsDefinition(["de", "fr"]), "{key}.csv", "de.csv", "de"),
        (dg.StaticPartitionsDefinition(["de", "fr"]), "{key}.csv", "es.csv", None),
        (dg.DynamicPartitionsDefinition(name="shops"), "shops/{key}_*.csv", "shops/berlin_1.csv", "berlin"),
        (None, "planes.csv", "planes.csv", "snapshot"),
    ],
)
def test_key_of_a_name(
    partitions: dg.PartitionsDefinition | None, pattern: str, path: str, expected: str | None
) -> None:
    assert key(partitions, pattern, path) == expected


@cache
def hours_of_a_year(zone: str) -> tuple[dg.HourlyPartitionsDefinition, list[str]]:
    hours = dg.HourlyPartitionsDefinition("2024-01-01-00:00", end_date="2025-01-01-00:00", timezone=zone)
    return hours, list(hours.get_partition_keys())


# the first example of a zone lists its 8,784 hours
@settings(deadline=None)
@given(st.sampled_from(["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "UTC"]), st.data())
def test_every_hour_of_a_year_is_found_by_its_name_with_an_offset(zone: str, data: st.DataObject) -> None:
    hours, keys = hours_of_a_year(zone)
    chosen = keys[data.draw(st.integers(0, len(keys) - 1))]
    start = hours.time_window_for_partition_key(chosen).start
    path = start.strftime("%Y%m%dT%H%M%z.csv")
    assert key(hours, "%Y%m%dT%H%M%z.csv", path) == chosen


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin"])
def test_days_and_weeks_around_clock_changes_are_found_by_their_date(zone: str) -> None:
    days = dg.DailyPartitionsDefinition("2024-01-01", end_date="2025-01-01", timezone=zone)
    assert [key(days, "%Y-%m-%d.csv", f"{day}.csv") for day in days.get_partition_keys()] == days.get_partition_keys()
    weeks = dg.WeeklyPartitionsDefinition("2024-01-07", end_date="2025-01-05", timezone=zone)
    assert [key(weeks, "%Y-%m-%d.csv", f"{w}.csv") for w in weeks.get_partition_keys()] == weeks.get_partition_keys()


@pytest.mark.parametrize(
    ("partitions", "expected"),
    [
        (HOURS, 8_784),
        (dg.DailyPartitionsDefinition("2024-01-01", end_date="2025-01-01"), 366),
        (dg.HourlyPartitionsDefinition("1970-01-01-00:00", end_date="2020-01-01-00:00"), 438_288),
        (dg.StaticPartitionsDefinition(["de", "fr"]), 2),
        (dg.DynamicPartitionsDefinition(name="shops"), 0),
        (None, 0),
    ],
)
def test_number_of_keys(partitions: dg.PartitionsDefinition | None, expected: int) -> None:
    assert abs(number_of_keys(partitions) - expected) <= 1
