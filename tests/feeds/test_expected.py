"""Which partitions files are looked for first."""

import datetime as dt

import dagster as dg
import pytest

from platform_assets.feeds.expected import missing_keys, recent_keys

NOW = int(dt.datetime(2024, 3, 10, 12, tzinfo=dt.UTC).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("partitions", "first", "last"),
    [
        (dg.DailyPartitionsDefinition("2024-01-01"), "2024-03-08", "2024-03-11"),
        (dg.HourlyPartitionsDefinition("2024-01-01-00:00"), "2024-03-07-12:00", "2024-03-11-11:00"),
        (dg.MonthlyPartitionsDefinition("2023-01-01"), "2024-01-01", "2024-03-01"),
    ],
)
def test_the_partitions_of_these_days(partitions: dg.PartitionsDefinition, first: str, last: str) -> None:
    found = list(recent_keys(partitions)(NOW))
    assert (found[0], found[-1]) == (first, last)


def test_partitions_without_times_are_never_recent() -> None:
    assert list(recent_keys(dg.StaticPartitionsDefinition(["a"]))(NOW)) == []
    assert list(recent_keys(None)(NOW)) == []


def test_the_newest_that_are_missing_and_over() -> None:
    daily = dg.DailyPartitionsDefinition("2024-01-01")
    held = {f"2024-03-{day:02}" for day in range(1, 9)} - {"2024-03-05"}
    found = missing_keys(daily, held, NOW)
    assert found[:3] == ["2024-03-09", "2024-03-05", "2024-02-29"]
    assert len(found) == 20
    ended = dg.DailyPartitionsDefinition("2013-01-01", end_date="2013-01-04")
    assert missing_keys(ended, {"2013-01-02"}, NOW) == ["2013-01-03", "2013-01-01"]
    assert missing_keys(dg.StaticPartitionsDefinition(["a", "b", "c"]), {"b"}, NOW) == ["a", "c"]
    assert missing_keys(dg.DynamicPartitionsDefinition(name="x"), set(), NOW) == []
    assert missing_keys(None, set(), NOW) == []
