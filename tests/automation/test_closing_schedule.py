"""The schedule that closes partitions: what is due, when, and what a tick asks for."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.automation.closing_schedule import closing_schedule, due_partitions
from platform_assets.components.assets.lake import lake_asset
from platform_assets.lake.errors import DeliveryRejected
from platform_assets.sql.contract_file import read_contract
from tests.automation.test_arrival_sensor import CONTRACT, DAILY, closing_tick, make_feed, put, resource, take


def test_the_closing_schedule_records_what_is_not_due_and_takes_what_was_missed(
    tmp_path: Path, lasting: dg.DagsterInstance
) -> None:
    feed = make_feed(tmp_path)
    put(tmp_path, "2024-03-02.csv")
    schedule = closing_schedule(feed)
    assert schedule is not None
    requests = closing_tick(
        schedule, tmp_path, lasting, dt.datetime(2024, 3, 4, tzinfo=dt.UTC)
    )  # a Monday, when Sunday is over
    # the two Sundays are not due, Saturday's file is there, the days before are due and missing
    assert {request.partition_key for request in requests} == {"2024-02-25", "2024-03-02", "2024-03-03"}


@pytest.mark.parametrize(
    ("partitions", "moment", "days", "expected"),
    [
        (dg.DailyPartitionsDefinition("2024-01-01"), "2024-01-04", 1, ["2024-01-02", "2024-01-03"]),
        (dg.WeeklyPartitionsDefinition("2024-01-07"), "2024-01-22", 8, ["2024-01-07", "2024-01-14"]),
        (dg.MonthlyPartitionsDefinition("2024-01-01"), "2024-04-29", 30, ["2024-03-01"]),
    ],
)
def test_due_partitions_are_those_whose_time_is_over(partitions, moment: str, days: int, expected: list[str]) -> None:
    assert (
        due_partitions(partitions, dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC), dt.timedelta(days=days))
        == expected
    )


def test_the_closing_schedule_takes_a_file_that_replaced_a_rejected_one(
    tmp_path: Path, lasting: dg.DagsterInstance
) -> None:
    def requested() -> set[str | None]:
        found = closing_tick(schedule, tmp_path, lasting, dt.datetime(2024, 3, 5, tzinfo=dt.UTC))
        return {request.partition_key for request in found} if isinstance(found, list) else set()

    feed = make_feed(tmp_path)
    schedule = closing_schedule(feed)
    assert schedule is not None
    put(tmp_path, "2024-03-04.csv", "something else\n1\n")
    with pytest.raises(DeliveryRejected):
        take(feed, tmp_path, "2024-03-04")
    assert "2024-03-04" not in requested()
    put(tmp_path, "2024-03-04.csv")
    assert "2024-03-04" in requested(), "the run that took it may have died"


def closing_of(folder: Path, sla: str, partitions: dg.PartitionsDefinition = DAILY) -> dg.ScheduleDefinition:
    """The schedule of a feed whose contract has the SLA properties ``sla``."""
    feed = make_feed(folder, partitions)
    (folder / "contract.yaml").write_text(CONTRACT + f"slaProperties: {sla}\n")
    schedule = closing_schedule(replace(feed, contract=read_contract(folder / "contract.yaml")))
    assert schedule is not None
    return schedule


@pytest.mark.parametrize(
    ("sla", "cron", "zone"),
    [
        ("[]", "0 0 * * *", "UTC"),
        ("[{property: latency, value: 150, unit: m}]", "30 2 * * *", "UTC"),
        ("[{property: timeOfAvailability, value: '08:30', valueExt: Asia/Tokyo}]", "30 8 * * *", "Asia/Tokyo"),
        ("[{property: latency, value: 26, unit: h, schedule: '15 6 * * 1'}]", "15 6 * * 1", "UTC"),
    ],
)
def test_a_feed_is_closed_when_its_contract_says_that_it_is_due(tmp_path: Path, sla: str, cron: str, zone: str) -> None:
    schedule = closing_of(tmp_path, sla)
    assert (schedule.cron_schedule, schedule.execution_timezone) == (cron, zone)


@pytest.mark.parametrize(
    ("sla", "moment", "last", "days"),
    [
        # 08:30 in Tokyo is 23:30 UTC the day before: only the day before that one is over
        ("[{property: timeOfAvailability, value: '08:30', valueExt: Asia/Tokyo}]", "2024-03-07T23:30", "2024-03-06", 7),
        ("[{property: timeOfAvailability, value: '08:30'}]", "2024-03-08T08:30", "2024-03-07", 7),
        ("[{property: latency, value: 26, unit: h}]", "2024-03-08T02:00", "2024-03-06", 7),
        # a deadline that comes once a month looks at all days since the last one
        ("[{property: latency, value: 40, unit: d, schedule: '0 6 1 * *'}]", "2024-05-01T06:00", "2024-04-30", 30),
    ],
)
def test_a_tick_looks_at_what_is_due_since_the_last_deadline(
    tmp_path: Path, lasting: dg.DagsterInstance, sla: str, moment: str, last: str, days: int
) -> None:
    schedule = closing_of(tmp_path, sla, dg.DailyPartitionsDefinition("2024-01-01"))
    (tmp_path / "landing").mkdir()
    found = closing_tick(schedule, tmp_path, lasting, dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC))
    requested = {request.partition_key for request in found} if isinstance(found, list) else set()
    newest = dt.date.fromisoformat(last)
    looked_at = [newest - dt.timedelta(days=shift) for shift in range(days)]
    # nothing was delivered: the Sundays are recorded, every other day is missing
    assert requested == {day.isoformat() for day in looked_at if day.weekday() == 6}


def test_what_a_run_is_working_on_is_not_asked_for_again(tmp_path: Path, lasting: dg.DagsterInstance) -> None:
    feed = make_feed(tmp_path)
    put(tmp_path, "2024-03-02.csv")
    schedule = closing_schedule(feed)
    assert schedule is not None
    lasting.create_run_for_job(
        dg.Definitions(
            assets=[lake_asset(feed, dg.AssetSpec(feed.lake_key, partitions_def=feed.partitions))],
            resources={"platform": resource(tmp_path)},
        ).resolve_implicit_global_asset_job_def(),
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/partition": "2024-03-02"},
        asset_selection=frozenset([feed.lake_key]),
    )
    requests = closing_tick(schedule, tmp_path, lasting, dt.datetime(2024, 3, 4, tzinfo=dt.UTC))
    assert {request.partition_key for request in requests} == {"2024-02-25", "2024-03-03"}
