"""Whether a delivery is one file, as far as its pattern and its partitions tell."""

from __future__ import annotations

import dagster as dg
import pytest

from platform_assets.feeds.partition_names import names_one_file
from platform_assets.landing.patterns import ArrivalPattern

DAILY, HOURLY = dg.DailyPartitionsDefinition("2024-01-01"), dg.HourlyPartitionsDefinition("2024-01-01-00:00")
WEEKLY, MONTHLY = dg.WeeklyPartitionsDefinition("2024-01-01"), dg.MonthlyPartitionsDefinition("2024-01-01")
KEYS = dg.StaticPartitionsDefinition(["a", "b"])
MIDDAY = dg.TimeWindowPartitionsDefinition(
    start="2024-01-01-00:00", cron_schedule="0 */12 * * *", fmt="%Y-%m-%d-%H:%M", timezone="UTC"
)


@pytest.mark.parametrize(
    ("files", "partitions"),
    [
        ("o/%Y-%m-%d.csv", DAILY),
        ("o/%Y/%m/%Y%m%d.csv", DAILY),
        ("o/%Y%j.csv", DAILY),
        ("o/%Y-%m-%d-%H.csv", HOURLY),
        ("o/%Y-%m.csv", MONTHLY),
        ("o/%G-%V.csv", WEEKLY),
        ("o/{key}.csv", KEYS),
        ("o/all.csv", None),
    ],
)
def test_one(files: str, partitions: dg.PartitionsDefinition | None) -> None:
    assert names_one_file(ArrivalPattern(files), partitions)


@pytest.mark.parametrize(
    ("files", "partitions"),
    [
        ("o/%Y-%m-%d*.csv", DAILY),
        ("o/%Y-%m-%d-%H%M.csv", DAILY),
        ("o/%Y-%m-%d-%H-%M.csv", HOURLY),
        ("o/%Y-%m-%d.csv", MONTHLY),
        ("o/%Y-%m-%d.csv", WEEKLY),
        ("o/%Y-%m-%d-%H.csv", MIDDAY),
        ("o/*/{key}.csv", KEYS),
        ("o/*.csv", None),
        ("o/{key}.{csv,csv.gz}", KEYS),
    ],
)
def test_several_or_not_known(files: str, partitions: dg.PartitionsDefinition | None) -> None:
    assert not names_one_file(ArrivalPattern(files), partitions)
