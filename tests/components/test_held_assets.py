"""A held asset is refused to every way in, with who held it, why, and the command that releases it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from platform_assets.cli.main import main
from platform_assets.components.step_limits import install
from platform_assets.holds.breaker import failures_of
from platform_assets.holds.holds import Hold, held, hold, release
from tests.support.projects import Project, opened, write_project
from tests.support.sensors import Sensor
from tests.support.shop import DAYS, ORDERS, deliver, write_shop

WHY = "the sums are wrong"


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    write_project(tmp_path, ORDERS)
    landing = tmp_path / "data" / "landing" / "orders"
    landing.mkdir(parents=True)
    for day in DAYS[:2]:
        (landing / f"{day}.csv").write_text("id,customer,status,amount\n1,ann,open,1\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    monkeypatch.setenv("PLATFORM_USER", "ann")
    monkeypatch.chdir(tmp_path)
    with opened(tmp_path) as project:
        yield project


def command(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, list(words))
    assert result.exit_code == code, result.output
    return result.output


def problem(run: dg.ExecuteInProcessResult) -> dict[str, object]:
    """The first problem that a failed step names."""
    for event in run.all_events:
        cause = event.step_failure_data.user_failure_data if event.is_step_failure else None
        if cause is not None:
            return dict(cause.metadata["partitions"].value.records[0].data)
    raise AssertionError("no step failed")


@pytest.mark.slow
@pytest.mark.parametrize("asset", ["lake/orders", "raw/orders"])
def test_a_run_from_wherever_is_refused_at_the_start_of_the_step(project: Project, asset: str) -> None:
    command("hold", asset, "--why", WHY)
    run = project.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[1])
    assert not run.success
    told = problem(run)
    assert told["kind"] == "held"
    assert str(told["problem"]).startswith(f"{asset} is held by ann since ")
    assert str(told["problem"]).endswith(WHY)
    assert f"platform-assets release {asset} --why" in str(told["next_step"])
    stored = project.instance.get_run_by_id(run.run_id)
    assert stored is not None
    assert stored.tags["dagster/max_retries"] == "0"
    assert failures_of(project.instance, [asset])[asset].row == (), "it costs no attempt"
    command("release", asset, "--why", "mended")
    assert project.run("key:lake/orders or key:raw/orders", DAYS[0], DAYS[1]).success


@pytest.mark.slow
def test_commands_are_refused(project: Project) -> None:
    command("hold", "raw/orders", "--why", WHY)
    assert "held by ann since " in command("ingest", "orders", code=1)
    assert WHY in command("run", "raw/orders", "--partition", DAYS[0], code=1)
    command("release", "raw/orders", "--why", "mended")
    command("ingest", "orders")


@pytest.mark.slow
def test_the_arrival_sensor_asks_for_nothing_says_so_and_loses_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    sensor = Sensor(project, "orders", time.time_ns() + 10**9)
    hold(project.instance, [Hold("raw/orders", WHY, "ann", now)], now)
    definition = next(s for s in project.definitions.sensors or () if s.name == "orders_arrivals")
    with dg.build_sensor_context(instance=project.instance, resources=project.definitions.resources) as context:
        result = definition(context)
    assert isinstance(result, dg.SensorResult)
    assert WHY in str(result.skip_reason)
    assert "platform-assets release raw/orders" in str(result.skip_reason)
    assert sensor.tick(monkeypatch) == []
    release(project.instance, ["raw/orders"], now, who="ann", why="mended")
    (request,) = sensor.tick(monkeypatch)
    assert sensor.run(request).success


@pytest.mark.slow
def test_a_run_that_was_asked_for_before_the_hold_is_asked_for_again_after_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = Sensor(project, "orders", time.time_ns() + 10**9)
    (request,) = sensor.tick(monkeypatch)
    now = sensor.clock_ns / 10**9
    hold(project.instance, [Hold("lake/orders", WHY, "ann", now)], now)
    assert not sensor.run(request).success
    release(project.instance, ["lake/orders"], now, who="ann", why="mended")
    sensor.clock_ns += 30 * 10**9
    (again,) = sensor.tick(monkeypatch)
    assert again.tags["platform/try"] == "1"
    assert sensor.run(again).success


def test_the_closing_schedule_asks_for_nothing_and_says_so(project: Project) -> None:
    schedule = next(s for s in project.definitions.schedules or () if s.name == "orders_closing")
    moment = dt.datetime(2024, 1, 3, 12, tzinfo=dt.UTC)

    def tick() -> object:
        with dg.build_schedule_context(
            instance=project.instance, scheduled_execution_time=moment, resources=project.definitions.resources
        ) as context:
            return schedule(context)

    assert isinstance(tick(), list)
    hold(project.instance, [Hold("raw/orders", WHY, "ann", 1.0)], 1.0)
    skipped = tick()
    assert isinstance(skipped, dg.SkipReason)
    assert WHY in str(skipped.skip_message)


@pytest.mark.slow
def test_assets_are_held_and_released_by_selection_and_listed(project: Project) -> None:
    assert command("holds").strip() == "no asset is held"
    assert command("hold", "group:shop", "--why", WHY).splitlines() == ["lake/orders: held", "raw/orders: held"]
    assert command("hold", "raw/orders", "--why", "again").strip() == "raw/orders: was held already, by ann"
    listed = command("holds")
    assert all(word in listed for word in ("lake/orders", "raw/orders", "ann", "hand", "released", WHY))
    command("release", "lake/orders", "raw/orders", "--why", "mended")
    assert command("holds").strip() == "no asset is held"
    assert "none of 1 asset is held" in command("release", "raw/orders", "--why", "mended", code=1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["hold", "raw/order", "--why", WHY], "did you mean 'raw/orders'?"),
        (["hold", "raw/orders", "--why", " "], "--why must be a reason"),
        (["hold", "raw/orders", "--why", WHY, "--until", "tomorrow"], "must be a time such as"),
        (["hold", "raw/orders", "--why", WHY, "--until", "2001-01-01"], "is past"),
        (["hold", "raw/orders"], "--why"),
        (["hold", "--why", WHY], "ASSETS"),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_why(project: Project, words: list[str], told: str) -> None:
    assert told in command(*words, code=2)
    assert held(project.instance, time.time()).holds == {}


@pytest.mark.slow
def test_five_rejected_deliveries_in_a_row_hold_the_asset(project: Project) -> None:
    for number in range(5):
        (project.landing / "orders" / f"{DAYS[number]}.csv").write_text("other,columns\n1,2\n")
        assert not project.run("key:lake/orders", DAYS[number]).success
    (found,) = held(project.instance, time.time()).holds.values()
    assert (found.asset, found.by_breaker, found.why) == ("lake/orders", True, "5 failures in a row (rejected)")
    assert "breaker" in command("holds")
    assert "lake/orders is held by circuit breaker" in str(problem(project.run("key:lake/orders", DAYS[0]))["problem"])


@pytest.mark.slow
def test_models_and_published_tables_are_refused_and_what_is_beside_them_is_built(tmp_path: Path) -> None:
    write_shop(tmp_path)
    with opened(tmp_path) as project:
        deliver(project)
        assert project.run("key:lake/orders or key:raw/orders", DAYS[0]).success
        for asset in ("totals", "published/totals"):
            hold(project.instance, [Hold(asset, WHY, "ann", 1.0)], 1.0)
            run = project.run(f'key:"{asset}"', DAYS[0])
            assert not run.success
            assert problem(run)["kind"] == "held"
        assert project.run("key:cleaned", DAYS[0]).success


def test_an_asset_of_somebody_else_is_refused_too(tmp_path: Path) -> None:
    ran: list[bool] = []

    @dg.asset
    def own() -> None:
        ran.append(True)

    install()
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        now = time.time()
        hold(instance, [Hold("own", "a migration", "ann", now)], now)
        refused = dg.materialize([own], instance=instance, raise_on_error=False)
        assert (refused.success, ran) == (False, [])
        failure = refused.failure_data_for_node("own")
        assert failure is not None
        assert "held by ann" in failure.user_failure_data.description
        stored = instance.get_run_by_id(refused.run_id)
        assert stored is not None
        assert stored.tags["dagster/max_retries"] == "0", "run retries would be refused in the same way"
        release(instance, ["own"], time.time(), who="ann", why="done")
        assert dg.materialize([own], instance=instance).success
