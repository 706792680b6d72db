"""The launcher and the queue as an instance is configured with them in deploy/local."""

import os
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.test_utils import create_run_for_test

from platform_assets.feeds import run_tags
from platform_assets.launching._compat import WorkerStatus
from platform_assets.launching.quick_queue import INTERVAL_SECONDS, QuickQueue
from platform_assets.launching.warm_launcher import WarmRunLauncher
from platform_assets.launching.worker_process import WorkerProcess

LOCAL = Path(__file__).resolve().parents[2] / "deploy" / "local" / "dagster.yaml"


def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **changed: object) -> dg.DagsterInstance:
    text = yaml.safe_load(LOCAL.read_text())
    for key, value in changed.items():
        text[key]["config"] = value
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(text))
    return dg.DagsterInstance.from_config(str(tmp_path))


def test_a_laptop_has_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with configured(tmp_path, monkeypatch) as instance:
        assert isinstance(instance.run_launcher, WarmRunLauncher)
        assert isinstance(instance.run_coordinator, QuickQueue)
        assert instance.run_coordinator.dequeue_interval_seconds == INTERVAL_SECONDS
        limits = instance.get_concurrency_config().run_queue_config
        assert limits is not None
        assert (
            limits.max_concurrent_runs
            == yaml.safe_load(LOCAL.read_text())["concurrency"]["runs"]["max_concurrent_runs"]
        )
        assert instance.run_launcher.supports_check_run_worker_health


def test_run_monitoring_fails_only_runs_that_are_known_to_be_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive = WorkerProcess.of(os.getpid())
    dead = replace(alive, began=f"before {alive.began}")
    elsewhere = replace(dead, machine="another")
    node, *others = alive.machine.split(":")
    restarted = replace(alive, machine=":".join([node, *(f"not {other}" for other in others)]))
    with configured(tmp_path, monkeypatch) as instance:
        launcher = instance.run_launcher
        tags = {"cold": "", "alive": alive.to_tag(), "dead": dead.to_tag(), "elsewhere": elsewhere.to_tag()}
        tags["before a restart"] = restarted.to_tag()
        runs = {name: create_run_for_test(instance, tags={run_tags.WORKER: tag}) for name, tag in tags.items()}
        runs["untagged"] = create_run_for_test(instance)
        status = {name: launcher.check_run_worker_health(run).status for name, run in runs.items()}
    assert status.pop("dead") is WorkerStatus.FAILED
    if others:
        assert status.pop("before a restart") is WorkerStatus.FAILED
    assert set(status.values()) == {WorkerStatus.RUNNING}


def test_the_interval_without_a_signal_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with configured(tmp_path, monkeypatch, run_coordinator={"dequeue_interval_seconds": 5}) as instance:
        assert isinstance(instance.run_coordinator, QuickQueue)
        assert instance.run_coordinator.dequeue_interval_seconds == 5
