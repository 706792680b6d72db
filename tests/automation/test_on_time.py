"""The check `on_time`: what the UI shows of an asset's deadlines, with and without a run."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import freeze_time

from platform_assets.alerts.signals import Source
from platform_assets.automation.alerting.expected import ON_TIME
from platform_assets.components.reporting.verdict_check import verdict_check
from platform_assets.publishing.verdicts import VERDICT
from tests.automation.punctual import Punctual, days, moment, punctual, spec

KEY = dg.AssetKey(["raw", "orders"])
MORNING = "30 8 * * *"


def gated() -> list[dg.AssetSpec | dg.AssetsDefinition]:
    verdict = verdict_check(key=KEY, problems=lambda _, keys: {}, on_time=True)
    return [spec("raw/orders", deadline=MORNING), verdict]


def reported(project: Punctual) -> list[tuple[bool, bool]]:
    """Of each evaluation, the oldest first: whether it passed, and whether a run made it."""
    records = project.instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(KEY, ON_TIME), limit=100
    )
    evaluations = [(record.evaluation, record.run_id) for record in reversed(records)]
    return [(found.passed, bool(run_id)) for found, run_id in evaluations if found is not None]


def run_checks(project: Punctual, at: str, *names: str) -> dg.ExecuteInProcessResult:
    """A run of these checks, at a time."""
    keys = [dg.AssetCheckKey(KEY, name) for name in names]
    selection = dg.AssetSelection.checks(*keys)
    definitions = dg.Definitions.merge(project.definitions, dg.Definitions(jobs=[dg.define_asset_job("j", selection)]))
    with freeze_time(moment(at)), pytest.MonkeyPatch.context() as patched:
        patched.setattr("platform_assets.components.reporting.verdict_check.utc_now", lambda: moment(at))
        return definitions.resolve_job_def("j").execute_in_process(instance=project.instance)


def test_the_sensor_reports_what_time_alone_has_changed(tmp_path: Path) -> None:
    with punctual(tmp_path, gated()) as project:
        project.publish("raw/orders", *days("2026-02-20", 9), at="03-01 02:00")
        assert project.look("03-02 08:30") == []
        assert reported(project) == [], "nothing has changed"
        (late,) = project.look("03-02 08:32")
        assert late.source is Source.DEADLINE
        assert reported(project) == [(False, False)]
        assert len(project.look("03-03 12:00")) == 1, "the failed check is no incident of its own"
        assert reported(project) == [(False, False)], "it is late as before"
        project.publish("raw/orders", "2026-01-15", at="03-03 12:10")
        project.look("03-03 12:11")
        assert reported(project) == [(False, False)], "an old day makes nothing fresh"
        project.publish("raw/orders", "2026-03-01", "2026-03-02", at="03-03 12:30")
        assert project.look("03-03 13:00") == []
        assert reported(project) == [(False, False), (True, False)]


def test_a_run_evaluates_it_and_the_sensor_repeats_nothing(tmp_path: Path) -> None:
    with punctual(tmp_path, gated()) as project:
        project.publish("raw/orders", *days("2026-02-20", 9), at="03-01 02:00")
        project.look("03-02 08:32")
        project.publish("raw/orders", "2026-03-01", at="03-02 09:00")
        assert run_checks(project, "03-02 09:01", VERDICT, ON_TIME).success
        project.look("03-02 09:10")
        assert reported(project) == [(False, False), (True, True)]


def test_alone_it_says_which_partitions_are_late_and_fails_no_run(tmp_path: Path) -> None:
    with punctual(tmp_path, gated()) as project:
        project.publish("raw/orders", *days("2026-02-20", 8), at="02-28 02:00")
        result = run_checks(project, "03-02 12:00", ON_TIME)
        assert result.success
        (found,) = result.get_asset_check_evaluations()
        assert (found.check_name, found.passed, found.severity) == (ON_TIME, False, dg.AssetCheckSeverity.WARN)
        table = found.metadata["late"].value
        assert [record.data for record in table.records] == [
            {"partition": "2026-02-28", "deadline": "2026-03-01 08:30 UTC", "late": "27 h"},
            {"partition": "2026-03-01", "deadline": "2026-03-02 08:30 UTC", "late": "3 h"},
        ]


@pytest.mark.parametrize("names", [(VERDICT,), (ON_TIME,), (VERDICT, ON_TIME)])
def test_each_of_both_can_be_executed_alone(tmp_path: Path, names: tuple[str, ...]) -> None:
    with punctual(tmp_path, gated()) as project:
        project.publish("raw/orders", *days("2026-02-20", 9), at="03-01 02:00")
        found = run_checks(project, "03-02 08:00", *names).get_asset_check_evaluations()
        assert {(each.check_name, each.passed) for each in found} == {(name, True) for name in names}
