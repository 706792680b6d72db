"""The Dagster instance: its home, its storage, its daemons, and what happens to runs whose process dies."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from platform_assets.doctor.findings import Finding, good, one_line, warning, wrong
from platform_assets.failures import first_cause

HOME = "DAGSTER_HOME"


def look_at_instance(variables: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the instance can be opened, and is set up so that nothing is forgotten."""
    home = variables.get(HOME, "")
    if not home:
        yield warning(
            f"{HOME} is not set: `dagster dev` forgets its runs when it ends, and no daemon is known",
            f"set {HOME} to an absolute path of a folder that has a dagster.yaml",
        )
        return
    if not Path(home).is_absolute() or not Path(home).is_dir():
        yield wrong(f"{HOME} is {home!r}, which is no absolute path of a folder", f"mkdir it, or correct {HOME}")
        return
    if not (Path(home) / "dagster.yaml").exists():
        yield warning(
            f"{home} has no dagster.yaml: Dagster's defaults are used, slow and without limits",
            "copy deploy/local/dagster.yaml of platform-assets there, and change it to your needs",
        )
    yield from _opened(home)


def _opened(home: str) -> Iterator[Finding]:
    import dagster as dg

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            instance = dg.DagsterInstance.get()
        runs = instance.get_runs_count()
        launcher, _ = type(instance.run_launcher).__name__, instance.run_coordinator
    except Exception as error:
        cause = first_cause(error)
        yield wrong(
            f"{home}: the instance cannot be opened: {one_line(str(error))[:300]}"
            + (f" ({one_line(str(cause))[:300]})" if cause is not error else ""),
            f"correct {home}/dagster.yaml, or start the database that it names",
        )
        return
    yield good(f"{home}: {runs} runs; {launcher}")
    if not instance.run_monitoring_enabled:
        yield warning(
            "run monitoring is off: a run that does not start stays in the queue for ever",
            "in dagster.yaml: run_monitoring: {enabled: true}",
        )
    statuses = instance.get_daemon_statuses()
    silent = sorted(kind for kind, status in statuses.items() if not status.healthy)
    if silent:
        yield warning(
            f"no heartbeat of: {', '.join(silent).lower()}: schedules, sensors and the queue stand still",
            "start `dagster dev`, or the daemon of the deployment: dagster-daemon run",
        )
    else:
        yield good(f"{len(statuses)} daemons are running")
