"""Dagster's own sensor daemon in this process, whatever an instance that was configured before has made of it."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from dagster._daemon.daemon import SensorDaemon

from platform_assets.launching import quick_sensors


def own_sensor_daemon(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The daemon is Dagster's until the end of the test, or until it is hooked; the module with what it calls."""
    room = importlib.import_module("dagster._daemon.sensor")
    for place, name in ((SensorDaemon, "core_loop"), (room, "is_under_min_interval")):
        found = getattr(place, name)
        monkeypatch.setattr(place, name, getattr(found, "hooked", found))
    monkeypatch.setattr(quick_sensors, "_rounds", None)
    return room
