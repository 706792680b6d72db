"""Definitions are the same on whatever day they are loaded: before their partitions begin, and when they are many."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import freeze_time

from platform_assets.components.asset_specs import partition_length
from platform_assets.feeds import partitions as feed_partitions
from tests.support.projects import opened, write_project
from tests.support.shop import CONTRACT, FEED, ORDER_COLUMNS

STARTS = {
    "hours": ("%Y-%m-%dT%H", '{type: hourly, start_date: "2000-01-01-00:00"}'),
    "days": ("%Y-%m-%d", '{type: daily, start_date: "2030-01-01"}'),
    "weeks": ("%Y-%m-%d", '{type: weekly, start_date: "2030-01-06"}'),
    "months": ("%Y-%m", '{type: monthly, start_date: "2030-01-01"}'),
}
DAYS = [dt.datetime(year, 6, 15, 12, tzinfo=dt.UTC) for year in (2029, 2031, 2150)]


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    files = {}
    for name, (pattern, partitions) in STARTS.items():
        files[f"{name}/defs.yaml"] = FEED.format(files=f'"{name}/{pattern}.csv"') + f"  partitions: {partitions}\n"
        files[f"{name}/contract.yaml"] = CONTRACT.format(name=name, columns=ORDER_COLUMNS)
    write_project(tmp_path, files)
    return tmp_path


def policies(root: Path) -> dict[str, str]:
    with opened(root) as project:
        return {
            key.to_user_string(): str(spec.freshness_policy)
            for asset in project.definitions.assets or ()
            if isinstance(asset, dg.AssetsDefinition)
            for key, spec in asset.specs_by_key.items()
        }


def test_they_load_on_any_day_with_the_same_policies(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    feed_partitions._warn_once.cache_clear()  # another test of this process may have loaded such a feed
    found = []
    with caplog.at_level(logging.WARNING, logger="platform_assets"):
        for day in DAYS:
            with freeze_time(day):
                found.append(policies(root))
    assert len(found[0]) == 2 * len(STARTS)
    assert found[1:] == found[:1] * 2
    warned = [record.getMessage() for record in caplog.records if "more than an asset can have" in record.getMessage()]
    assert len(warned) == 1, "once, and for the hours alone"
    assert "since 2000-01-01: keys are more than an asset can have (100,000)" in warned[0]


@pytest.mark.parametrize("year", [2020, 2900])
@pytest.mark.parametrize(
    ("kind", "days"),
    [
        (dg.DailyPartitionsDefinition, 1),
        (dg.WeeklyPartitionsDefinition, 7),
        (dg.MonthlyPartitionsDefinition, 31),
    ],
)
def test_the_length_of_a_partition_is_known_before_it_begins(
    kind: type[dg.DailyPartitionsDefinition], days: int, year: int
) -> None:
    assert partition_length(kind(f"{year}-01-03")) == dt.timedelta(days=days)
