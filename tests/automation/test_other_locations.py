"""Automation of a code location asks for what another one on the same instance has published."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import dagster as dg
import pytest

from platform_assets.automation.conditions import automation_sensor, upstream_published
from platform_assets.feeds import other_locations
from platform_assets.feeds.other_locations import PREFIX, announce, announced
from platform_assets.holds.holds import Hold, hold, release
from platform_assets.instance.values import write_values

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-11")
HOURS = dg.HourlyPartitionsDefinition("2024-01-01-00:00", end_date="2024-01-11-00:00")
LAKE, RAW, MART = dg.AssetKey(["lake", "orders"]), dg.AssetKey(["raw", "orders"]), dg.AssetKey(["marts", "orders"])


@pytest.fixture(name="instance")
def _instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def asset(key: dg.AssetKey, *deps: dg.AssetKey, partitions: dg.PartitionsDefinition | None, asks: bool = False):
    @dg.asset(
        key=key,
        deps=list(deps),
        partitions_def=partitions,
        automation_condition=upstream_published() if asks else None,
    )
    def made() -> None: ...

    return made


class Location:
    """A code location: its sensor `automation`, ticked from the cursor of the tick before."""

    def __init__(self, instance: dg.DagsterInstance, *assets: dg.AssetsDefinition) -> None:
        self.instance, self.cursor = instance, None
        self.repository = dg.Definitions(assets=assets, sensors=[automation_sensor()]).get_repository_def()

    def tick(self) -> set[str | None]:
        """The partitions that the next evaluation asks for; None for an asset without partitions."""
        sensor = self.repository.get_sensor_def("automation")
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor, repository_def=self.repository)
        with context:
            tick = sensor.evaluate_tick(context)
        self.cursor = tick.cursor
        return {request.partition_key for request in tick.run_requests or ()}


def feeds(instance: dg.DagsterInstance, partitions: dg.PartitionsDefinition | None) -> Location:
    return Location(instance, asset(LAKE, partitions=partitions), asset(RAW, LAKE, partitions=partitions))


def marts(instance: dg.DagsterInstance, partitions: dg.PartitionsDefinition | None = DAYS) -> Location:
    return Location(instance, asset(MART, RAW, partitions=partitions, asks=True))


def publish(instance: dg.DagsterInstance, *partitions: str | None) -> None:
    for partition in partitions:
        version = {"dagster/data_version": uuid.uuid4().hex}
        instance.report_runless_asset_event(dg.AssetMaterialization(RAW, partition=partition, tags=version))


def test_a_day_that_another_location_publishes_is_asked_for(instance: dg.DagsterInstance) -> None:
    above, below = feeds(instance, DAYS), marts(instance)
    assert below.tick() == set()
    assert above.tick() == set()
    assert below.tick() == set()
    publish(instance, "2024-01-03")
    assert below.tick() == {"2024-01-03"}
    assert below.tick() == set(), "asked for once"
    publish(instance, "2024-01-03")
    assert below.tick() == {"2024-01-03"}, "another version"


def test_a_location_that_was_evaluated_before_it_could_know_the_days_asks_for_the_first_one(
    instance: dg.DagsterInstance,
) -> None:
    above, below = feeds(instance, DAYS), marts(instance)
    below.tick()
    below.tick()
    announce(instance, above.repository.asset_graph, [RAW])
    publish(instance, "2024-01-01")
    assert below.tick() == {"2024-01-01"}


def test_all_hours_of_a_day_are_waited_for(instance: dg.DagsterInstance) -> None:
    feeds(instance, HOURS).tick()
    below = marts(instance)
    below.tick()
    hours = [f"2024-01-02-{hour:02}:00" for hour in range(24)]
    publish(instance, *hours[:-1])
    assert below.tick() == set()
    publish(instance, hours[-1])
    assert below.tick() == {"2024-01-02"}


@pytest.mark.parametrize(
    "partitions", [dg.StaticPartitionsDefinition(["north", "south"]), dg.DynamicPartitionsDefinition(name="regions")]
)
def test_keys_of_another_location_are_asked_for_one_by_one(
    instance: dg.DagsterInstance, partitions: dg.PartitionsDefinition
) -> None:
    instance.add_dynamic_partitions("regions", ["north", "south"])
    feeds(instance, partitions).tick()
    below = marts(instance, partitions)
    below.tick()
    publish(instance, "south")
    assert below.tick() == {"south"}


def test_a_snapshot_of_another_location_is_asked_for(instance: dg.DagsterInstance) -> None:
    feeds(instance, None).tick()
    below = Location(instance, asset(MART, RAW, partitions=None, asks=True))
    below.tick()
    publish(instance, None)
    assert below.tick() == {None}
    assert below.tick() == set()


def test_a_hold_on_what_is_upstream_in_another_location_holds_what_is_downstream_here(
    instance: dg.DagsterInstance,
) -> None:
    feeds(instance, DAYS).tick()
    below = marts(instance)
    below.tick()
    now = time.time()
    hold(instance, [Hold("lake/orders", "wrong amounts", "ann", now)], now)
    publish(instance, "2024-01-03")
    assert below.tick() == set()
    release(instance, ["lake/orders"], now, who="ann", why="mended")
    assert below.tick() == {"2024-01-03"}


def test_other_partitions_of_a_feed_are_seen_at_the_next_evaluation(instance: dg.DagsterInstance) -> None:
    feeds(instance, DAYS).tick()
    below = marts(instance, dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-02-01"))
    below.tick()
    publish(instance, "2024-01-20")
    assert below.tick() == set(), "no day of the feed"
    feeds(instance, dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-02-01")).tick()
    publish(instance, "2024-01-21")
    assert below.tick() == {"2024-01-21"}


def test_what_a_newer_version_has_announced_costs_that_asset_alone(instance: dg.DagsterInstance) -> None:
    write_values(instance, {PREFIX + "raw/orders": '{"format": 2, "kind": "unheard of"}'})
    assert announced(instance, [RAW]) == {}
    assert marts(instance).tick() == set()


def test_what_is_announced_is_written_once(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    feeds(instance, DAYS).tick()
    written: list[object] = []
    monkeypatch.setattr(other_locations, "write_values", lambda _, values: written.append(values))
    job = feeds(instance, DAYS).repository.get_implicit_job_def_for_assets([RAW])
    assert job is not None
    announce(instance, job.get_subset(asset_selection={RAW}).asset_layer.asset_graph, [RAW])
    assert written == []
