"""Sensors that are evaluated when they are woken, in Dagster's sensor daemon.

The daemon waits five seconds between two rounds over all sensors. While it waits it looks for a wake (``wakes``) and
then goes round at once, for the sensors that were woken alone; the turn of the others comes right after. While wakes go
on without a pause the others keep no interval: each waits for up to twice its own.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from platform_assets.instance import wakes
from platform_assets.launching._compat import Moment, hook_sensor_daemon

STEP_SECONDS = 0.2
"""How often the daemon looks for a wake while it waits: one call of the system each time."""

IN_FLIGHT_SECONDS = 0.5
"""When a sensor is looked at again whose tick goes on while it was woken once more."""


class Rounds:
    """The rounds of a sensor daemon, and which sensors are evaluated in the present one."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._seen = wakes.last_wake(home)
        self._only_woken = False
        self._open = False

    def wait(self, shutdown: threading.Event, seconds: float) -> bool:
        """Wait between two rounds, until somebody is woken at the longest; whether the daemon is to end."""
        was_for_woken, still_open = self._only_woken, self._open
        self._only_woken = self._open = False
        if was_for_woken:
            seconds = 0.0
        elif still_open:
            self._only_woken = True
            seconds = min(seconds, IN_FLIGHT_SECONDS)
        until = time.monotonic() + seconds
        while True:
            last = wakes.last_wake(self._home)
            if last != self._seen:
                self._seen, self._only_woken = last, True
                return shutdown.is_set()
            remaining = until - time.monotonic()
            if remaining <= 0 or shutdown.wait(min(STEP_SECONDS, remaining)):
                return shutdown.is_set()

    def is_early(self, sensor: str, moment: Moment) -> bool:
        """Whether it is too early to evaluate the sensor."""
        if moment.started is None:
            return moment.is_early
        now = time.time()
        # a wake in the future is one from before a clock was set back
        if moment.started < wakes.woken_at(self._home, sensor) <= now:
            self._open = True
            return False
        if moment.is_early:
            return True
        # others wait for the woken ones, but not for long
        somebody = self._only_woken or wakes.last_wake(self._home) != self._seen
        return somebody and now - moment.started < 2 * moment.interval


class _Shutdown(threading.Event):
    """What the daemon waits for between rounds."""

    def __init__(self, event: threading.Event, rounds: Rounds) -> None:
        super().__init__()
        self._event, self._rounds = event, rounds

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self._event.wait() if timeout is None else self._rounds.wait(self._event, timeout)


_rounds: Rounds | None = None


def install() -> None:
    """Let the sensor daemon of this process, once it begins, heed wakes."""
    hook_sensor_daemon(_begun, _is_early)


def _begun(home: Path, shutdown: threading.Event) -> threading.Event:
    global _rounds
    _rounds = Rounds(home)
    return _Shutdown(shutdown, _rounds)


def _is_early(sensor: str, moment: Moment) -> bool:
    return moment.is_early if _rounds is None else _rounds.is_early(sensor, moment)
