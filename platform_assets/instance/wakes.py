"""Waking a sensor: a file of its name below the instance's folder, whose time says when.

Whoever knows that a sensor has something to do calls :func:`wake`, in any process of the machine. The sensor daemon
compares the time with that of the sensor's last tick (``quick_sensors``), so that no wake is lost or taken twice when a
process is killed.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

FOLDER = "wake"
ALERTS = "alerts"
"""The sensor that is woken when a run has failed."""


def wake(home: Path, sensor: str) -> None:
    """Have the sensors of this name evaluated soon; ``home`` is the root folder of the instance."""
    folder = home / FOLDER
    folder.mkdir(exist_ok=True)
    file = folder / sensor
    file.touch()
    # a file system's own clock may be behind that of ticks, and looks at the folder are cheaper than at its files
    now = time.time_ns()
    os.utime(file, ns=(now, now))
    os.utime(folder, ns=(now, now))


def woken_at(home: Path, sensor: str) -> float:
    """The timestamp at which the sensor was woken last; 0 if it never was."""
    return _changed_ns(home / FOLDER / sensor) / 1e9


def last_wake(home: Path) -> int:
    """Another number after each wake of any sensor."""
    return _changed_ns(home / FOLDER)


def _changed_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
