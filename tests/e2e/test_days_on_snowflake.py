"""Days of the example on Snowflake, or the month in a campaign: the rows are those of DuckDB, in all tables."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from platform_assets.publishing.reconciliation import contents, differences
from platform_assets.warehouse.locations import open_warehouse
from tests.support.year import Platform, platform

MONTH = "PLATFORM_CAMPAIGN" in os.environ
DAYS = [f"2013-01-{day:02}" for day in range(1, 32 if MONTH else 4)]


def published(made: Platform) -> None:
    made.land(*DAYS)
    assert made.run().success
    assert made.run(DAYS[0], DAYS[-1]).success


@pytest.mark.slow
def test_days_have_the_same_rows_as_on_duckdb(tmp_path: Path, snowflake_database: str) -> None:
    found = []
    for folder, location in (("duckdb", ""), ("snowflake", snowflake_database)):
        home = tmp_path / folder
        home.mkdir()
        with platform(home) as made:
            published(replace(made, location=location))
            warehouse = open_warehouse(location) if location else made.warehouse
        found.append(dict(contents(warehouse)))
    here, there = found
    differing = {asset: differences(here.get(asset), there.get(asset)) for asset in {*here, *there}}
    assert not any(differing.values()), differing
    assert len(here["raw/flights"].partitions) == len(DAYS)
    assert here["raw/flights"].rows == (27_004 if MONTH else 2_699)
