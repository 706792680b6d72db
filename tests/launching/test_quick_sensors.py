"""Sensors that are woken: by a real sensor daemon in this process, and the order of its rounds."""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.load_target import PythonFileTarget
from dagster._daemon.daemon import SensorDaemon

from platform_assets.instance.wakes import last_wake, wake, woken_at
from platform_assets.launching._compat import Moment
from platform_assets.launching.quick_sensors import Rounds
from tests.support.sensor_daemon import own_sensor_daemon

SENSORS = """\
import dagster as dg


def sensor(name):
    @dg.sensor(name=name, job_name="__ASSET_JOB", minimum_interval_seconds=3600,
               default_status=dg.DefaultSensorStatus.RUNNING)
    def asks_for_nothing():
        return dg.SkipReason("nothing")

    return asks_for_nothing


@dg.asset
def trivial(): ...


defs = dg.Definitions(assets=[trivial], sensors=[sensor("one"), sensor("other")])
"""
QUEUE = {"run_coordinator": {"module": "platform_assets.launching.quick_queue", "class": "QuickQueue"}}


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture(name="dagsters")
def _dagsters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster's own daemon after the test, and before it."""
    own_sensor_daemon(monkeypatch)


@contextmanager
def daemon(root: Path, settings: dict[str, Any], overrides: dict[str, Any]) -> Iterator[Callable[[], dict[str, int]]]:
    """A sensor daemon on two sensors of a long interval; gives the number of ticks by sensor."""
    (root / "sensors.py").write_text(SENSORS)
    target = PythonFileTarget(str(root / "sensors.py"), None, None, "sensors")
    ended = threading.Event()
    with (
        dg.instance_for_test(temp_dir=str(root), overrides=overrides) as instance,
        create_test_daemon_workspace_context(target, instance) as context,
    ):
        if overrides:
            assert instance.run_coordinator.dequeue_interval_seconds, "what the daemon asks the queue as it begins"
        remote: Any = instance

        def ticks() -> dict[str, int]:
            states = remote.all_instigator_state()
            return {
                s.origin.instigator_name: len(remote.get_ticks(s.instigator_origin_id, s.selector_id)) for s in states
            }

        def work() -> None:
            with SensorDaemon(settings) as made:
                for _ in made.core_loop(context, ended):
                    if ended.is_set():
                        return

        thread = threading.Thread(target=work)
        thread.start()
        try:
            until(lambda: ticks() == {"one": 1, "other": 1})
            yield ticks
        finally:
            ended.set()
            thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"use_threads": True, "num_workers": 2}], ids=["in turn", "threads"])
@pytest.mark.usefixtures("dagsters")
def test_the_woken_one_is_evaluated_and_no_other(tmp_path: Path, settings: dict[str, Any]) -> None:
    with daemon(tmp_path, settings, QUEUE) as ticks:
        for count in (2, 3):
            wake(tmp_path, "one")
            until(lambda count=count: ticks()["one"] == count)
        wake(tmp_path, "nobody")
        wake(tmp_path, "other")
        until(lambda: ticks()["other"] == 2)
        assert ticks() == {"one": 3, "other": 2}


@pytest.mark.slow
@pytest.mark.usefixtures("dagsters")
def test_without_the_queue_wakes_are_nothing(tmp_path: Path) -> None:
    with daemon(tmp_path, {}, {}) as ticks:
        wake(tmp_path, "one")
        room = importlib.import_module("dagster._daemon.sensor")
        assert not hasattr(SensorDaemon.core_loop, "hooked")
        assert room.is_under_min_interval.__module__ == room.__name__
        assert ticks() == {"one": 1, "other": 1}


def early(interval: float = 30, ago: float = 5) -> Moment:
    return Moment(ago < interval, interval, time.time() - ago)


def test_a_wake_before_the_last_tick_began_was_heeded_by_it(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    wake(tmp_path, "one")
    assert not rounds.is_early("one", early())
    assert rounds.is_early("one", Moment(True, 30, woken_at(tmp_path, "one")))
    assert rounds.is_early("other", early())


def test_a_wake_from_the_future_is_from_before_a_clock_was_set_back(tmp_path: Path) -> None:
    wake(tmp_path, "one")
    ahead = time.time() + 3600
    os.utime(tmp_path / "wake" / "one", (ahead, ahead))
    assert Rounds(tmp_path).is_early("one", early())


def test_the_woken_come_first_and_nobody_waits_for_long(tmp_path: Path) -> None:
    rounds, shutdown = Rounds(tmp_path), threading.Event()
    assert not rounds.is_early("due", early(ago=31))
    wake(tmp_path, "one")
    assert rounds.is_early("due", early(ago=31)), "a round is cut short for who is woken"
    assert not rounds.is_early("due", early(ago=61)), "but not for ever"
    assert not rounds.wait(shutdown, 3600), "nor does anybody wait for the next round"
    assert not rounds.is_early("one", early())
    assert rounds.is_early("due", early(ago=31)), "which is that of the woken"
    assert not rounds.wait(shutdown, 3600), "and is followed by one of all at once"
    assert not rounds.is_early("due", early(ago=31))


def test_a_wait_ends_with_the_daemon(tmp_path: Path) -> None:
    shutdown = threading.Event()
    shutdown.set()
    assert Rounds(tmp_path).wait(shutdown, 3600)


def test_a_sensor_whose_tick_goes_on_is_looked_at_again_soon(tmp_path: Path) -> None:
    rounds, began = Rounds(tmp_path), time.monotonic()
    wake(tmp_path, "one")
    rounds.wait(threading.Event(), 3600)
    for _ in range(4):
        assert not rounds.is_early("one", early())
        rounds.wait(threading.Event(), 3600)
    assert time.monotonic() - began < 60


def test_each_wake_is_another_one(tmp_path: Path) -> None:
    seen = {last_wake(tmp_path)}
    for name in ("one", "one", "other"):
        wake(tmp_path, name)
        seen.add(last_wake(tmp_path))
    assert len(seen) == 4
    assert woken_at(tmp_path, "one") < woken_at(tmp_path, "other") <= time.time()
