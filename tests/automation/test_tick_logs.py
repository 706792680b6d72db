"""What a tick found is in the tick's log, with its feed; a quiet tick says nothing."""

from __future__ import annotations

import logging
from pathlib import Path

import dagster as dg

from platform_assets.automation.arrival_sensor import arrival_sensor
from platform_assets.automation.closing_schedule import closing_schedule
from tests.automation.test_arrival_sensor import make_feed, put, resource


class Kept(logging.Handler):
    """The messages of a tick's log."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def test_a_tick_of_the_sensor_logs_what_it_found(tmp_path: Path) -> None:
    feed = make_feed(tmp_path)
    put(tmp_path, "2024-03-01.csv")
    kept, cursor = Kept(), None
    with dg.instance_for_test() as instance:
        for _ in range(2):
            resources = {"platform": resource(tmp_path)}
            with dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources) as context:
                context.log.addHandler(kept)
                cursor = arrival_sensor(feed)(context).cursor
    assert kept.messages == ["found 1 delivery, 0 of them asked for again: 2024-03-01 [feed=orders]"]


def test_a_tick_of_the_closing_schedule_logs_what_it_asks_for(tmp_path: Path) -> None:
    feed = make_feed(tmp_path)
    kept = Kept()
    put(tmp_path, "2024-03-01.csv")
    platform = resource(tmp_path)
    schedule = closing_schedule(feed)
    assert schedule is not None
    with dg.instance_for_test() as instance:
        moment = feed.partitions.time_window_for_partition_key("2024-03-02").end  # type: ignore[union-attr]
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=moment, resources={"platform": platform}
        )
        with context:
            context.log.addHandler(kept)
            schedule(context)
    # the Sunday on which nothing is due, and the day that was missed
    assert "2 partitions are due and not closed: a run is asked for each [feed=orders]" in kept.messages
