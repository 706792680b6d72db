"""Two daemons on one instance: one acts, the other stands by and takes over; no tick is lost or doubled."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import psycopg2
import pytest
import yaml

from platform_assets.launching.leader import lock_of
from tests.support.campaigns import times
from tests.support.servers import Servers, free_port, wait_for

SENSORS = 10
DEFINITIONS = f"""\
import dagster as dg

@dg.asset
def counted(context) -> None:
    pass

def numbered(name):
    @dg.sensor(name=name, target=[counted], minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
    def sensor(context):
        number = int(context.cursor or 0) + 1
        context.update_cursor(str(number))
        # without a run key nobody but the daemon keeps a tick from being done twice
        return dg.RunRequest(tags={{"number": f"{{name}}-{{number}}"}})
    return sensor

defs = dg.Definitions(assets=[counted], sensors=[numbered(f"sensor_{{n}}") for n in range({SENSORS})])
"""
LAUNCHER = """\
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.launcher import RunLauncher
from dagster._serdes import ConfigurableClass

class AtOnce(RunLauncher, ConfigurableClass):
    "Reports each run as a success at once: what is counted here are runs, not what they do."
    def __init__(self, inst_data=None):
        self._inst_data = inst_data
        super().__init__()
    @property
    def inst_data(self):
        return self._inst_data
    @classmethod
    def config_type(cls):
        return {}
    @classmethod
    def from_config_value(cls, inst_data, config_value):
        return cls(inst_data)
    def launch_run(self, context):
        run = context.dagster_run
        event = DagsterEvent(DagsterEventType.PIPELINE_SUCCESS.value, run.job_name, message="done")
        self._instance.report_dagster_event(event, run.run_id)
    def terminate(self, run_id):
        return False
"""


class Daemons(Servers):
    """`platform-assets daemon` in two processes, and the lines that each has printed."""

    def begin(self) -> subprocess.Popen[bytes]:
        self.start("platform-assets", "daemon", "-w", "workspace.yaml")
        return self.processes[-1]


def instance_in(root: Path, postgres_url: str | None) -> None:
    """An instance and a project of sensors in ``root``."""
    (root / "dagster").mkdir()
    (root / "counting.py").write_text(DEFINITIONS)
    (root / "at_once.py").write_text(LAUNCHER)
    (root / "workspace.yaml").write_text("load_from: [{python_file: {relative_path: counting.py}}]\n")
    storage = {"postgres": {"postgres_url": {"env": "DAGSTER_POSTGRES_URL"}}} if postgres_url else None
    config = {
        **({"storage": storage} if storage else {}),
        "telemetry": {"enabled": False},
        "run_launcher": {"module": "at_once", "class": "AtOnce"},
        "run_coordinator": {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"},
    }
    (root / "dagster" / "dagster.yaml").write_text(yaml.safe_dump(config))


@contextmanager
def daemons_in(root: Path, postgres_url: str | None) -> Iterator[Daemons]:
    instance_in(root, postgres_url)
    variables = {"PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1", "DAGSTER_POSTGRES_URL": postgres_url or ""}
    daemons = Daemons(root, free_port(), root, variables)
    try:
        yield daemons
    finally:
        for process in daemons.descendants():
            process.resume()
        daemons.stop()


class Instance:
    """What the daemons' storage says."""

    def __init__(self, root: Path) -> None:
        import dagster as dg

        self.dagster = dg.DagsterInstance.from_config(str(root / "dagster"))

    def leader(self) -> int:
        """The process that acts; 0 if none does."""
        lock = lock_of(self.dagster, print)
        try:
            holder = lock.holder()
        finally:
            lock.close()
        pid = int(holder.rpartition(" ")[2]) if "process " in holder else 0
        return pid if pid and psutil.pid_exists(pid) else 0

    def numbers(self) -> list[str]:
        """The number that each run was requested with."""
        return [run.tags["number"] for run in self.dagster.get_runs()]


@pytest.fixture(name="instance_of")
def _instance_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Daemons], Instance]]:
    opened: list[Instance] = []

    def of(daemons: Daemons) -> Instance:
        for name in ("PYTHONPATH", "DAGSTER_POSTGRES_URL"):
            monkeypatch.setenv(name, daemons.variables[name])
        monkeypatch.syspath_prepend(str(daemons.home))
        opened.append(Instance(daemons.home))
        return opened[-1]

    yield of
    for each in opened:
        each.dagster.dispose()


