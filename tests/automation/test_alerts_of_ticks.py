"""Sensors and schedules whose evaluations fail or do not come, by a real sensor daemon's ticks, and a stuck queue."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, ScheduleInstigatorData
from dagster._utils.error import SerializableErrorInfo

from platform_assets.alerts.signals import Signal
from platform_assets.automation.alerting.ticks import FAILURES, QUEUED_FOR, Cron, queue_signal, tick_signals
from tests.automation.instigators import ticked, turned_on

ERROR = SerializableErrorInfo("a secret in a text", [], "ZeroDivisionError")
NOW = dt.datetime(2026, 3, 2, 8, 0, tzinfo=dt.UTC)
REPOSITORY = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("somewhere"), "repository")
DAILY = dg.ScheduleDefinition(name="daily", cron_schedule="0 6 * * *", job_name="job")


@pytest.fixture(name="instance")
def _instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


def time_of(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}:00+00:00")


def daily(instance: dg.DagsterInstance, since: dt.datetime = NOW) -> InstigatorState:
    """The schedule, turned on at a time."""
    return turned_on(instance, "daily", ScheduleInstigatorData(DAILY.cron_schedule, since.timestamp()))


def bad(instance: dg.DagsterInstance, now: dt.datetime = NOW) -> list[Signal]:
    return [signal for signal in tick_signals(instance, {DAILY.name: Cron.of(DAILY)}, now) if not signal.good]


def test_a_sensor_that_fails_is_told_after_the_second_time(instance: dg.DagsterInstance) -> None:
    state = turned_on(instance, "arrivals")
    for number in range(1, FAILURES + 1):
        assert bad(instance) == []
        ticked(instance, state, NOW + dt.timedelta(seconds=number), failures=number, error=ERROR)
    (signal,) = bad(instance)
    assert (signal.subject, signal.code, signal.of_asset) == ("arrivals", "ZeroDivisionError", False)
    assert "secret" not in signal.message
    ticked(instance, state, NOW + dt.timedelta(minutes=1))
    assert bad(instance) == []


@pytest.mark.parametrize(
    ("since", "last", "now", "missed"),
    [
        ("2026-03-01 12:00", "2026-03-02 06:00", "2026-03-02 08:00", False),
        ("2026-03-01 12:00", "2026-03-01 18:00", "2026-03-02 06:04", False),
        ("2026-03-01 12:00", "2026-03-01 18:00", "2026-03-02 06:06", True),
        ("2026-03-01 12:00", None, "2026-03-02 06:06", True),
        ("2026-03-02 07:00", None, "2026-03-02 08:00", False),
    ],
    ids=["came", "still to come", "did not come", "never came", "turned on since"],
)
def test_a_schedule_that_is_not_evaluated_is_told(
    instance: dg.DagsterInstance, since: str, last: str | None, now: str, missed: bool
) -> None:
    state = daily(instance, time_of(since))
    if last is not None:
        ticked(instance, state, time_of(last))
    assert [(signal.subject, signal.name) for signal in bad(instance, time_of(now))] == (
        [("daily", "missed")] if missed else []
    )


def test_a_schedule_has_some_time_to_go_on_after_a_break(instance: dg.DagsterInstance) -> None:
    daily(instance, time_of("2026-03-01 12:00"))
    for minutes, missed in ((1, False), (6, True)):
        since = NOW - dt.timedelta(minutes=minutes)
        found = tick_signals(instance, {DAILY.name: Cron.of(DAILY)}, NOW, since=since)
        assert any(not signal.good for signal in found) is missed


def test_a_schedule_that_fails_is_told_at_once(instance: dg.DagsterInstance) -> None:
    ticked(instance, daily(instance), NOW, failures=1, error=ERROR)
    (signal,) = bad(instance)
    assert (signal.subject, signal.message) == ("daily", "1 evaluation of the schedule failed with ZeroDivisionError")


def test_a_run_that_waits_for_long_is_told_with_the_depth_of_the_queue(instance: dg.DagsterInstance) -> None:
    @dg.job
    def job() -> None: ...

    for _ in range(3):
        run = instance.create_run_for_job(job, remote_job_origin=RemoteJobOrigin(REPOSITORY, job.name))
        instance.report_dagster_event(DagsterEvent("PIPELINE_ENQUEUED", job.name), run.run_id)
    now = dt.datetime.now(dt.UTC)
    assert queue_signal(instance, now).good
    late = queue_signal(instance, now + QUEUED_FOR + dt.timedelta(minutes=1))
    assert (late.good, late.message[:11]) == (False, "3 runs wait")
