"""A run worker that is killed under a real `dagster dev`: within a minute its run has failed, the slot of its pool is
free, nothing of it runs any more, and the receiver of alerts was told.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from tests.launching.shop import Shop
from tests.support.receivers import SlackReceiver
from tests.support.servers import Servers, configure_instance, free_port, wait_for

WITHIN = 60.0
DEFINITIONS = """\
import os, time
from pathlib import Path

import dagster as dg

from platform_assets.automation.alerting.sensor import alerts_sensor
from platform_assets.automation.dead_runs import dead_runs_sensor
from platform_assets.components.step_limits import install

HERE = Path(__file__).parent
install()


@dg.asset(pool="one")
def endless():
    (HERE / "step").write_text(str(os.getpid()))
    (HERE / "run").write_text(str(os.getppid()))
    (HERE / "begun").touch()
    time.sleep(3600)


@dg.asset(pool="one")
def quick():
    pass


@dg.asset(tags={"platform/time_limit": "2s"})
def limited():
    time.sleep(3600)


defs = dg.Definitions(
    [endless, quick, limited],
    sensors=[alerts_sensor(HERE), dead_runs_sensor()],
    executor=dg.EXECUTOR,
)
"""


@contextlib.contextmanager
def served(root: Path, executor: str, receiver: SlackReceiver, *, warm: bool) -> Iterator[Shop]:
    (root / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (root / "shop.py").write_text(DEFINITIONS.replace("EXECUTOR", executor))
    channel = f'{{slack: {{channel: "#{receiver.NAME}", base_url: "{receiver.url}"}}}}'
    (root / "alerts.yaml").write_text(f"channels: {{team: {channel}}}\ndefault: [team]\n")
    configure_instance(root)
    config = root / "dagster" / "dagster.yaml"
    settings = yaml.safe_load(config.read_text())
    settings["concurrency"]["pools"] = {"granularity": "op", "default_limit": 1}
    if not warm:
        del settings["run_launcher"]
    config.write_text(yaml.safe_dump(settings))
    (root / "workspace.yaml").write_text("load_from: [{python_module: {module_name: shop, location_name: shop}}]\n")
    shop = Shop(root, Servers(root, free_port(), root, {"SLACK_BOT_TOKEN": receiver.token}))
    try:
        shop.start()
        yield shop
    finally:
        shop.servers.stop()


def is_gone(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


@pytest.mark.slow
@pytest.mark.parametrize(
    ("executor", "warm"),
    [("in_process_executor", True), ("multiprocess_executor", False)],
)
def test_a_killed_worker_is_noticed_within_a_minute(tmp_path: Path, executor: str, *, warm: bool) -> None:
    with SlackReceiver() as receiver, served(tmp_path, executor, receiver, warm=warm) as shop:
        run_id = shop.launch("endless")
        wait_for("the endless step", (tmp_path / "begun").exists)
        step = int((tmp_path / "step").read_text())
        # with the multiprocess executor the step is a child of the run's process
        worker = step if executor == "in_process_executor" else int((tmp_path / "run").read_text())
        os.kill(worker, signal.SIGKILL)
        killed = time.monotonic()
        wait_for("the end of the run", lambda: shop.run(run_id)["status"] == "FAILURE")
        failed = time.monotonic() - killed
        next_run = shop.launch("quick")
        wait_for("the message", lambda: "endless" in str(receiver.first_messages))
        alerted = time.monotonic() - killed
        assert shop.ended(next_run)["status"] == "SUCCESS"
        free = time.monotonic() - killed
        print(f"{executor}: failed after {failed:.1f} s, told after {alerted:.1f} s, pool free after {free:.1f} s")
        assert max(failed, alerted, free) < WITHIN
        assert is_gone(step)
        # a run of this launcher has time limits
        run = shop.ended(shop.launch("limited"))
        assert run["status"] == "FAILURE"
        wait_for("its message", lambda: "limited took longer than its time limit of 2 s" in str(receiver.messages))
