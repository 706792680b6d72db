"""Code locations, sensors and schedules that have stopped, as the watchdog sees them from outside.

Of a code location that answers nothing one signal is given, and none for its sensors and schedules.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from platform_assets.alerts.locations import known_locations
from platform_assets.alerts.signals import Severity, Signal
from platform_assets.alerts.store import Transaction
from platform_assets.automation.alerting.ticks import (
    MISSED_AFTER,
    Cron,
    longest_silence,
    missed_tick,
    named,
    stopped,
    unreachable,
)
from platform_assets.instance.ticked import Ticked
from platform_assets.instance.wakes import ALERTS

DOWN = "watchdog down"
"""The state with when each code location was last seen not to answer; the daemon is the empty name."""


def location_signals(
    transaction: Transaction, ticks: Sequence[Ticked], down: dict[str, float], now: dt.datetime
) -> Iterator[Signal]:
    """For each code location of ``ticks``, or each of its sensors and schedules.

    ``down`` has when each was seen to be down last, a timestamp, and is brought up to date. What was down has the
    usual time to be evaluated again.
    """
    locations = known_locations(transaction)
    for name in sorted({ticked.location for ticked in ticks}):
        # a code server that was not given its name is the only one
        known = locations.get(name) or locations.get("")
        if known is None:
            continue
        crons = {schedule: Cron(cron, zone) for schedule, (cron, zone) in known.schedules.items()}
        own = [ticked for ticked in ticks if ticked.location == name]
        sensors = [ticked for ticked in own if not ticked.is_schedule and ticked.name in known.sensors]
        if sensors and (signal := _of_location(name, own, sensors, down, now)) is not None:
            yield signal
            if not signal.good:
                down[name] = now.timestamp()
                continue
        for ticked in sensors:
            yield _of_sensor(ticked, named(ticked, ticks), _time(max(down.get(name, 0.0), down.get("", 0.0))), now)
        is_settled = now.timestamp() - max(down.get(name, 0.0), down.get("", 0.0)) >= MISSED_AFTER.total_seconds()
        for ticked in own if is_settled else ():
            if ticked.is_schedule and ticked.name in crons:
                yield missed_tick(ticked, named(ticked, ticks), crons[ticked.name], now)


def _of_location(
    name: str, own: Sequence[Ticked], sensors: Sequence[Ticked], down: Mapping[str, float], now: dt.datetime
) -> Signal | None:
    """None for a location whose sensors were not evaluated yet."""
    answered = [ticked.answered for ticked in own if ticked.answered is not None]
    if not answered:
        return None
    last = max(answered)
    bad = now - max(last, _time(down.get("", 0.0))) > min(map(longest_silence, sensors))
    message = f"none of its sensors was evaluated since {last:%Y-%m-%d %H:%M:%S} UTC"
    return unreachable(name, sensors, now, bad=bad, message=message)


def _of_sensor(ticked: Ticked, subject: str, down: dt.datetime, now: dt.datetime) -> Signal:
    # what the others fail by is reported by the sensor of alerts, and what that fails by is reported by nobody else
    last = ticked.succeeded if ticked.name == ALERTS else ticked.answered
    bad = last is not None and now - max(last, down) > longest_silence(ticked)
    word = "well last" if ticked.name == ALERTS else "last"
    what = "failures are reported to nobody meanwhile" if ticked.name == ALERTS else "what it asks for waits"
    return stopped(
        subject, now, bad=bad, severity=Severity.CRITICAL if ticked.name == ALERTS else Severity.ERROR,
        message=f"this sensor was evaluated {word} at {last:%Y-%m-%d %H:%M:%S} UTC; {what}" if last else "",
        next_step="read the error of its latest tick in the UI",
    )  # fmt: skip


def _time(moment: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(moment, dt.UTC)
