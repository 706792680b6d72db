"""Real ticks of an arrival sensor on an ephemeral instance, over a real landing folder."""

import datetime as dt
import os
import time
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.automation.arrival_sensor import CHANGES_PER_TICK, arrival_sensor
from platform_assets.automation.cursor import read_cursor
from platform_assets.automation.reconciler import MOST
from platform_assets.components.assets.raw import load_partitions
from platform_assets.environment import read_environment
from platform_assets.feeds.feed import Feed, Pace
from platform_assets.ingestion.ingestor import ingest
from platform_assets.landing.found import Completeness
from platform_assets.landing.patterns import ArrivalPattern
from platform_assets.platform_resource import PlatformResource
from platform_assets.sql.contract_file import read_contract
from resources.by_environment import platform_resources
from tests.support.file_clock import wait_for_later_stamp

CONTRACT = """
apiVersion: v3.0.2
kind: DataContract
id: orders
name: orders
version: 1.0.0
status: active
servers: [{server: landing, type: local, path: orders, format: csv}]
customProperties:
  - property: notDue
    value: [{weekday: sunday, reason: the shop is closed}]
schema:
  - name: orders
    logicalType: object
    properties:
      - {name: id, logicalType: integer, required: true}
"""
DAILY = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-12-31")


def make_feed(
    folder: Path, partitions: dg.PartitionsDefinition | None = DAILY, files: str = "orders/%Y-%m-%d.csv"
) -> Feed:
    path = folder / "contract.yaml"
    path.write_text(CONTRACT)
    return Feed(read_contract(path), partitions, ArrivalPattern(files), Completeness(settle_seconds=0))


def resource(home: Path) -> PlatformResource:
    return platform_resources(read_environment({"PLATFORM_HOME": str(home), "PLATFORM_ENV": "test"}, cwd=home))[
        "platform"
    ]


def put(home: Path, name: str, text: str = "id\n1\n") -> Path:
    path = home / "landing" / "orders" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    wait_for_later_stamp(home)
    return path


def tick(feed: Feed, home: Path, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    resources = {"platform": resource(home)}
    with dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources) as context:
        return arrival_sensor(feed)(context)


def closing_tick(
    schedule: dg.ScheduleDefinition | None, home: Path, instance: dg.DagsterInstance, moment: dt.datetime
) -> list[dg.RunRequest] | dg.SkipReason:
    """One evaluation of a closing schedule that was due at ``moment``."""
    assert schedule is not None
    with dg.build_schedule_context(
        instance=instance, resources={"platform": resource(home)}, scheduled_execution_time=moment
    ) as context:
        found: list[dg.RunRequest] | dg.SkipReason = schedule(context)
    return found


def take(feed: Feed, home: Path, day: str, instance: dg.DagsterInstance | None = None) -> None:
    """What the run of a request does to the lake, the warehouse and ``instance``."""
    found = feed.landing(str(home / "landing")).deliveries({day}, now_ns=time.time_ns())
    ingest(contract=feed.contract, delivery=found.deliveries[day], lake=home / "lake", pseudonym_key=None)
    verdicts, _ = load_partitions(feed, [day], platform=resource(home), run_id="")
    assert [verdict.published for verdict in verdicts] == [True]
    if instance is not None:
        version = {"dagster/data_version": verdicts[0].hash}
        instance.report_runless_asset_event(dg.AssetMaterialization(feed.raw_key, partition=day, tags=version))


