"""Failures of steps: of several assets, of checks, after the materialization, of ops; each is told and ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from platform_assets.alerts.incidents import Incident
from platform_assets.alerts.messages import Writer
from platform_assets.alerts.router import Router
from platform_assets.automation.alerting.location import Location
from platform_assets.automation.alerting.observing import Observer
from platform_assets.automation.alerting.places import store_of
from tests.automation.alerted import Clock
from tests.support.projects import QUIET, quick_instance

BAD = {"now": True}


@dg.multi_asset(specs=[dg.AssetSpec("m1"), dg.AssetSpec("m2")])
def several():
    if BAD["now"]:
        raise ValueError
    yield dg.MaterializeResult("m1")
    yield dg.MaterializeResult("m2")


@dg.asset
def checked() -> None: ...


@dg.asset_check(asset=checked)
def broken() -> dg.AssetCheckResult:
    if BAD["now"]:
        raise ValueError
    return dg.AssetCheckResult(passed=True)


@dg.asset_check(asset=checked, blocking=True)
def blocking() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=not BAD["now"])


@dg.asset
def late_failure():
    yield dg.MaterializeResult()
    if BAD["now"]:
        raise ValueError


@dg.op
def operation() -> None:
    if BAD["now"]:
        raise ValueError


@dg.job
def nightly() -> None:
    operation()


DEFINITIONS = dg.Definitions([several, checked, late_failure], asset_checks=[broken, blocking], jobs=[nightly])


@pytest.fixture(name="instance")
def _instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    with dg.instance_for_test(temp_dir=str(tmp_path / "dagster"), overrides=quick_instance(tmp_path)) as instance:
        yield instance


def open_incidents(instance: dg.DagsterInstance) -> list[Incident]:
    store = store_of(instance)
    location = Location.of(DEFINITIONS.get_repository_def())
    router = Router(Writer(location.lineage), lambda incident, about, at: ("team",))
    for _ in Observer(instance, store, router, location).look(Clock()):
        pass
    with store.transaction() as transaction:
        return transaction.incidents()


def run(instance: dg.DagsterInstance, *assets: str, bad: bool) -> None:
    BAD["now"] = bad
    job = DEFINITIONS.resolve_implicit_global_asset_job_def() if assets else DEFINITIONS.resolve_job_def("nightly")
    selection = [dg.AssetKey(name) for name in assets] or None
    job.execute_in_process(instance=instance, asset_selection=selection, run_config=QUIET, raise_on_error=False)


@pytest.mark.parametrize(
    ("assets", "troubled"),
    [
        (("m1", "m2"), {("run", "m1", "", ""), ("run", "m2", "", "")}),
        (("checked",), {("check", "checked", "broken", ""), ("check", "checked", "blocking", "")}),
        (("late_failure",), {("run", "late_failure", "", "")}),
        ((), {("run", "nightly", "", "")}),
    ],
    ids=["several assets", "checks", "after its materialization", "a job of ops"],
)
def test_a_step_that_fails_is_told_and_its_next_success_ends_it(
    instance: dg.DagsterInstance, assets: tuple[str, ...], troubled: set[tuple[str, str, str, str]]
) -> None:
    run(instance, *assets, bad=True)
    found = open_incidents(instance)
    assert {trouble for each in found for trouble in (*each.troubled, *each.affected)} == troubled
    run(instance, *assets, bad=False)
    assert open_incidents(instance) == []
