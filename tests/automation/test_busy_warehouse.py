"""A tick does not wait for a warehouse that somebody works on: it is skipped and says who that is."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import dagster as dg

from platform_assets.automation.closing_schedule import closing_schedule
from platform_assets.publishing.migrations import MIGRATIONS
from tests.automation.test_arrival_sensor import make_feed, put, resource, take, tick


def test_a_closing_tick_is_skipped_while_the_warehouse_is_busy(tmp_path: Path) -> None:
    feed = make_feed(tmp_path)
    put(tmp_path, "2024-03-02.csv")
    schedule, platform = closing_schedule(feed), resource(tmp_path)
    assert schedule is not None
    reached, over = threading.Event(), threading.Event()

    def hold() -> None:
        with platform.warehouse.open().reserve(purpose="dbt run in another run"):
            reached.set()
            over.wait()

    def ticked() -> object:
        with (
            dg.instance_for_test() as instance,
            dg.build_schedule_context(
                instance=instance,
                resources={"platform": platform},
                scheduled_execution_time=dt.datetime(2024, 3, 4, tzinfo=dt.UTC),
            ) as context,
        ):
            return schedule(context)

    holding = threading.Thread(target=hold)
    holding.start()
    assert reached.wait(120)
    skipped = ticked()
    # it came back while the warehouse was still held
    assert holding.is_alive()
    over.set()
    holding.join()
    assert isinstance(skipped, dg.SkipReason)
    assert "the warehouse is busy" in str(skipped.skip_message)
    assert "dbt run in another run" in str(skipped.skip_message)
    requests = ticked()
    assert isinstance(requests, list)
    assert "2024-03-02" in {request.partition_key for request in requests}


def test_a_tick_asks_for_nothing_that_only_a_newer_version_can_read(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    feed, later = make_feed(tmp_path), MIGRATIONS[-1].number + 1
    put(tmp_path, "2024-03-04.csv")
    first = tick(feed, tmp_path, instance)
    take(feed, tmp_path, "2024-03-04")
    with resource(tmp_path).warehouse.open().session() as session:
        session.execute("INSERT INTO platform.migrations VALUES (?, 'of tomorrow', TIMESTAMP '2040-01-01')", [later])
    put(tmp_path, "2024-03-05.csv")
    second = tick(feed, tmp_path, instance, first.cursor)
    assert [request.partition_key for request in second.run_requests or ()] == ["2024-03-05"]