def test_a_delivery_starts_one_run_and_a_replaced_file_another(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    feed = make_feed(tmp_path)
    put(tmp_path, "2024-03-01.csv")
    first = tick(feed, tmp_path, instance)
    assert [request.partition_key for request in first.run_requests] == ["2024-03-01"]
    assert first.asset_events[0].partition == "2024-03-01"
    take(feed, tmp_path, "2024-03-01")
    quiet = tick(feed, tmp_path, instance, first.cursor)
    assert not quiet.run_requests
    put(tmp_path, "2024-03-01.csv", "id\n1\n2\n")
    second = tick(feed, tmp_path, instance, quiet.cursor)
    assert [request.partition_key for request in second.run_requests] == ["2024-03-01"]
    assert second.run_requests[0].run_key != first.run_requests[0].run_key


def test_what_the_lake_holds_is_not_asked_for_again_when_the_cursor_is_lost(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    feed = make_feed(tmp_path)
    put(tmp_path, "2024-03-01.csv")
    take(feed, tmp_path, "2024-03-01")
    assert not tick(feed, tmp_path, instance).run_requests


def test_many_adjoining_days_are_one_run_and_a_hole_parts_them(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    feed = make_feed(tmp_path)
    for day in range(1, 29):
        if day != 15:
            put(tmp_path, f"2024-02-{day:02}.csv")
    requests = tick(feed, tmp_path, instance).run_requests
    ranges = [
        (r.tags["dagster/asset_partition_range_start"], r.tags["dagster/asset_partition_range_end"]) for r in requests
    ]
    assert ranges == [("2024-02-01", "2024-02-14"), ("2024-02-16", "2024-02-28")]


def test_so_many_partitions_are_asked_for_in_one_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    feed = replace(make_feed(tmp_path), pace=Pace(partitions_per_run=3))
    for day in range(1, 9):
        put(tmp_path, f"2024-02-{day:02}.csv")
    requests = tick(feed, tmp_path, instance).run_requests
    assert [r.tags["dagster/asset_partition_range_end"][-2:] for r in requests] == ["03", "06", "08"]


def test_keys_that_follow_each_other_are_one_run(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    static = make_feed(tmp_path, dg.StaticPartitionsDefinition(["north", "east", "south", "west"]), "orders/{key}.csv")
    dynamic = make_feed(tmp_path, dg.DynamicPartitionsDefinition(name="shops"), "orders/{key}.csv")
    instance.add_dynamic_partitions("shops", ["gone", "north"])
    for name in ("north", "east", "west"):
        put(tmp_path, f"{name}.csv")

    def runs(feed: Feed) -> list[tuple[str | None, str | None, str | None]]:
        ends = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
        requests = tick(feed, tmp_path, instance).run_requests
        return [(request.partition_key, *(request.tags.get(end) for end in ends)) for request in requests]

    assert runs(static) == [(None, "north", "east"), ("west", None, None)]
    # east and west are added after north, in the order of the deliveries
    assert runs(dynamic) == [(None, "north", "west")]


def test_names_outside_of_the_partitions_and_odd_files_are_told(
    tmp_path: Path, instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    feed = make_feed(tmp_path)
    put(tmp_path, "2031-01-01.csv")
    os.mkfifo(tmp_path / "landing" / "orders" / "2024-01-05.csv")
    result = tick(feed, tmp_path, instance)
    assert not result.run_requests
    told = capfd.readouterr().err
    assert "2031-01-01.csv is part of no delivery" in told
    assert "2024-01-05.csv is a pipe" in told


def test_a_new_key_of_a_dynamic_partition_is_added(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    feed = make_feed(tmp_path, dg.DynamicPartitionsDefinition(name="shops"), "orders/{key}.csv")
    put(tmp_path, "berlin.csv")
    result = tick(feed, tmp_path, instance)
    assert result.dynamic_partitions_requests[0].partition_keys == ["berlin"]
    assert result.run_requests[0].partition_key == "berlin"


def test_a_snapshot_has_no_partition(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    feed = make_feed(tmp_path, None, "orders/all.csv")
    put(tmp_path, "all.csv")
    assert [request.partition_key for request in tick(feed, tmp_path, instance).run_requests] == [None]


def test_a_tick_looks_at_a_bounded_number_of_changes(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    feed = make_feed(tmp_path, dg.DynamicPartitionsDefinition(name="many"), "orders/{key}.csv")
    folder = tmp_path / "landing" / "orders"
    folder.mkdir(parents=True)
    for number in range(CHANGES_PER_TICK + 50):
        (folder / f"{number}.csv").write_text("id\n1\n")
    first = tick(feed, tmp_path, instance)
    second = tick(feed, tmp_path, instance, first.cursor)
    assert [len(result.dynamic_partitions_requests[0].partition_keys) for result in (first, second)] == [
        CHANGES_PER_TICK,
        50,
    ]
    assert len(first.run_requests) == CHANGES_PER_TICK // feed.pace.partitions_per_run
    assert len(second.run_requests) == 1
    for result in (first, second):
        assert len(read_cursor(result.cursor).asked) == MOST
        assert len(result.cursor) < 100 * MOST


def test_files_that_fit_no_partition_fail_the_check_of_the_landing_asset(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    feed = make_feed(tmp_path)
    put(tmp_path, "2024-01-33.csv")
    (evaluation,) = tick(feed, tmp_path, instance).asset_events
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    assert not evaluation.passed
    assert [record.data["path"] for record in evaluation.metadata["files"].records] == ["orders/2024-01-33.csv"]


def test_a_file_with_a_time_in_the_future_is_taken_once_it_is_settled(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    """A sender's clock that runs ahead, or an archive unpacked with wrong times, must not hide a delivery."""
    feed = make_feed(tmp_path)
    path = put(tmp_path, "2024-01-02.csv")
    os.utime(path, (time.time() + 86_400, time.time() + 86_400))
    wait_for_later_stamp(tmp_path)
    assert [request.partition_key for request in tick(feed, tmp_path, instance).run_requests] == ["2024-01-02"]


def test_a_file_that_comes_before_its_day_is_over_waits_and_keeps_nothing_else_waiting(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = dt.datetime.now(dt.UTC).date()
    days = [(today + dt.timedelta(days=shift)).isoformat() for shift in (-1, 0, 30)]
    feed = make_feed(tmp_path, dg.DailyPartitionsDefinition((today - dt.timedelta(days=5)).isoformat()))
    for day in days:
        put(tmp_path, f"{day}.csv")
    first = tick(feed, tmp_path, instance)
    assert [request.partition_key for request in first.run_requests] == days[:1]
    take(feed, tmp_path, days[0], instance)
    assert tick(feed, tmp_path, instance, first.cursor).run_requests == []
    tomorrow = time.time_ns() + 86_400 * 10**9
    monkeypatch.setattr("platform_assets.automation.arrival_sensor.time.time_ns", lambda: tomorrow)
    later = tick(feed, tmp_path, instance, first.cursor)
    assert [request.partition_key for request in later.run_requests] == days[1:2]
    assert read_cursor(later.cursor).early == (days[2],)
