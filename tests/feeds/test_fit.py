"""Patterns that could not lead from a file's name to its partition are refused before any file arrives."""

import dagster as dg
import pytest

from platform_assets.feeds.fit import check_fit
from platform_assets.landing.patterns import ArrivalPattern, PatternError

DAILY = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-03-01")
HOURLY = dg.HourlyPartitionsDefinition("2024-11-03-00:00", timezone="America/New_York")
AT_SIX = dg.DailyPartitionsDefinition("2024-01-01", hour_offset=6)
STATIC = dg.StaticPartitionsDefinition(["north", "south"])


@pytest.mark.parametrize(
    ("pattern", "partitions"),
    [
        ("%Y-%m-%d.csv", DAILY),
        ("%Y/%j/*.csv", DAILY),
        ("%Y%m%d%H.csv", AT_SIX),
        ("%Y-%m.csv", dg.MonthlyPartitionsDefinition("2024-01-01")),
        ("%G-W%V.csv", dg.WeeklyPartitionsDefinition("2024-01-01", day_offset=1)),
        ("%Y-%m-%dT%H.csv", HOURLY),
        ("%Y-%m-%dT%H%z.csv", HOURLY),
        ("%Y-%m-%d.csv", dg.DailyPartitionsDefinition("2124-01-01")),
        ("{key}.csv", STATIC),
        ("planes.csv", None),
    ],
)
def test_what_fits_is_taken(pattern: str, partitions: dg.PartitionsDefinition | None) -> None:
    check_fit(ArrivalPattern(pattern), partitions, "files")


@pytest.mark.parametrize(
    ("pattern", "partitions", "message"),
    [
        ("orders.csv", DAILY, "does not name the time"),
        ("%Y-%m.csv", DAILY, "does not lead to the partition 2024-01-02"),
        ("%Y-%m-%d.csv", HOURLY, "does not lead to the partition 2024-11-03-01:00"),
        ("%Y-%m-%d.csv", AT_SIX, "begins at Monday 2024-01-01 06:00"),
        ("%G-W%V.csv", dg.WeeklyPartitionsDefinition("2024-01-07"), "begins at Sunday 2024-01-07"),
        ("%Y-%m-%d.csv", STATIC, "does not name the partition by {key}"),
        ("{key}.csv", DAILY, "does not name the time"),
        ("%Y.csv", None, "add `partitions:`"),
    ],
)
def test_what_does_not_is_refused_with_the_reason(
    pattern: str, partitions: dg.PartitionsDefinition | None, message: str
) -> None:
    with pytest.raises(PatternError, match=r"files: .*") as refused:
        check_fit(ArrivalPattern(pattern), partitions, "files")
    assert message in str(refused.value)
