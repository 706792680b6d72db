"""When downstream is built: on each new upstream version, of old days too, and never past a gate."""

import time
import uuid
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorType

from platform_assets.automation.conditions import automation_sensor, upstream_published
from platform_assets.holds.holds import Hold, hold, release

DAYS = dg.DailyPartitionsDefinition("2024-01-01", end_date="2024-01-11")
RAW, WEATHER, MART = dg.AssetKey(["raw", "orders"]), dg.AssetKey(["raw", "weather"]), dg.AssetKey(["marts", "orders"])
PLANES = dg.AssetKey(["raw", "planes"])


@pytest.fixture(name="instance")
def _instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def definitions(*, reference: bool = False, mart_fails: bool = False) -> dg.Definitions:
    def nothing(spec: dg.AssetSpec) -> dg.AssetsDefinition:
        @dg.multi_asset(specs=[spec], name=spec.key.to_python_identifier())
        def build() -> None:
            if mart_fails and spec.key == MART:
                raise dg.Failure("as asked for")

        return build

    specs = [
        dg.AssetSpec(RAW, partitions_def=DAYS),
        dg.AssetSpec(WEATHER, partitions_def=DAYS),
        *([dg.AssetSpec(PLANES)] if reference else []),
        dg.AssetSpec(
            MART,
            deps=[RAW, WEATHER, *([PLANES] if reference else [])],
            partitions_def=DAYS,
            automation_condition=upstream_published(),
        ),
    ]
    return dg.Definitions(assets=[nothing(spec) for spec in specs])


def publish(instance: dg.DagsterInstance, key: dg.AssetKey, *days: str, content: str | None = None) -> None:
    """Report ``days`` of an asset (or the asset itself) as published with ``content``, new for each call by default."""
    version = {"dagster/data_version": content or uuid.uuid4().hex}
    for day in days or (None,):
        instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=day, tags=version))


class Ticks:
    """Evaluations one after the other, each from the cursor of the one before."""

    def __init__(self, instance: dg.DagsterInstance, *, reference: bool = False) -> None:
        self.instance, self.cursor = instance, None
        self.definitions = definitions(reference=reference)

    def publish(self, key: dg.AssetKey, *days: str, content: str | None = None) -> None:
        publish(self.instance, key, *days, content=content)

    def requested(self) -> set[str]:
        result = dg.evaluate_automation_conditions(self.definitions, self.instance, cursor=self.cursor)
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_rejected_day_is_not_asked_for_until_it_is_published(instance: dg.DagsterInstance) -> None:
    ticks = Ticks(instance)
    ticks.requested()
    ticks.publish(WEATHER, "2024-01-05", "2024-01-06")
    ticks.publish(RAW, "2024-01-06")  # the gate refused the fifth: no materialization
    assert ticks.requested() == {"2024-01-06"}
    assert ticks.requested() == set()
    ticks.publish(RAW, "2024-01-05")
    assert ticks.requested() == {"2024-01-05"}


@pytest.mark.slow
def test_what_is_delivered_again_unchanged_rebuilds_nothing(instance: dg.DagsterInstance) -> None:
    """A snapshot is upstream of every day: without a look at its content each new copy would rebuild them all."""
    ticks = Ticks(instance)
    ticks.requested()
    for key in (RAW, WEATHER):
        ticks.publish(key, "2024-01-02", content="first")
    assert ticks.requested() == {"2024-01-02"}
    ticks.publish(MART, "2024-01-02")
    ticks.publish(RAW, "2024-01-02", content="first")
    assert ticks.requested() == set()
    ticks.publish(RAW, "2024-01-02", content="second")
    assert ticks.requested() == {"2024-01-02"}


@pytest.mark.slow
def test_a_snapshot_reaches_every_day_when_its_content_changed_and_only_then(instance: dg.DagsterInstance) -> None:
    ticks, days = Ticks(instance, reference=True), set(DAYS.get_partition_keys())
    ticks.requested()
    ticks.publish(RAW, *days)
    ticks.publish(WEATHER, *days)
    ticks.publish(PLANES, content="a")
    assert ticks.requested() == days
    ticks.publish(MART, *days)
    ticks.publish(PLANES, content="a")
    assert ticks.requested() == set()
    ticks.publish(PLANES, content="b")
    assert ticks.requested() == days


@pytest.mark.slow
def test_a_day_that_failed_is_asked_for_again_by_an_unchanged_delivery(instance: dg.DagsterInstance) -> None:
    ticks = Ticks(instance)
    ticks.requested()
    for key in (RAW, WEATHER):
        ticks.publish(key, "2024-01-02", content="first")
    assert ticks.requested() == {"2024-01-02"}
    failed = definitions(mart_fails=True)
    job = failed.resolve_implicit_global_asset_job_def()
    run = job.execute_in_process(
        partition_key="2024-01-02", asset_selection=[MART], instance=instance, raise_on_error=False
    )
    assert not run.success
    assert ticks.requested() == set(), "not on every tick"
    ticks.publish(RAW, "2024-01-02", content="first")
    assert ticks.requested() == {"2024-01-02"}


@pytest.mark.slow
@pytest.mark.parametrize("asset", [MART, RAW])
def test_nothing_is_asked_for_while_it_or_what_it_needs_is_held_and_then_it_is(
    instance: dg.DagsterInstance, asset: dg.AssetKey
) -> None:
    name, now = asset.to_user_string(), time.time()
    ticks = Ticks(instance)
    ticks.requested()
    hold(instance, [Hold(name, "the sums are wrong", "ann", now)], now)
    for key in (RAW, WEATHER):
        ticks.publish(key, "2024-01-02")
    assert ticks.requested() == set()
    assert ticks.requested() == set()
    release(instance, [name], now, who="ann", why="mended")
    assert ticks.requested() == {"2024-01-02"}
    assert ticks.requested() == set(), "asked for once"


def test_the_sensor_asks_by_the_code_server_where_the_condition_is_known(instance: dg.DagsterInstance) -> None:
    sensor = automation_sensor()
    assert sensor.sensor_type is SensorType.AUTOMATION
    repository = dg.Definitions.merge(definitions(), dg.Definitions(sensors=[sensor])).get_repository_def()
    cursor, asked = None, []
    now = time.time()
    for held in (False, True, False):
        if held:
            hold(instance, [Hold("raw/weather", "wrong sums", "ann", now)], now)
            for key in (RAW, WEATHER):
                publish(instance, key, "2024-01-02")
        elif cursor is not None:
            release(instance, ["raw/weather"], now, who="ann", why="mended")
        with dg.build_sensor_context(instance=instance, cursor=cursor, repository_def=repository) as context:
            tick = sensor.evaluate_tick(context)
        cursor = tick.cursor
        asked.append([(request.asset_selection, request.partition_key) for request in tick.run_requests or ()])
    assert asked == [[], [], [([MART], "2024-01-02")]]
