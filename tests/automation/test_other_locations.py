"""Automation of a code location asks for what another one on the same instance has published."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import dagster as dg
import pytest

from platform_assets.automation.conditions import automation_sensor, upstream_published
from platform_assets.holds.holds import Hold, hold, release

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
        """The partitions that it asks for."""
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
