"""`WarmRunLauncher`: runs in processes that are forked from one with the definitions loaded.

In dagster.yaml:

    run_launcher:
      module: platform_assets.launching.warm_launcher
      class: WarmRunLauncher

A run has a process of its own, as with Dagster's default launcher, and takes its code location as it is on the disk.
What cannot be started so is started by the default launcher, and the run's log says why.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import dagster as dg

from platform_assets.feeds import run_tags
from platform_assets.launching._compat import (
    CheckRunHealthResult,
    DefaultRunLauncher,
    LaunchRunContext,
    Served,
    WorkerStatus,
    origin_of_code,
    python_of,
    serialized_ref,
    server_of,
    variables_of,
)
from platform_assets.launching.code_state import TooManyFiles
from platform_assets.launching.preloaded_client import CannotFork, Gone, NoAnswer, PreloadedProcess
from platform_assets.launching.worker_process import WorkerProcess
from platform_assets.logs import logger

log = logger(__name__)

PRELOAD_AFTER_SECONDS = 5.0

REFUSED_SECONDS = 60.0
"""How long a code location that cannot be loaded, or must not be forked, is not tried again."""


@dataclass(frozen=True)
class _Code:
    """What a preloaded process has loaded: another one is needed once any of it is another."""

    server: str
    origin: str
    variables: tuple[tuple[str, str], ...]


class WarmRunLauncher(DefaultRunLauncher):
    """Launches runs of local code locations from preloaded processes, one for each repository of definitions."""

    def __init__(self, inst_data: Any = None, *, startup_seconds: float = 120.0, max_runs: int = 1000) -> None:
        super().__init__(inst_data)
        self._startup_seconds = startup_seconds
        self._max_runs = max_runs
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._loaded: dict[tuple[str, str], tuple[_Code, PreloadedProcess]] = {}
        """By code location and origin: a location may have several repositories."""
        self._refused: dict[_Code, tuple[float, str]] = {}
        """Until when a code location is not tried again, and why."""
        self._served: frozenset[Served] = frozenset()
        self._preload_at: float | None = None

    @classmethod
    def config_type(cls) -> Any:
        return {
            "startup_seconds": dg.Field(
                float, is_required=False, default_value=120.0, description="How long loading a code location may take."
            ),
            "max_runs": dg.Field(
                int, is_required=False, default_value=1000, description="Runs after which it is loaded anew."
            ),
        }

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> Self:
        return cls(inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run's process. Raises what the default launcher raises, if it has to be started by that."""
        run = context.dagster_run
        try:
            self._start(context)
        except CannotFork as reason:
            self._instance.report_engine_event(f"Started without a preloaded process: {reason}.", run, cls=type(self))
            log.warning("run %s is started without a preloaded process: %s", run.run_id, reason)
            # a process that it was not begun in is not asked
            self._instance.add_run_tags(run.run_id, {run_tags.WORKER: ""})
            super().launch_run(context)
            return
        self._run_ids.add(run.run_id)

    def _start(self, context: LaunchRunContext) -> None:
        """Fork a process for the run; one more try if the preloaded process was gone."""
        run_id = context.dagster_run.run_id

        def known(pid: int) -> None:
            self._instance.add_run_tags(run_id, {run_tags.WORKER: WorkerProcess.of(pid).to_tag()})

        server, location = server_of(context)
        if not server:
            raise CannotFork("its code location is not served by this machine")
        key = self._code(server, origin_of_code(context.dagster_run), location)
        with self._lock_of(location):
            loaded, process = self._loaded.get((location, key.origin), (None, None))
            if process is not None and loaded == key:
                try:
                    if self._may_go_on(process) and process.is_current():
                        process.start(run_id, known)
                        return
                except (CannotFork, TooManyFiles) as reason:
                    log.warning("the preloaded process of %s is replaced: %s", location, reason)
            self._replace(key, location, python_of(context.dagster_run)).start(run_id, known)

    def _code(self, server: str, origin: str, location: str) -> _Code:
        return _Code(server, origin, tuple(sorted(variables_of(self._instance, location).items())))

    def _replace(self, key: _Code, location: str, python: str) -> PreloadedProcess:
        """Load the code in a new process, in place of the one there may be. Raises CannotFork; then there is none."""
        place = (location, key.origin)
        if (held := self._loaded.pop(place, None)) is not None:
            held[1].close()
        until, reason = self._refused.get(key, (0.0, ""))
        if time.monotonic() < until:
            raise CannotFork(reason)
        self._refused.pop(key, None)
        process = self._load(key, location, python)
        self._loaded[place] = (key, process)
        return process

    def preload(self, served: Sequence[Served]) -> None:
        """Load the code locations ``served`` that are not loaded as they are now: their first run then has not to wait.

        To be called again and again. Loading begins when they have been the same for PRELOAD_AFTER_SECONDS: until then
        the machine is busy with servers that start. It goes on in a thread; a run that comes meanwhile waits for it.
        """
        now, wanted = time.monotonic(), frozenset(served)
        if wanted != self._served:
            self._served, self._preload_at = wanted, now + PRELOAD_AFTER_SECONDS
        if self._preload_at is not None and now >= self._preload_at:
            self._preload_at = None
            threading.Thread(target=self._preload, args=(served,), name="preloading", daemon=True).start()

    def _preload(self, served: Sequence[Served]) -> None:
        self._close_what_is_no_longer_served({(code.name, code.origin) for code in served})
        for code in served:
            key = self._code(code.server, code.origin, code.name)
            with self._lock_of(code.name):
                if self._loaded.get((code.name, code.origin), (None, None))[0] == key:
                    continue
                try:
                    self._replace(key, code.name, code.python)
                except CannotFork as reason:
                    log.warning("runs of %s are started without a preloaded process: %s", code.name, reason)

    def _close_what_is_no_longer_served(self, served: Set[tuple[str, str]]) -> None:
        for place in [place for place in list(self._loaded) if place not in served]:
            with self._lock_of(place[0]):
                if (held := self._loaded.pop(place, None)) is not None:
                    held[1].close()

    def _may_go_on(self, process: PreloadedProcess) -> bool:
        return process.runs < self._max_runs and not process.has_grown()

    def _load(self, key: _Code, location: str, python: str) -> PreloadedProcess:
        try:
            process = PreloadedProcess(
                key.origin,
                serialized_ref(self._instance),
                self._modules_of(location),
                python=python,
                variables=dict(key.variables),
                seconds=self._startup_seconds,
            )
        except (Gone, NoAnswer):
            raise  # that says nothing of the code: the next run tries again
        except CannotFork as reason:
            self._refused[key] = (time.monotonic() + REFUSED_SECONDS, str(reason))
            raise
        log.info("loaded the code location %s for its runs", location)
        return process

    def _modules_of(self, location: str) -> Path:
        """The file of the modules that runs of the code location have imported."""
        name = hashlib.sha256(location.encode()).hexdigest()[:16]
        return Path(self._instance.root_directory) / "preloaded" / f"{name}.modules"

    def _lock_of(self, location: str) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(location, threading.Lock())

    def terminate(self, run_id: str) -> bool:
        """Interrupt the run's process, whichever process launched it; whether there was one to interrupt."""
        run = self._instance.get_run_by_id(run_id) if self.has_instance else None
        worker = WorkerProcess.from_tag(run.tags.get(run_tags.WORKER)) if run is not None else None
        if run is None or run.is_finished or worker is None:
            return bool(super().terminate(run_id))
        self._instance.report_run_canceling(run)
        return worker.interrupt()

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process is alive, for Dagster's run monitoring, which fails a run of any other status.

        Of a run that the default launcher started, or another machine, nothing is known: it counts as running, as it
        does with the default launcher. The sensor `dead_runs` asks for those of this machine.
        """
        worker = WorkerProcess.from_tag(run.tags.get(run_tags.WORKER))
        if worker is None or not worker.is_here or worker.is_alive:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "its process is gone")

    def dispose(self) -> None:
        """Let go of the preloaded processes; each ends once its last run is over."""
        for _, process in self._loaded.values():
            process.close()
        self._loaded.clear()
        super().dispose()
