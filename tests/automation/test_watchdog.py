"""The watchdog tells that the daemon has stopped, once, and that it goes on; a real daemon among others."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._core.scheduler.instigation import InstigatorStatus, SensorInstigatorData
from dagster._daemon.types import DaemonHeartbeat

from platform_assets.automation.alerting.location import Location
from platform_assets.automation.alerting.sensor import alerts_sensor
from platform_assets.automation.alerting.watchdog import DAEMON, Watchdog
from platform_assets.cli.main import main
from tests.automation.alerted import Alerted, alerted
from tests.automation.instigators import ticked, turned_on
from tests.support.watched_landing import until


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Alerted]:
    with alerted(tmp_path / "project", {"source": []}, monkeypatch) as project:
        yield project


def look(project: Alerted) -> None:
    Watchdog.of(project.instance, project.file).look(project.clock)
    # what is told waits a moment for what else has stopped
    project.clock.advance(seconds=2)
    Watchdog.of(project.instance, project.file).look(project.clock)


def beat(project: Alerted, *kinds: str) -> None:
    for kind in kinds or project.instance.get_required_daemon_types():
        project.instance.add_daemon_heartbeat(DaemonHeartbeat(project.clock().timestamp(), kind, "id"))


def told(project: Alerted) -> list[tuple[str, str]]:
    """What PagerDuty was asked for, and what it was about."""
    summaries = [event["payload"]["summary"] for event in project.pagerduty.events]
    subjects = [summary.partition("] ")[2].partition(" has stopped")[0] for summary in summaries]
    return list(zip(project.events, subjects, strict=True))


@pytest.mark.slow
def test_the_daemon_that_stops_is_one_alert_and_one_resolve(project: Alerted) -> None:
    beat(project)
    look(project)
    assert told(project) == []
    project.clock.advance(minutes=3)
    for _ in range(3):
        look(project)
    assert [action for action, _ in told(project)] == ["trigger"]
    assert DAEMON in told(project)[0][1]
    beat(project)
    look(project)
    assert [action for action, _ in told(project)] == ["trigger", "resolve"]


def test_a_part_that_stops_is_told_by_its_name(project: Alerted) -> None:
    beat(project)
    project.clock.advance(minutes=6)
    beat(project, *(kind for kind in project.instance.get_required_daemon_types() if kind != "SCHEDULER"))
    look(project)
    assert [summary for _, summary in told(project)] == [f"{DAEMON} SCHEDULER"]


def test_without_a_daemon_ever_nothing_has_stopped(project: Alerted) -> None:
    look(project)
    assert told(project) == []


@pytest.mark.slow
def test_the_sensor_of_alerts_that_is_not_evaluated_is_told(project: Alerted) -> None:
    state = turned_on(project.instance, "alerts", SensorInstigatorData(min_interval=10))
    ticked(project.instance, state, project.clock())
    with_sensor = dg.Definitions(sensors=[alerts_sensor(project.root)])
    with project.store.transaction() as transaction:
        Location.of(with_sensor.get_repository_def()).keep(transaction)
    beat(project)
    look(project)
    assert told(project) == []
    project.clock.advance(minutes=6)
    beat(project)
    look(project)
    assert [summary for _, summary in told(project)] == ["code location somewhere"], "it has no other sensor"
    project.instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED))
    beat(project)
    look(project)
    assert project.events == ["trigger", "resolve"], "one that is turned off is not missed"


@pytest.mark.slow
def test_a_watchdog_that_was_killed_is_told_by_the_sensor(project: Alerted) -> None:
    look(project)
    project.tell()
    assert told(project) == []
    project.clock.advance(minutes=6)
    project.tell()
    assert [summary for _, summary in told(project)] == ["watchdog"]


def test_one_that_was_ended_is_not_missed(project: Alerted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.root)
    done = CliRunner().invoke(main, ["watchdog", "--once"])
    assert (done.exit_code, done.output) == (0, "0 things have stopped since the last look\n"), done.output
    project.clock.advance(minutes=6)
    project.tell()
    assert told(project) == []


@pytest.mark.slow
def test_a_real_daemon_is_killed_and_started_again(project: Alerted) -> None:
    (project.root / "code.py").write_text("import dagster as dg\n\ndefs = dg.Definitions()\n")
    words = [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-f", str(project.root / "code.py")]
    environment = {**os.environ, "DAGSTER_HOME": str(project.root / "dagster")}
    since = dt.datetime.now(dt.UTC)

    def alive() -> bool:
        beats = project.instance.get_daemon_heartbeats().values()
        return any(dt.datetime.fromtimestamp(each.timestamp, dt.UTC) > since for each in beats)

    for action in ("trigger", "resolve"):
        since = project.clock()
        with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              start_new_session=True) as daemon:  # fmt: skip
            since = dt.datetime.now(dt.UTC)
            until(alive)
            project.clock.moved = dt.timedelta()
            look(project)
            os.killpg(daemon.pid, signal.SIGKILL)
        if action == "trigger":
            project.clock.advance(minutes=3)
            look(project)
        assert told(project)[-1][0] == action