def doubled_or_lost(numbers: list[str]) -> list[str]:
    """What was requested twice, or left out below the last of its sensor."""
    found = [number for number, count in Counter(numbers).items() if count > 1]
    for sensor in range(SENSORS):
        mine = {int(n.rpartition("-")[2]) for n in numbers if n.startswith(f"sensor_{sensor}-")}
        found += [f"sensor_{sensor}-{n} is lost" for n in range(1, max(mine, default=0)) if n not in mine]
    return found


def leader_and_standby(daemons: Daemons, instance: Instance) -> int:
    """Begin both; the process that acts, once its sensors have ticked."""
    daemons.begin()
    leader = wait_for("a leader", instance.leader)
    daemons.begin()
    wait_for("ticks", lambda: len(instance.numbers()) > SENSORS)
    return int(leader)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("storage", ["sqlite", "postgres"])
def test_the_leader_is_killed_again_and_again(
    tmp_path: Path, storage: str, request: pytest.FixtureRequest, instance_of: Callable[[Daemons], Instance]
) -> None:
    url = request.getfixturevalue("postgres_database") if storage == "postgres" else None
    generator, kills, ticks = random.Random(20260301), times(3), times(70)
    with daemons_in(tmp_path, url) as daemons:
        instance = instance_of(daemons)
        first = leader_and_standby(daemons, instance)
        for _ in range(kills):
            before, number = instance.leader(), len(instance.numbers())
            time.sleep(generator.uniform(0, 3))
            os.kill(before, signal.SIGKILL)
            killed = time.monotonic()
            wait_for("another leader", lambda old=before: instance.leader() not in (0, old))
            wait_for("its ticks", lambda least=number + SENSORS: len(instance.numbers()) > least)
            assert time.monotonic() - killed < 60
            daemons.begin()
        wait_for("ticks", lambda: len(instance.numbers()) >= ticks, seconds=600)
        assert instance.leader() != first
        assert doubled_or_lost(instance.numbers()) == []


@pytest.mark.slow
def test_a_leader_that_was_stopped_acts_no_longer_when_it_goes_on(
    tmp_path: Path, postgres_database: str, instance_of: Callable[[Daemons], Instance]
) -> None:
    """A virtual machine that is paused, or a process that the kernel does not run."""
    with daemons_in(tmp_path, postgres_database) as daemons:
        instance = instance_of(daemons)
        first = leader_and_standby(daemons, instance)
        os.kill(first, signal.SIGSTOP)
        wait_for("another leader", lambda: instance.leader() not in (0, first))
        number = len(instance.numbers())
        wait_for("its ticks", lambda: len(instance.numbers()) > number + SENSORS)
        os.kill(first, signal.SIGCONT)
        log = daemons.home / "logs" / "platform-assets.log"
        wait_for("its last word", lambda: "acts no longer" in log.read_text())
        more = len(instance.numbers())
        wait_for("ticks of the other", lambda: len(instance.numbers()) > more + SENSORS)
        assert instance.leader() not in (0, first)
        assert doubled_or_lost(instance.numbers()) == []


@pytest.mark.slow
def test_the_server_ends_the_leader_s_session(
    tmp_path: Path, postgres_database: str, instance_of: Callable[[Daemons], Instance]
) -> None:
    """As when it is restarted: one of both acts again, the other stands by."""
    with daemons_in(tmp_path, postgres_database) as daemons:
        instance = instance_of(daemons)
        for _ in range(2):
            daemons.begin()
        wait_for("ticks", lambda: len(instance.numbers()) > SENSORS)
        with closing(psycopg2.connect(postgres_database)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        number = len(instance.numbers())
        wait_for("ticks", lambda: len(instance.numbers()) > number + 2 * SENSORS)
        assert all(process.poll() is None for process in daemons.processes)
        assert doubled_or_lost(instance.numbers()) == []
