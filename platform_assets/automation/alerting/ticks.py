"""Sensors and schedules whose evaluations fail, schedules that are not evaluated, and a queue that stands still."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from platform_assets._compat import previous_time
from platform_assets.alerts.signals import Severity, Signal, Source
from platform_assets.instance.ticked import Ticked, last_ticks
from platform_assets.instance.wakes import ALERTS
from platform_assets.wording import counted

FAILURES = 2
"""Evaluations of a sensor that fail in a row before it is reported: one may fall into the restart of a code server."""
MISSED_AFTER = dt.timedelta(minutes=5)
"""How late the tick of a schedule may be."""
QUEUED_FOR = dt.timedelta(minutes=30)
"""How long the oldest run may wait in the queue."""
HANGS = dt.timedelta(seconds=30)
"""An evaluation that fails after less than that has met no code server; Dagster waits for one for 60 s."""
SENSOR_AFTER = dt.timedelta(seconds=90)
"""Dagster waits for one evaluation for 60 seconds."""
INTERVALS = 10
"""A sensor has stopped that was not evaluated for so many of its intervals, and for ``SENSOR_AFTER``."""
OF = " of "
"""Between the name of a sensor and that of its code location."""
QUEUE = "run queue"
MISSED = "missed"


@dataclass(frozen=True)
class Cron:
    """When a schedule is to be evaluated; ``cron`` may be several expressions."""

    cron: str | Sequence[str]
    timezone: str

    @classmethod
    def of(cls, schedule: dg.ScheduleDefinition) -> Cron:
        return cls(schedule.cron_schedule, schedule.execution_timezone or "UTC")


def tick_signals(
    instance: dg.DagsterInstance,
    schedules: Mapping[str, Cron],
    now: dt.datetime,
    *,
    location: str = "",
    since: dt.datetime | None = None,
    watched: Collection[str] = (),
) -> Iterator[Signal]:
    """For each sensor and schedule that is on, whether its evaluations fail; for ``schedules``, whether they come.

    ``since`` is from when on this has been looked at without a break in ``location``, None for ever: what stood still
    before has some time to go on. An evaluation whose code server does not answer is no failure of the sensor: of
    another location one signal is given for all of them, unless it is one of those that a watchdog has ``watched``.
    What has a sensor `alerts` of its own is looked at by that.
    """
    ticks = last_ticks(instance)
    for ticked in ticks:
        if not _is_looked_at(ticked, ticks, location):
            continue
        is_own = not location or ticked.location == location
        yield _failing(ticked, named(ticked, ticks), now, is_own=is_own, since=since)
        is_settled = since is None or now - since >= MISSED_AFTER
        if ticked.is_schedule and is_own and ticked.name in schedules and is_settled:
            yield missed_tick(ticked, named(ticked, ticks), schedules[ticked.name], now)
    for name in sorted({ticked.location for ticked in ticks} - {*watched} if location else ()):
        of_it = [ticked for ticked in ticks if ticked.location == name]
        # this one answers at this moment
        is_own = name == location
        yield unreachable(name, of_it, now, bad=False) if is_own else _of_location(name, of_it, now, since)


def named(ticked: Ticked, ticks: Sequence[Ticked]) -> str:
    """A sensor or schedule by its name, and by its code location where there are several."""
    several = any(other.location != ticked.location for other in ticks)
    return f"{ticked.name}{OF}{ticked.location}" if several else ticked.name


def location_in(subject: str) -> str:
    """The code location in what :func:`named` gave; empty if it has none."""
    return subject.partition(OF)[2]


def is_left_to_another(subject: str, ticks: Sequence[Ticked], location: str) -> bool:
    """Whether a subject of :func:`tick_signals` is one that the look of another code location says something of."""
    return any(named(each, ticks) == subject and not _is_looked_at(each, ticks, location) for each in ticks)


def _is_looked_at(ticked: Ticked, ticks: Sequence[Ticked], location: str) -> bool:
    """Its own location looks at it, and at the sensor `alerts` each other one does."""
    if not location or ticked.location == location or ticked.name == ALERTS:
        return True
    return all(other.location != ticked.location or other.name != ALERTS for other in ticks)


def _failing(ticked: Ticked, subject: str, now: dt.datetime, *, is_own: bool, since: dt.datetime | None) -> Signal:
    needed = 1 if ticked.is_schedule and not ticked.is_unreachable else FAILURES
    bad = ticked.failures >= needed
    if ticked.is_unreachable:
        # one that hangs while its code server answers others; a refused connection takes no time
        bad = bad and is_own and ticked.waited >= HANGS and (since is None or (ticked.last or now) >= since)
    what = "schedule" if ticked.is_schedule else "sensor"
    failures = counted(ticked.failures, "evaluation")
    return Signal(
        Source.TICK, subject, now, good=not bad, of_asset=False, code=ticked.error, actor="author",
        message=f"{failures} of the {what} failed{' in a row' if ticked.failures > 1 else ''} with {ticked.error}",
        next_step="read the error of its latest tick in the UI",
    )  # fmt: skip


def _of_location(name: str, ticks: Sequence[Ticked], now: dt.datetime, since: dt.datetime | None) -> Signal:
    """Whether another code location answers nothing: one of its sensors fails by that, and none was answered since.

    One that Dagster cannot load any more is not evaluated again: it has failed once.
    """
    answered = max((ticked.answered for ticked in ticks if ticked.answered is not None), default=None)
    bad = any(
        ticked.is_unreachable and ticked.last is not None
        and (ticked.failures >= FAILURES or now - max(ticked.last, since or ticked.last) > longest_silence(ticked))
        and (answered is None or answered <= ticked.last)
        for ticked in ticks
    )  # fmt: skip
    return unreachable(name, ticks, now, bad=bad, message="none of its sensors is evaluated")


def longest_silence(ticked: Ticked) -> dt.timedelta:
    """How long a sensor may not be evaluated before it has stopped."""
    return max(SENSOR_AFTER, INTERVALS * (ticked.interval or dt.timedelta()))


def unreachable(name: str, ticks: Sequence[Ticked], now: dt.datetime, *, bad: bool, message: str = "") -> Signal:
    """Whether a code location cannot be reached: the same signal, whoever sees it."""
    has_alerts = any(ticked.name == ALERTS for ticked in ticks)
    meanwhile = "failures are reported to nobody meanwhile" if has_alerts else "what they ask for waits"
    return stopped(
        f"code location {name}", now, bad=bad, severity=Severity.CRITICAL if has_alerts else Severity.ERROR,
        message=f"it cannot be reached: {message}; {meanwhile}",
        next_step="see whether its code server runs, and read its log: Deployment in the UI",
    )  # fmt: skip


def stopped(subject: str, now: dt.datetime, *, bad: bool, message: str, next_step: str, severity: Severity) -> Signal:
    """Whether ``subject`` has stopped."""
    return Signal(
        Source.WATCHDOG, subject, now, good=not bad, of_asset=False, severity=severity, actor="operator",
        message=message, next_step=next_step,
    )  # fmt: skip


def missed_tick(ticked: Ticked, subject: str, schedule: Cron, now: dt.datetime) -> Signal:
    """Whether the latest tick of a schedule did not come."""
    due = previous_time(schedule.cron, schedule.timezone, now - MISSED_AFTER)
    # one that was turned on since, or whose first tick is still to come, has missed nothing
    missed = due is not None and ticked.since is not None and ticked.since < due and (
        ticked.last is None or ticked.last < due
    )  # fmt: skip
    return Signal(
        Source.TICK, subject, now, good=not missed, name=MISSED, of_asset=False, actor="operator",
        message=f"the tick of {due:%Y-%m-%d %H:%M} UTC did not come" if due is not None else "",
        next_step="see whether the daemon runs, and the schedule's page in the UI",
    )  # fmt: skip


def queue_signal(instance: dg.DagsterInstance, now: dt.datetime) -> Signal:
    """Whether the oldest run waits longer than it should."""
    queued = dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])
    oldest = instance.get_run_records(queued, limit=1, ascending=True)
    since = oldest[0].create_timestamp.astimezone(dt.UTC) if oldest else now
    late = now - since >= QUEUED_FOR
    depth = instance.get_runs_count(queued) if late else 0
    return Signal(
        Source.QUEUE, QUEUE, now, good=not late, of_asset=False, severity=Severity.ERROR, actor="operator",
        message=f"{counted(depth, 'run waits', 'runs wait')}, the oldest since {since:%Y-%m-%d %H:%M} UTC",
        next_step="see what holds its pools and its limits: Deployment, Concurrency in the UI",
    )  # fmt: skip
