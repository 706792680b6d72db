"""A code location that answers nothing is one alert; nothing is said of its sensors, then or when it is back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster._core.scheduler.instigation import InstigatorState, SensorInstigatorData
from dagster._daemon.types import DaemonHeartbeat
from dagster._utils.error import SerializableErrorInfo

from platform_assets.alerts.locations import KeptLocation, KnownLocation
from platform_assets.alerts.signals import Signal
from platform_assets.automation.alerting.ticks import tick_signals
from platform_assets.automation.alerting.watchdog import Watchdog
from tests.automation import instigators
from tests.automation.alerted import Alerted, alerted

NAMES = {"alerts": 10, "arrivals": 30, "exports": 3600}
TIMEOUT = 60


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Alerted]:
    with alerted(tmp_path / "project", {"source": []}, monkeypatch) as project:
        with project.store.transaction() as transaction:
            kept = KeptLocation.of("shop", KnownLocation(sensors=tuple(NAMES)))
            kept.keep(transaction, [], project.clock().timestamp())
        yield project


def turned_on(project: Alerted, location: str = "shop") -> dict[str, InstigatorState]:
    return {
        name: instigators.turned_on(
            project.instance, name, SensorInstigatorData(min_interval=interval), location=location
        )
        for name, interval in NAMES.items()
    }


def ticked(project: Alerted, state: InstigatorState, *, failures: int = 0, waited: float = 0, error: str = "") -> None:
    """An evaluation that has just ended; one with ``failures`` met a code server that does not answer."""
    ended = project.clock()
    cause = SerializableErrorInfo("", [], "_InactiveRpcError")
    found = SerializableErrorInfo("", [], error or "DagsterUserCodeUnreachableError", None if error else cause)
    began = ended - dt.timedelta(seconds=waited)
    instigators.ticked(project.instance, state, began, failures=failures, error=found, ended=ended)


def look(project: Alerted) -> None:
    for kind in project.instance.get_required_daemon_types():
        project.instance.add_daemon_heartbeat(DaemonHeartbeat(project.clock().timestamp(), kind, "id"))
    for _ in range(2):
        Watchdog.of(project.instance, project.file).look(project.clock)
        project.clock.advance(seconds=2)


def told(project: Alerted) -> list[str]:
    """What PagerDuty was asked for, and the headlines."""
    return [f"{event['event_action']} {event['payload']['summary']}" for event in project.pagerduty.events]


@pytest.mark.slow
def test_a_code_server_that_hangs_is_one_alert_in_time_and_one_resolve(project: Alerted) -> None:
    states = turned_on(project)
    for state in states.values():
        ticked(project, state)
    look(project)
    project.clock.advance(seconds=70)
    for name in ("alerts", "arrivals"):
        ticked(project, states[name], failures=1, waited=TIMEOUT)
    look(project)
    assert told(project) == []
    project.clock.advance(seconds=40)
    for failures in range(2, 12):
        look(project)
        project.clock.advance(seconds=62)
        for name in ("alerts", "arrivals"):
            ticked(project, states[name], failures=failures, waited=TIMEOUT)
    (one,) = told(project)
    assert "trigger [CRITICAL] code location shop has stopped: it cannot be reached" in one
    ticked(project, states["alerts"])
    for _ in range(3):
        look(project)
        project.clock.advance(seconds=10)
    ticked(project, states["arrivals"])
    look(project)
    assert len(told(project)) == 2
    assert "resolve" in told(project)[-1]


def test_the_sensor_of_alerts_that_fails_itself_is_told(project: Alerted) -> None:
    states = turned_on(project)
    for state in states.values():
        ticked(project, state)
    for failures in range(1, 13):
        project.clock.advance(seconds=10)
        ticked(project, states["alerts"], failures=failures, error="ZeroDivisionError")
    look(project)
    (one,) = told(project)
    assert "alerts has stopped: this sensor was evaluated well last at" in one


def bad(project: Alerted, location: str, since: dt.datetime | None = None) -> list[Signal]:
    found = tick_signals(project.instance, {}, project.clock(), location=location, since=since)
    return [signal for signal in found if not signal.good]


def test_the_sensor_of_alerts_reports_no_failure_of_the_time_before_it_was_back(project: Alerted) -> None:
    states = turned_on(project)
    for failures in (1, 2, 3):
        project.clock.advance(seconds=62)
        for name in ("alerts", "arrivals"):
            ticked(project, states[name], failures=failures, waited=TIMEOUT)
    assert bad(project, "shop", since=project.clock()) == []


def test_a_sensor_that_hangs_while_its_code_server_answers_others_fails(project: Alerted) -> None:
    states = turned_on(project)
    since = project.clock()
    for failures in (1, 2):
        project.clock.advance(seconds=70)
        ticked(project, states["arrivals"], failures=failures, waited=TIMEOUT)
        ticked(project, states["alerts"])
    assert [signal.subject for signal in bad(project, "shop", since)] == ["arrivals"]


def test_a_code_server_that_is_started_again_is_no_failure_of_its_sensors(project: Alerted) -> None:
    states, since = turned_on(project), project.clock()
    for failures in (1, 2, 3):
        project.clock.advance(seconds=10)
        ticked(project, states["arrivals"], failures=failures)
    assert bad(project, "shop", since) == []


def test_another_code_location_that_answers_nothing_is_one_signal(project: Alerted) -> None:
    states = turned_on(project, "other")
    for failures in (1, 2):
        project.clock.advance(seconds=70)
        for state in states.values():
            ticked(project, state, failures=failures, waited=TIMEOUT)
    assert [signal.subject for signal in bad(project, "shop", project.clock())] == ["code location other"]
    project.clock.advance(seconds=10)
    ticked(project, states["alerts"])
    assert bad(project, "shop", project.clock()) == []


def test_another_code_location_that_is_not_evaluated_after_one_failure_is_a_signal(project: Alerted) -> None:
    states, since = turned_on(project, "other"), project.clock()
    for state in states.values():
        ticked(project, state)
    project.clock.advance(seconds=70)
    ticked(project, states["alerts"], failures=1, waited=TIMEOUT)
    assert bad(project, "shop", since) == []
    project.clock.advance(seconds=110)
    assert [signal.subject for signal in bad(project, "shop", since)] == ["code location other"]
    assert bad(project, "shop", project.clock()) == [], "this one was down itself"


def test_looks_after_a_break_begin_anew(project: Alerted) -> None:
    project.tell()
    project.clock.advance(minutes=10)
    project.tell()
    with project.store.transaction() as transaction:
        assert transaction.state("polled since") > project.clock().timestamp() - 5
