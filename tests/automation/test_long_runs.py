"""Runs in progress that take longer than usual, on a real instance."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import dagster as dg
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.test_utils import freeze_time

from platform_assets.alerts.signals import Source
from tests.automation.punctual import Punctual, moment, punctual


@dg.asset
def orders() -> None: ...


def begun(project: Punctual, at: dt.datetime) -> dg.DagsterRun:
    """A run of the asset that has started and goes on."""
    job = project.definitions.resolve_implicit_global_asset_job_def()
    with freeze_time(at):
        run = project.instance.create_run_for_job(job, asset_selection=frozenset({orders.key}))
        _reported(project, run, DagsterEventType.PIPELINE_START)
    return run


def ended(project: Punctual, run: dg.DagsterRun, at: dt.datetime) -> None:
    with freeze_time(at):
        _reported(project, run, DagsterEventType.PIPELINE_SUCCESS)


def _reported(project: Punctual, run: dg.DagsterRun, kind: DagsterEventType) -> None:
    project.instance.report_dagster_event(DagsterEvent(kind.value, run.job_name), run.run_id)


def test_a_run_that_takes_twice_its_time_is_told_while_it_runs(tmp_path: Path) -> None:
    with punctual(tmp_path, [orders]) as project:
        for day in range(20, 27):
            at = moment(f"02-{day} 02:00")
            ended(project, begun(project, at), at + dt.timedelta(minutes=10))
        project.look("03-02 01:00")
        run = begun(project, moment("03-02 02:00"))
        assert project.look("03-02 02:12") == []
        (incident,) = project.look("03-02 02:20")
        assert (incident.source, incident.subject, incident.run_id) == (Source.DURATION, "orders", run.run_id)
        assert incident.message == "its run was not over after 20 min; the last 7 took 10 min"
        assert project.look("03-02 02:25") == [incident]
        ended(project, run, moment("03-02 02:26"))
        assert project.look("03-02 02:30") == []


def test_the_weekday_is_said_where_weekdays_differ_and_short_times_in_seconds(tmp_path: Path) -> None:
    with punctual(tmp_path, [orders]) as project:
        for day in range(1, 29):
            at = moment(f"02-{day:02d} 02:00")
            seconds = 600 + day if at.weekday() == 0 else 10 + day / 10
            ended(project, begun(project, at), at + dt.timedelta(seconds=seconds))
        project.look("03-02 01:00")
        monday = begun(project, moment("03-02 02:00"))
        assert project.look("03-02 02:10") == []
        (incident,) = project.look("03-02 02:30")
        assert incident.message == "its run was not over after 30 min; on Mondays the last 4 took 10 min"
        ended(project, monday, moment("03-02 02:31"))
        begun(project, moment("03-03 02:00"))
        (incident,) = project.look("03-03 02:01") or project.look("03-03 02:03")
        assert incident.message.startswith("its run was not over after 3 min; the last 29 took 1")
        assert incident.message.endswith(" s")
