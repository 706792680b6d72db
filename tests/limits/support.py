"""Runs of ``tests.limits.program`` in a process of their own, and what their event logs say."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import psutil

T = dg.DagsterEventType
GRACE = 5.0
"""Seconds after its limit in which work has to be ended."""


class Lateness:
    """How many seconds the machine was late, from the waits of a thread that were longer than they should be."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._measure, daemon=True)

    def __enter__(self) -> Lateness:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _measure(self) -> None:
        while True:
            began = time.monotonic()
            if self._over.wait(0.02):
                return
            self.seconds += time.monotonic() - began - 0.02


@dataclass(frozen=True)
class Ran:
    """A run that is over: its exit code, the instance that has its events, and how late the machine was meanwhile."""

    code: int
    instance: dg.DagsterInstance
    late: float
    output: str

    @property
    def run(self) -> dg.DagsterRun:
        (run,) = self.instance.get_runs()
        return run

    def events(self, kind: dg.DagsterEventType, step: str) -> list[dg.EventLogEntry]:
        """The events of a step of that kind."""
        found = self.instance.all_logs(self.run.run_id, of_type=kind)
        return [entry for entry in found if entry.dagster_event.step_key == step]

    def failure(self, step: str) -> dg.DagsterEvent:
        """The first failure of a step."""
        return self.events(T.STEP_FAILURE, step)[0].dagster_event

    def message(self, step: str) -> str:
        """What its failure says."""
        return str(self.failure(step).step_failure_data.user_failure_data.description)

    def took(self, step: str) -> float:
        """Seconds from the start of a step to its failure, less what the machine was late."""
        return seconds_to_failure(self.instance, self.run.run_id, step) - self.late


def seconds_to_failure(instance: dg.DagsterInstance, run_id: str, step: str) -> float:
    """Seconds from the start of a step to its failure."""
    logs = [entry for kind in (T.STEP_START, T.STEP_FAILURE) for entry in instance.all_logs(run_id, of_type=kind)]
    began, ended, *_ = (entry.timestamp for entry in logs if entry.dagster_event.step_key == step)
    return ended - began


@contextlib.contextmanager
def ran(folder: Path, *assets: str, executor: str = "in_process", **variables: str) -> Iterator[Ran]:
    """The run of some assets of the program, on an instance of its own in ``folder``."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    environment = environment_of(folder, executor, variables)
    with Lateness() as lateness:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "tests.limits.program", *assets],
            env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield Ran(done.returncode, instance, lateness.seconds, done.stdout + done.stderr)


def environment_of(folder: Path, executor: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of a process of the program."""
    given = {"DAGSTER_HOME": str(folder / "home"), "FOLDER": str(folder), "EXECUTOR": executor}
    return {**os.environ, **given, **variables}


def alive(file: Path) -> bool:
    """Whether the process runs whose id the file holds."""
    pid = int(file.read_text())
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False
