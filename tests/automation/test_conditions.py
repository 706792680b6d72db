"""When downstream is built: on each new upstream version, of old days too, and never past a gate."""

from collections.abc import Iterator

import dagster as dg
import pytest

from platform_assets.automation.conditions import upstream_published

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-11")
RAW, WEATHER, MART = dg.AssetKey(["raw", "orders"]), dg.AssetKey(["raw", "weather"]), dg.AssetKey(["marts", "orders"])


@pytest.fixture(name="instance")
def _instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def definitions() -> dg.Definitions:
    def nothing(spec: dg.AssetSpec) -> dg.AssetsDefinition:
        @dg.multi_asset(specs=[spec], name=spec.key.to_python_identifier())
        def build() -> None: ...

        return build

    specs = [
        dg.AssetSpec(RAW, partitions_def=DAYS),
        dg.AssetSpec(WEATHER, partitions_def=DAYS),
        dg.AssetSpec(MART, deps=[RAW, WEATHER], partitions_def=DAYS, automation_condition=upstream_published()),
    ]
    return dg.Definitions(assets=[nothing(spec) for spec in specs])


class Ticks:
    """Evaluations one after the other, each from the cursor of the one before."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance, self.cursor = instance, None

    def publish(self, key: dg.AssetKey, *days: str) -> None:
        for day in days:
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=day))

    def requested(self) -> set[str]:
        result = dg.evaluate_automation_conditions(definitions(), self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        return set(result.get_requested_partitions(MART))


def test_a_day_is_built_once_all_of_its_upstream_is_published(instance: dg.DagsterInstance) -> None:
    ticks = Ticks(instance)
    assert ticks.requested() == set()
    ticks.publish(RAW, "2024-01-03")
    assert ticks.requested() == set(), "the weather of the day is not there yet"
    ticks.publish(WEATHER, "2024-01-03", "2024-01-04")
    assert ticks.requested() == {"2024-01-03"}
    assert ticks.requested() == set(), "asked for once"


def test_a_late_or_replaced_file_of_an_old_day_reaches_downstream(instance: dg.DagsterInstance) -> None:
    ticks = Ticks(instance)
    ticks.requested()
    ticks.publish(RAW, "2024-01-02", "2024-01-09")
    ticks.publish(WEATHER, "2024-01-02", "2024-01-09")
    assert ticks.requested() == {"2024-01-02", "2024-01-09"}
    ticks.publish(MART, "2024-01-02", "2024-01-09")
    assert ticks.requested() == set()
    ticks.publish(RAW, "2024-01-02")
    assert ticks.requested() == {"2024-01-02"}


def test_a_rejected_day_is_not_asked_for_until_it_is_published(instance: dg.DagsterInstance) -> None:
    ticks = Ticks(instance)
    ticks.requested()
    ticks.publish(WEATHER, "2024-01-05", "2024-01-06")
    ticks.publish(RAW, "2024-01-06")  # the gate refused the fifth: no materialization
    assert ticks.requested() == {"2024-01-06"}
    assert ticks.requested() == set()
    ticks.publish(RAW, "2024-01-05")
    assert ticks.requested() == {"2024-01-05"}
