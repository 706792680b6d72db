"""Code locations, sensors and schedules that have stopped, as the watchdog sees them from outside.

Of a code location that answers nothing one signal is given, and none for its sensors and schedules.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from platform_assets.alerts.signals import Severity, Signal, Source
from platform_assets.alerts.store import SCHEDULES, SENSORS, Transaction
from platform_assets.automation.alerting.ticks import MISSED_AFTER, Cron, missed_tick
from platform_assets.instance.ticked import Ticked
from platform_assets.instance.wakes import ALERTS

DOWN = "watchdog down"
"""The state with when each code location was last seen not to answer; the daemon is the empty name."""
SENSOR_AFTER = dt.timedelta(seconds=90)
"""Dagster waits for one evaluation for 60 seconds."""
INTERVALS = 10
"""A sensor has stopped that was not evaluated for so many of its intervals, and for ``SENSOR_AFTER``."""


def location_signals(
    transaction: Transaction, ticks: Sequence[Ticked], down: dict[str, float], now: dt.datetime
) -> Iterator[Signal]:
    """For each code location of ``ticks``, or each of its sensors and schedules.

    ``down`` has when each was seen to be down last, a timestamp, and is brought up to date. What was down has the
    usual time to be evaluated again.
    """
    known = transaction.state(SENSORS) or ()
    crons = {name: Cron(cron, zone) for name, (cron, zone) in (transaction.state(SCHEDULES) or {}).items()}
    for name in sorted({ticked.location for ticked in ticks}):
        own = [ticked for ticked in ticks if ticked.location == name]
        sensors = [ticked for ticked in own if not ticked.is_schedule and ticked.name in known]
        if sensors and (signal := _of_location(name, own, sensors, down, now)) is not None:
            yield signal
            if not signal.good:
                down[name] = now.timestamp()
                continue
        for ticked in sensors:
            yield _of_sensor(ticked, _time(max(down.get(name, 0.0), down.get("", 0.0))), now)
        is_settled = now.timestamp() - max(down.get(name, 0.0), down.get("", 0.0)) >= MISSED_AFTER.total_seconds()
        for ticked in own if is_settled else ():
            if ticked.is_schedule and ticked.name in crons:
                yield missed_tick(ticked, crons[ticked.name], now)


def _of_location(
    name: str, own: Sequence[Ticked], sensors: Sequence[Ticked], down: Mapping[str, float], now: dt.datetime
) -> Signal | None:
    """None for a location whose sensors were not evaluated yet."""
    answered = [ticked.answered for ticked in own if ticked.answered is not None]
    if not answered:
        return None
    last = max(answered)
    bad = now - max(last, _time(down.get("", 0.0))) > min(map(_longest, sensors))
    meanwhile = "failures are reported to nobody meanwhile" if _has_alerts(sensors) else "what they ask for waits"
    return stopped(
        f"code location {name}", now, bad=bad, severity=Severity.CRITICAL if _has_alerts(sensors) else Severity.ERROR,
        message=f"it cannot be reached: none of its sensors was evaluated since {last:%Y-%m-%d %H:%M:%S} UTC; "
        f"{meanwhile}",
        next_step="see whether its code server runs, and read its log: Deployment in the UI",
    )  # fmt: skip


def _of_sensor(ticked: Ticked, down: dt.datetime, now: dt.datetime) -> Signal:
    # what the others fail by is reported by the sensor of alerts, and what that fails by is reported by nobody else
    last = ticked.succeeded if ticked.name == ALERTS else ticked.answered
    bad = last is not None and now - max(last, down) > _longest(ticked)
    word = "well last" if ticked.name == ALERTS else "last"
    what = "failures are reported to nobody meanwhile" if ticked.name == ALERTS else "what it asks for waits"
    return stopped(
        ticked.name, now, bad=bad, severity=Severity.CRITICAL if ticked.name == ALERTS else Severity.ERROR,
        message=f"this sensor was evaluated {word} at {last:%Y-%m-%d %H:%M:%S} UTC; {what}" if last else "",
        next_step="read the error of its latest tick in the UI",
    )  # fmt: skip


def _longest(ticked: Ticked) -> dt.timedelta:
    return max(SENSOR_AFTER, INTERVALS * (ticked.interval or dt.timedelta()))


def _has_alerts(sensors: Sequence[Ticked]) -> bool:
    return any(ticked.name == ALERTS for ticked in sensors)


def _time(moment: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(moment, dt.UTC)


def stopped(subject: str, now: dt.datetime, *, bad: bool, message: str, next_step: str, severity: Severity) -> Signal:
    """Whether ``subject`` has stopped."""
    return Signal(
        Source.WATCHDOG, subject, now, good=not bad, of_asset=False, severity=severity, actor="operator",
        message=message, next_step=next_step,
    )  # fmt: skip
